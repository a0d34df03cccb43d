"""Webhooks as HubSpot sends them: in batches, signed, late, twice, out of order, and again after a failure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from threading import Event, Lock, Thread
from typing import Any

from ros_sync.sandbox.hubspot.account import Happening, HubSpotAccount
from ros_sync.sandbox.hubspot.events import events_of
from ros_sync.sandbox.hubspot.faults import WEBHOOK, FaultKind, Faults
from ros_sync.sandbox.hubspot.posting import Poster
from ros_sync.sandbox.hubspot.records import millis
from ros_sync.sandbox.hubspot.signing import signed

MAX_EVENTS = 100  # of one request (HubSpot, "Webhooks API", limits)
MAX_RETRIES = 10
NOT_RETRIED = frozenset((400, 401, 403, 404, 405))
TIMEOUT_SECONDS = 5.0
STALE = timedelta(hours=1)  # how old the signature of a delivery with an expired token is
# How long HubSpot waits before each further attempt, in seconds; it says "over the next 24 hours".
RETRY_SECONDS = (60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800)
HTTP_OK, HTTP_REDIRECT = 200, 300


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """How badly events are delivered: shares are from 0 to 1, seconds go by the account's clock.

    `retry_scale` shortens the waits before further attempts, so that a test need not last a day. `subscriptions` are
    the types of events that are sent, such as `deal.propertyChange`; none means all.
    """

    late_share: float = 0.0
    late_seconds: float = 600.0
    twice_share: float = 0.0
    shuffled: bool = False
    lost_share: float = 0.0
    retry_scale: float = 1.0
    subscriptions: tuple[str, ...] = ()
    timeout_seconds: float = TIMEOUT_SECONDS


@dataclass(slots=True)
class _Waiting:
    event: dict[str, Any]
    due_at: datetime


@dataclass(slots=True)
class Sent:
    """What became of the deliveries so far. `statuses` counts answers; 0 is a connection that failed."""

    requests: int = 0
    events: int = 0
    dropped: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


class WebhookSender:
    """Sends what happens in an account to one address, by the account's clock."""

    def __init__(
        self,
        account: HubSpotAccount,
        target_url: str,
        client_secret: str,
        *,
        app_id: int = 54321,
        seed: int = 1,
        plan: DeliveryPlan | None = None,
        version: str = "v3",
        faults: Faults | None = None,
    ) -> None:
        self.sent = Sent()
        self._account = account
        self._url = target_url
        self._secret = client_secret
        self._app_id = app_id
        self._plan = plan or DeliveryPlan()
        self._version = version
        self._rng = Random(seed)
        self._ids = count(2_995_724_000)
        self._waiting: list[_Waiting] = []
        self._lock = Lock()
        self._faults = faults
        self._poster = Poster(target_url, self._plan.timeout_seconds)
        self._stop = Event()
        self._thread: Thread | None = None
        account.listeners.append(self._received)

    def start(self, every_seconds: float = 0.2) -> None:
        """Send what is due again and again, from a thread."""
        self._thread = Thread(target=self._run, args=(every_seconds,), name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and listen no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._plan.timeout_seconds + 1)
        if self._received in self._account.listeners:
            self._account.listeners.remove(self._received)

    @property
    def waiting(self) -> int:
        """How many events have still to be delivered."""
        with self._lock:
            return len(self._waiting)

    def flush(self) -> int:
        """Deliver what is due now; the number of events that were taken."""
        now, taken = self._account.now(), 0
        with self._lock:
            due = [each for each in self._waiting if each.due_at <= now]
            self._waiting = [each for each in self._waiting if each.due_at > now]
        if self._plan.shuffled:
            self._rng.shuffle(due)
        for start in range(0, len(due), MAX_EVENTS):
            taken += self._deliver([each.event for each in due[start : start + MAX_EVENTS]], now)
        return taken

    def flood(self, number: int) -> None:
        """Send so many property changes at once, each of a record that there is."""
        with self._account.lock:
            ids = list(self._account.records["deals"])
        now = self._account.now()
        events = [
            event
            for _ in range(number)
            for event in self._events(
                Happening("propertyChange", "deals", self._rng.choice(ids), now, property="amount", value="1")
            )
        ]
        for start in range(0, number, MAX_EVENTS):
            self._deliver(events[start : start + MAX_EVENTS], now)

    def _received(self, happening: Happening) -> None:
        plan, rng = self._plan, self._rng
        now = self._account.now()
        for event in self._events(happening):
            with self._lock:
                if rng.random() < plan.lost_share:
                    self.sent.dropped += 1
                    continue
                late = timedelta(seconds=rng.uniform(0, plan.late_seconds) if rng.random() < plan.late_share else 0)
                self._waiting.append(_Waiting(event, now + late))
                if rng.random() < plan.twice_share:
                    again = timedelta(seconds=rng.uniform(0, plan.late_seconds))
                    self._waiting.append(_Waiting({**event, "attemptNumber": 1}, now + again))

    def _events(self, happening: Happening) -> list[dict[str, Any]]:
        wanted = self._plan.subscriptions
        return [
            {"eventId": next(self._ids), "subscriptionId": 92_894, "portalId": self._account.portal_id,
             "appId": self._app_id,
             "occurredAt": millis(happening.at), "attemptNumber": 0, **event}
            for event in events_of(happening)
            if not wanted or event["subscriptionType"] in wanted
        ]  # fmt: skip

    def _deliver(self, events: list[dict[str, Any]], now: datetime) -> int:
        status = self._post(events)
        self.sent.requests += 1
        self.sent.statuses[status] = self.sent.statuses.get(status, 0) + 1
        if HTTP_OK <= status < HTTP_REDIRECT:
            self.sent.events += len(events)
        elif status in NOT_RETRIED:
            self.sent.dropped += len(events)
        else:
            self._again(events, now)
        return len(events)

    def _again(self, events: list[dict[str, Any]], now: datetime) -> None:
        with self._lock:
            for event in events:
                attempt = int(event["attemptNumber"])
                if attempt >= MAX_RETRIES:
                    self.sent.dropped += 1
                    continue
                wait = timedelta(seconds=RETRY_SECONDS[min(attempt, MAX_RETRIES - 1)] * self._plan.retry_scale)
                self._waiting.append(_Waiting({**event, "attemptNumber": attempt + 1}, now + wait))

    def _post(self, events: list[dict[str, Any]]) -> int:
        fault = self._faults.take(WEBHOOK, "") if self._faults else None
        kind, at = (fault.kind, fault.seconds) if fault else ("", 0.0)
        body, now = json.dumps(events).encode(), self._account.now()
        if kind == FaultKind.BROKEN_JSON:
            body = body[: len(body) * 2 // 3]
        if kind == FaultKind.EXPIRED_TOKEN:
            now -= STALE
        headers = signed(self._secret, "POST", self._url, body, millis(now), self._version)
        if fault and kind == FaultKind.STATUS:
            return fault.status  # something in between answered
        return self._poster.post(body, headers, kind, at)

    def _run(self, every_seconds: float) -> None:
        while not self._stop.wait(every_seconds):
            self.flush()
