"""The CRMs that `serve` follows: their sources, kept from one job to the next, and made anew when a connector file changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event, Lock

import structlog
from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.cli.company import deal_context
from ros_sync.cli.sources import cadence_of, sources_of
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.source import Hint
from ros_sync.errors import StoppedError
from ros_sync.settings import Settings
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.web.webhooks import HubSpotReceiver
from ros_sync.workspace.configuration import Configuration

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
        self._sources: list[HubSpotSource] = []
        self._stopping = Event()

    def poll(self, _now: datetime) -> None:
        """One cycle of every source; what keeps a source from being read is in `source_state`."""
        with suppress(StoppedError):
            for syncer in self._current(self._polling):
                syncer.cycle()

    def read_hints(self, _now: datetime) -> None:
        """Read what webhooks said happened."""
        with suppress(StoppedError):
            for syncer in self._current(self._reading):
                syncer.work_off_hints()

    def write_back(self, _now: datetime) -> None:
        """Carry out what people asked to be written to the CRM."""
        with suppress(StoppedError):
            for syncer in self._current(self._writing):
                syncer.carry_out_writes()

    def calls(self) -> dict[tuple[str, str], int]:
        """The calls made to each source so far, by kind."""
        with self._lock:
            sources = list(self._sources)
        return {(source.name, kind): number for source in sources for kind, number in dict(source.counts).items()}

    def stop(self) -> None:
        """Let what is under way end at its next page or pause; it goes on there when the next process starts."""
        self._stopping.set()

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppedError

    def receiver(self) -> HubSpotReceiver | None:
        """What takes webhooks in; None without the secret by which they are signed."""
        return receiver_of(self._settings, self._engine, self._source)

    def _source(self) -> HubSpotSource:
        self._current(self._polling)
        return self._sources[0]

    def _current(self, syncers: list[Syncer]) -> list[Syncer]:
        """The syncers, made anew where a connector file or the organisation was edited since."""
        with self._lock:
            self._renew()
            return list(syncers)

    def _renew(self) -> None:
        in_force = self._configuration.current()
        organisation = in_force.organisation
        made_by = (in_force.followed, organisation.rates, organisation.company)
        if made_by == self._made_by:
            return
        context = deal_context(organisation)
        self._sources = sources_of(self._settings, sleep=self._pause, engine=self._engine, mappings=in_force.followed)
        for each in (self._polling, self._reading, self._writing):
            each[:] = [
                Syncer(
                    self._engine,
                    source,
                    context,
                    now=clock.now,
                    cadence=cadence_of(self._settings),
                    stopping=self._stopping.is_set,
                )
                for source in self._sources
            ]
        self._made_by = made_by


def receiver_of(
    settings: Settings,
    engine: Engine,
    source: Callable[[], HubSpotSource],
    *,
    now: Callable[[], datetime] = clock.now,
) -> HubSpotReceiver | None:
    """What takes the webhooks of a source in; None without their secret."""
    secret = settings.hubspot.client_secret
    if secret is None:
        log.info("webhooks_off", reason="hubspot.client_secret is not set")
        return None

    def read(body: bytes) -> tuple[Sequence[Hint], int]:
        return source().hints(body)

    def keep(found: Sequence[Hint]) -> int:
        return event_inbox.keep(engine, source().name, found, now())

    return HubSpotReceiver(secret.get_secret_value(), read, keep, public_url=settings.web.public_url or None, now=now)
