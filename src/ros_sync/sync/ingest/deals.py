"""What ros-sync works out for deals while they are written: amounts at home, pushes, slips, stage entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection

from ros_sync.fields import MAX_WHOLE, StoredValue
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.history import DateMove, KindMove, Slip, StageMove, open_moves, slip, stage_entry
from ros_sync.mirror.portions import CHUNK as _CHUNK
from ros_sync.mirror.property_history import Change
from ros_sync.mirror.store import Columns, Upsert, one_of, rows_of
from ros_sync.money import Exchange
from ros_sync.organisation.company import Organisation
from ros_sync.sync.ingest.rate_history import RateHistory

HISTORIC = frozenset(("stage", "stage_kind", "stage_order", "close_date"))  # the columns whose history is counted
_TOLD = ("id", "close_date", "created_at", "stage_kind", "stage_entered_at", "advanced_at")  # what a recount rests on


@dataclass(frozen=True, slots=True)
class DealContext:
    """What the company lays down: its currency, what others are worth in it, and where fiscal quarters begin.

    `people` are the names and e-mail addresses, casefolded, of those whom the organisation itself knows; `quarters` is
    a text that changes with where quarters begin. `rate_history` has the rates of the past, where they ever changed;
    `systems_of_record` names, by object and column, the source whose value counts in a joined record.
    """

    home_currency: str
    rates: Mapping[str, Decimal]
    quarter_of: Callable[[date], date]
    people: frozenset[str] = frozenset()
    quarters: str = ""
    rate_history: RateHistory | None = None
    systems_of_record: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, organisation: Organisation) -> DealContext:
        """What the organisation file lays down."""
        fiscal = organisation.company.fiscal_year
        return cls(
            organisation.home_currency,
            organisation.rates,
            lambda day: fiscal.quarter_of(day).start,
            quarters=fiscal.quarters,
        )


def amounts_in_home_currency(
    minors: Iterable[StoredValue], currencies: Iterable[StoredValue], context: DealContext
) -> list[int | None]:
    """Each amount in the company's currency.

    None where it is missing, its currency has no rate, or no column holds it.
    """
    exchanges: dict[StoredValue, Exchange | None] = {}
    home: list[int | None] = []
    for minor, currency in zip(minors, currencies, strict=True):
        if minor is None or currency is None:
            home.append(None)
            continue
        if currency not in exchanges:
            exchanges[currency] = Exchange.between(str(currency), context.home_currency, context.rates)
        exchange = exchanges[currency]
        worth = exchange.convert(int(minor)) if exchange else None
        home.append(None if worth is None or abs(worth) > MAX_WHOLE else worth)
    return home


def initial_columns(columns: Columns) -> dict[str, Iterable[StoredValue]]:
    """The computed columns of deals that the mirror sees for the first time."""
    nothing: list[StoredValue] = [None] * len(columns["id"])
    created = columns.get("created_at", nothing)
    days = columns.get("close_date", nothing)
    more: dict[str, Iterable[StoredValue]] = {
        "first_close_date": days,
        "net_slip_days": [None if day is None else 0 for day in days],
    }
    entered = columns.get("stage_entered_at")
    if entered is None:
        return {**more, "stage_entered_at": created, "advanced_at": created}
    pairs = zip(entered, created, strict=True)
    more["stage_entry_known"] = [instant is not None for instant in entered]
    more["advanced_at"] = [instant if instant is not None else made for instant, made in pairs]
    return more


def recount(
    connection: Connection, source: str, ids: Sequence[str], context: DealContext, *, entry_is_given: bool
) -> None:
    """Work the computed columns of these deals out anew from their change history.

    Where the CRM itself says when the stage was entered (`entry_is_given`), its word stands.
    """
    for start in range(0, len(ids), _CHUNK):
        _recount(connection, source, ids[start : start + _CHUNK], context, entry_is_given=entry_is_given)


class Moved(NamedTuple):
    """A change of one of the `HISTORIC` columns, as the change history keeps it; `at` in microseconds."""

    column: str
    at: int
    old: str | None
    new: str | None


class Computed(NamedTuple):
    """What follows from the history of a deal, in stored form, under the names of its columns."""

    first_close_date: str | None
    push_count: int
    fiscal_push_count: int
    pull_in_count: int
    days_pushed: int
    net_slip_days: int | None
    stage_entered_at: int | None
    stage_entry_known: bool
    stage_days_before: float
    advanced_at: int | None


def computed(
    changes: Sequence[Moved],
    *,
    created_at: int | None,
    close_date: str | None,
    stage_kind: str | None,
    quarter_of: Callable[[date], date],
) -> Computed:
    """Work out a deal's computed columns from its changes and from what it says at present.

    The changes of each column come oldest first. Where the stage never moved, creation counts as its entry; where it
    never advanced, as the last advance.
    """
    first, dates = slipped(changes, close_date, stage_kind, quarter_of)
    entry = stage_entry(created_at, _stage_moves(changes))
    return Computed(
        None if first is None else first.isoformat(),
        dates.push_count,
        dates.fiscal_push_count,
        dates.pull_in_count,
        dates.days_pushed,
        dates.net_slip_days,
        entry.entered_at,
        entry.known,
        entry.days_before,
        entry.advanced_at,
    )


def beside_stored(
    columns: Computed,
    changes: Sequence[Moved],
    *,
    entered_at: int | None,
    advanced_at: int | None,
    entry_is_given: bool,
) -> Computed:
    """What was computed from these changes, less what the stored `entered_at` and `advanced_at` say better.

    The entry that the CRM itself gives stands; where it gives none, what is stored stands until the stage is seen to
    move.
    """
    if entry_is_given or not columns.stage_entry_known:
        columns = columns._replace(stage_entered_at=entered_at)
    if not _advanced(changes):
        columns = columns._replace(advanced_at=advanced_at)
    return columns._replace(stage_entry_known=columns.stage_entry_known or entry_is_given)


def slipped(
    changes: Sequence[Moved], close_date: str | None, stage_kind: str | None, quarter_of: Callable[[date], date]
) -> tuple[date | None, Slip]:
    """The first close date that the deal had, as an open deal where it had one, and how it has moved while open."""
    present = _day(close_date)
    moves = [DateMove(each.at, _day(each.old), _day(each.new)) for each in changes if each.column == "close_date"]
    if not moves:
        return present, Slip(first_close_date=present, net_slip_days=None if present is None else 0)
    kinds = [KindMove(each.at, each.old, each.new) for each in changes if each.column == "stage_kind"]
    first, while_open = open_moves(moves, kinds, stage_kind)
    if first is None:
        first = next((day for move in moves for day in (move.old, move.new) if day is not None), present)
    return first, slip(first, present, while_open, quarter_of)


def _stage_moves(changes: Sequence[Moved]) -> list[StageMove]:
    orders = {change.at: change for change in changes if change.column == "stage_order"}
    moves: list[StageMove] = []
    for column, at, old, new in changes:
        if column == "stage":
            order = orders.get(at)
            before, after = (None, None) if order is None else (order.old, order.new)
            moves.append(StageMove(at, old, new, int(before) if before else None, int(after) if after else None))
    return moves


def write_computed(connection: Connection, source: str, found: Mapping[str, Computed]) -> None:
    """Write the computed columns of these deals."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    assignments = ", ".join(f"{name} = {mark}" for name in Computed._fields)
    statement = f"UPDATE deal SET {assignments} WHERE source = {mark} AND id = {mark}"  # noqa: S608  # names are ours
    if found:
        rows = [(*columns, source, record_id) for record_id, columns in found.items()]
        connection.exec_driver_sql(statement, rows)


