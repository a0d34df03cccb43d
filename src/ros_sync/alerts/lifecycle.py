"""Findings become alerts: a set difference in the database.

For each rule, the records on which it fires now are compared with the alerts that are not resolved. What fires and has
no alert opens one, what has an alert and no longer fires resolves it, and everything else costs a look and no write.

Records of a stale source are left out of the comparison on both sides, so that their alerts keep their last state. Once
the source is fresh again, the difference holds what has happened meanwhile.

What is found is written in portions, each a transaction of its own, so that nobody else waits long for the writer.
Being a difference, it goes on where it was cut off. The messages about what was changed are noted in the same portion
(`message_due`) and composed after the last rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, insert, literal, select, update
from sqlmodel import Session

from ros_sync.alerts.freshness import outside
from ros_sync.alerts.rule_failures import RuleFailures
from ros_sync.alerts.tables import Alert, AlertNotification, AlertState, MessageDue
from ros_sync.mirror.erasure import PERSONS
from ros_sync.mirror.portions import portions
from ros_sync.mirror.record_queries import is_erased, records_of
from ros_sync.organisation.people import Directory
from ros_sync.rules.evaluate import clock_definition, describe, findings
from ros_sync.rules.facts import columns_read, explained_fields, facts_of
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Route, Rule, Status
from ros_sync.sla.clock_definitions import calendar_for
from ros_sync.sla.clocks import overdue

LOOK = 20_000  # findings looked up at a time, so that a first tick on a large mirror stays flat in memory

alert_table: Table = Alert.metadata.tables["alert"]
notification_table: Table = AlertNotification.metadata.tables["alert_notification"]
due_table: Table = MessageDue.metadata.tables["message_due"]


@dataclass(slots=True)
class RuleCounts:
    """What one look at a rule did. `open` is how many of its alerts are open afterwards."""

    rule_id: str
    opened: int = 0
    resolved: int = 0
    open: int = 0
    pending: int = 0


@dataclass(slots=True)
class Reconciled:
    """What one look at all rules did: how many alerts ended, and of how many the record changed hands.

    `kept` counts, for each stale source, its unresolved alerts: they keep their last state. `failed` has the reason of
    each rule that could not be evaluated: its alerts keep theirs too.
    """

    rules: list[RuleCounts] = field(default_factory=list)
    resolved: int = 0
    moved: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def opened(self) -> int:
        """How many alerts were opened."""
        return sum(rule.opened for rule in self.rules)


def reconcile_alerts(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    moment: Moment,
    *,
    stale: Collection[str] = (),
    complete: bool = True,
    failures: RuleFailures | None = None,
) -> Reconciled:
    """Open and resolve alerts until they say what the rules say at `moment`; commits after each portion.

    `rules` come with those that inhibit others first. Of the sources named in `stale` nothing opens, ends or changes
    hands, but for what RevOps decides without them: a retired rule's alerts end. Where the rules are not `complete`,
    the alerts of rules that are not among them keep their last state. A rule that fails, or is among `failures`
    already, leaves its alerts as they are.
    """
    failures = failures if failures is not None else RuleFailures(session)
    reconciled = Reconciled(failed=failures.reasons)
    watched = [rule for rule in rules if rule.status is not Status.RETIRED]
    gone = alert_table.c.rule_id.not_in([rule.id for rule in watched])
    if not complete:
        gone = alert_table.c.rule_id.in_([rule.id for rule in rules if rule.status is Status.RETIRED])
    reconciled.resolved += _resolve(session, gone, "rule retired", moment)
    for rule in watched:
        counts = RuleCounts(rule.id)
        if rule.id not in failures:
            with failures.alone(rule.id):
                _reconcile_rule(session, rule, directory, moment, stale, reconciled, counts)
        counts.open, counts.pending = _standing(session, rule)
        reconciled.rules.append(counts)
    reconciled.kept = _kept(session, stale)
    return reconciled


def _reconcile_rule(
    session: Session,
    rule: Rule,
    directory: Directory,
    moment: Moment,
    stale: Collection[str],
    reconciled: Reconciled,
    counts: RuleCounts,
) -> None:
    counts.resolved = _resolve(session, _ended(rule, moment, stale), "no longer applies", moment)
    reconciled.resolved += counts.resolved
    _leave_or_enter_trial(session, rule, moment)
    reconciled.moved += _reroute(session, rule, moment, stale)
    _open_new(session, rule, directory, moment, stale, counts)
    counts.opened += _open_held(session, rule, moment, stale)


def compose_anew(session: Session, alert_ids: Sequence[int]) -> None:
    """Note the messages about these alerts (a portion at most) as due, in the caller's transaction."""
    c = notification_table.c
    noted = select(due_table.c.message_key).where(due_table.c.message_key == c.message_key).exists()
    keys = select(c.message_key).where(c.alert_id.in_(alert_ids), c.message_key.is_not(None), ~noted).distinct()
    session.connection().execute(insert(due_table).from_select(["message_key"], keys))


