"""The CRMs that a process follows: sources kept from one job to the next, made anew when a connector file changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event, Lock

import structlog
from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.connectors.source import Source
from ros_sync.connectors.vendor import Vendor
from ros_sync.connectors.webhooks import ChangeEvents, WebhookReceiver
from ros_sync.errors import StoppedError, TransientError
from ros_sync.settings import Settings
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.workspace.company import deal_context
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.sources import Connection, connections_of, followable, sync_policy_of
from ros_sync.workspace.vendors import VENDORS, vendor

log = structlog.stdlib.get_logger(__name__)


class Following:
    """What a process keeps of the CRMs that it follows. Its jobs run in threads of their own."""

    def __init__(self, settings: Settings, engine: Engine, configuration: Configuration) -> None:
        self._settings = settings
        self._configuration = configuration
        self._engine = engine
        self._lock = Lock()
        self._made_by: tuple[object, ...] = ()
        self._polling: list[Syncer] = []
        self._reading: list[Syncer] = []
        self._writing: list[Syncer] = []
        self._connections: list[Connection] = []
        self._stopping = Event()

    def poll(self, _now: datetime) -> None:
        """One cycle of every source; what keeps a source from being read is in `source_state`."""
        with suppress(StoppedError):
            for syncer in self._current(self._polling):
                syncer.cycle()

    def process_change_events(self, _now: datetime) -> None:
        """Read what webhooks said happened."""
        with suppress(StoppedError):
            for syncer in self._current(self._reading):
                syncer.process_change_events()

    def write_back(self, _now: datetime) -> None:
        """Carry out what people asked to be written to the CRM."""
        with suppress(StoppedError):
            for syncer in self._current(self._writing):
                syncer.execute_writes()

    def calls(self) -> dict[tuple[str, str], int]:
        """The calls made to each source so far, by kind."""
        with self._lock:
            sources = [each.source for each in self._connections]
        return {(source.name, kind): number for source in sources for kind, number in dict(source.counts).items()}

    def stop(self) -> None:
        """Let what is under way end at its next page or pause; it goes on there when the next process starts."""
        self._stopping.set()

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppedError

    def receivers(self) -> Iterator[tuple[str, WebhookReceiver]]:
        """What takes webhooks in, by vendor; none of one without the secret by which its webhooks are signed."""
        for name in VENDORS:
            its = vendor(name)
            if its.has_credentials(self._settings):
                receiver = receiver_of(self._settings, self._engine, its, self._sources_of(name))
                if receiver is not None:
                    yield name, receiver

    def _sources_of(self, name: str) -> Callable[[], list[Source]]:
        """The sources of a vendor, as they are when they are asked for."""

        def sources() -> list[Source]:
            self._current(self._polling)
            with self._lock:
                return [each.source for each in self._connections if each.vendor.name == name]

        return sources

    def _current(self, syncers: list[Syncer]) -> list[Syncer]:
        """The syncers, made anew where a connector file or the organisation was edited since."""
        with self._lock:
            self._renew()
            return list(syncers)

    def _renew(self) -> None:
        in_force = self._configuration.current()
        now = clock.now()
        organisation = in_force.organisation.at(now)
        made_by = (in_force.followed, organisation.rates, organisation.company)
        if made_by == self._made_by:
            return
        context = deal_context(organisation, now)
        self._connections = connections_of(
            self._settings,
            sleep=self._pause,
            engine=self._engine,
            files=followable(self._settings, in_force.followed),
        )
        for each in (self._polling, self._reading, self._writing):
            each[:] = [
                Syncer(
                    self._engine,
                    connection.source,
                    context,
                    now=clock.now,
                    policy=sync_policy_of(self._settings),
                    stopping=self._stopping.is_set,
                )
                for connection in self._connections
            ]
        self._made_by = made_by


def receiver_of(
    settings: Settings,
    engine: Engine,
    its: Vendor,
    sources: Callable[[], Sequence[Source]],
    *,
    now: Callable[[], datetime] = clock.now,
) -> WebhookReceiver | None:
    """What takes a vendor's webhooks in, for all the `sources` that follow its account; None without their secret."""
    verifier = its.verifier(settings)
    if verifier is None:
        log.info("webhooks_off", vendor=its.name, reason=f"{its.verified_by()} is not set")
        return None

    def read(body: bytes) -> ChangeEvents:
        told = {source.name: source.change_events(body) for source in sources()}
        if not told:
            raise TransientError("no source is connected to this account")
        return ChangeEvents(
            {name: found for name, (found, _) in told.items()}, min(others for _, others in told.values())
        )

    def keep(events: ChangeEvents) -> int:
        return sum(event_inbox.keep(engine, name, found, now()) for name, found in events.by_source.items())

    return WebhookReceiver(verifier, read, keep, public_url=settings.web.public_url or None, now=now)
