"""What there is to say about a workspace's state, counted in its database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine, case, func, inspect, select
from sqlmodel import Session, col

from ros_sync.alerts.freshness import followed
from ros_sync.alerts.rule_failures import failed_rules
from ros_sync.alerts.tables import Alert, AlertNotification, AlertState
from ros_sync.jobs.health_table import JobStanding, standings, troubles
from ros_sync.jobs.surroundings import database_file, free_bytes, short_of_room
from ros_sync.mirror.bookkeeping import DELETION_WAVE, QUARANTINED_ROW, SYNC_RUN, WRITE_BACK_REQUEST
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.config_versions import broken_files
from ros_sync.mirror.record_queries import own_records_of, records_of
from ros_sync.outbox import store as outbox
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.settings import Settings
from ros_sync.status.figures import (
    DealCounts,
    FollowedSource,
    LastRun,
    OpenAlerts,
    Outbox,
    People,
    Reason,
    Survey,
    UnknownOwner,
)
from ros_sync.sync.ingest.deletions import WaveState, waves
from ros_sync.workspace.company import people_of
from ros_sync.workspace.near_misses import near_misses


def survey_workspace(settings: Settings, engine: Engine, now: datetime) -> Survey:
    """All of it for a workspace: its database as of `now`, and the files that are meant to be read and are not."""
    with engine.connect() as connection:
        found = survey(connection, now, settings.sync.stale_seconds, people_of(settings, now))
    misnamed = [each.message for each in near_misses(settings)]
    return replace(found, attention=[*found.attention, *misnamed])


def survey(
    connection: Connection, now: datetime, stale_seconds: int, people_known: frozenset[str] = frozenset()
) -> Survey:
    """Count everything, reading only; how far the sources lag behind, and which are stale, is as of `now`.

    `people_known` are names and e-mails, casefolded, that the organisation file knows.
    """
    tables = set(inspect(connection).get_table_names())
    runs = last_runs(connection)
    jobs = standings(connection)
    return Survey(
        objects=object_counts(connection),
        deals=deal_counts(connection),
        people=people(connection),
        runs=[run for _, run in runs],
        sources=sources(connection, now, stale_seconds),
        alerts=open_alerts(connection) if Alert.__tablename__ in tables else None,
        unnotified=unnotified_alerts(connection) if AlertNotification.__tablename__ in tables else None,
        outbox=outbox_counts(connection) if OutboxMessage.__tablename__ in tables else None,
        quarantined=quarantined_rows(connection, [run_id for run_id, _ in runs]),
        unknown_owners=unknown_owners(connection, people_known),
        broken_files=broken_files(connection),
        failed_rules=failed_rules(connection),
        jobs=jobs,
        attention=attention(connection, jobs, now),
        held=waves(connection, WaveState.HELD) if DELETION_WAVE.name in tables else None,
    )


def attention(connection: Connection, jobs: list[JobStanding], now: datetime) -> list[str]:
    """What needs a person's attention, in words: the disk, a `serve` that is silent, jobs that fail."""
    path = database_file(connection.engine)
    room = short_of_room(free_bytes(path.parent)) if path is not None else None
    return [*([room] if room else []), *troubles(jobs, now)]


def object_counts(connection: Connection) -> dict[str, int]:
    """How many records of each object are here, deleted ones left out."""
    counts = {}
    for name in objects():
        table = records_of(name)
        query = select(func.count()).select_from(table).where(table.c.deleted_at.is_(None))
        counts[name] = int(connection.execute(query).scalar_one())
    return counts


def deal_counts(connection: Connection) -> DealCounts:
    """Deals by the kind of their stage."""
    deals = records_of("deal").c
    kind = deals.stage_kind
    query = select(kind, func.count()).where(deals.deleted_at.is_(None)).group_by(kind)
    by_kind = {str(name): int(number) for name, number in connection.execute(query)}
    known = {name: by_kind.pop(name, 0) for name in ("open", "won", "lost")}
    return DealCounts(**known, unstaged=sum(by_kind.values()))


def people(connection: Connection) -> People:
    """Sellers, and the teams and regions they name."""
    owner = records_of("owner")
    sellers = (
        owner.c.deleted_at.is_(None),
        func.coalesce(owner.c.role, "seller") != "manager",
        func.coalesce(owner.c.active, True),  # a CRM that does not say has active owners
    )
    query = select(
        func.count(), func.count(func.distinct(owner.c.team)), func.count(func.distinct(owner.c.region))
    ).where(*sellers)
    return People(*(int(number) for number in connection.execute(query).one()))


