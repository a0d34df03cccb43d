"""Who is told of an alert, when, and in which message.

A route of the rule comes due some time after the alert opened. Its recipient is told in a message of their own for the
record (`direct`), or in the day's one digest. A message is composed anew from its alerts whenever one of them changes;
the outbox turns that into an edit of what already stands in Slack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import RowMapping, bindparam, insert, select, update
from sqlmodel import Session

from ros_sync.alerts.documents import Told, digest, direct
from ros_sync.alerts.lifecycle import CHUNK, alert_table
from ros_sync.alerts.tables import AlertNotice, State
from ros_sync.clock import zone
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.people import Directory
from ros_sync.organisation.routing import Recipient, RecordOwner, route
from ros_sync.outbox.store import Addressee, put, withdraw
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.evaluate import describe
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Mode, Route, Rule

DIGEST_HOUR = time(8)  # in the reader's zone: when what came after a day's digest is told the next day
ASK_AGAIN = timedelta(days=1)  # how often an alert that has nobody to be told is looked at again

notice_table = AlertNotice.metadata.tables["alert_notice"]
outbox = OutboxMessage.metadata.tables["outbox_message"].c


@dataclass(slots=True)
class NoticeCounts:
    """What one round of telling did: notices written, alerts with nobody to tell, messages composed."""

    told: int = 0
    nobody: int = 0
    messages: int = 0


@dataclass(slots=True)
class _Round:
    """One round: what it works with, and what it has decided so far."""

    session: Session
    directory: Directory
    moment: Moment
    transport: str
    notices: list[dict[str, object]] = field(default_factory=list)
    addressees: dict[str, Addressee] = field(default_factory=dict)
    digest_told: dict[str, bool] = field(default_factory=dict)
    next_at: list[dict[str, object]] = field(default_factory=list)
    nobody: int = 0


def tell(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    moment: Moment,
    *,
    transport: str,
    resolved: Iterable[int] = (),
) -> NoticeCounts:
    """Put into the outbox what has to be said at `moment`, and bring up to date what the `resolved` alerts were in.

    The caller owns the transaction, so that a decision and its message are kept or lost together.
    """
    by_id = {rule.id: rule for rule in rules}
    decided = _Round(session, directory, moment, transport)
    alerts = _due(session, by_id, moment)
    told, owners = _told(session, [row["id"] for row in alerts]), _owners(session, alerts)
    texts = _texts(session, alerts, by_id, moment)
    for alert in alerts:
        owner = owners.get((alert["object"], alert["source"], alert["record_id"]))
        next_at = [
            _decide(decided, alert, way, owner, texts[alert["id"]])
            for way in by_id[alert["rule_id"]].notify
            if route_key(way) not in told.get(alert["id"], set())
        ]
        decided.next_at.append({"alert": alert["id"], "at": min(filter(None, next_at), default=None)})
    if decided.next_at:
        statement = update(alert_table).where(alert_table.c.id == bindparam("alert"))
        session.connection().execute(statement.values(next_notice_at=bindparam("at")), decided.next_at)
    for start in range(0, len(decided.notices), CHUNK):
        session.execute(insert(notice_table), decided.notices[start : start + CHUNK])
    keys = {str(notice["message_key"]) for notice in decided.notices} | _messages_about(session, list(resolved))
    for key in sorted(keys):
        _compose(session, key, by_id, directory, moment, decided.addressees.get(key))
    return NoticeCounts(told=len(decided.notices), nobody=decided.nobody, messages=len(keys))


def route_key(way: Route) -> str:
    """What a route is remembered by, so that nobody is told twice when a rule's routes are put in another order."""
    return f"{way.to} after {way.after}" if way.after else way.to


def _due(session: Session, rules: Mapping[str, Rule], moment: Moment) -> list[RowMapping]:
    """The open alerts with a route that may have come due, in the order in which they opened."""
    asked = ("id", "rule_id", "object", "source", "record_id", "opened_at", "text")
    rows = session.execute(
        select(*(alert_table.c[name] for name in asked))
        .where(alert_table.c.next_notice_at <= moment.now, alert_table.c.state == State.OPEN)
        .order_by(alert_table.c.id)
    ).mappings()
    return [row for row in rows if row["rule_id"] in rules]


