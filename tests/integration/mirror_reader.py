"""What the mirror holds, as tests ask for it: the one place in the tests that knows how tables and columns are called.

    mirror_of(engine).deal("D1").push_count
    mirror_of(engine).count("deal", deleted=False)
    [change.new for change in mirror_of(engine).changes("deal", "D1", "stage")]
    mirror_of(engine).stream_state("deals").watermark

Rows come as records with an attribute for each column: instants are aware datetimes, days are dates, money is whole
minor units, JSON is what it means.

A test that needs a state which no public function brings about writes it with `put`, `alter` and `remove`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, NullPool, Table, create_engine, func, select

from ros_sync.alerts.tables import Alert, AlertNotification
from ros_sync.mirror import as_of, bookkeeping, config_versions, identity_tables, tables
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.columns import METADATA
from ros_sync.outbox.tables import OutboxMessage, RateState

Place = Engine | Connection | Path
"""Where a mirror is: a database, a transaction of it, or the path of a SQLite file."""


@dataclass(frozen=True)
class _Kind:
    """A kind of record: its table."""

    table: Table

    def column(self, name: str) -> Column[Any]:
        """The column of this name."""
        if name not in self.table.c:
            raise LookupError(f"{self.table.name} has no {name}")
        return self.table.c[name]


_KINDS = {
    "change": _Kind(tables.CHANGE),
    "link": _Kind(tables.RECORD_LINK),
    "former_link": _Kind(tables.FORMER_LINK),
    "history_entry": _Kind(tables.HISTORY_ENTRY),
    "redirect": _Kind(tables.REDIRECT),
    "record_identity": _Kind(identity_tables.RECORD_IDENTITY),
    "erased_member": _Kind(identity_tables.ERASED_MEMBER),
    "archived_record": _Kind(tables.ARCHIVED_RECORD),
    "run": _Kind(bookkeeping.SYNC_RUN),
    "stream_state": _Kind(bookkeeping.STREAM_STATE),
    "scan_state": _Kind(bookkeeping.SCAN_STATE),
    "derivation_state": _Kind(bookkeeping.DERIVATION_STATE),
    "exchange_rate_version": _Kind(bookkeeping.EXCHANGE_RATE_VERSION),
    "quarantined": _Kind(bookkeeping.QUARANTINED_ROW),
    "source_state": _Kind(bookkeeping.SOURCE_STATE),
    "change_event": _Kind(bookkeeping.CHANGE_EVENT),
    "rate_bucket": _Kind(bookkeeping.RATE_BUCKET),
    "write_request": _Kind(bookkeeping.WRITE_BACK_REQUEST),
    "job_health": _Kind(bookkeeping.JOB_HEALTH),
    "deletion_wave": _Kind(bookkeeping.DELETION_WAVE),
    "deletion": _Kind(bookkeeping.DELETION),
    "unlinked": _Kind(bookkeeping.UNLINKED),
    "filled_fields": _Kind(bookkeeping.FILLED_FIELDS),
    "config_version": _Kind(config_versions.CONFIG_VERSION),
    "alert": _Kind(METADATA.tables[str(Alert.__tablename__)]),
    "alert_notification": _Kind(METADATA.tables[str(AlertNotification.__tablename__)]),
    "outbox_message": _Kind(METADATA.tables[str(OutboxMessage.__tablename__)]),
    "rate_state": _Kind(METADATA.tables[str(RateState.__tablename__)]),
}


@cache
def kinds() -> dict[str, _Kind]:
    """Every kind of record by the tests' name: objects, their past (`deal_version`), and what stands beside them."""
    present = {name: _Kind(each.table) for name, each in objects().items()}
    past = {f"{name}_version": _Kind(each.version_table) for name, each in objects().items()}
    return present | past | _KINDS


class Record(SimpleNamespace):
    """A row, by the tests' names; two are equal where all their values are."""

    def pick(self, *names: str) -> tuple[Any, ...]:
        """Some of its values, in this order."""
        return tuple(getattr(self, name) for name in names)


def mirror_of(place: Place) -> Mirror:
    """What the mirror at a place holds, asked anew each time."""
    return Mirror(place)


