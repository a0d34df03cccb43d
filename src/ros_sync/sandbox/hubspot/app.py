"""The HTTP side of the sandbox's HubSpot: paths, tokens, limits, faults; the answers are `api`'s."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

import orjson
from fastapi import FastAPI, Request, Response

from ros_sync.sandbox.hubspot.account import ApiCall, HubSpotAccount
from ros_sync.sandbox.hubspot.api import Api
from ros_sync.sandbox.hubspot.calls import Call, Handler, object_type
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.limits import too_many
from ros_sync.sandbox.hubspot.tokens import scope_of
from ros_sync.sandbox.serving import Connections

DATED = r"\d{4}-\d{2}"  # /crm/v3/objects/…, and /crm/objects/2026-03/…
MAX_URL_BYTES = 16_000  # seen from outside: PostHog/posthog, pull request 31617
HTTP_OK, HTTP_UNAVAILABLE = 200, 503
SPOILT = {"html": b"<!doctype html><title>Sign in to the network</title>", "nothing": b"{}"}


class OrderedFault(Protocol):
    """A failure on order."""

    @property
    def kind(self) -> str:
        """One of faults.FaultKind."""

    @property
    def seconds(self) -> float:
        """How late a slow answer comes."""

    @property
    def status(self) -> int:
        """The code of a refusal."""


class FaultOrders(Protocol):
    """Where the next failure is asked for."""

    def take(self, kind: str, call: str) -> OrderedFault | None:
        """The failure due for a call of that kind, by that method and path; it is used up by it."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path and method, the method of `Api` that answers it, and the kind of call it counts as."""

    method: str
    path: re.Pattern[str]
    handler: str
    kind: str


def _route(method: str, path: str, handler: str, kind: str) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    numbered = "v4" if "/associations" in path else "v[123]"
    pattern = re.sub(r"^/crm/VERSION/(\w+)", lambda part: f"/crm/(?:{numbered}/{part[1]}|{part[1]}/{DATED})", pattern)
    pattern = pattern.replace("/VERSION", f"/(?:{numbered}|{DATED})")
    return Route(method, re.compile(f"^{pattern}/?$"), handler, kind)


