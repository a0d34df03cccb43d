"""Who is told of an alert, when, and in which message.

A route of the rule comes due some time after the alert opened. Its recipient is told in a message of their own for the
record (`direct`), or in the day's one digest. What is decided is written in portions, with a note of the messages that
have to be composed for it (`message_due`); they are composed when everything is decided (see `composing`), so that nobody
gets half a digest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, delete, insert, select, union_all, update
from sqlmodel import Session

from ros_sync.alerts.composing import compose_due, owners_of
from ros_sync.alerts.failures import RuleFailures
from ros_sync.alerts.freshness import outside
from ros_sync.alerts.lifecycle import alert_table, chunks, due_table, moment_of, notice_table, route_key
from ros_sync.alerts.tables import State
from ros_sync.clock import zone
from ros_sync.durations import Duration
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.people import Directory
from ros_sync.organisation.routing import Recipient, RecordOwner, route
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.evaluate import describe
from ros_sync.rules.facts import columns_read
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Mode, Route, Rule

DIGEST_HOUR = time(8)  # in the reader's zone: a digest's day begins here, so that the night's findings wait for it
NOBODY = ""
_SINCE_MIDNIGHT = timedelta(hours=DIGEST_HOUR.hour)

outbox = OutboxMessage.metadata.tables["outbox_message"].c

RecordKey = tuple[str, str, str]  # object, source, id


@dataclass(slots=True)
class NoticeCounts:
    """What one round of telling did.

    `told` counts who was told of what, `nobody` alerts that nobody can be told of, `later` those that wait for their
    reader's next digest, `messages` what was composed, and `failures` why other messages could not be.
    """

    told: int = 0
    nobody: int = 0
    later: int = 0
    messages: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """One round: what it works with, and what it remembers from portion to portion."""

    session: Session
    directory: Directory
    moment: Moment
    transport: str
    digest_told: dict[str, bool] = field(default_factory=dict)
    direct_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    recipients: dict[tuple[str, RecordOwner | None], Recipient] = field(default_factory=dict)
    due_at: dict[tuple[datetime, Duration], datetime] = field(default_factory=dict)
    counts: NoticeCounts = field(default_factory=NoticeCounts)

    def recipient(self, to: str, owner: RecordOwner | None) -> Recipient:
        """Whom a route leads to; worked out once for each owner."""
        key = (to, owner)
        if key not in self.recipients:
            self.recipients[key] = route(to, owner, self.directory)
        return self.recipients[key]

    def comes_due(self, opened_at: datetime, after: Duration | None) -> datetime:
        """When a route comes due; worked out once for each instant, as many alerts open at one."""
        if after is None:
            return opened_at
        key = (opened_at, after)
        if key not in self.due_at:
            self.due_at[key] = self.moment.shift(opened_at, after, 1)
        return self.due_at[key]


@dataclass(slots=True)
class _Portion:
    """Some alerts, what was told of them before, and what has been decided about them.

    `told` holds, for each alert, who knows of it by which route; `direct`, for each record and recipient, the message that
    is about it already.
    """

    alerts: Sequence[Row[Any]]
    told: dict[int, dict[str, set[str]]]
    direct: dict[tuple[RecordKey, str], str]
    notices: list[dict[str, Any]] = field(default_factory=list)
    found: list[tuple[int, str]] = field(default_factory=list)
    later: list[dict[str, object]] = field(default_factory=list)
    due: dict[str, dict[str, Any]] = field(default_factory=dict)


def tell(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    moment: Moment,
    *,
    transport: str,
    stale: Collection[str] = (),
    failures: RuleFailures | None = None,
) -> NoticeCounts:
    """Put into the outbox what has to be said at `moment`, and bring up to date the messages that are due; commits portions.

    Nobody is newly told of records of the sources named in `stale`, nor of what a rule among `failures` found. What a round
    that was cut off had decided is composed by this one.
    """
    failures = failures if failures is not None else RuleFailures(session)
    by_id = {rule.id: rule for rule in rules}
    this = _Round(session, directory, moment, transport)
    this.direct_keys.update(_gathering(session))
    ids = _due(session, [rule_id for rule_id in by_id if rule_id not in failures], moment, stale)
    for chunk in chunks(ids):
        portion = _portion(session, chunk)
        owners = owners_of(session, {_record(alert) for alert in portion.alerts})
        for alert in portion.alerts:
            ways = by_id[alert.rule_id].notify
            owner = owners.get(_record(alert))
            at = min(filter(None, (_decide(this, portion, alert, way, owner) for way in ways)), default=None)
            if at != alert.next_notice_at:
                portion.later.append({"alert": alert.id, "at": at})
        noted = {notice["alert_id"] for notice in portion.notices}
        told = [alert for alert in portion.alerts if alert.id in noted]
        texts = _texts(session, told, by_id, directory, moment, failures)
        for notice in portion.notices:
            notice["text"] = texts[notice["alert_id"]]
        _write(session, portion)
    composed = compose_due(session, by_id, directory, moment, stale, transport=transport)
    this.counts.messages, this.counts.failures = composed.messages, composed.failures
    return this.counts


def _record(alert: Row[Any]) -> RecordKey:
    return (alert.object, alert.source, alert.record_id)


def _due(session: Session, rule_ids: Collection[str], moment: Moment, stale: Collection[str]) -> list[int]:
    """The open alerts with a route that may have come due, or with nobody to be told so far, the oldest first."""
    come = select(alert_table.c.id).where(alert_table.c.next_notice_at <= moment.now)
    untold = select(notice_table.c.alert_id).where(notice_table.c.recipient == NOBODY)
    present = (alert_table.c.state == State.OPEN) & alert_table.c.shadow.is_(False)
    present &= outside(alert_table.c.source, stale) & alert_table.c.rule_id.in_(rule_ids)
    # Two questions with an index each; asked as one condition, all alerts that there ever were are gone through.
    query = select(alert_table.c.id).where(present, alert_table.c.id.in_(union_all(come, untold)))
    return list(session.connection().execute(query.order_by(alert_table.c.id)).scalars())


def _gathering(session: Session) -> dict[tuple[str, str], str]:
    """The direct messages that a round which was cut off had begun to gather, by recipient and rule."""
    query = select(due_table.c.message_key, due_table.c.address, due_table.c.rule_id).where(
        due_table.c.rule_id.is_not(None)
    )
    return {(str(row.address["key"]), row.rule_id): row.message_key for row in session.connection().execute(query)}


def _portion(session: Session, ids: Sequence[int]) -> _Portion:
    connection = session.connection()
    asked = ("id", "rule_id", "object", "source", "record_id", "opened_at", "text", "next_notice_at")
    query = select(*(alert_table.c[name] for name in asked)).where(alert_table.c.id.in_(ids)).order_by(alert_table.c.id)
    alerts = connection.execute(query).all()
    told: dict[int, dict[str, set[str]]] = {}
    query = select(notice_table.c.alert_id, notice_table.c.route, notice_table.c.recipient)
    for alert_id, way, recipient in connection.execute(query.where(notice_table.c.alert_id.in_(ids))):
        told.setdefault(alert_id, {}).setdefault(way, set()).add(recipient)
    return _Portion(alerts, told, _direct_messages(session, alerts))


def _direct_messages(session: Session, alerts: Sequence[Row[Any]]) -> dict[tuple[RecordKey, str], str]:
    """For each record of the alerts and each reader, the direct message about it in which something is open."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for alert in alerts:
        wanted.setdefault((alert.object, alert.source), []).append(alert.record_id)
    standing: dict[tuple[RecordKey, str], str] = {}
    for (name, source), ids in wanted.items():
        query = (
            select(alert_table.c.record_id, notice_table.c.recipient, notice_table.c.message_key)
            .join_from(alert_table, notice_table, notice_table.c.alert_id == alert_table.c.id)
            .where(
                alert_table.c.object == name,
                alert_table.c.source == source,
                alert_table.c.record_id.in_(ids),
                alert_table.c.state == State.OPEN,
                notice_table.c.message_key.like("direct:%"),
            )
            .order_by(alert_table.c.id)
        )
        for record_id, recipient, key in session.connection().execute(query):
            standing.setdefault(((name, source, record_id), recipient), key)
    return standing