class Mirror:
    """What a mirror holds. `where` of every question is equality; `deleted` asks whether a record is marked so.

    A value that is a list, a set or a tuple stands for any of its members, None for a missing value.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def records(self, kind: str, /, **where: Any) -> list[Record]:
        """All records of a kind that fit, in the order of their keys: as written, where the key is a number."""
        known = kinds()[kind]
        query = select(known.table).where(*_conditions(known, where)).order_by(*known.table.primary_key.columns)
        return self._asked(query, known)

    def record(self, kind: str, /, **where: Any) -> Record:
        """The only record of a kind that fits; it is a mistake to ask where there is none, or another one."""
        found = self.records(kind, **where)
        if len(found) != 1:
            raise LookupError(f"{len(found)} of {kind} are {where}")
        return found[0]

    def count(self, kind: str, /, **where: Any) -> int:
        """How many records of a kind fit."""
        known = kinds()[kind]
        query = select(func.count()).select_from(known.table).where(*_conditions(known, where))
        with _connected(self._place) as connection:
            return connection.execute(query).scalar_one()

    def values(self, kind: str, name: str, /, **where: Any) -> Iterator[Any]:
        """The values of one column, one after the other: for what is too large to be held."""
        known = kinds()[kind]
        with _connected(self._place) as connection:
            yield from connection.execute(select(known.column(name)).where(*_conditions(known, where))).scalars()

    def as_of(self, moment: datetime, kind: str) -> list[Record]:
        """The records of an object as they were at a moment."""
        then = as_of.as_of(objects()[kind], moment)
        return self._asked(select(then).order_by(then.c.source, then.c.id), kinds()[kind])

    def _asked(self, query: Any, known: _Kind) -> list[Record]:
        with _connected(self._place) as connection:
            rows = connection.execute(query).mappings().all()
        return [Record(**row) for row in rows]

    def deal(self, record_id: str | None = None, **where: Any) -> Record:
        """A deal by its id, or the only one."""
        return self.record("deal", **_with(where, id=record_id))

    def deals(self, **where: Any) -> list[Record]:
        """Deals, in the order of their ids; also deleted ones."""
        return self.records("deal", **where)

    def lead(self, record_id: str | None = None, **where: Any) -> Record:
        """A lead by its id, or the only one."""
        return self.record("lead", **_with(where, id=record_id))

    def leads(self, **where: Any) -> list[Record]:
        """Leads, in the order of their ids; also deleted ones."""
        return self.records("lead", **where)

    def contact(self, record_id: str | None = None, **where: Any) -> Record:
        """A contact by its id, or the only one."""
        return self.record("contact", **_with(where, id=record_id))

    def contacts(self, **where: Any) -> list[Record]:
        """Contacts, in the order of their ids; also deleted ones."""
        return self.records("contact", **where)

    def account(self, record_id: str | None = None, **where: Any) -> Record:
        """An account by its id, or the only one."""
        return self.record("account", **_with(where, id=record_id))

    def accounts(self, **where: Any) -> list[Record]:
        """Accounts, in the order of their ids; also deleted ones."""
        return self.records("account", **where)

    def activity(self, record_id: str | None = None, **where: Any) -> Record:
        """An activity by its id, such as `calls/7`, or the only one."""
        return self.record("activity", **_with(where, id=record_id))

    def activities(self, **where: Any) -> list[Record]:
        """Activities, in the order of their ids; also deleted ones."""
        return self.records("activity", **where)

    def owner(self, record_id: str | None = None, **where: Any) -> Record:
        """An owner by their id, or the only one."""
        return self.record("owner", **_with(where, id=record_id))

    def owners(self, **where: Any) -> list[Record]:
        """Owners, in the order of their ids; also deleted ones."""
        return self.records("owner", **where)

    def stages(self, **where: Any) -> list[Record]:
        """Stages of pipelines, in the order of their ids; also deleted ones."""
        return self.records("pipeline_stage", **where)

    def versions(self, kind: str, record_id: str | None = None, /, **where: Any) -> list[Record]:
        """The past states of an object's records, or of one of them, oldest first."""
        return self.records(f"{kind}_version", **_with(where, id=record_id))

    def changes(
        self,
        kind: str | None = None,
        record_id: str | None = None,
        name: str | Collection[str] | None = None,
        **where: Any,
    ) -> list[Record]:
        """Changes of an object, of one of its records, of one field of it or of several, as they were written."""
        return self.records("change", **_with(where, object=kind, record_id=record_id, field=name))

    def links(self, stream: str | None = None, record_id: str | None = None, **where: Any) -> list[Record]:
        """Associations of a stream's records, or of one of them."""
        return self.records("link", **_with(where, stream=stream, record_id=record_id))

    def redirects(self, kind: str | None = None, /, **where: Any) -> list[Record]:
        """Which ids of an object lead to which others."""
        return self.records("redirect", **_with(where, object=kind))

    def archived_records(self, **where: Any) -> list[Record]:
        """Records that were archived before they were ever seen here."""
        return self.records("archived_record", **where)

    def runs(self, **where: Any) -> list[Record]:
        """Runs of syncs and imports, oldest first."""
        return self.records("run", **where)

    def quarantined(self, **where: Any) -> list[Record]:
        """Rows that could not be read, in the order in which they were met."""
        return self.records("quarantined", **where)

    def stream_state(self, stream: str, **where: Any) -> Record:
        """How far a stream of the only source was followed."""
        return self.record("stream_state", stream=stream, **where)

    def source_state(self, source: str | None = None) -> Record:
        """How a source that is followed is doing, or the only one."""
        return self.record("source_state", **_with({}, source=source))

    def change_events(self, **where: Any) -> list[Record]:
        """The event inbox, as it was filled."""
        return self.records("change_event", **where)

    def write_requests(self, **where: Any) -> list[Record]:
        """Changes that people asked for here, in that order."""
        return self.records("write_request", **where)

    def alerts(self, kind: str | None = None, /, **where: Any) -> list[Record]:
        """Alerts, or those about an object's records, in the order in which they were opened."""
        return self.records("alert", **_with(where, object=kind))

    def rate_buckets(self, **where: Any) -> list[Record]:
        """Calls that limits still allow."""
        return self.records("rate_bucket", **where)

    def filled_fields(self, kind: str) -> list[str]:
        """The fields that records of an object come with, where a source said so."""
        return list(self.record("filled_fields", object=kind).fields)

    def history_entries(self, **where: Any) -> list[Record]:
        """Entries of history streams that are still kept."""
        return self.records("history_entry", **where)

    def deletions(self, **where: Any) -> list[Record]:
        """What the deletion ledger holds, by stream and id."""
        return self.records("deletion", **where)


