"""Calls to HubSpot: the official client for endpoints and authentication, raw bytes and orjson for what comes back.

The client's typed models cost about twenty times as much as the bytes they are made of (design.md, "Raw bytes on the hot
path"). Every call waits for its turn, is counted, and is tried again where that can help; the client's own retries are
switched off, as they know neither the limits nor which calls may be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import hubspot
import hubspot.crm.associations.v4
import hubspot.crm.objects
import hubspot.crm.owners
import hubspot.crm.pipelines
import hubspot.crm.properties
import hubspot.oauth
import orjson
import tenacity
import urllib3

from ros_sync.connectors.hubspot.failures import HTTP_MULTIPLE, HTTP_OK, HTTP_SERVER_ERROR, TokenExpiredError, failure
from ros_sync.connectors.hubspot.tokens import Tokens
from ros_sync.connectors.pace import CALLS, SEARCH, Pace
from ros_sync.errors import AmbiguousError, AuthExpiredError, DailyLimitError, RateLimitedError, TransientError, Where

# Each of the client's packages has an exception of its own for an answer that is no success.
_REFUSALS = tuple(
    package.ApiException
    for package in (
        hubspot.crm.objects,
        hubspot.crm.associations.v4,
        hubspot.crm.owners,
        hubspot.crm.pipelines,
        hubspot.crm.properties,
        hubspot.oauth,
    )
)
API_URL = "https://api.hubapi.com"
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
POOL = 16  # connections: one for each stream that is read at the same time
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often a call is tried, and how long it waits in between (exponential, with jitter)."""

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 30.0


