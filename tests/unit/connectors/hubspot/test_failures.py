from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.connectors.buckets import MAX_PAUSE_SECONDS
from ros_sync.connectors.hubspot.failures import (
    LimitReachedError,
    TokenExpiredError,
    failure,
    midnight_after,
    refresh_failure,
    resume_after,
    retry_after,
)
from ros_sync.errors import (
    AuthExpiredError,
    DailyLimitError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
    Where,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Africa/Cairo", "America/Havana", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut",
         "UTC")  # fmt: skip
moments = st.integers(1_262_304_000, 1_893_456_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)  # 2010 to 2030


def told(status: int, headers: dict[str, str] | None = None, zone: str | None = "UTC", **body: object) -> RosSyncError:
    return failure(status, orjson.dumps(body), headers or {}, "list of deals", now=NOW, time_zone=zone)


@pytest.mark.parametrize(
    "policy, headers, seconds",
    [
        ("SECONDLY", {}, 1.0),
        ("TEN_SECONDLY_ROLLING", {}, 10.0),
        ("", {}, 10.0),
        ("MONTHLY_OF_TOMORROW", {}, 10.0),
        ("SECONDLY", {"Retry-After": "3"}, 3.0),
        ("SECONDLY", {"Retry-After": "nonsense"}, 1.0),
        ("TEN_SECONDLY_ROLLING", {"Retry-After": "2.5"}, 2.5),
        ("TEN_SECONDLY_ROLLING", {"Retry-After": "-5"}, 10.0),
    ],
)
def test_a_refusal_lasts_as_long_as_it_says(policy: str, headers: dict[str, str], seconds: float) -> None:
    """Retry-After is believed where it makes sense, else the window that the policy names, else the longer one."""
    error = told(429, headers, policyName=policy)
    assert isinstance(error, LimitReachedError)
    assert (error.policy, error.retry_after_seconds) == (policy, seconds)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("inf", MAX_PAUSE_SECONDS),
        ("1800000", MAX_PAUSE_SECONDS),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 09:00:30 -0000", 30.0),
        ("Mon, 02 Mar 2026 08:59:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_PAUSE_SECONDS),
        ("Mon, 99 Mar 2026 09:00:30 GMT", None),
    ],
)
def test_what_retry_after_may_say(text: str, seconds: float | None) -> None:
    """Seconds and dates are read; what is no wait is no answer, and what is absurdly long is cut to an hour."""
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_a_date_is_compared_with_the_answer_s_own() -> None:
    """A clock of ours that is five minutes ahead does not shorten the wait."""
    headers = {"Retry-After": "Mon, 02 Mar 2026 08:55:10 GMT", "Date": "Mon, 02 Mar 2026 08:55:00 GMT"}
    assert retry_after(headers, NOW) == 10.0


@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    """Whatever the header holds, it is a wait of up to an hour or none."""
    seconds = retry_after({"Retry-After": text, "Date": text}, NOW)
    assert seconds is None or 0 < seconds <= MAX_PAUSE_SECONDS


@given(moments, st.sampled_from(ZONES))
def test_midnight_is_where_the_next_day_begins(now: datetime, name: str) -> None:
    """The moment given is the very first of the account's next day, also on days on which clocks are changed."""
    zone = ZoneInfo(name)
    midnight = midnight_after(now, name)
    assert midnight.tzinfo == now.tzinfo
    assert midnight > now
    before = (midnight - timedelta(microseconds=1)).astimezone(zone).date()
    assert before <= now.astimezone(zone).date() < midnight.astimezone(zone).date()


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus_Mons", "../etc/passwd"])
@given(now=moments)
def test_without_a_zone_the_day_has_ended_everywhere(zone: str | None, now: datetime) -> None:
    """Where the account's zone is not known, no call comes before its midnight, wherever it may be."""
    assert midnight_after(now, zone) >= max(midnight_after(now, each) for each in ZONES)


@pytest.mark.parametrize(
    "now, resume",
    [
        (datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)),
        (datetime(2026, 3, 2, 23, 0, 2, tzinfo=UTC), datetime(2026, 3, 2, 23, 15, 2, tzinfo=UTC)),
        (datetime(2026, 3, 2, 23, 16, tzinfo=UTC), datetime(2026, 3, 3, 23, tzinfo=UTC)),
        (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),  # the day clocks go forward
    ],
)
def test_a_refusal_just_after_midnight_costs_no_day(now: datetime, resume: datetime) -> None:
    """In Berlin: until midnight; a counter over there that is late is asked again in a quarter of an hour."""
    assert resume_after(now, "Europe/Berlin") == resume