def last_runs(connection: Connection) -> list[tuple[int, LastRun]]:
    """The newest run of each source and what it read, with its number, newest first."""
    newest = select(func.max(SYNC_RUN.c.id)).group_by(SYNC_RUN.c.source, SYNC_RUN.c.kind)
    names = (*LastRun.__dataclass_fields__,)
    columns = [SYNC_RUN.c[name] for name in names]
    query = select(SYNC_RUN.c.id, *columns).where(SYNC_RUN.c.id.in_(newest)).order_by(SYNC_RUN.c.id.desc())
    return [(int(number), LastRun(*values)) for number, *values in connection.execute(query)]


def sources(connection: Connection, now: datetime, stale_seconds: int) -> list[FollowedSource]:
    """The sources that are followed over their API, by name."""
    found = []
    open_writes = select(WRITE_BACK_REQUEST.c.source, func.count()).where(WRITE_BACK_REQUEST.c.state == "open")
    rows = connection.execute(open_writes.group_by(WRITE_BACK_REQUEST.c.source))
    waiting = {str(source): int(number) for source, number in rows}
    for standing in followed(connection):
        lag, quota_exhausted = standing.lag(now), standing.quota_exhausted_until
        found.append(
            FollowedSource(
                standing.source,
                standing.complete_at,
                None if lag is None else lag.total_seconds(),
                standing.is_stale(now, stale_seconds),
                quota_exhausted if quota_exhausted and quota_exhausted > now else None,
                standing.trouble,
                standing.problems,
                waiting.get(standing.source, 0),
            )
        )
    return found


def open_alerts(connection: Connection) -> list[OpenAlerts]:
    """Unresolved alerts by rule, the most frequent first."""
    state, shadow = col(Alert.state), col(Alert.shadow)
    kinds = ((state == AlertState.OPEN) & ~shadow, (state == AlertState.PENDING) & ~shadow, shadow)
    numbers = [func.sum(case((kind, 1), else_=0)) for kind in kinds]
    query = (
        select(col(Alert.rule_id), *numbers)
        .where(state != AlertState.RESOLVED)
        .group_by(col(Alert.rule_id))
        .order_by(func.count().desc(), col(Alert.rule_id))
    )
    return [OpenAlerts(str(rule), *map(int, counted)) for rule, *counted in connection.execute(query)]


def unnotified_alerts(connection: Connection) -> dict[str, int]:
    """Open alerts that nobody can be told of, by reason, the most frequent first."""
    query = (
        select(col(AlertNotification.reason), func.count())
        .join_from(AlertNotification, Alert, col(AlertNotification.alert_id) == col(Alert.id))
        .where(col(AlertNotification.recipient) == "", col(Alert.state) == AlertState.OPEN)
        .group_by(col(AlertNotification.reason))
        .order_by(func.count().desc())
    )
    return {str(reason): int(number) for reason, number in connection.execute(query)}


def outbox_counts(connection: Connection) -> Outbox:
    """What waits, what nobody has confirmed, and what cannot be delivered and why."""
    # A savepoint, so that closing the session does not end the moment that everything else is read at.
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        counts = outbox.counts(session)
    return Outbox(
        counts.waiting,
        counts.unconfirmed,
        counts.undeliverable,
        counts.undeliverable_by_reason,
        counts.waiting_by_reason,
    )


def quarantined_rows(connection: Connection, run_ids: list[int]) -> list[Reason]:
    """Rows that these runs could not read, by file and column, the most frequent first."""
    place = (QUARANTINED_ROW.c.source, QUARANTINED_ROW.c.file, QUARANTINED_ROW.c.column)
    query = (
        select(*place, func.min(QUARANTINED_ROW.c.reason), func.count())
        .where(QUARANTINED_ROW.c.run_id.in_(run_ids))
        .group_by(*place)
        .order_by(func.count().desc(), *place)
    )
    return [Reason(*values) for values in connection.execute(query)]


def unknown_owners(connection: Connection, known: frozenset[str] = frozenset()) -> list[UnknownOwner]:
    """Names that stand as owner and lead to nobody, over all objects, the most frequent first."""
    records: dict[str, int] = {}
    for name in objects():
        columns = own_records_of(name).c
        if "owner_named" not in columns:
            continue
        query = (
            select(columns.owner_named, func.count())
            .where(columns.owner_named.is_not(None), columns.owner_id.is_(None), columns.deleted_at.is_(None))
            .group_by(columns.owner_named)
        )
        for named, number in connection.execute(query):
            if str(named).casefold() not in known:
                records[named] = records.get(named, 0) + int(number)
    ordered = sorted(records.items(), key=lambda entry: (-entry[1], entry[0]))
    return [UnknownOwner(*entry) for entry in ordered]