OBJECTS = "/crm/VERSION/objects/{type}"
LINKS = "/crm/VERSION/associations/{type}/{to}"
PIPELINES = "/crm/VERSION/pipelines/{type}"
STAGES = f"{PIPELINES}/{{id}}/stages"
PROPERTIES = "/crm/VERSION/properties/{type}"
ROUTES = (
    _route("POST", f"{OBJECTS}/search", "search", "search"),
    _route("POST", f"{OBJECTS}/batch/read", "batch_read", "batch_read"),
    _route("GET", OBJECTS, "list_records", "list"),
    _route("POST", f"{LINKS}/batch/read", "read_associations", "associations"),
    _route("POST", f"{OBJECTS}/batch/create", "batch_create", "write"),
    _route("POST", f"{OBJECTS}/batch/update", "batch_update", "write"),
    _route("POST", f"{OBJECTS}/batch/upsert", "batch_upsert", "write"),
    _route("POST", f"{OBJECTS}/batch/archive", "batch_archive", "write"),
    _route("POST", f"{OBJECTS}/merge", "merge", "write"),
    _route("POST", f"{OBJECTS}/gdpr-delete", "erase", "write"),
    _route("POST", OBJECTS, "create_record", "write"),
    _route("GET", f"{OBJECTS}/{{id}}", "get_record", "read"),
    _route("PATCH", f"{OBJECTS}/{{id}}", "update_record", "write"),
    _route("DELETE", f"{OBJECTS}/{{id}}", "archive_record", "write"),
    _route("GET", f"{OBJECTS}/{{id}}/associations/{{to}}", "list_associations", "associations"),
    _route("PUT", f"{OBJECTS}/{{id}}/associations/default/{{to}}/{{to_id}}", "associate_default", "write"),
    _route("PUT", f"{OBJECTS}/{{id}}/associations/{{to}}/{{to_id}}", "associate", "write"),
    _route("DELETE", f"{OBJECTS}/{{id}}/associations/{{to}}/{{to_id}}", "dissociate", "write"),
    _route("GET", f"{LINKS}/labels", "labels", "describe"),
    _route("POST", f"{LINKS}/batch/create", "batch_associate", "write"),
    _route("POST", f"{LINKS}/batch/associate/default", "batch_associate_default", "write"),
    _route("POST", f"{LINKS}/batch/archive", "batch_dissociate", "write"),
    _route("POST", f"{LINKS}/batch/labels/archive", "batch_take_labels", "write"),
    _route("GET", "/crm/VERSION/owners", "owners", "describe"),
    _route("GET", "/crm/VERSION/owners/{id}", "owner", "describe"),
    _route("GET", PIPELINES, "all_pipelines", "describe"),
    _route("POST", PIPELINES, "create_pipeline", "define"),
    _route("GET", f"{PIPELINES}/{{id}}", "one_pipeline", "describe"),
    _route("PATCH", f"{PIPELINES}/{{id}}", "update_pipeline", "define"),
    _route("DELETE", f"{PIPELINES}/{{id}}", "archive_pipeline", "define"),
    _route("GET", STAGES, "all_stages", "describe"),
    _route("POST", STAGES, "create_stage", "define"),
    _route("GET", f"{STAGES}/{{stage}}", "one_stage", "describe"),
    _route("PATCH", f"{STAGES}/{{stage}}", "update_stage", "define"),
    _route("DELETE", f"{STAGES}/{{stage}}", "archive_stage", "define"),
    _route("GET", PROPERTIES, "all_properties", "describe"),
    _route("POST", PROPERTIES, "create_property", "define"),
    _route("GET", f"{PROPERTIES}/groups", "property_groups", "describe"),
    _route("POST", f"{PROPERTIES}/batch/read", "batch_read_properties", "describe"),
    _route("POST", f"{PROPERTIES}/batch/create", "batch_create_properties", "define"),
    _route("POST", f"{PROPERTIES}/batch/archive", "batch_archive_properties", "define"),
    _route("GET", f"{PROPERTIES}/{{name}}", "one_property", "describe"),
    _route("PATCH", f"{PROPERTIES}/{{name}}", "update_property", "define"),
    _route("DELETE", f"{PROPERTIES}/{{name}}", "archive_property", "define"),
    _route("GET", "/account-info/VERSION/details", "account_details", "describe"),
    _route("GET", "/account-info/VERSION/api-usage/daily/private-apps", "daily_usage", "describe"),
    _route("POST", "/oauth/VERSION/token", "token", "token"),
    _route("GET", "/oauth/VERSION/access-tokens/{token}", "token_info", "token"),
    _route("POST", "/oauth/VERSION/private-apps/get/access-token-info", "private_app_info", "token"),
)


