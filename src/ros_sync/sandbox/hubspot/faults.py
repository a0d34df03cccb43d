"""Failures on order, or at random, so that a test can watch a client survive them."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Lock

ANY = "*"  # any call of the API
TOKEN, WEBHOOK = "token", "webhook"  # what only goes wrong when it is named


class FaultKind(StrEnum):
    """What can go wrong. *After* means that the work was done before the caller learnt that it failed.

    `html` is a page of something between HubSpot and the caller, with 200; `nothing` is an answer without what it is
    about.
    """

    STATUS = "status"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    SLOW = "slow"
    BROKEN_JSON = "broken_json"
    HTML = "html"
    NOTHING = "nothing"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105  # no secret
    DAILY_LIMIT = "daily_limit"
    RATE_LIMIT_SECONDLY = "rate_limit_secondly"
    RATE_LIMIT_TEN_SECONDLY = "rate_limit_ten_secondly"


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure: `seconds` is how late a slow answer comes, `status` the code of a refusal."""

    kind: str
    seconds: float = 1.0
    status: int = 503

    def __post_init__(self) -> None:
        FaultKind(self.kind)


class Faults:
    """Failures waiting for the next calls of a kind (`search`, `list`, … or `*`), and those that come at random.

    `webhook` stands for the deliveries of webhooks: there a drop means that the sender hangs up before the end of its
    request (before), or without waiting for the answer (after).
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._random: Random | None = None
        self._rate = 0.0
        self._kinds: Sequence[Fault] = ()
        self._calls: frozenset[str] = frozenset()
        self._paths: dict[str, tuple[re.Pattern[str], Fault]] = {}
        self._lock = Lock()
        self.happened: dict[str, int] = defaultdict(int)

    def next(self, kind_of_call: str, fault: Fault, times: int = 1) -> None:
        """Let the next `times` calls of that kind fail so."""
        with self._lock:
            self._waiting[kind_of_call].extend([fault] * times)

    def always(self, path: str, fault: Fault) -> None:
        """From now on let every call whose method and path match this regular expression fail so."""
        with self._lock:
            self._paths[path] = re.compile(path), fault

    def at_random(self, rate: float, seed: int, faults: Sequence[Fault], calls: Sequence[str] = ()) -> None:
        """From now on let each call (of those kinds, if some are given) fail with the chance `rate`, in these ways."""
        with self._lock:
            self._random, self._rate, self._kinds, self._calls = Random(seed), rate, tuple(faults), frozenset(calls)

    def take(self, kind: str, call: str) -> Fault | None:
        """The failure due for this call (`GET /crm/v3/owners`); one that waited for it is used up by it."""
        with self._lock:
            for pattern, fault in self._paths.values():
                if pattern.search(call):
                    return self._noted(fault)
            for key in (kind, ANY) if kind != WEBHOOK else (kind,):
                if self._waiting[key]:
                    return self._noted(self._waiting[key].popleft())
            meant = kind in self._calls if self._calls else kind not in (TOKEN, WEBHOOK)
            if self._random is not None and meant and self._random.random() < self._rate:
                return self._noted(self._random.choice(self._kinds))
            return None

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()
            self._paths.clear()
            self._random = None

    def _noted(self, fault: Fault) -> Fault:
        self.happened[fault.kind] += 1
        return fault