def test_a_daily_limit_says_when_it_ends() -> None:
    """The error holds the account's midnight and says that nobody has to do anything."""
    error = told(429, {"Retry-After": "1"}, "America/New_York", policyName="DAILY")
    assert isinstance(error, DailyLimitError)
    assert error.resume_at == datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert "automatically" in str(error)


def test_an_address_that_knows_no_such_call_is_not_hubspots() -> None:
    """HubSpot says why it does not know something; a 404 without a word comes from elsewhere, and names the setting."""
    error, hubspots = told(404), told(404, category="OBJECT_NOT_FOUND")
    assert ("doesn't respond like HubSpot" in str(error), "hubspot.api_url" in str(error)) == (True, True)
    assert "doesn't respond like HubSpot" not in str(hubspots)


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (401, {"category": "EXPIRED_AUTHENTICATION"}, TokenExpiredError),
        (401, {"category": "INVALID_AUTHENTICATION"}, AuthExpiredError),
        (403, {"category": "MISSING_SCOPES"}, PermanentError),
        (400, {}, PermanentError),
        (408, {}, TransientError),
        (423, {}, TransientError),
        (500, {}, TransientError),
        (503, {}, TransientError),
        (429, {}, RateLimitedError),
    ],
)
def test_what_a_status_means(status: int, body: dict[str, str], kind: type[RosSyncError]) -> None:
    """Callers tell from the class whether trying again can help."""
    assert isinstance(failure(status, orjson.dumps(body), {}, "list of deals", now=NOW, time_zone="UTC"), kind)


@pytest.mark.parametrize(
    "status, kind",
    [(400, AuthExpiredError), (401, AuthExpiredError), (429, TransientError), (503, TransientError),
     (408, TransientError)],
)  # fmt: skip
def test_only_a_refused_refresh_token_asks_for_a_new_one(status: int, kind: type[RosSyncError]) -> None:
    """A renewal that fails for another reason is tried again; nobody is asked to connect the app anew."""
    assert isinstance(refresh_failure(status, b"", Where(record="renewal")), kind)


@pytest.mark.parametrize(
    "body, words, setting",
    [
        (
            {"error": "invalid_grant", "error_description": "it was revoked"},
            "refresh token: “it was revoked”",
            "refresh_token",
        ),
        ({"status": "BAD_REFRESH_TOKEN", "message": "unknown refresh token"}, "refresh token", "refresh_token"),
        (
            {"error": "invalid_client", "error_description": "bad secret"},
            "client ID and secret: “bad secret”",
            "client_secret",
        ),
        ({"error": "unauthorized_client", "status": "error"}, "client ID and secret", "client_id"),
        ({"status": "BAD_CLIENT_SECRET", "message": "bad secret"}, "client ID and secret", "client_secret"),
        ({"error": ["invalid_client"], "error_description": 5}, "refresh token", "refresh_token"),
        ({}, "refresh token", "refresh_token"),
    ],
)
def test_a_refused_renewal_says_what_is_wrong(body: dict[str, object], words: str, setting: str) -> None:
    """By the words of OAuth or by HubSpot's own: the refresh token, or who presents it; with the setting to look at."""
    error = refresh_failure(400, orjson.dumps(body), Where(record="renewal"))
    assert (words in error.message, f"hubspot.{setting}" in (error.hint or "")) == (True, True)


@pytest.mark.parametrize(
    "body", [b"", b"<html>error code: 1016</html>", b'{"message": "The access token has the wrong format."}']
)
def test_a_token_of_the_wrong_format_is_told_as_such(body: bytes) -> None:
    """530 is no passing trouble of HubSpot's: trying again changes nothing, and the setting is named."""
    errors = [
        failure(530, body, {}, "list of deals", now=NOW, time_zone=None),
        refresh_failure(530, body, Where(record="renewal")),
    ]
    told = [(type(error), "format" in error.message, "hubspot.token" in str(error.hint)) for error in errors]
    assert told == [(AuthExpiredError, True, True)] * 2


def test_a_refusal_in_the_words_of_oauth_is_read_too() -> None:
    """An answer may hold `error` and `error_description` alone."""
    error = told(401, error="invalid_token", error_description="it was deleted")
    assert (type(error), error.message) == (
        AuthExpiredError, "HubSpot rejected the credentials: “it was deleted”",
    )  # fmt: skip


@given(st.binary(max_size=60), st.sampled_from([401, 403, 404, 429, 500]))
def test_a_body_of_any_kind_is_an_error_of_ours(body: bytes, status: int) -> None:
    """A proxy's page or a torn body is told as the status alone."""
    assert isinstance(failure(status, body, {}, "list of deals", now=NOW, time_zone=None), RosSyncError)
