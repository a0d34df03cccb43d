"""Calls to HubSpot: the official client for endpoints and authentication, raw bytes and orjson for what comes back.

The client's typed models cost about twenty times as much as the bytes they are made of (design.md, "Raw bytes on the
hot path"). Every call waits for its turn, is counted, and is tried again where that can help; the client's own retries
are switched off, as they know neither the limits nor which calls may be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Lock
from typing import Any

import hubspot
import hubspot.crm.objects
import tenacity
import urllib3

from ros_sync import clock
from ros_sync.connectors.hubspot.answers import DEFINITIONS, MalformedError, broken, check, following, parsed
from ros_sync.connectors.hubspot.call_limits import CALLS, SEARCH
from ros_sync.connectors.hubspot.connections import HostPool, answered
from ros_sync.connectors.hubspot.failures import (
    HTTP_MULTIPLE,
    HTTP_OK,
    TEN_SECONDLY,
    LimitReachedError,
    TokenExpiredError,
    daily_limit,
    failure,
    standing_still,
)
from ros_sync.connectors.hubspot.tokens import Tokens
from ros_sync.connectors.hubspot.versions import DETAILS_PATH, SCOPES_PATH, Versions
from ros_sync.connectors.pace import PATIENCE_SECONDS, Pace, Use
from ros_sync.errors import AmbiguousError, DailyLimitError, RateLimitedError, RosSyncError, TransientError, Where

API_URL = "https://api.hubapi.com"
CLOCKS_AGREE = timedelta(seconds=5)  # a Date is exact to the second, and an answer takes some
POOL = 16  # connections: one for each stream that is read at the same time
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often a call is tried, and how long it waits in between (exponential, with jitter).

    Refusals by a rate limit are no attempts: they are waited for as long as they take `patience_seconds` together.
    """

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    patience_seconds: float = PATIENCE_SECONDS


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
        versions: Versions | None = None,
        persistence: Persistence | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.time_zone: str | None = None
        self._ahead = timedelta()
        self._told_date: str | None = None
        self.versions = versions or Versions()
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
        pool = HostPool(self._url, self.versions, **objects.rest_client.pool_manager.connection_pool_kw)
        for api in (self._basic, self._associations, self._owners, self._pipelines, self._properties):
            api.api_client.configuration.client_side_validation = False
            api.api_client.rest_client.pool_manager = pool

    @property
    def ahead(self) -> timedelta:
        """By how much HubSpot's clock is ahead of ours, as far as its answers have told it."""
        return self._ahead

    @property
    def present(self) -> datetime:
        """The present by HubSpot's clock, as far as its answers have told it."""
        return self._now() + self._ahead

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

    def read_one(self, stream: str, record_id: str, properties: Sequence[str], *, archived: bool = False) -> Json:
        """One record; NotFoundError where HubSpot says that it is not there."""
        asked: Json = {"properties": [",".join(properties)], "archived": archived}
        return self._read(
            "read", f"{stream} {record_id}", lambda **raw: self._basic.get_by_id(stream, record_id, **asked, **raw)
        )

    def associations(self, stream: str, to: str, inputs: Sequence[Mapping[str, str]]) -> Json:
        """The associations of these records (`id`, and `after` where more are asked for)."""
        asked = {"inputs": list(inputs)}
        return self._read(
            "associations", f"links of {stream} with {to}",
            lambda **raw: self._associations.get_page(stream, to, asked, **raw),
        )  # fmt: skip

    def update(self, stream: str, record_id: str, properties: Mapping[str, str]) -> Json:
        """Set properties of a record. Never tried again blindly: meanwhile somebody else may have set them.

        AmbiguousError and TransientError where it may have been done.
        """
        body = {"properties": dict(properties)}
        return self._once(
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
        passed: set[str] = set()
        while True:
            more: Json = {"after": after} if after else {}
            body = self._read(
                "owners", "list of owners",
                lambda more=more, **raw: self._owners.get_page(limit=500, archived=archived, **more, **raw),
            )  # fmt: skip
            found += body["results"]
            after = following(body)
            if after is None:
                return found
            if after in passed:
                raise standing_still("list of owners", after)
            passed.add(after)

    def pipelines(self, stream: str) -> Json:
        """The pipelines of a stream."""
        return self._read("pipelines", f"pipelines of {stream}", lambda **raw: self._pipelines.get_all(stream, **raw))

    def properties(self, stream: str) -> Json:
        """The properties of a stream that this token may see."""
        return self._read(
            "properties", f"properties of {stream}", lambda **raw: self._properties.get_all(stream, **raw)
        )

    def create_property(self, stream: str, body: Mapping[str, Any]) -> Json:
        """Make a property of the company's own.

        Never tried again blindly: AmbiguousError where it may have been made.
        """
        what = f"new property {body.get('name')} of {stream}"
        return self._once("define", what, lambda **raw: self._properties.create(stream, dict(body), **raw))

    def details(self) -> Json:
        """The account: its number, time zone and currency."""
        return self._read("details", "account details", lambda **raw: self._plain("GET", DETAILS_PATH, None, **raw))

    def scopes(self, token: str) -> list[str] | None:
        """What the token may do; None where the answer does not tell, as may be so for a service key."""
        asked = {"tokenKey": token}
        body = self._read(
            "describe", "scopes of the token", lambda **raw: self._plain("POST", SCOPES_PATH, asked, **raw)
        )
        told = body.get("scopes")
        return [str(scope) for scope in told] if isinstance(told, list) and told else None

    @property
    def uses_oauth(self) -> bool:
        """Whether the access token is one of OAuth's, which are renewed."""
        return self._tokens.are_renewed

    def token(self) -> str:
        """The access token as it is now."""
        return self._tokens.token()

    @property
    def use(self) -> Mapping[str, Use]:
        """How much of each limit has been used; see `pace.used_share`."""
        return self._pace.use

    # ---- inside

    def _plain(self, method: str, path: str, body: Any, **raw: Any) -> Any:
        """A call that the official client has no method for, with its authentication and connections."""
        api = self._basic.api_client
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return api.call_api(path, method, {}, [], headers, body=body, post_params=[], files={}, response_types_map={},
                            auth_settings=["oauth2"], collection_formats={}, _return_http_data_only=True,
                            **raw)  # fmt: skip

    def _read(self, kind: str, what: str, call: Callable[..., Any], *, limit: str = CALLS) -> Json:
        """Make a call that may be repeated, until it succeeds or trying again helps no more."""
        persistence = self._persistence
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            wait=tenacity.wait_random_exponential(persistence.first_seconds, persistence.longest_seconds),
            stop=tenacity.stop_after_attempt(persistence.attempts)
            | tenacity.stop_after_delay(persistence.patience_seconds),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            put_off = _PutOff(persistence.patience_seconds)
            return dict(retrying(self._once, kind, what, call, limit=limit, put_off=put_off))
        except AmbiguousError as error:  # repeated in vain: whatever happened, nobody can tell it from a failure
            raise TransientError(error.message, where=error.where) from error

    def _once(
        self, kind: str, what: str, call: Callable[..., Any], *, limit: str = CALLS, put_off: _PutOff | None = None
    ) -> Json:
        """Make a call that may not be repeated.

        One that a rate limit refused was not carried out: it waits its time.
        """
        patience = self._persistence.patience_seconds
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(LimitReachedError),
            stop=tenacity.stop_any(tenacity.stop_after_delay(patience), put_off or _PutOff(patience)),
            sleep=_no_rest,
            reraise=True,
        )
        return dict(retrying(self._attempt, kind, what, call, limit))

    def _attempt(self, kind: str, what: str, call: Callable[..., Any], limit: str) -> Json:
        """One call; a token that ran out is renewed once within it."""
        token = self._tokens.token()
        try:
            return self._called(kind, what, call, limit, token)
        except TokenExpiredError:
            return self._called(kind, what, call, limit, self._tokens.renew(token))

    def _called(self, kind: str, what: str, call: Callable[..., Any], limit: str, token: str) -> Json:
        self._refuse_if_quota_exhausted(what)
        self._pace.take(limit)
        self._refuse_if_quota_exhausted(what)
        with self._lock:
            self.counts["describe" if kind in DEFINITIONS else kind] += 1
        # By call, and not in the client's configuration, which threads share: one of them may hold an older token.
        bearer = {"in": "header", "key": "Authorization", "value": f"Bearer {token}"}
        try:
            status, data, headers = answered(partial(call, _request_auth=bearer))
        except (urllib3.exceptions.HTTPError, UnicodeDecodeError) as error:  # the client decodes the body of a refusal
            raise AmbiguousError(
                f"the connection to HubSpot was lost ({self._url}): {broken(error)}", where=Where(record=what)
            ) from error
        self._hear_time(headers.get("Date"))
        if limit == CALLS and "X-HubSpot-RateLimit-Max" in headers:
            self._learn(headers)
        if not HTTP_OK <= status < HTTP_MULTIPLE:
            refusal = failure(status, data, headers, what, now=self._now(), time_zone=self.time_zone)
            self._tell_pace(limit, refusal)
            raise refusal
        try:
            body = parsed(data) if data else {}
            check(kind, body)
        except ValueError as error:
            why = str(error) if isinstance(error, MalformedError) else "it is not JSON"
            raise AmbiguousError(f"HubSpot's response can't be used: {why}", where=Where(record=what)) from None
        return body

    def _refuse_if_quota_exhausted(self, what: str) -> None:
        """Make no call while the day's are used up, whichever worker was told so."""
        until, now = self._pace.quota_exhausted_until, self._now()
        if until is not None and now < until <= now + clock.LONGEST_DAY:  # further ahead: a clock was put back
            raise daily_limit(until, Where(record=what))

    def _tell_pace(self, limit: str, error: RosSyncError) -> None:
        """Let everybody who shares the limit wait: the one that the call counts against, and the one that is named."""
        if isinstance(error, DailyLimitError):
            self._pace.exhaust_quota(error.resume_at)
        elif isinstance(error, LimitReachedError):
            for each in {limit, CALLS} if error.policy == TEN_SECONDLY else {limit}:
                self._pace.slow_down(each, error.retry_after_seconds)

    def _hear_time(self, date: str | None) -> None:
        """Notice how far HubSpot's clock and ours are apart: what it calls modified goes by its own."""
        if date is None or date == self._told_date:
            return
        try:
            ahead = parsedate_to_datetime(date) - self._now()
        except (TypeError, ValueError):
            return
        self._told_date = date
        self._ahead = ahead if abs(ahead) > CLOCKS_AGREE else timedelta()

    def _learn(self, headers: Mapping[str, str]) -> None:
        try:
            maximum = int(headers["X-HubSpot-RateLimit-Max"])
            seconds = int(headers["X-HubSpot-RateLimit-Interval-Milliseconds"]) / 1_000
            told = headers.get("X-HubSpot-RateLimit-Remaining")
            remaining = None if told is None else int(told)
        except (KeyError, ValueError):
            return
        self._pace.learn(CALLS, maximum=maximum, interval_seconds=seconds, remaining=remaining)


class _PutOff(tenacity.stop.stop_base):
    """Ends a call that rate limits put off for too long. Refusals are added up: a test's clock may stand still."""

    def __init__(self, patience_seconds: float) -> None:
        self._left = patience_seconds

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, RateLimitedError):
            self._left -= error.retry_after_seconds
        return self._left <= 0


def _no_rest(_seconds: float) -> None:
    """The pace does the waiting: it knows when a refused call's time has come."""


def _may_pass(error: BaseException) -> bool:
    """Whether trying again soon can help. What a limit refuses has had its time already."""
    if isinstance(error, DailyLimitError | RateLimitedError):
        return False
    return isinstance(error, TransientError | AmbiguousError)