def _told(session: Session, ids: Sequence[int]) -> dict[int, set[str]]:
    """The routes by which somebody has been told already, for each alert."""
    told: dict[int, set[str]] = {}
    for chunk in _chunks(ids):
        query = select(notice_table.c.alert_id, notice_table.c.route).where(notice_table.c.alert_id.in_(chunk))
        for alert_id, way in session.execute(query):
            told.setdefault(alert_id, set()).add(way)
    return told


def _owners(session: Session, alerts: Sequence[RowMapping]) -> dict[tuple[str, str, str], RecordOwner]:
    """The present owner of each alert's record."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for alert in alerts:
        wanted.setdefault((alert["object"], alert["source"]), set()).add(alert["record_id"])
    owners: dict[tuple[str, str, str], RecordOwner] = {}
    for (name, source), ids in wanted.items():
        table = objects()[name].table
        for chunk in _chunks(sorted(ids)):
            columns = (table.c.id, table.c.owner_id, table.c.owner_named)
            for record_id, owner_id, named in session.execute(
                select(*columns).where(table.c.source == source, table.c.id.in_(chunk))
            ):
                owners[name, source, record_id] = RecordOwner(source, owner_id, named)
    return owners


def _texts(session: Session, alerts: Sequence[RowMapping], rules: Mapping[str, Rule], moment: Moment) -> dict[int, str]:
    """What is to be said of each alert now: what was said when it opened, or, later on, what has become of it since."""
    texts = {alert["id"]: str(alert["text"]) for alert in alerts}
    older: dict[tuple[str, str, str], list[RowMapping]] = {}
    for alert in alerts:
        if alert["opened_at"] < moment.now:
            older.setdefault((alert["rule_id"], alert["object"], alert["source"]), []).append(alert)
    for (rule_id, name, source), group in older.items():
        table = objects()[name].table
        for chunk in _chunks(group):
            ids = {alert["record_id"]: alert["id"] for alert in chunk}
            query = select(table).where(table.c.source == source, table.c.id.in_(list(ids)))
            for row in session.execute(query).mappings():
                texts[ids[row["id"]]] = describe(rules[rule_id], row, moment).text
    return texts


def _decide(decided: _Round, alert: RowMapping, way: Route, owner: RecordOwner | None, text: str) -> datetime | None:
    """Tell by this route if it is due; gives when to look at it again, None when it has been told."""
    moment = decided.moment
    due_at = moment.shift(alert["opened_at"], way.after, 1) if way.after else alert["opened_at"]
    if due_at > moment.now:
        return due_at
    recipient = route(way.to, owner, decided.directory)
    if recipient.key is None:
        decided.nobody += 1
        return moment.now + ASK_AGAIN
    key, again_at = _message_key(decided, alert, way, recipient)
    if again_at is not None:
        return again_at
    decided.addressees[key] = _addressee(recipient, decided.transport)
    decided.notices.append(
        {
            "alert_id": alert["id"],
            "route": route_key(way),
            "recipient": recipient.key,
            "message_key": key,
            "told_at": moment.now,
            "text": text,
            "reason": recipient.reason,
        }
    )
    return None


def _message_key(decided: _Round, alert: RowMapping, way: Route, recipient: Recipient) -> tuple[str, datetime | None]:
    """The message that this belongs into, or the instant at which to ask again.

    Nobody gets a second digest on one day: what comes after it waits for the next day's. A direct message is about
    one record, and further alerts on it join it as long as one of those in it is open.
    """
    if way.mode is not Mode.DIGEST:
        return _direct_key(decided.session, alert, recipient), None
    reader_zone = zone(recipient.person.timezone) if recipient.person else decided.moment.timezone
    today = decided.moment.now.astimezone(reader_zone).date()
    key = f"digest:{recipient.key}:{today.isoformat()}"
    if key not in decided.digest_told:
        standing = decided.session.execute(select(outbox.delivered_revision).where(outbox.key == key)).first()
        decided.digest_told[key] = standing is not None and standing[0] is not None
    if decided.digest_told[key]:
        return key, datetime.combine(today + timedelta(days=1), DIGEST_HOUR, reader_zone).astimezone(UTC)
    return key, None


def _direct_key(session: Session, alert: RowMapping, recipient: Recipient) -> str:
    query = (
        select(notice_table.c.message_key)
        .join_from(notice_table, alert_table, notice_table.c.alert_id == alert_table.c.id)
        .where(
            alert_table.c.object == alert["object"],
            alert_table.c.source == alert["source"],
            alert_table.c.record_id == alert["record_id"],
            alert_table.c.state == State.OPEN,
            notice_table.c.recipient == recipient.key,
            notice_table.c.message_key.like("direct:%"),
        )
        .limit(1)
    )
    standing = session.execute(query).scalar()
    return str(standing) if standing else f"direct:{recipient.key}:{alert['id']}"


def _addressee(recipient: Recipient, transport: str) -> Addressee:
    person = recipient.person
    assert recipient.key is not None
    if person is None:
        return Addressee(recipient.key, transport=transport)
    return Addressee(person.key, person.name, person.email, person.slack_user, transport)


def _messages_about(session: Session, ids: Sequence[int]) -> set[str]:
    keys: set[str] = set()
    for chunk in _chunks(ids):
        query = select(notice_table.c.message_key).where(notice_table.c.alert_id.in_(chunk)).distinct()
        keys |= set(session.execute(query).scalars())
    return keys


def _compose(
    session: Session,
    key: str,
    rules: Mapping[str, Rule],
    directory: Directory,
    moment: Moment,
    addressee: Addressee | None,
) -> None:
    """Compose a message from the alerts it is about and put it into the outbox."""
    rows = list(
        session.execute(
            select(
                *(column for column in alert_table.columns if column.name not in ("text", "seen")),
                notice_table.c.recipient,
                notice_table.c.text,
            )
            .join_from(notice_table, alert_table, notice_table.c.alert_id == alert_table.c.id)
            .where(notice_table.c.message_key == key)
            .order_by(alert_table.c.id)
        ).mappings()
    )
    owners = _owners(session, rows)
    told = [
        Told(
            object=row["object"],
            record=(row["source"], row["record_id"]),
            title=rules[row["rule_id"]].title if row["rule_id"] in rules else row["rule_id"],
            headline=row["headline"],
            lead=row["lead"],
            text=row["text"],
            severity=row["severity"],
            resolved=row["state"] == State.RESOLVED,
            owner=_other_owner(row, owners, directory),
        )
        for row in rows
    ]
    if all(entry.resolved for entry in told) and withdraw(session, key):
        return  # nobody has seen it, and nobody needs to any more
    kind = key.partition(":")[0]
    document = direct(told) if kind == "direct" else digest(told, _day(key))
    put(session, key, addressee or _standing_addressee(session, key), document, moment.now, kind=kind)


def _other_owner(
    row: RowMapping, owners: Mapping[tuple[str, str, str], RecordOwner], directory: Directory
) -> str | None:
    """The record owner's name, where the reader is somebody else."""
    owner = owners.get((row["object"], row["source"], row["record_id"]))
    if owner is None or (owner.id is None and owner.named is None):
        return "nobody"
    person = directory.person_of(owner.source, owner.id)
    if person is None:
        return owner.named or owner.id
    return None if person.key == row["recipient"] else person.name


def _standing_addressee(session: Session, key: str) -> Addressee:
    message = session.execute(select(OutboxMessage).where(outbox.key == key)).scalar_one()
    return Addressee(
        message.recipient, message.recipient_name, message.recipient_email, message.slack_user, message.transport
    )


def _day(key: str) -> str:
    """`Monday 2 March` of a digest's key."""
    day = date.fromisoformat(key.rpartition(":")[2])
    return f"{day:%A} {day.day} {day:%B}"


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