def put(place: Place, kind: str, /, **values: Any) -> None:
    """Write one record as it is given."""
    put_all(place, kind, [values])


def put_all(place: Place, kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write records that have values of the same names."""
    known = kinds()[kind]
    given = [{known.column(name).name: value for name, value in row.items()} for row in rows]
    with _connected(place, writing=True) as connection:
        connection.execute(known.table.insert(), given)


def alter(place: Place, kind: str, where: Mapping[str, Any] | None = None, /, **values: Any) -> None:
    """Give the records of a kind that fit, or all of them, other values."""
    known = kinds()[kind]
    changed = {known.column(name).name: value for name, value in values.items()}
    with _connected(place, writing=True) as connection:
        connection.execute(known.table.update().where(*_conditions(known, where or {})).values(changed))


def remove(place: Place, kind: str, /, **where: Any) -> None:
    """Take out the records of a kind that fit, or all of them."""
    known = kinds()[kind]
    with _connected(place, writing=True) as connection:
        connection.execute(known.table.delete().where(*_conditions(known, where)))


def table_of(kind: str) -> str:
    """What the table of a kind is called today: for tests that damage it."""
    return kinds()[kind].table.name


def _with(where: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The questions that were asked: None stands for one that was not."""
    return {**where, **{name: value for name, value in more.items() if value is not None}}


def _conditions(known: _Kind, where: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    for name, value in where.items():
        if name == "deleted":
            column = known.column("deleted_at")
            asked.append(column.is_not(None) if value else column.is_(None))
        elif isinstance(value, (list, set, frozenset, tuple)):
            asked.append(known.column(name).in_(value))
        else:
            asked.append(known.column(name).is_(None) if value is None else known.column(name) == value)
    return asked


@contextmanager
def _connected(place: Place, *, writing: bool = False) -> Iterator[Connection]:
    """A connection to the place; one that is given goes on with its transaction."""
    if isinstance(place, Connection):
        yield place
        return
    engine = create_engine(f"sqlite:///{place}", poolclass=NullPool) if isinstance(place, Path) else place
    with engine.begin() if writing else engine.connect() as connection:
        yield connection