def _write(session: Session, portion: _Portion) -> None:
    """Write what was decided, with the messages that are due for it, in one transaction."""
    connection = session.connection()
    if portion.later:
        statement = update(alert_table).where(alert_table.c.id == bindparam("alert"))
        connection.execute(statement.values(next_notice_at=bindparam("at")), portion.later)
    for alert_id, way in portion.found:
        where = (notice_table.c.alert_id == alert_id) & (notice_table.c.route == way)
        connection.execute(delete(notice_table).where(where, notice_table.c.recipient == NOBODY))
    if portion.notices:
        connection.execute(insert(notice_table), portion.notices)
    if portion.due:
        connection.execute(delete(due_table).where(due_table.c.message_key.in_(list(portion.due))))
        connection.execute(insert(due_table), list(portion.due.values()))
    session.commit()


def _texts(
    session: Session,
    alerts: Sequence[Row[Any]],
    rules: Mapping[str, Rule],
    directory: Directory,
    moment: Moment,
    failures: RuleFailures,
) -> dict[int, str]:
    """What is to be said of each alert now: what was said when it opened, or, later on, what has become of it since."""
    texts = {alert.id: str(alert.text) for alert in alerts}
    older: dict[tuple[str, str, str], list[Row[Any]]] = {}
    for alert in alerts:
        if alert.opened_at < moment.now:
            older.setdefault((alert.rule_id, alert.object, alert.source), []).append(alert)
    for (rule_id, name, source), group in older.items():
        table, rule = objects()[name].table, rules[rule_id]
        columns = [table.c[column] for column in columns_read(rule)]
        ids = {alert.record_id: alert.id for alert in group}
        query = select(*columns).where(table.c.source == source, table.c.id.in_(list(ids)))
        with failures.alone(rule_id):
            for row in session.connection().execute(query).mappings().all():
                at = moment_of(rule, source, row["owner_id"] or row["owner_named"], directory, moment)
                texts[ids[row["id"]]] = describe(rule, row, at).text
    return texts