def _kept(session: Session, stale: Collection[str]) -> dict[str, int]:
    """How many alerts of each stale source are not resolved."""
    counted = dict.fromkeys(sorted(stale), 0)
    if stale:
        query = select(alert_table.c.source, func.count()).where(
            alert_table.c.source.in_(stale), alert_table.c.state != AlertState.RESOLVED
        )
        counted.update(
            (source, number) for source, number in session.connection().execute(query.group_by(alert_table.c.source))
        )
    return counted


def _unresolved(rule: Rule) -> ColumnElement[bool]:
    return (alert_table.c.rule_id == rule.id) & (alert_table.c.state != AlertState.RESOLVED)


def _ended(rule: Rule, moment: Moment, stale: Collection[str]) -> ColumnElement[bool]:
    """The alerts of the rule whose record it no longer fires on."""
    table = records_of(rule.applies_to)
    still = findings(rule, table, moment).where(
        table.c.source == alert_table.c.source, table.c.id == alert_table.c.record_id
    )
    return _unresolved(rule) & outside(alert_table.c.source, stale) & ~still.correlate(alert_table).exists()


def _resolve(session: Session, which: ColumnElement[bool], why: str, moment: Moment) -> int:
    connection = session.connection()
    query = select(alert_table.c.id).where(which, alert_table.c.state != AlertState.RESOLVED)
    ids = list(connection.execute(query).scalars())
    for portion in portions(ids):
        session.connection().execute(
            update(alert_table)
            .where(alert_table.c.id.in_(portion))
            .values(state=AlertState.RESOLVED, resolved_at=moment.now, resolution=why, next_notification_at=None)
        )
        compose_anew(session, portion)
        session.commit()
    return len(ids)


def _change(session: Session, which: ColumnElement[bool], values: Mapping[str, Any]) -> list[int]:
    """Give the alerts other values, a portion at a time; their ids."""
    ids = list(session.connection().execute(select(alert_table.c.id).where(which)).scalars())
    for portion in portions(ids):
        session.connection().execute(update(alert_table).where(alert_table.c.id.in_(portion)).values(values))
        session.commit()
    return ids


def _leave_or_enter_trial(session: Session, rule: Rule, moment: Moment) -> None:
    """A rule that went live tells what it found on trial; one put on trial falls silent."""
    shadow = rule.status is Status.SHADOW
    which = _unresolved(rule) & (alert_table.c.shadow != shadow)
    _change(session, which, {"shadow": shadow, "next_notification_at": None if shadow else moment.now})


def routes_of(rule: Rule) -> str:
    """The routes of a rule as they are remembered, so that a new one is noticed."""
    return "; ".join(route_key(way) for way in rule.notify)


def route_key(way: Route) -> str:
    """What a route is remembered by, so that nobody is told twice when a rule's routes are put in another order."""
    return f"{way.to} after {way.after}" if way.after else way.to


def moment_of(rule: Rule, source: str, owner: str | None, directory: Directory, moment: Moment) -> Moment:
    """The moment by the calendar that the rule's clock counts in for a record of that owner."""
    definition = clock_definition(rule)
    if definition is None:
        return moment
    return replace(moment, timeline=calendar_for(definition, directory, source, owner))


def _reroute(session: Session, rule: Rule, moment: Moment, stale: Collection[str]) -> int:
    """Look anew at who is to be told, where a record changed hands or the rule's routes changed.

    How many of the former.
    """
    table = records_of(rule.applies_to)
    owner = func.coalesce(table.c.owner_id, table.c.owner_named)
    present = _unresolved(rule) & alert_table.c.shadow.is_(False) & outside(alert_table.c.source, stale)
    moved = (
        session.connection()
        .execute(
            select(alert_table.c.id, owner)
            .join_from(
                alert_table, table, (alert_table.c.source == table.c.source) & (alert_table.c.record_id == table.c.id)
            )
            .where(present, func.coalesce(alert_table.c.owner, "") != func.coalesce(owner, ""))
        )
        .all()
    )
    next_at = case(
        (alert_table.c.state == AlertState.OPEN, literal(moment.now, alert_table.c.next_notification_at.type))
    )
    by_owner = update(alert_table).where(alert_table.c.id == bindparam("alert"))
    for portion in portions(moved):
        values = [{"alert": alert_id, "new_owner": new_owner} for alert_id, new_owner in portion]
        session.connection().execute(
            by_owner.values(owner=bindparam("new_owner"), next_notification_at=next_at), values
        )
        compose_anew(session, [alert_id for alert_id, _ in portion])
        session.commit()
    routes = routes_of(rule)
    _change(session, present & (alert_table.c.routes != routes), {"routes": routes, "next_notification_at": next_at})
    return len(moved)


