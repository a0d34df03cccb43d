"""The access token.

A service key's or an app's, which never ends, or OAuth's, which lives half an hour and is renewed here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeGuard

from ros_sync.errors import AuthExpiredError

EARLY = timedelta(minutes=1)  # a token is renewed so long before its end
DEFAULT_LIFE_SECONDS = 1_800  # HubSpot, "OAuth": access tokens live 30 minutes
LONGEST_LIFE_SECONDS = 86_400  # whatever is said to live longer: that is no life of an access token
_PRIVATE = 0o600
SERVICE_KEYS = "Development, Keys, Service keys"  # where in HubSpot: "Make API requests using a service key"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750, 2.1: what a bearer token consists of

Exchange = Callable[[str], dict[str, Any]]  # refresh token -> HubSpot's answer


class Tokens(Protocol):
    """Where the access token comes from."""

    @property
    def are_renewed(self) -> bool:
        """Whether they end by themselves, and new ones are had from HubSpot."""

    def token(self) -> str:
        """The token to call with."""

    def renew(self, refused: str) -> str:
        """Another one, as `refused` was not accepted; AuthExpiredError where there is none."""


@dataclass(frozen=True, slots=True)
class PrivateAppToken:
    """A token that never ends: a service key's, or that of an app of the company's own."""

    value: str = field(repr=False)

    @property
    def are_renewed(self) -> bool:
        """It is not."""
        return False

    def token(self) -> str:
        """The token."""
        return self.value

    def renew(self, refused: str) -> str:
        """There is no other one."""
        del refused
        raise AuthExpiredError(
            "the HubSpot access token has expired",
            hint=f"create a service key in HubSpot ({SERVICE_KEYS}), or rotate your app's token, and set hubspot.token",
        )


def is_token(value: str) -> bool:
    """Whether it has the format of an access token: no quotation marks, no spaces, no word before it."""
    return _TOKEN.fullmatch(value) is not None


class OAuthTokens:
    """OAuth's tokens. Threads wait for one renewal under a lock, processes under a lock on the file.

    `file` (mode 0600) keeps what HubSpot gave last; a rotated refresh token there wins over the one in the settings.
    """

    def __init__(self, refresh_token: str, exchange: Exchange, file: Path, now: Callable[[], datetime]) -> None:
        self._given = refresh_token
        self._exchange = exchange
        self._file = file
        self._now = now
        self._lock = Lock()
        self._held: dict[str, Any] | None = None

    @property
    def are_renewed(self) -> bool:
        """They are."""
        return True

    def token(self) -> str:
        """The access token, renewed a minute before its end."""
        with self._lock:
            held = self._held or self._read()
            if self._is_good(held, None):
                self._held = held
                return str(held["access_token"])
            return self._renewed(None)

    def renew(self, refused: str) -> str:
        """A new access token, unless somebody else has renewed the refused one already."""
        with self._lock:
            return self._renewed(refused)

    def _renewed(self, refused: str | None) -> str:
        with self._alone():
            held = self._read()
            if not self._is_good(held, refused):
                refresh = str(held["refresh_token"]) if held else self._given
                answer = self._exchange(refresh)
                told = answer.get("refresh_token")
                held = {
                    "access_token": str(answer["access_token"]),
                    "refresh_token": told if isinstance(told, str) and told else refresh,
                    "expires_at": (self._now() + _life(answer.get("expires_in"))).isoformat(),
                    "given": _mark(self._given),
                }
                self._write(held)
            self._held = held
            return str(held["access_token"])

    def _is_good(self, held: dict[str, Any] | None, refused: str | None) -> TypeGuard[dict[str, Any]]:
        """Whether the access token can be called with: it is another than the refused one, and has not ended."""
        return held is not None and held["access_token"] != refused and self._ends(held) > self._now() + EARLY

    @staticmethod
    def _ends(held: dict[str, Any]) -> datetime:
        ends = datetime.fromisoformat(str(held["expires_at"]))
        if ends.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return ends

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._file.with_suffix(self._file.suffix + ".lock")
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, _PRIVATE), "r+") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, Any] | None:
        """What the file keeps, if it came of the refresh token in the settings: a new one may be another account's."""
        try:
            held = json.loads(self._file.read_text(encoding="utf-8"))
            self._ends(held)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        tokens = [held.get(name) for name in ("access_token", "refresh_token")]
        is_ours = held.get("given") == _mark(self._given) and all(isinstance(each, str) for each in tokens)
        return dict(held) if is_ours else None

    def _write(self, held: dict[str, Any]) -> None:
        handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump(held, opened)
            opened.flush()
            os.fsync(opened.fileno())  # HubSpot may accept the former refresh token no more
        Path(name).chmod(_PRIVATE)
        Path(name).replace(self._file)


def _life(told: Any) -> timedelta:
    """How long an access token lives.

    By now HubSpot may have taken the former refresh token back, so nothing is raised.
    """
    try:
        seconds = DEFAULT_LIFE_SECONDS if isinstance(told, bool) else float(told)
    except (TypeError, ValueError, OverflowError):
        seconds = DEFAULT_LIFE_SECONDS
    return timedelta(seconds=seconds if 0 < seconds <= LONGEST_LIFE_SECONDS else DEFAULT_LIFE_SECONDS)


def _mark(secret: str) -> str:
    """Something by which a given refresh token is recognised without keeping it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