def _decide(this: _Round, portion: _Portion, alert: Row[Any], way: Route, owner: RecordOwner | None) -> datetime | None:
    """Tell by this route if it is due; gives when to look at it again, None when there is nothing more to do."""
    key = route_key(way)
    due_at = this.comes_due(alert.opened_at, way.after)
    if due_at > this.moment.now:
        return due_at
    told = portion.told.setdefault(alert.id, {})
    recipient = this.recipient(way.to, owner)
    notice = {
        "alert_id": alert.id, "route": key, "recipient": recipient.key or NOBODY, "message_key": None,
        "told_at": this.moment.now, "reason": recipient.reason,
    }  # fmt: skip
    if recipient.key is None:
        this.counts.nobody += 1
        if NOBODY not in told.get(key, set()):
            portion.notices.append(notice)
        return None
    if recipient.key in told.get(key, set()):
        return None
    if any(recipient.key in people for people in told.values()):
        notice["reason"] = f"{recipient.reason}, and knows already"
    else:
        message_key, again_at = _message_key(this, portion, alert, way, recipient)
        if again_at is not None:
            this.counts.later += 1
            return again_at
        notice["message_key"] = message_key
        portion.due[message_key] = {
            "message_key": message_key,
            "address": _address(recipient, this.transport),
            "rule_id": None if way.mode is Mode.DIGEST else alert.rule_id,
        }
        this.counts.told += 1
    if NOBODY in told.get(key, set()):
        portion.found.append((alert.id, key))
    portion.notices.append(notice)
    told.setdefault(key, set()).add(recipient.key)
    return None


def _message_key(
    this: _Round, portion: _Portion, alert: Row[Any], way: Route, recipient: Recipient
) -> tuple[str, datetime | None]:
    """The message that this belongs into, or the instant at which to ask again.

    Nobody gets a second digest on one day: what comes after it waits for the next day's. A direct message is about
    one record, or about the records that one rule found at once; a further alert on a record joins the message that
    is about it already, as long as something in that is open.
    """
    assert recipient.key is not None
    if way.mode is not Mode.DIGEST:
        about = (_record(alert), recipient.key)
        if about not in portion.direct:
            at_once = (recipient.key, alert.rule_id)
            portion.direct[about] = this.direct_keys.setdefault(at_once, f"direct:{recipient.key}:{alert.id}")
        return portion.direct[about], None
    reader_zone = _zone_of(recipient.key, this.directory, this.moment)
    day = (this.moment.now.astimezone(reader_zone) - _SINCE_MIDNIGHT).date()
    key = f"digest:{recipient.key}:{day.isoformat()}"
    if key not in this.digest_told:
        query = select(outbox.delivered_revision).where(outbox.key == key)
        standing = this.session.connection().execute(query).first()
        this.digest_told[key] = standing is not None and standing[0] is not None
    if this.digest_told[key]:
        return key, datetime.combine(day + timedelta(days=1), DIGEST_HOUR, reader_zone).astimezone(UTC)
    return key, None


def _zone_of(recipient: str, directory: Directory, moment: Moment) -> ZoneInfo:
    person = directory.person(recipient)
    return zone(person.timezone) if person else moment.timezone


def _address(recipient: Recipient, transport: str) -> dict[str, str | None]:
    """Whom a message goes to, as the arguments of an `Addressee`."""
    person = recipient.person
    if person is None:
        return {"key": recipient.key, "transport": transport}
    return {
        "key": person.key, "name": person.name, "email": person.email, "slack_user": person.slack_user,
        "transport": transport,
    }  # fmt: skip