def create_app(
    account: HubSpotAccount, connections: Connections | None = None, faults: FaultOrders | None = None
) -> FastAPI:
    """The account's API; `connections` are those of the server that runs it (for dropped calls)."""
    app = FastAPI(title="HubSpot sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    front = Front(account, connections or Connections(), faults)
    for prefix in ("/crm", "/account-info", "/oauth"):
        app.add_route(prefix + "/{path:path}", front.answer, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    return app


class Front:
    """Finds who answers a call, checks who asks and how often, and spoils answers on order."""

    def __init__(self, account: HubSpotAccount, connections: Connections, faults: FaultOrders | None) -> None:
        self._account = account
        self._connections = connections
        self._faults = faults
        self._api = Api(account)

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        raw = await request.body()
        path = request.url.path
        route, found = _find(request.method, path)
        kind, type_name = (route.kind, found.get("type", "")) if route else ("other", "")
        fault = self._faults.take(kind, f"{request.method} {path}") if self._faults else None
        fault_kind = fault.kind if fault else None
        if fault is not None and fault_kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault_kind == "drop_before":
            self._note(request, kind, type_name, 0)
            return await self._dropped(request)
        status, body, headers, policy = self._carried_out(request, route, found, raw, fault)
        self._note(request, kind, type_name, status, policy)
        if fault_kind == "drop_after":
            return await self._dropped(request)
        if fault_kind == "broken_json" and body:
            body = body[: max(1, len(body) * 2 // 3)]
        elif fault_kind in SPOILT:
            status, body = HTTP_OK, SPOILT[fault_kind]
        headers["Date"] = format_datetime(self._account.now().astimezone(UTC), usegmt=True)
        return Response(body, status, headers, media_type="application/json")

    def _carried_out(
        self, request: Request, route: Route | None, found: dict[str, str], raw: bytes, fault: OrderedFault | None
    ) -> tuple[int, bytes | None, dict[str, str], str | None]:
        headers: dict[str, str] = {}
        account = self._account
        with account.lock:
            try:
                route = _known(request, route)
                if fault is not None:
                    _refuse(fault, account)
                if route.kind != "token":
                    access = account.tokens.check(request.headers.get("authorization", ""))
                    headers = account.meter.count(
                        search=route.kind == "search", now=account.now(), tells_daily=access.ends_at is None
                    )
                    _check_scope(access.scopes, route, found)
                status, body = self._handler(route)(_call(request, found, raw))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                refused = HubSpotError(400, f"Invalid input JSON: {error!r}", "VALIDATION_ERROR")
                return refused.status, orjson.dumps(refused.body()), headers, None
            except HubSpotError as error:
                policy = error.more.get("policyName")
                return error.status, orjson.dumps(error.body()), {**headers, **error.headers}, policy
            return status, None if body is None else orjson.dumps(body), headers, None

    def _handler(self, route: Route) -> Handler:
        handler: Handler = getattr(self._api, route.handler)
        return handler

    def _note(self, request: Request, kind: str, object_type: str, status: int, policy: str | None = None) -> None:
        account = self._account
        account.calls.append(
            ApiCall(
                account.now(),
                account.meter.clock(),
                request.method,
                request.url.path,
                kind,
                object_type,
                status,
                policy,
            )
        )

    async def _dropped(self, request: Request) -> Response:
        self._connections.cut(request.client)
        while (await request.receive())["type"] != "http.disconnect":
            continue
        return Response(status_code=HTTP_UNAVAILABLE)


def _find(method: str, path: str) -> tuple[Route | None, dict[str, str]]:
    for route in ROUTES:
        if route.method == method and (match := route.path.match(path)):
            return route, {key: unquote(value) for key, value in match.groupdict().items()}
    return None, {}


def _known(request: Request, route: Route | None) -> Route:
    if len(request.url.path) + len(request.url.query) > MAX_URL_BYTES:
        raise HubSpotError(414, "URI Too Long", "VALIDATION_ERROR")
    if route is None:
        if any(each.path.match(request.url.path) for each in ROUTES):
            raise HubSpotError(405, f"Method {request.method} is not allowed here", "METHOD_NOT_ALLOWED")
        raise HubSpotError(404, f"No resource found at {request.url.path}", "NOT_FOUND")
    return route


def _refuse(fault: OrderedFault, account: HubSpotAccount) -> None:
    """Raise what was ordered instead of the work."""
    refusals: dict[str, Callable[[], HubSpotError]] = {
        "status": lambda: HubSpotError(fault.status, "ordered by the test", "INTERNAL_ERROR"),
        "expired_token": lambda: HubSpotError.expired(account.now(), account.now()),
        "daily_limit": lambda: too_many("DAILY", "You have reached your daily limit."),
        "rate_limit_secondly": lambda: too_many(
            "SECONDLY", "You have reached your secondly limit.", {"Retry-After": "1"}
        ),
        "rate_limit_ten_secondly": lambda: too_many(
            "TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."
        ),
    }
    if fault.kind == "expired_token":
        account.tokens.expire_all()
    refusal = refusals.get(fault.kind)
    if refusal is not None:
        raise refusal()


def _check_scope(scopes: tuple[str, ...], route: Route, found: dict[str, str]) -> None:
    """Refuse a call for which none of the scopes that would do is there (403)."""
    needed: tuple[str, ...] = ()
    if route.handler in ("owners", "owner"):
        needed = ("crm.objects.owners.read",)
    elif "type" in found and route.kind == "describe":
        kind = object_type(found["type"])
        needed = (scope_of(kind, write=False), scope_of(kind, write=False, schema=True))
    elif "type" in found:
        kind = object_type(found["type"])
        needed = (scope_of(kind, write=route.kind in ("write", "define"), schema=route.kind == "define"),)
    if needed and not set(needed) & set(scopes):
        raise HubSpotError.missing_scopes(needed)


def _call(request: Request, found: dict[str, str], raw: bytes) -> Call:
    query: dict[str, str] = {}
    dated = re.search(f"/{DATED}(/|$)", request.url.path) is not None
    for name, value in request.query_params.multi_items():  # a list comes comma-separated, repeated, or both
        query[name] = f"{query[name]},{value}" if name in query else value
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/x-www-form-urlencoded"):
        return Call(found, query, None, dict(parse_qsl(raw.decode())), dated=dated)
    body: Any = None
    if raw:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise HubSpotError(400, "Invalid input JSON", "VALIDATION_ERROR") from None
    return Call(found, query, body, dated=dated)
