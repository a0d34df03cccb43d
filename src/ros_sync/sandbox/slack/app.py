"""The HTTP side of the sandbox's Slack: `/api/<method>`, the control of faults, and the pages."""

from __future__ import annotations

import asyncio
import json
import math
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ros_sync.sandbox.serving import Connections
from ros_sync.sandbox.slack import pages
from ros_sync.sandbox.slack.faults import Fault, FaultKind
from ros_sync.sandbox.slack.methods import METHODS
from ros_sync.sandbox.slack.methods.call import Answer, Call, SlackError
from ros_sync.sandbox.slack.workspace import ApiCall, App, SlackWorkspace

HTTP_OK = 200
HTTP_BAD_REQUEST = 400
HTTP_TOO_MANY_REQUESTS = 429
HTTP_UNAVAILABLE = 503
NOT_CARRIED_OUT = "not carried out"  # the outcome in the log of a call whose connection went before the work
_INSTEAD_OF_WORK = (FaultKind.DROP_BEFORE, FaultKind.SERVER_ERROR)


def create_app(workspace: SlackWorkspace, connections: Connections | None = None) -> FastAPI:
    """The workspace's Web API and pages; `connections` are those of the server that runs it (for dropped calls)."""
    app = FastAPI(title="Slack sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    web_api = WebApi(workspace, connections or Connections())
    app.add_api_route("/api/{method}", web_api.answer, methods=["GET", "POST"])
    app.add_api_route("/control/faults", web_api.order_fault, methods=["POST"])
    pages.add_to(app, workspace)
    return app


class WebApi:
    """Reads requests, checks tokens, and answers as Slack does, or as badly as was ordered."""

    def __init__(self, workspace: SlackWorkspace, connections: Connections) -> None:
        self.workspace = workspace
        self.connections = connections

    async def answer(self, method: str, request: Request) -> Response:
        """Answer one call."""
        fault = self.workspace.faults.take(method)
        args: dict[str, Any] = {}
        token = ""
        try:
            args = await _arguments(request)
            token = _token(request, args)
            answer: Answer = {"ok": True, **self._carried_out(method, token, args, fault)}
        except SlackError as error:
            answer = {"ok": False, "error": error.code, **error.extra}
        kind = fault.kind if fault else None
        outcome = NOT_CARRIED_OUT if kind in _INSTEAD_OF_WORK else "ok" if answer["ok"] else answer["error"]
        self.workspace.record(ApiCall(self.workspace.now(), method, args, outcome, kind))
        response = await self._sent(answer, fault, request)
        response.headers["Date"] = format_datetime(self.workspace.now(), usegmt=True)
        app = self.workspace.apps.get(token)
        if app is not None:  # Slack, "Scopes", checking: each answer to a token tells its scopes
            response.headers["X-OAuth-Scopes"] = ",".join(sorted(app.scopes))
        return response

    def _carried_out(self, method: str, token: str, args: dict[str, Any], fault: Fault | None) -> Answer:
        """Do the work, unless a fault comes before it."""
        if method == "api.test":
            if args.get("error"):
                raise SlackError(str(args["error"]), args=args)
            return {"args": args}
        known = METHODS.get(method)
        if known is None:
            raise SlackError("unknown_method", req_method=method)
        with self.workspace.lock:
            app = self._caller(token)
            call = Call(self.workspace, app, args)
            call.need_scope(*known.scopes)
            wait_seconds = self.workspace.meter.wait_for_method(token, method, known.tier, self.workspace.now())
            if fault is not None and fault.kind is FaultKind.RATELIMITED:
                wait_seconds = max(1, math.ceil(fault.seconds))
            if wait_seconds:
                raise SlackError("ratelimited", retry_after=wait_seconds)
            if fault is not None and fault.kind is FaultKind.INTERNAL_ERROR_BEFORE:
                raise SlackError("internal_error")
            if fault is not None and fault.kind in _INSTEAD_OF_WORK:
                return {}
            return known.carry_out(call)

    def _caller(self, token: str) -> App:
        if not token:
            raise SlackError("not_authed")
        app = self.workspace.apps.get(token)
        if app is None:
            raise SlackError("invalid_auth")
        if not app.active:
            raise SlackError("account_inactive")
        return app

    async def _sent(self, answer: Answer, fault: Fault | None, request: Request) -> Response:
        """The answer on the wire, spoiled by a fault that comes after the work."""
        kind = fault.kind if fault else None
        if fault is not None and kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        if kind in (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER):
            self.connections.cut(request.client)
            while (await request.receive())["type"] != "http.disconnect":
                continue
            return Response(status_code=HTTP_UNAVAILABLE)
        if kind is FaultKind.SERVER_ERROR:
            return Response("upstream is not there", HTTP_UNAVAILABLE, media_type="text/plain")
        if kind is FaultKind.BROKEN_JSON:
            return Response(json.dumps(answer)[:-2], media_type="application/json")
        if kind is FaultKind.INTERNAL_ERROR_AFTER and answer["ok"]:
            answer = {"ok": False, "error": "internal_error"}
        if kind is FaultKind.FATAL_ERROR_AFTER and answer["ok"]:
            answer = {"ok": False, "error": "fatal_error"}
        if answer.get("error") == "ratelimited":
            seconds = str(answer.pop("retry_after", 1))
            return JSONResponse(answer, HTTP_TOO_MANY_REQUESTS, headers={"Retry-After": seconds})
        return JSONResponse(answer, HTTP_OK)

    async def order_fault(self, request: Request) -> Response:
        """`{"method": "chat.postMessage", "kind": "drop_after", "times": 1, "seconds": 1.0}` orders failures."""
        try:
            order = json.loads(await request.body())
            self.workspace.faults.next(
                str(order["method"]), str(order["kind"]), int(order.get("times", 1)), float(order.get("seconds", 1.0))
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kinds = ", ".join(FaultKind)
            hint = f"send method and kind ({kinds}), and times and seconds where they are not 1"
            return JSONResponse({"ok": False, "error": f"{error!r}: {hint}"}, HTTP_BAD_REQUEST)
        return JSONResponse({"ok": True})


async def _arguments(request: Request) -> dict[str, Any]:
    """The arguments of a call: query, then form or JSON body. The token among them stays until it is read."""
    args: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not body:
        return args
    if content_type == "application/json":
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            raise SlackError("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackError("json_not_object")
        return {**args, **given}
    if content_type in ("application/x-www-form-urlencoded", ""):
        try:
            return {**args, **dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=False))}
        except UnicodeDecodeError:
            raise SlackError("invalid_charset") from None
    raise SlackError("invalid_post_type")


def _token(request: Request, args: dict[str, Any]) -> str:
    """The token out of the header or the arguments, from which it is taken so that it is written nowhere."""
    given = str(args.pop("token", ""))
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else given
