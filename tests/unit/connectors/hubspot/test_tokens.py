from __future__ import annotations

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ros_sync.connectors.hubspot.tokens import OAuthTokens, PrivateAppToken
from ros_sync.errors import AuthExpiredError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class HubSpot:
    """Gives a new access token for the refresh token that is valid, and perhaps another refresh token with it."""

    def __init__(self, *, rotates: bool = False, **odd: Any) -> None:
        self.rotates = rotates
        self.odd = odd
        self.valid = "refresh-0"
        self.asked: list[str] = []

    def exchange(self, refresh_token: str) -> dict[str, Any]:
        self.asked.append(refresh_token)
        if refresh_token != self.valid:
            raise AuthExpiredError("HubSpot rejected the refresh token")
        if self.rotates:
            self.valid = f"refresh-{len(self.asked)}"
        told = {"access_token": f"access-{len(self.asked)}", "refresh_token": self.valid, "expires_in": 1_800}
        return told | self.odd


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".hubspot-oauth.json"


def test_a_token_is_renewed_a_minute_before_its_end(file: Path) -> None:
    """One renewal serves every call until then."""
    hubspot, clock = HubSpot(), Clock()
    tokens = OAuthTokens("refresh-0", hubspot.exchange, file, clock)
    assert [tokens.token() for _ in range(3)] == ["access-1"] * 3
    clock.now += timedelta(minutes=28, seconds=59)
    assert tokens.token() == "access-1"
    clock.now += timedelta(seconds=1)
    assert tokens.token() == "access-2"


def test_threads_whose_token_was_refused_renew_it_once(file: Path) -> None:
    """Sixteen calls that were refused together ask for one new token."""
    hubspot = HubSpot()
    tokens = OAuthTokens("refresh-0", hubspot.exchange, file, Clock())
    refused, together = tokens.token(), Barrier(16)

    def renew(_number: int) -> str:
        together.wait(10)
        return tokens.renew(refused)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(renew, range(16))) == {"access-2"}
    assert len(hubspot.asked) == 2


def test_a_rotated_refresh_token_is_kept(file: Path) -> None:
    """The next process goes on with the refresh token that HubSpot gave last, and not with the one in the settings."""
    hubspot, clock = HubSpot(rotates=True), Clock()
    OAuthTokens("refresh-0", hubspot.exchange, file, clock).token()
    clock.now += timedelta(hours=1)
    assert OAuthTokens("refresh-0", hubspot.exchange, file, clock).token() == "access-2"
    assert hubspot.asked == ["refresh-0", "refresh-1"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("odd", ["soon", 1e20, float("nan"), "1e999", None, -5, 0, True, [1], {}])
def test_a_rotated_refresh_token_is_kept_whatever_is_said_of_its_life(file: Path, odd: Any) -> None:
    """A life that makes no sense is taken for the half hour that HubSpot documents."""
    hubspot, clock = HubSpot(rotates=True, expires_in=odd), Clock()
    OAuthTokens("refresh-0", hubspot.exchange, file, clock).token()
    clock.now += timedelta(minutes=28, seconds=59)
    assert OAuthTokens("refresh-0", hubspot.exchange, file, clock).token() == "access-1"
    clock.now += timedelta(seconds=1)
    assert OAuthTokens("refresh-0", hubspot.exchange, file, clock).token() == "access-2"


@pytest.mark.parametrize("odd", [None, "", 5, ["refresh-1"]])
def test_what_is_no_refresh_token_does_not_take_the_place_of_one(file: Path, odd: Any) -> None:
    """The one that was exchanged stays."""
    hubspot, clock = HubSpot(refresh_token=odd), Clock()
    OAuthTokens("refresh-0", hubspot.exchange, file, clock).token()
    clock.now += timedelta(hours=1)
    assert OAuthTokens("refresh-0", hubspot.exchange, file, clock).token() == "access-2"


def test_a_new_refresh_token_in_the_settings_begins_anew(file: Path) -> None:
    """Nothing of what the file keeps of another connection is used: it may be another account's."""
    hubspot, other = HubSpot(), HubSpot()
    OAuthTokens("refresh-0", hubspot.exchange, file, Clock()).token()
    other.valid = "refresh-of-another-account"
    OAuthTokens("refresh-of-another-account", other.exchange, file, Clock()).token()
    assert other.asked == ["refresh-of-another-account"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"access_token": 5}', '{"expires_at": "never"}', "\x00",
     '{"expires_at": "2026-03-02"}', '{"expires_at": "0001-01-01T00:00:00+00:00"}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_as_none(file: Path, content: str) -> None:
    """A torn file costs a renewal and no more."""
    file.write_text(content)
    assert OAuthTokens("refresh-0", HubSpot().exchange, file, Clock()).token() == "access-1"


@pytest.mark.parametrize("ends", ["2026-03-02T12:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00"])
def test_an_end_that_is_none_costs_a_renewal_at_most(file: Path, ends: str) -> None:
    """Whatever the file says of the token's end, a token comes."""
    OAuthTokens("refresh-0", HubSpot().exchange, file, Clock()).token()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"expires_at": ends}))
    assert OAuthTokens("refresh-0", HubSpot().exchange, file, Clock()).token() == "access-1"


def test_a_refused_refresh_token_is_told_and_kept_apart(file: Path) -> None:
    """The refusal goes to the caller as it is, and the file keeps what it held."""
    hubspot, clock = HubSpot(), Clock()
    tokens = OAuthTokens("refresh-0", hubspot.exchange, file, clock)
    tokens.token()
    held = file.read_text()
    hubspot.valid = "revoked"
    clock.now += timedelta(hours=1)
    with pytest.raises(AuthExpiredError):
        tokens.token()
    assert file.read_text() == held


def test_two_processes_renew_once(file: Path, tmp_path: Path) -> None:
    """The second process finds the token that the first has got, and asks for none."""
    asked = tmp_path / "asked"
    program = f"""
import sys, pathlib, datetime, time
from ros_sync.connectors.hubspot.tokens import OAuthTokens

def exchange(refresh_token):
    with open({str(asked)!r}, "a") as log:
        log.write(refresh_token + "\\n")
    return {{"access_token": "access", "refresh_token": refresh_token, "expires_in": 1800}}

now = lambda: datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
tokens = OAuthTokens("refresh-0", exchange, pathlib.Path({str(file)!r}), now)
print("ready", flush=True)
sys.stdin.readline()
print(tokens.renew("access-0"), flush=True)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=30)[0] for process in processes] == ["access\n"] * 2
    assert asked.read_text() == "refresh-0\n"


def test_a_private_app_s_token_is_not_renewed() -> None:
    """There is no other one: the error says what to do, and holds no token."""
    tokens = PrivateAppToken("pat-secret")
    with pytest.raises(AuthExpiredError) as caught:
        tokens.renew(tokens.token())
    assert "pat-secret" not in f"{caught.value} {tokens!r} {caught.value.hint}"


def test_nothing_shows_a_token(file: Path) -> None:
    """What is printed of the tokens' keeper, and what its file says of the settings, holds no refresh token."""
    tokens = OAuthTokens("refresh-0", HubSpot(rotates=True).exchange, file, Clock())
    tokens.token()
    assert "refresh-0" not in f"{tokens!r}"
    assert "refresh-0" not in json.dumps(json.loads(file.read_text()))
