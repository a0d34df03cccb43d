"""The control of the sandbox's HubSpot over HTTP: faults, the clock, webhooks, records.

For tests in other processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict  # noqa: TID251  # what was sent is two whole numbers
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.company import Story
from ros_sync.sandbox.hubspot.control_account import AccountOrders, moment
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.faults import Fault, FaultKind, Faults
from ros_sync.sandbox.hubspot.webhooks import DeliveryPlan, WebhookSender

HTTP_OK, HTTP_BAD_REQUEST, HTTP_NOT_FOUND = 200, 400, 404
Body = Mapping[str, Any]


class Control(AccountOrders):
    """What a test can order of one account. `story` is None where the account has no company behind it.

    `moved` is called when the story has gone on, for what else shows the same company.
    """

    def __init__(
        self,
        account: HubSpotAccount,
        faults: Faults,
        clock: SandboxClock,
        story: Story | None = None,
        *,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(account)
        self._faults = faults
        self._clock = clock
        self._story = story
        self._moved = moved
        self.sender: WebhookSender | None = None

    def orders(self) -> dict[str, Callable[[Body], Any]]:
        """Every order by the name that it has below /control."""
        return {
            "faults": self.order_faults,
            "random-faults": self.order_random_faults,
            "clock": self.move_clock,
            "webhooks": self.send_webhooks,
            "records": self.change_records,
            "properties": self.order_properties,
            "owners": self.order_owners,
            "automations": self.order_automations,
            "pipelines": self.order_pipelines,
            "settings": self.order_settings,
            "tokens": self.order_tokens,
            "reset-calls": self.reset_calls,
        }

    def add_to(self, app: FastAPI) -> None:
        """Add the paths below /control to an application."""
        orders = self.orders()

        async def ordered(request: Request) -> Response:
            order = orders.get(request.path_params["order"])
            if order is None:
                return _answer({"error": f"there is no such order; there are {', '.join(orders)}"}, HTTP_NOT_FOUND)
            try:
                body = orjson.loads(await request.body() or b"{}")
                return _answer(await run_in_threadpool(order, body))
            except HubSpotError as error:
                return _answer(error.body(), error.status)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                return _answer({"error": f"{error!r}: {(order.__doc__ or '').strip()}"}, HTTP_BAD_REQUEST)

        async def counted(_request: Request) -> Response:
            return _answer(self.calls())

        async def listed(_request: Request) -> Response:
            told = {name: " ".join((order.__doc__ or "").split()) for name, order in orders.items()}
            return _answer({"POST /control/…": told, "GET": ["/control/calls", "/control/account"]})

        async def described(_request: Request) -> Response:
            return _answer(self.described({}))

        app.add_route("/", listed, methods=["GET"])
        app.add_route("/control", listed, methods=["GET"])
        app.add_route("/control/calls", counted, methods=["GET"])
        app.add_route("/control/account", described, methods=["GET"])
        app.add_route("/control/{order}", ordered, methods=["POST"])

    def order_faults(self, body: Body) -> Any:
        """`{"call": "search", "kind": "drop_after", "times": 1, "seconds": 1.0, "status": 503}`; `{}` clears all.

        With `{"path": "GET /crm/v3/owners", "kind": "status", "status": 403}` every call of that path, until all are
        cleared.
        """
        if not body:
            self._faults.clear()
        else:
            fault = Fault(FaultKind(body["kind"]), float(body.get("seconds", 1.0)), int(body.get("status", 503)))
            if "path" in body:
                self._faults.always(str(body["path"]), fault)
            else:
                self._faults.next(str(body.get("call", "*")), fault, int(body.get("times", 1)))
        return {"happened": dict(self._faults.happened)}

    def order_random_faults(self, body: Body) -> Any:
        """Random faults.

        `{"rate": 0.1, "seed": 1, "kinds": ["status", "drop_after"], "calls": ["search"], "seconds": 0.2,
        "status": 503}`
        """
        kinds = body.get("kinds") or list(FaultKind)
        seconds = float(body.get("seconds", 0.2))
        faults = [Fault(FaultKind(kind), seconds, int(body.get("status", 503))) for kind in kinds]
        self._faults.at_random(float(body["rate"]), int(body.get("seed", 1)), faults, body.get("calls", ()))
        return {"kinds": [fault.kind for fault in faults]}

    def move_clock(self, body: Body) -> Any:
        """`{"now": "2026-03-09T09:00:00Z"}`, `{"advance_seconds": 3600}`; `{"story_to": …}` with the company's week."""
        if "advance_seconds" in body:
            self._clock.advance(float(body["advance_seconds"]))
        if "now" in body:
            self._clock.move_to(moment(body["now"]))
        if "story_to" in body:
            if self._story is None:
                raise ValueError("this account has no company behind it")
            self._clock.move_to(moment(body["story_to"]))
            self._story.advance_to(self._clock())
            self._moved()
        return {"now": self._clock().isoformat()}

    def send_webhooks(self, body: Body) -> Any:
        """Where webhooks go.

        `{"url": …, "secret": …, "plan": {"late_share": 0.1, …}, "every_seconds": 0.2, "version": "v3", "seed": 1}`, or
        `{"flood": 10000}`; `{}`: no more.
        """
        if "flood" in body and self.sender is not None:
            self.sender.flood(int(body["flood"]))
            return {"sent": asdict(self.sender.sent)}
        if self.sender is not None:
            self.sender.stop()
            self.sender = None
        if body.get("url"):
            plan = {**body.get("plan", {})}
            plan["subscriptions"] = tuple(plan.get("subscriptions", ()))
            self.sender = WebhookSender(
                self._account, str(body["url"]), str(body["secret"]), seed=int(body.get("seed", 1)),
                plan=DeliveryPlan(**plan), version=str(body.get("version", "v3")), faults=self._faults,
            )  # fmt: skip
            self.sender.start(float(body.get("every_seconds", 0.2)))
        return {"sending": self.sender is not None}

    def calls(self) -> Any:
        """Calls by kind, object and status since the last reset, and what webhooks did."""
        with self._account.lock:
            calls = list(self._account.calls)
        by_kind = Counter(f"{call.kind} {call.object_type} {call.status}".replace("  ", " ") for call in calls)
        sent = asdict(self.sender.sent) | {"waiting": self.sender.waiting} if self.sender else None
        return {"total": len(calls), "by_kind": dict(by_kind), "webhooks": sent, "faults": dict(self._faults.happened)}

    def reset_calls(self, _body: Body) -> Any:
        """`{}`: count calls from now on."""
        with self._account.lock:
            self._account.calls.clear()
        return {}


def _answer(body: Any, status: int = HTTP_OK) -> Response:
    options = orjson.OPT_NON_STR_KEYS
    return Response(orjson.dumps(body, option=options), status, media_type="application/json")
