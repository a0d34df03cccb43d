"""The CRMs that a workspace follows over their API: connector file, credentials, pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.connectors.pace import MemoryPace, Pace
from ros_sync.connectors.source import Source
from ros_sync.connectors.vendor import ConnectorFile, Vendor
from ros_sync.errors import SettingsError
from ros_sync.fields import did_you_mean
from ros_sync.settings import Settings
from ros_sync.sync.policy import SyncPolicy
from ros_sync.sync.rates import DatabasePace
from ros_sync.workspace.mappings import connector_files, custom_kinds, load_connector
from ros_sync.workspace.vendors import VENDORS, shipped_file, vendor

LAY_OUT = f"`ros-sync init DIR` creates {' and '.join(map(shipped_file, VENDORS))}"


@dataclass(frozen=True, slots=True)
class Connection:
    """A source that is followed, with its vendor and the pace of the calls to its account."""

    vendor: Vendor
    source: Source
    pace: Pace


class Paces:
    """The paces of the accounts that a workspace calls: one a vendor, whose connector files share its credentials.

    With an `engine` they are kept in its database, for every process that calls.
    """

    def __init__(
        self, settings: Settings, engine: Engine | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._sleep = sleep
        self._made: dict[str, Pace] = {}

    def of(self, vendor: Vendor) -> Pace:
        """The pace of the calls to a vendor's account."""
        if vendor.name not in self._made:
            rates = vendor.rate_limits(self._settings)
            self._made[vendor.name] = (
                MemoryPace(rates, sleep=self._sleep)
                if self._engine is None
                else DatabasePace(self._engine, vendor.name, rates, sleep=self._sleep)
            )
        return self._made[vendor.name]


def connections_of(
    settings: Settings,
    only: str | None = None,
    *,
    now: Callable[[], datetime] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
    pace: Callable[[Vendor], Pace] | None = None,
    engine: Engine | None = None,
    files: Iterable[ConnectorFile] | None = None,
    attempts: int | None = None,
) -> list[Connection]:
    """The sources that the workspace follows; `only` names one. `files`: the connector files as they are in force.

    With an `engine` the pace is kept in its database, unless `pace` gives another. `attempts`: how often a call is
    tried, where not as usual.

    Raises SettingsError where credentials are missing, or where there is no source of that name.
    """
    found: dict[str, Connection] = {}
    pace = pace or Paces(settings, engine, sleep=sleep).of
    if files is None:
        files = [load_connector(path) for path in connector_files(settings)]
    for file in files:
        its = vendor(file.vendor)
        source = its.source(settings, file, pace(its), now=now, sleep=sleep, attempts=attempts)
        found[file.source] = Connection(its, source, pace(its))
    if only is not None:
        if only not in found:
            raise SettingsError(f"unknown source {only!r}", hint=did_you_mean(only, found))
        return [found[only]]
    return list(found.values())


def sync_policy_of(settings: Settings) -> SyncPolicy:
    """How a CRM is followed, as far as the settings say."""
    return SyncPolicy(deletion_share=settings.sync.deletion_share, deletion_at_least=settings.sync.deletion_at_least)


def refuse_unreadable(settings: Settings) -> None:
    """Raise what is wrong with any file of `connectors/`: one that cannot be read does not say which CRM it is for."""
    custom_kinds(settings)


def refuse_unfollowed(
    settings: Settings, files: Collection[ConnectorFile] | None = None, *, hint: str = LAY_OUT
) -> None:
    """Raise SettingsError where no CRM is followed over its API, by the connector files in force (`files`) if given.

    Without them, raise also what `refuse_unreadable` raises.
    """
    if files is None:
        refuse_unreadable(settings)
    if not (connector_files(settings) if files is None else files):
        raise SettingsError(
            f"no CRM is synced over its API: no connector file in {settings.connectors_folder}", hint=hint
        )


def followable(settings: Settings, files: Iterable[ConnectorFile]) -> list[ConnectorFile]:
    """Those of the connector files in force that there are credentials for."""
    return [file for file in files if vendor(file.vendor).has_credentials(settings)]


def unfollowed_vendors(settings: Settings, files: Iterable[ConnectorFile]) -> Iterator[Vendor]:
    """The vendors for whose account there are credentials, and no connector file."""
    named = {file.vendor for file in files}
    for name in VENDORS:
        if name not in named and vendor(name).has_credentials(settings):
            yield vendor(name)
