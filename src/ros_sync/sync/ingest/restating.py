"""Telling amounts anew in the company's currency when exchange rates change.

A deal in another currency is worth something else at home from then on, without anybody having touched it. So the new
`amount_home` is a movement of its own kind: the state of before stays as the past, and the change is noted with the
cause `currency`. It is done a portion of deals at a time; whoever writes a deal while it is under way, restates that
deal first. A version of the rates that was begun and not gone through is gone through again, which changes nothing
where it was done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine, and_, exists, select, update

from ros_sync import clock
from ros_sync.fields import StoredValue
from ros_sync.mirror.bookkeeping import FILLED_FIELDS
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import PORTION, chunks
from ros_sync.mirror.store import Row, Upsert
from ros_sync.mirror.tables import CHANGE, DEAL
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.joined_records import followed_by_joined
from ros_sync.sync.ingest.rate_history import (
    BEGINNING,
    RateHistory,
    add_version,
    following,
    note_restated,
    read_rate_history,
)
from ros_sync.sync.one_writer import writing

CURRENCY = "currency"  # the cause of a change that exchange rates brought about
AMOUNT_HOME = "amount_home"
HOME = "amount_home_minor"
_RATES = ""  # what the lock of the rate history is named by; no source is called so
_DEAL, _CHANGE = DEAL.c, CHANGE.c

log = structlog.get_logger(__name__)


def by_rate_history(connection: Connection, context: DealContext) -> DealContext:
    """The context with the rates that the rate history has, which every writer goes by."""
    rate_history = read_rate_history(connection)
    latest = rate_history.latest
    if latest is None:
        return context
    return replace(context, home_currency=latest.home_currency, rates=latest.rates, rate_history=rate_history)


def restate_amounts(engine: Engine, context: DealContext, now: datetime) -> int:
    """Bring the amounts of all deals to the company's rates where these changed; the number of movements.

    Each portion of deals is a transaction of its own. Costs one look where nothing is to be done. Rates of a moment
    before those that the rate history has are of the past, and change nothing.
    """
    with engine.connect() as connection:
        rate_history = read_rate_history(connection)
    if not _is_entered(rate_history, context, now):
        rate_history = _enter(engine, context, now)
    if not rate_history.pending:
        return 0
    with engine.connect() as connection:
        sources = [str(name) for name in connection.scalars(select(_DEAL.source).distinct())]
    moved = 0
    for source in sources:
        last = ""
        while True:
            with writing(engine, source) as connection, followed_by_joined(connection, context):
                ids = _portion(connection, source, last)
                moved += restate(connection, source, ids, read_rate_history(connection))
            if len(ids) < PORTION:
                break
            last = ids[-1]
    with engine.begin() as connection:
        note_restated(connection, rate_history, now)
    if moved:
        log.info("amounts_restated", movements=moved, home_currency=context.home_currency)
    return moved


def restate(connection: Connection, source: str, ids: Sequence[str], rate_history: RateHistory) -> int:
    """Bring these deals to the rates of the rate history, one version of them after the other; the number of movements.

    What a CRM itself says an amount is worth at home stands.
    """
    if not rate_history.pending or not ids or _is_given(connection, source):
        return 0
    mirrored = objects()["deal"]
    reader = Upsert(connection, mirrored, source, ("id", "amount_minor", "currency", HOME), run_id=None)
    writer = Upsert(connection, mirrored, source, ("id", HOME), run_id=None, cause=CURRENCY)
    moved = 0
    for chunk in chunks(ids):
        stored = reader.stored(list(chunk))
        home: dict[str, StoredValue] = {each: row[3] for each, row in stored.items()}
        for version, end in following(rate_history):
            rows: list[Row] = []
            for record_id, (_, minor, currency, _, since) in stored.items():
                # A deal that a page brought to later rates meanwhile has this movement behind it.
                if end is not None and since is not None and int(since) >= end:
                    continue
                worth = version.in_home_currency(minor, currency)
                if worth is None and version is rate_history.versions[0]:
                    continue  # nobody knows by which rate it was told; better that than nothing
                if worth != home[record_id]:
                    home[record_id] = worth
                    rows.append((record_id, worth))
            writer.write(rows, version.since, derived=True)
            moved += len(rows)
    return moved


def note_movements(connection: Connection, source: str, ids: Collection[str], rate_history: RateHistory) -> None:
    """Give the changes that the rates brought about their cause, in pasts of these deals that were just written."""
    if not rate_history.moves or not ids:
        return
    other = CHANGE.alias("other")
    same = (other.c.object == _CHANGE.object, other.c.source == _CHANGE.source, other.c.at == _CHANGE.at)
    moved = exists().where(
        and_(*same, other.c.record_id == _CHANGE.record_id, other.c.field.in_(("amount_minor", "currency")))
    )
    for chunk in chunks(sorted(ids)):
        connection.execute(
            update(CHANGE)
            .where(
                _CHANGE.object == "deal",
                _CHANGE.source == source,
                _CHANGE.record_id.in_(chunk),
                _CHANGE.field == HOME,
                _CHANGE.at.in_([clock.from_micros(each) for each in sorted(rate_history.moves)]),
                _CHANGE.cause.is_(None),
                ~moved,
            )
            .values(cause=CURRENCY)
        )


def _enter(engine: Engine, context: DealContext, now: datetime) -> RateHistory:
    """Enter the company's rates into the rate history, unless another process was quicker; what it is then."""
    with writing(engine, _RATES) as connection:
        rate_history = read_rate_history(connection)
        if not _is_entered(rate_history, context, now):
            since: datetime = now
            restated_at: datetime | None = None
            if not rate_history.versions and not _has_foreign(connection, context):
                since, restated_at = BEGINNING, now
            add_version(connection, context.home_currency, context.rates, since, restated_at)
        return read_rate_history(connection)


def _is_entered(rate_history: RateHistory, context: DealContext, now: datetime) -> bool:
    latest = rate_history.latest
    if latest is None:
        return False
    same = latest.home_currency == context.home_currency and latest.rates == dict(context.rates)
    return same or clock.to_micros(now) < latest.since


def _has_foreign(connection: Connection, context: DealContext) -> bool:
    """Whether deals in other currencies are here already, which were told by rates that nobody noted."""
    query = select(_DEAL.id).where(_DEAL.amount_minor.is_not(None), _DEAL.currency != context.home_currency)
    return connection.execute(query.limit(1)).first() is not None


def _is_given(connection: Connection, source: str) -> bool:
    """Whether the CRM says itself what deals are worth in the company's currency."""
    table = FILLED_FIELDS.c
    fields = connection.execute(select(table.fields).where(table.source == source, table.object == "deal")).scalar()
    return AMOUNT_HOME in (fields or ())


def _portion(connection: Connection, source: str, last: str) -> list[str]:
    """The next deals with an amount, in the order of their ids."""
    query = select(_DEAL.id).where(_DEAL.source == source, _DEAL.id > last, _DEAL.amount_minor.is_not(None))
    return [str(each) for each in connection.scalars(query.order_by(_DEAL.id).limit(PORTION))]