class HubSpotClient:
    """One account's API. Safe for threads. `sleep` waits between attempts; `now` is for the end of a day's limit."""

    def __init__(
        self,
        tokens: Tokens,
        pace: Pace,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        api_url: str = API_URL,
        persistence: Persistence | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.time_zone: str | None = None
        self._tokens = tokens
        self._pace = pace
        self._now = now
        self._persistence = persistence or Persistence()
        self._sleep = sleep
        self._lock = Lock()
        self._url = api_url.rstrip("/")
        client = hubspot.HubSpot(
            access_token="",
            retry=urllib3.Retry(0, redirect=0, read=False, connect=0, status=0, other=0),
            host=self._url,
            connection_pool_maxsize=POOL,
        )
        self._basic = client.crm.objects.basic_api
        objects = self._basic.api_client
        self._batch = hubspot.crm.objects.BatchApi(objects)
        self._search = hubspot.crm.objects.SearchApi(objects)
        self._associations = client.crm.associations.v4.batch_api
        self._owners = client.crm.owners.owners_api
        self._pipelines = client.crm.pipelines.pipelines_api
        self._properties = client.crm.properties.core_api
        self._clients = [objects] + [
            api.api_client for api in (self._associations, self._owners, self._pipelines, self._properties)
        ]
        for each in self._clients:
            each.configuration.client_side_validation = False
            each.rest_client.pool_manager = objects.rest_client.pool_manager

    # ---- records

    def list_page(
        self,
        stream: str,
        *,
        limit: int,
        properties: Sequence[str],
        with_history: Sequence[str] = (),
        associations: Sequence[str] = (),
        after: str | None = None,
        archived: bool = False,
    ) -> Json:
        """A page of a stream's records, in the order of their ids."""
        more: Json = {"properties": [",".join(properties)]}
        if with_history:
            more["properties_with_history"] = [",".join(with_history)]
        if associations:
            more["associations"] = [",".join(associations)]
        if after:
            more["after"] = after
        return self._read(
            "list",
            f"list of {stream}",
            lambda **raw: self._basic.get_page(stream, limit=limit, archived=archived, **more, **raw),
        )

    def search(self, stream: str, query: Mapping[str, Any]) -> Json:
        """A page of a search."""
        return self._read(
            "search", f"search of {stream}", lambda **raw: self._search.do_search(stream, query, **raw), limit=SEARCH
        )

    def batch_read(
        self,
        stream: str,
        ids: Sequence[str],
        properties: Sequence[str],
        with_history: Sequence[str] = (),
        *,
        archived: bool = False,
    ) -> Json:
        """These records, with the histories of some properties; missing ones are in `errors`."""
        asked = {
            "inputs": [{"id": each} for each in ids],
            "properties": list(properties),
            "propertiesWithHistory": list(with_history),
        }
        return self._read(
            "batch_read", f"read of {len(ids)} {stream}",
            lambda **raw: self._batch.read(stream, asked, archived=archived, **raw),
        )  # fmt: skip

    def associations(self, stream: str, to: str, inputs: Sequence[Mapping[str, str]]) -> Json:
        """The associations of these records (`id`, and `after` where more are asked for)."""
        asked = {"inputs": list(inputs)}
        return self._read(
            "associations", f"links of {stream} with {to}",
            lambda **raw: self._associations.get_page(stream, to, asked, **raw),
        )  # fmt: skip

    def update(self, stream: str, record_id: str, properties: Mapping[str, str]) -> Json:
        """Set properties of a record; setting the same values twice is harmless, so it is tried again like a read."""
        body = {"properties": dict(properties)}
        return self._read(
            "write", f"{stream} {record_id}", lambda **raw: self._basic.update(stream, record_id, body, **raw)
        )

    def create(self, stream: str, body: Mapping[str, Any]) -> Json:
        """Create a record. Never tried again blindly: AmbiguousError where it may have been created."""
        return self._once(
            "write", f"new record of {stream}", lambda **raw: self._basic.create(stream, dict(body), **raw)
        )

    # ---- the account

    def owners(self, *, archived: bool) -> list[Json]:
        """Every user who can own records."""
        found: list[Json] = []
        after: str | None = None
        while True:
            more: Json = {"after": after} if after else {}
            body = self._read(
                "describe", "list of owners",
                lambda more=more, **raw: self._owners.get_page(limit=500, archived=archived, **more, **raw),
            )  # fmt: skip
            found += body["results"]
            after = ((body.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return found

    def pipelines(self, stream: str) -> Json:
        """The pipelines of a stream."""
        return self._read("describe", f"pipelines of {stream}", lambda **raw: self._pipelines.get_all(stream, **raw))

    def properties(self, stream: str) -> Json:
        """The properties of a stream that this token may see."""
        return self._read("describe", f"properties of {stream}", lambda **raw: self._properties.get_all(stream, **raw))

    def details(self) -> Json:
        """The account: its number, time zone and currency."""
        return self._read(
            "describe", "account details", lambda **raw: self._plain("GET", "/account-info/v3/details", None, **raw)
        )

    def scopes(self, token: str) -> list[str]:
        """What the token may do."""
        asked = {"tokenKey": token}
        path = "/oauth/v2/private-apps/get/access-token-info"
        body = self._read("describe", "scopes of the token", lambda **raw: self._plain("POST", path, asked, **raw))
        return [str(scope) for scope in body.get("scopes") or ()]

    def token(self) -> str:
        """The access token as it is now."""
        return self._tokens.token()

    # ---- inside

    def _plain(self, method: str, path: str, body: Any, **raw: Any) -> Any:
        """A call that the official client has no method for, with its authentication and connections."""
        api = self._basic.api_client
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return api.call_api(path, method, {}, [], headers, body=body, post_params=[], files={}, response_types_map={},
                            auth_settings=["oauth2"], collection_formats={}, _return_http_data_only=True, **raw)  # fmt: skip

    def _read(self, kind: str, what: str, call: Callable[..., Any], *, limit: str = CALLS) -> Json:
        """Make a call that may be repeated, until it succeeds or trying again helps no more."""
        persistence = self._persistence
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            wait=tenacity.wait_random_exponential(persistence.first_seconds, persistence.longest_seconds),
            stop=tenacity.stop_after_attempt(persistence.attempts),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return dict(retrying(self._attempt, kind, what, call, limit))
        except AmbiguousError as error:  # repeated in vain: whatever happened, nobody can tell it from a failure
            raise TransientError(error.message, where=error.where) from error

    def _once(self, kind: str, what: str, call: Callable[..., Any]) -> Json:
        return self._attempt(kind, what, call, CALLS)

    def _attempt(self, kind: str, what: str, call: Callable[..., Any], limit: str) -> Json:
        """One call; a token that ran out is renewed once within it."""
        token = self._tokens.token()
        try:
            return self._called(kind, what, call, limit, token)
        except TokenExpiredError:
            return self._called(kind, what, call, limit, self._tokens.renew(token))
        except RateLimitedError as error:
            self._pace.slow_down(limit, error.retry_after_seconds)
            raise

    def _called(self, kind: str, what: str, call: Callable[..., Any], limit: str, token: str) -> Json:
        self._pace.take(limit)
        with self._lock:
            self.counts[kind] += 1
            for each in self._clients:
                each.configuration.access_token = token
        try:
            status, data, headers = _answered(call)
        except urllib3.exceptions.HTTPError as error:
            raise AmbiguousError(
                f"the connection to HubSpot broke: {type(error).__name__}", where=Where(record=what)
            ) from error
        if limit == CALLS and "X-HubSpot-RateLimit-Max" in headers:
            self._learn(headers)
        if not HTTP_OK <= status < HTTP_MULTIPLE:
            raise failure(status, data, headers, what, now=self._now(), time_zone=self.time_zone)
        try:
            return dict(orjson.loads(data)) if data else {}
        except (orjson.JSONDecodeError, TypeError, ValueError):
            raise AmbiguousError("HubSpot's answer is no JSON", where=Where(record=what)) from None

    def _learn(self, headers: Mapping[str, str]) -> None:
        try:
            maximum = int(headers["X-HubSpot-RateLimit-Max"])
            seconds = int(headers["X-HubSpot-RateLimit-Interval-Milliseconds"]) / 1_000
        except (KeyError, ValueError):
            return
        self._pace.learn(CALLS, maximum=maximum, interval_seconds=seconds)


def _answered(call: Callable[..., Any]) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers of a call, whatever HubSpot answered."""
    try:
        answer = call(_preload_content=False, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
    except _REFUSALS as refusal:
        if refusal.status == 0:  # the client's own: TLS failed
            raise urllib3.exceptions.SSLError(str(refusal.reason)) from refusal
        return int(refusal.status), str(refusal.body or "").encode(), refusal.headers or {}
    return int(answer.status), answer.data, answer.headers


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, DailyLimitError):
        return False
    return isinstance(error, TransientError | AmbiguousError)


def refresh(api_url: str, client_id: str, client_secret: str, refresh_token: str) -> Json:
    """A new access token for a refresh token; AuthExpiredError, PermanentError or TransientError where there is none."""
    create = hubspot.HubSpot(host=api_url.rstrip("/"), retry=urllib3.Retry(0)).oauth.tokens_api.create
    form = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    what = "renewal of the access token"
    try:
        status, data, _ = _answered(lambda **raw: create(**form, **raw))
    except urllib3.exceptions.HTTPError as error:
        raise TransientError("the connection to HubSpot broke", where=Where(record=what)) from error
    if HTTP_OK <= status < HTTP_MULTIPLE:
        return dict(orjson.loads(data))
    if status >= HTTP_SERVER_ERROR:
        raise TransientError(f"HubSpot answered {status}", where=Where(record=what))
    raise AuthExpiredError(
        "HubSpot does not accept the refresh token",
        where=Where(record=what),
        hint="connect the app anew and set hubspot.refresh_token",
    )