def _recount(
    connection: Connection, source: str, ids: Sequence[str], context: DealContext, *, entry_is_given: bool
) -> None:
    changes = changes_of(connection, source, ids)
    found: dict[str, Computed] = {}
    upsert = Upsert(connection, objects()["deal"], source, _TOLD, run_id=None)
    for record_id, (_, close_date, created_at, stage_kind, entered_at, advanced_at, _) in upsert.stored(ids).items():
        history = changes[record_id]
        columns = computed(
            history,
            created_at=_whole(created_at),
            close_date=_text(close_date),
            stage_kind=_text(stage_kind),
            quarter_of=context.quarter_of,
        )
        found[record_id] = beside_stored(
            columns,
            history,
            entered_at=_whole(entered_at),
            advanced_at=_whole(advanced_at),
            entry_is_given=entry_is_given,
        )
    write_computed(connection, source, found)


def changes_of(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, list[Moved]]:
    """The changes of these deals' `HISTORIC` columns, oldest first."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    among, wanted = one_of(connection, ids)
    field_among, fields = one_of(connection, sorted(HISTORIC))
    query = (
        'SELECT record_id, field, at, "old", "new" FROM change '  # noqa: S608  # names are ours
        f"WHERE object = 'deal' AND source = {mark} AND record_id {among} AND field {field_among} ORDER BY at, id"
    )
    changes: dict[str, list[Moved]] = defaultdict(list)
    for record_id, *change in rows_of(connection, query, (source, *wanted, *fields)):
        changes[record_id].append(Moved(*change))
    return changes


def _advanced(changes: Sequence[Moved]) -> bool:
    """Whether the deal ever moved to a later stage."""
    return any(move.old_order and move.new_order and move.new_order > move.old_order for move in _stage_moves(changes))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _whole(value: StoredValue) -> int | None:
    return None if value is None else int(value)


def _text(value: StoredValue) -> str | None:
    return None if value is None else str(value)


_PRESENT = ("created_at", "close_date", "stage_kind")


def count_initial(
    connection: Connection,
    source: str,
    columns: Mapping[str, Sequence[StoredValue]],
    changes: Iterable[Change],
    quarter_of: Callable[[date], date],
) -> None:
    """Write the computed columns of the deals of a batch that moved before they were first seen here.

    Where the batch says when a deal entered its stage, its word stands.
    """
    moved: dict[str, list[Moved]] = defaultdict(list)
    for record_id, column, at, old, new, _ in changes:  # column by column, oldest first
        if column in HISTORIC:
            moved[record_id].append(Moved(column, at, old, new))
    nothing: list[StoredValue] = [None] * len(columns["id"])
    rows = zip(columns["id"], *(columns.get(name, nothing) for name in _PRESENT), strict=True)
    found = {
        str(record_id): computed(
            moved[record_id],
            created_at=created_at,
            close_date=close_date,
            stage_kind=stage_kind,
            quarter_of=quarter_of,
        )
        for record_id, created_at, close_date, stage_kind in rows
        if record_id in moved
    }
    if "stage_entered_at" in columns:
        rows = zip(*(columns.get(name, nothing) for name in ("id", "stage_entered_at", "created_at")), strict=True)
        for record_id, entered_at, created_at in rows:
            if record_id in found:
                found[record_id] = beside_stored(
                    found[record_id],
                    moved[record_id],
                    entered_at=entered_at,
                    advanced_at=created_at if entered_at is None else entered_at,
                    entry_is_given=entered_at is not None,
                )
    write_computed(connection, source, found)
