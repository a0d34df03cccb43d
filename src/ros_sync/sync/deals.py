"""What ros-sync works out for deals while they are written: amounts at home, pushes, slips, stage entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from ros_sync.fields import Carried
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.history import DateMove, StageMove, slip, stage_entry
from ros_sync.mirror.store import Columns
from ros_sync.mirror.tables import Change, Deal
from ros_sync.money import Exchange

HISTORIC = frozenset(("stage", "stage_kind", "stage_order", "close_date"))  # the columns whose history is counted
_CHUNK = 1_000  # records whose history is read at a time


@dataclass(frozen=True, slots=True)
class DealContext:
    """What the company lays down: its currency, what others are worth in it, and where fiscal quarters begin."""

    home_currency: str
    rates: Mapping[str, Decimal]
    quarter_of: Callable[[date], date]


def amounts_at_home(minors: Iterable[Carried], currencies: Iterable[Carried], context: DealContext) -> list[int | None]:
    """Each amount in the company's currency; None where it is missing or its currency has no rate."""
    exchanges: dict[Carried, Exchange | None] = {}
    home: list[int | None] = []
    for minor, currency in zip(minors, currencies, strict=True):
        if minor is None or currency is None:
            home.append(None)
            continue
        if currency not in exchanges:
            exchanges[currency] = Exchange.between(str(currency), context.home_currency, context.rates)
        exchange = exchanges[currency]
        home.append(exchange.convert(int(minor)) if exchange else None)
    return home


def initial_columns(columns: Columns) -> dict[str, Iterable[Carried]]:
    """The computed columns of deals that the mirror sees for the first time."""
    nothing: list[Carried] = [None] * len(columns["id"])
    created = columns.get("created_at", nothing)
    more: dict[str, Iterable[Carried]] = {"first_close_date": columns.get("close_date", nothing)}
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


def _recount(
    connection: Connection, source: str, ids: Sequence[str], context: DealContext, *, entry_is_given: bool
) -> None:
    change, deal = Change.__table__.c, objects()["deal"].table  # type: ignore[attr-defined]  # SQLModel adds __table__
    changes: dict[str, list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    query = (
        select(change.record_id, change.field, change.at, change.old, change.new)
        .where(
            change.object == "deal",
            change.source == source,
            change.record_id.in_(ids),
            change.field.in_(sorted(HISTORIC)),
        )
        .order_by(change.at, change.id)
    )
    for change_row in connection.execute(query):
        changes[change_row.record_id].append(change_row)
    columns = (
        deal.c.id,
        deal.c.close_date,
        deal.c.created_at,
        deal.c.stage_kind,
        deal.c.stage_entered_at,
        deal.c.advanced_at,
    )
    updates = []
    for row in connection.execute(select(*columns).where(deal.c.source == source, deal.c.id.in_(ids))):
        history = changes[row.id]
        moves = close_date_moves(history, row.stage_kind)
        dates = slip(_first_date(moves, row.close_date), row.close_date, moves, context.quarter_of)
        stage_moves = _stage_moves(history)
        entry = stage_entry(row.created_at, stage_moves)
        advanced = any(m.old_order and m.new_order and m.new_order > m.old_order for m in stage_moves)
        updates.append(
            {
                "record_source": source,
                "record_id": row.id,
                "first_close_date": dates.first_close_date,
                "push_count": dates.push_count,
                "fiscal_push_count": dates.fiscal_push_count,
                "pull_in_count": dates.pull_in_count,
                "days_pushed": dates.days_pushed,
                "net_slip_days": dates.net_slip_days,
                "stage_entered_at": row.stage_entered_at if entry_is_given or not entry.known else entry.entered_at,
                "stage_entry_known": entry.known or entry_is_given,
                "stage_days_before": entry.days_before,
                "advanced_at": entry.advanced_at if advanced else row.advanced_at,
            }
        )
    if updates:
        statement = update(Deal).where(deal.c.source == bindparam("record_source"), deal.c.id == bindparam("record_id"))
        connection.execute(
            statement.values({name: bindparam(name) for name in updates[0] if not name.startswith("record_")}), updates
        )


def close_date_moves(history: Sequence[Row[*tuple[Any, ...]]], present_kind: str | None) -> list[DateMove]:
    """The moves of the close date; one that comes with closing the deal, or after it, is marked so."""
    kinds = [row for row in history if row.field == "stage_kind"]
    moves: list[DateMove] = []
    for row in history:
        if row.field != "close_date":
            continue
        until = [kind for kind in kinds if kind.at <= row.at]
        later = [kind for kind in kinds if kind.at > row.at]
        kind = until[-1].new if until else later[0].old if later else present_kind
        moves.append(
            DateMove(
                row.at,
                date.fromisoformat(row.old) if row.old else None,
                date.fromisoformat(row.new) if row.new else None,
                closing=kind in ("won", "lost"),
            )
        )
    return moves


def _first_date(moves: Sequence[DateMove], present: date | None) -> date | None:
    dates = [*(day for move in moves for day in (move.old, move.new)), present]
    return next((day for day in dates if day is not None), None)


def _stage_moves(history: Sequence[Row[*tuple[Any, ...]]]) -> list[StageMove]:
    orders = {row.at: (row.old, row.new) for row in history if row.field == "stage_order"}
    moves = []
    for row in history:
        if row.field == "stage":
            old, new = orders.get(row.at, (None, None))
            moves.append(StageMove(row.at, row.old, row.new, int(old) if old else None, int(new) if new else None))
    return moves
