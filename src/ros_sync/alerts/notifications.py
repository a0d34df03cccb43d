"""Who is told of an alert, when, and in which message.

A route of the rule comes due some time after the alert opened (`deciding`). Its recipient is told in a message of their
own for the record, or in the day's one digest (`grouping`). What is decided is written in portions, with a note of the
messages that have to be composed for it (`message_due`); they are composed when everything is decided (`composing`), so
that nobody gets half a digest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, union_all, update
from sqlmodel import Session

from ros_sync.alerts.composing import compose_due, owners_of, texts_now
from ros_sync.alerts.deciding import NOBODY, RouteCache, decide
from ros_sync.alerts.freshness import outside
from ros_sync.alerts.grouping import DirectMessages, Grouping, direct_messages, record_of
from ros_sync.alerts.lifecycle import alert_table, due_table, notification_table, route_key
from ros_sync.alerts.rule_failures import RuleFailures
from ros_sync.alerts.tables import AlertState
from ros_sync.mirror.portions import portions
from ros_sync.organisation.people import Directory
from ros_sync.organisation.routing import Recipient, RecordOwner
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Mode, Route, Rule


@dataclass(slots=True)
class NotificationCounts:
    """What one round of telling did.

    `notified` counts who was notified of what, `nobody` alerts that nobody can be notified of, `later` those that wait
    for their reader's next digest, `messages` what was composed, and `failures` why other messages could not be.
    """

    notified: int = 0
    nobody: int = 0
    later: int = 0
    messages: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """One round: what it works with, and what it counts."""

    moment: Moment
    transport: str
    routes: RouteCache
    grouping: Grouping
    counts: NotificationCounts = field(default_factory=NotificationCounts)


@dataclass(slots=True)
class _Portion:
    """Some alerts, what was told of them before, and what has been decided about them.

    `told` holds, for each alert, who knows of it by which route; `direct`, for each record and recipient, the message
    that is about it already.
    """

    alerts: Sequence[Row[Any]]
    told: dict[int, dict[str, set[str]]]
    direct: DirectMessages
    notifications: list[dict[str, Any]] = field(default_factory=list)
    found: list[tuple[int, str]] = field(default_factory=list)
    later: list[dict[str, object]] = field(default_factory=list)
    due: dict[str, dict[str, Any]] = field(default_factory=dict)


def notify(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    moment: Moment,
    *,
    transport: str,
    stale: Collection[str] = (),
    failures: RuleFailures | None = None,
) -> NotificationCounts:
    """Put into the outbox what has to be said at `moment`, and bring up to date the messages that are due.

    Commits portions. Nobody is newly told of records of the sources named in `stale`, nor of what a rule among
    `failures` found. What a round that was cut off had decided is composed by this one.
    """
    failures = failures if failures is not None else RuleFailures(session)
    by_id = {rule.id: rule for rule in rules}
    this = _Round(moment, transport, RouteCache(directory, moment), Grouping(session, directory, moment))
    ids = _due(session, [rule_id for rule_id in by_id if rule_id not in failures], moment, stale)
    for some in portions(ids):
        portion = _portion(session, some)
        owners = owners_of(session, {record_of(alert) for alert in portion.alerts})
        for alert in portion.alerts:
            ways = by_id[alert.rule_id].notify
            owner = owners.get(record_of(alert))
            at = min(filter(None, (_take_route(this, portion, alert, way, owner) for way in ways)), default=None)
            if at != alert.next_notification_at:
                portion.later.append({"alert": alert.id, "at": at})
        noted = {notification["alert_id"] for notification in portion.notifications}
        told = [alert for alert in portion.alerts if alert.id in noted]
        texts = texts_now(session, told, by_id, directory, moment, failures)
        for notification in portion.notifications:
            notification["text"] = texts[notification["alert_id"]]
        _write(session, portion)
    composed = compose_due(session, by_id, directory, moment, stale, transport=transport)
    this.counts.messages, this.counts.failures = composed.messages, composed.failures
    return this.counts


def _due(session: Session, rule_ids: Collection[str], moment: Moment, stale: Collection[str]) -> list[int]:
    """The open alerts with a route that may have come due, or with nobody to be told so far, the oldest first."""
    come = select(alert_table.c.id).where(alert_table.c.next_notification_at <= moment.now)
    unnotified = select(notification_table.c.alert_id).where(notification_table.c.recipient == NOBODY)
    present = (alert_table.c.state == AlertState.OPEN) & alert_table.c.shadow.is_(False)
    present &= outside(alert_table.c.source, stale) & alert_table.c.rule_id.in_(rule_ids)
    # Two questions with an index each; asked as one condition, all alerts that there ever were are gone through.
    query = select(alert_table.c.id).where(present, alert_table.c.id.in_(union_all(come, unnotified)))
    return list(session.connection().execute(query.order_by(alert_table.c.id)).scalars())


def _portion(session: Session, ids: Sequence[int]) -> _Portion:
    connection = session.connection()
    asked = ("id", "rule_id", "object", "source", "record_id", "opened_at", "text", "next_notification_at")
    query = select(*(alert_table.c[name] for name in asked)).where(alert_table.c.id.in_(ids)).order_by(alert_table.c.id)
    alerts = connection.execute(query).all()
    told: dict[int, dict[str, set[str]]] = {}
    query = select(notification_table.c.alert_id, notification_table.c.route, notification_table.c.recipient)
    for alert_id, way, recipient in connection.execute(query.where(notification_table.c.alert_id.in_(ids))):
        told.setdefault(alert_id, {}).setdefault(way, set()).add(recipient)
    return _Portion(alerts, told, direct_messages(session, alerts))


def _write(session: Session, portion: _Portion) -> None:
    """Write what was decided, with the messages that are due for it, in one transaction."""
    connection = session.connection()
    if portion.later:
        statement = update(alert_table).where(alert_table.c.id == bindparam("alert"))
        connection.execute(statement.values(next_notification_at=bindparam("at")), portion.later)
    for alert_id, way in portion.found:
        where = (notification_table.c.alert_id == alert_id) & (notification_table.c.route == way)
        connection.execute(delete(notification_table).where(where, notification_table.c.recipient == NOBODY))
    if portion.notifications:
        connection.execute(insert(notification_table), portion.notifications)
    if portion.due:
        connection.execute(delete(due_table).where(due_table.c.message_key.in_(list(portion.due))))
        connection.execute(insert(due_table), list(portion.due.values()))
    session.commit()


def _take_route(
    this: _Round, portion: _Portion, alert: Row[Any], way: Route, owner: RecordOwner | None
) -> datetime | None:
    """Tell by this route if it is due; gives when to look at it again, None when there is nothing more to do."""
    due_at = this.routes.comes_due(alert.opened_at, way.after)
    if due_at > this.moment.now:
        return due_at
    key, told = route_key(way), portion.told.setdefault(alert.id, {})
    recipient = this.routes.recipient(way.to, owner)
    if recipient.key is None:
        this.counts.nobody += 1
    decision = decide(key, recipient, told)
    if decision is None:
        return None
    message_key = None
    if decision.needs_message:
        message_key, again_at = _message(this, portion, alert, way, decision.recipient)
        if again_at is not None:
            this.counts.later += 1
            return again_at
        portion.due[message_key] = {
            "message_key": message_key,
            "address": _address(recipient, this.transport),
            "rule_id": None if way.mode is Mode.DIGEST else alert.rule_id,
        }
        this.counts.notified += 1
    if decision.found:
        portion.found.append((alert.id, key))
    portion.notifications.append({
        "alert_id": alert.id, "route": key, "recipient": decision.recipient, "message_key": message_key,
        "notified_at": this.moment.now, "reason": decision.reason,
    })  # fmt: skip
    if decision.recipient != NOBODY:
        told.setdefault(key, set()).add(decision.recipient)
    return None


def _message(this: _Round, portion: _Portion, alert: Row[Any], way: Route, reader: str) -> tuple[str, datetime | None]:
    """The message that this belongs into, or the instant at which to ask again."""
    if way.mode is Mode.DIGEST:
        return this.grouping.digest(reader)
    return this.grouping.direct(alert, reader, portion.direct), None


def _address(recipient: Recipient, transport: str) -> dict[str, str | None]:
    """Whom a message goes to, as the arguments of an `Addressee`."""
    person = recipient.person
    if person is None:
        return {"key": recipient.key, "transport": transport}
    return {
        "key": person.key, "name": person.name, "email": person.email, "slack_user": person.slack_user,
        "transport": transport,
    }  # fmt: skip