def _fresh(rule: Rule, moment: Moment, stale: Collection[str]) -> Select[Any]:
    """The records on which the rule fires and that have no alert of it, inhibited ones and erased persons left out."""
    table = records_of(rule.applies_to)
    same = (alert_table.c.source == table.c.source) & (alert_table.c.record_id == table.c.id)
    query = findings(rule, table, moment).where(
        outside(table.c.source, stale),
        ~select(alert_table.c.id).where(same, _unresolved(rule)).correlate(table).exists(),
    )
    if rule.applies_to in PERSONS:  # an export may still hold a person whose data was erased
        query = query.where(~is_erased(rule.applies_to, table))
    if rule.inhibited_by:
        inhibiting = (
            alert_table.c.rule_id.in_(rule.inhibited_by)
            & (alert_table.c.state == AlertState.OPEN)
            & alert_table.c.shadow.is_(False)  # a rule on trial silences nobody
        )
        query = query.where(
            ~select(alert_table.c.id)
            .where(same, alert_table.c.object == rule.applies_to, inhibiting)
            .correlate(table)
            .exists()
        )
    return query


def _open_new(
    session: Session, rule: Rule, directory: Directory, moment: Moment, stale: Collection[str], counts: RuleCounts
) -> None:
    table = records_of(rule.applies_to)
    columns = [table.c[name] for name in columns_read(rule)]
    explained = explained_fields(rule)
    held = rule.hold is not None and rule.hold.count > 0
    definition = clock_definition(rule)
    query = _fresh(rule, moment, stale).limit(LOOK)
    while True:
        found = session.connection().execute(query).all()
        by_source: dict[str, list[str]] = {}
        for source, record_id in found:
            by_source.setdefault(source, []).append(record_id)
        opened = 0
        for source, ids in by_source.items():
            for portion in portions(ids):
                connection = session.connection()
                episodes = _episodes(session, rule, source, portion)
                result = connection.execute(select(*columns).where(table.c.source == source, table.c.id.in_(portion)))
                names = tuple(result.keys())
                late = overdue(connection, definition, source, portion, moment.now) if definition else {}
                rows = [dict(zip(names, row, strict=True)) for row in result]
                alerts = [
                    {
                        **_alert(rule, row, episodes.get(row["id"], 0) + 1, directory, moment, held=held),
                        "facts": facts_of(rule, row, explained, late.get(row["id"])),
                    }
                    for row in rows
                ]
                if alerts:  # a record may have been erased since it was found
                    connection.execute(insert(alert_table), alerts)
                session.commit()
                opened += len(alerts)
        counts.opened += 0 if held else opened
        if len(found) < LOOK or not opened:
            return


def _episodes(session: Session, rule: Rule, source: str, ids: Sequence[str]) -> dict[str, int]:
    """How often the rule has fired on each of the records before."""
    alert = alert_table.c
    query = (
        select(alert.record_id, func.max(alert.episode))
        .where(
            alert.rule_id == rule.id, alert.object == rule.applies_to, alert.source == source, alert.record_id.in_(ids)
        )
        .group_by(alert.record_id)
    )
    # dict() takes a result for a mapping
    return {key: value for key, value in session.connection().execute(query)}  # noqa: C416


def _alert(
    rule: Rule,
    row: Mapping[str, Any],
    episode: int,
    directory: Directory,
    moment: Moment,
    *,
    held: bool,
) -> dict[str, Any]:
    owner = row["owner_id"] or row["owner_named"]
    found = describe(rule, row, moment_of(rule, row["source"], owner, directory, moment))
    shadow = rule.status is Status.SHADOW
    return {
        "rule_id": rule.id,
        "object": rule.applies_to,
        "source": row["source"],
        "record_id": row["id"],
        "episode": episode,
        "state": AlertState.PENDING if held else AlertState.OPEN,
        "shadow": shadow,
        "severity": rule.severity,
        "since_at": moment.now,
        "opened_at": None if held else moment.now,
        "owner": owner,
        "routes": routes_of(rule),
        "headline": found.headline,
        "lead": found.lead,
        "text": found.text,
        "seen": [],
        "next_notification_at": None if held or shadow else moment.now,
    }


def _open_held(session: Session, rule: Rule, moment: Moment, stale: Collection[str]) -> int:
    """Open the alerts whose rule has fired for as long as it asks for."""
    if rule.hold is None or rule.hold.count == 0:
        since: datetime = moment.now
    else:
        since = moment.shift(moment.now, rule.hold, -1)
    # Without `_unresolved`, SQLite goes over all alerts that there ever were: it takes the index only for what that
    # says.
    which = _unresolved(rule) & (alert_table.c.state == AlertState.PENDING) & (alert_table.c.since_at <= since)
    notified_at = None if rule.status is Status.SHADOW else moment.now
    values = {"state": AlertState.OPEN, "opened_at": moment.now, "next_notification_at": notified_at}
    return len(_change(session, which & outside(alert_table.c.source, stale), values))


def _standing(session: Session, rule: Rule) -> tuple[int, int]:
    query = select(alert_table.c.state, func.count()).where(_unresolved(rule)).group_by(alert_table.c.state)
    # dict() takes a result for a mapping
    counted = {key: value for key, value in session.connection().execute(query)}  # noqa: C416
    return counted.get(AlertState.OPEN, 0), counted.get(AlertState.PENDING, 0)
