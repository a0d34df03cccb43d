"""Who is told of an alert, when, and in which message.

A route of the rule comes due some time after the alert opened. Its recipient is told in a message of their own for the
record (`direct`), or in the day's one digest. A message is composed anew from its alerts whenever one of them changes;
the outbox turns that into an edit of what already stands in Slack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, bindparam, delete, insert, select, update
from sqlmodel import Session

from ros_sync.alerts.documents import Told, digest, direct
from ros_sync.alerts.erasure import PERSON
from ros_sync.alerts.freshness import outside
from ros_sync.alerts.lifecycle import alert_table, chunks, moment_of, route_key
from ros_sync.alerts.tables import AlertNotice, State
from ros_sync.clock import zone
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.people import Directory
from ros_sync.organisation.routing import OWNER, Recipient, RecordOwner, route
from ros_sync.outbox.store import Addressee, put, withdraw
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.evaluate import describe
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Mode, Route, Rule

DIGEST_HOUR = time(8)  # in the reader's zone: a digest's day begins here, so that the night's findings wait for it
NOBODY = ""
_SINCE_MIDNIGHT = timedelta(hours=DIGEST_HOUR.hour)

notice_table = AlertNotice.metadata.tables["alert_notice"]
outbox = OutboxMessage.metadata.tables["outbox_message"].c


@dataclass(slots=True)
class NoticeCounts:
    """What one round of telling did.

    `told` counts who was told of what, `nobody` alerts that nobody can be told of, `later` those that wait for their
    reader's next digest, `messages` what was composed.
    """

    told: int = 0
    nobody: int = 0
    later: int = 0
    messages: int = 0


@dataclass(slots=True)
class _Round:
    """One round: what it works with, what was told before, and what it has decided so far.

    `told` holds, for each alert, who knows of it by which route.
    """

    session: Session
    directory: Directory
    moment: Moment
    transport: str
    told: dict[int, dict[str, set[str]]]
    notices: list[dict[str, Any]] = field(default_factory=list)
    found: list[tuple[int, str]] = field(default_factory=list)
    addressees: dict[str, Addressee] = field(default_factory=dict)
    digest_told: dict[str, bool] = field(default_factory=dict)
    direct_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    counts: NoticeCounts = field(default_factory=NoticeCounts)


def tell(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    moment: Moment,
    *,
    transport: str,
    changed: Iterable[int] = (),
    stale: Collection[str] = (),
) -> NoticeCounts:
    """Put into the outbox what has to be said at `moment`, and bring up to date the messages about `changed` alerts.

    Nobody is newly told of records of the sources named in `stale`. The caller owns the transaction, so that a decision and its message are kept or lost together.
    """
    by_id = {rule.id: rule for rule in rules}
    alerts = _due(session, by_id, moment, stale)
    decided = _Round(session, directory, moment, transport, _told(session, [row["id"] for row in alerts]))
    owners = _owners(session, alerts)
    later = []
    for alert in alerts:
        owner = owners.get((alert["object"], alert["source"], alert["record_id"]))
        ways = by_id[alert["rule_id"]].notify
        at = min(filter(None, (_decide(decided, alert, way, owner) for way in ways)), default=None)
        if at != alert["next_notice_at"]:
            later.append({"alert": alert["id"], "at": at})
    noted = {notice["alert_id"] for notice in decided.notices}
    texts = _texts(session, [alert for alert in alerts if alert["id"] in noted], by_id, directory, moment)
    for notice in decided.notices:
        notice["text"] = texts[notice["alert_id"]]
    _write(session, decided, later)
    keys = {str(notice["message_key"]) for notice in decided.notices if notice["message_key"]}
    keys |= _messages_about(session, list(changed))
    for key in sorted(keys):
        _compose(session, key, by_id, directory, moment, decided.addressees.get(key), stale)
    decided.counts.messages = len(keys)
    return decided.counts


def _write(session: Session, decided: _Round, later: Sequence[dict[str, object]]) -> None:
    if later:
        statement = update(alert_table).where(alert_table.c.id == bindparam("alert"))
        session.connection().execute(statement.values(next_notice_at=bindparam("at")), list(later))
    for alert_id, way in decided.found:
        where = (notice_table.c.alert_id == alert_id) & (notice_table.c.route == way)
        session.execute(delete(notice_table).where(where, notice_table.c.recipient == NOBODY))
    for chunk in chunks(decided.notices):
        session.execute(insert(notice_table), list(chunk))


def _due(session: Session, rules: Mapping[str, Rule], moment: Moment, stale: Collection[str]) -> list[RowMapping]:
    """The open alerts with a route that may have come due, or with nobody to be told so far, the oldest first."""
    asked = ("id", "rule_id", "object", "source", "record_id", "opened_at", "text", "next_notice_at")
    untold = select(notice_table.c.alert_id).where(notice_table.c.recipient == NOBODY)
    present = (alert_table.c.state == State.OPEN) & alert_table.c.shadow.is_(False)
    present &= outside(alert_table.c.source, stale)
    rows = session.execute(
        select(*(alert_table.c[name] for name in asked))
        .where(present, (alert_table.c.next_notice_at <= moment.now) | alert_table.c.id.in_(untold))
        .order_by(alert_table.c.id)
    ).mappings()
    return [row for row in rows if row["rule_id"] in rules]


def _told(session: Session, ids: Sequence[int]) -> dict[int, dict[str, set[str]]]:
    """For each alert, who knows of it by which route; NOBODY where the route has led to nobody."""
    told: dict[int, dict[str, set[str]]] = {}
    for chunk in chunks(ids):
        query = select(notice_table.c.alert_id, notice_table.c.route, notice_table.c.recipient)
        for alert_id, way, recipient in session.execute(query.where(notice_table.c.alert_id.in_(chunk))):
            told.setdefault(alert_id, {}).setdefault(way, set()).add(recipient)
    return told


def _owners(session: Session, alerts: Sequence[RowMapping]) -> dict[tuple[str, str, str], RecordOwner]:
    """The present owner of each alert's record."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for alert in alerts:
        wanted.setdefault((alert["object"], alert["source"]), set()).add(alert["record_id"])
    owners: dict[tuple[str, str, str], RecordOwner] = {}
    for (name, source), ids in wanted.items():
        table = objects()[name].table
        for chunk in chunks(sorted(ids)):
            columns = (table.c.id, table.c.owner_id, table.c.owner_named)
            for record_id, owner_id, named in session.execute(
                select(*columns).where(table.c.source == source, table.c.id.in_(chunk))
            ):
                owners[name, source, record_id] = RecordOwner(source, owner_id, named)
    return owners


def _texts(
    session: Session, alerts: Sequence[RowMapping], rules: Mapping[str, Rule], directory: Directory, moment: Moment
) -> dict[int, str]:
    """What is to be said of each alert now: what was said when it opened, or, later on, what has become of it since."""
    texts = {alert["id"]: str(alert["text"]) for alert in alerts}
    older: dict[tuple[str, str, str], list[RowMapping]] = {}
    for alert in alerts:
        if alert["opened_at"] < moment.now:
            older.setdefault((alert["rule_id"], alert["object"], alert["source"]), []).append(alert)
    for (rule_id, name, source), group in older.items():
        table, rule = objects()[name].table, rules[rule_id]
        for chunk in chunks(group):
            ids = {alert["record_id"]: alert["id"] for alert in chunk}
            query = select(table).where(table.c.source == source, table.c.id.in_(list(ids)))
            for row in session.execute(query).mappings():
                texts[ids[row["id"]]] = describe(rule, row, moment_of(rule, row, directory, moment)).text
    return texts


def _decide(decided: _Round, alert: RowMapping, way: Route, owner: RecordOwner | None) -> datetime | None:
    """Tell by this route if it is due; gives when to look at it again, None when there is nothing more to do."""
    moment, key = decided.moment, route_key(way)
    due_at = moment.shift(alert["opened_at"], way.after, 1) if way.after else alert["opened_at"]
    if due_at > moment.now:
        return due_at
    told = decided.told.setdefault(alert["id"], {})
    recipient = route(way.to, owner, decided.directory)
    notice = {
        "alert_id": alert["id"], "route": key, "recipient": recipient.key or NOBODY, "message_key": None,
        "told_at": moment.now, "reason": recipient.reason,
    }  # fmt: skip
    if recipient.key is None:
        decided.counts.nobody += 1
        if NOBODY not in told.get(key, set()):
            decided.notices.append(notice)
        return None
    if recipient.key in told.get(key, set()):
        return None
    if any(recipient.key in people for people in told.values()):
        notice["reason"] = f"{recipient.reason}, and knows already"
    else:
        message_key, again_at = _message_key(decided, alert, way, recipient)
        if again_at is not None:
            decided.counts.later += 1
            return again_at
        notice["message_key"] = message_key
        decided.addressees[message_key] = _addressee(recipient, decided.transport)
        decided.counts.told += 1
    if NOBODY in told.get(key, set()):
        decided.found.append((alert["id"], key))
    decided.notices.append(notice)
    told.setdefault(key, set()).add(recipient.key)
    return None


def _message_key(decided: _Round, alert: RowMapping, way: Route, recipient: Recipient) -> tuple[str, datetime | None]:
    """The message that this belongs into, or the instant at which to ask again.

    Nobody gets a second digest on one day: what comes after it waits for the next day's. A direct message is about
    one record, or about the records that one rule found at once; a further alert on a record joins the message that
    is about it already, as long as something in that is open.
    """
    if way.mode is not Mode.DIGEST:
        return _direct_key(decided, alert, recipient), None
    assert recipient.key is not None
    reader_zone = _zone_of(recipient.key, decided.directory, decided.moment)
    day = (decided.moment.now.astimezone(reader_zone) - _SINCE_MIDNIGHT).date()
    key = f"digest:{recipient.key}:{day.isoformat()}"
    if key not in decided.digest_told:
        standing = decided.session.execute(select(outbox.delivered_revision).where(outbox.key == key)).first()
        decided.digest_told[key] = standing is not None and standing[0] is not None
    if decided.digest_told[key]:
        return key, datetime.combine(day + timedelta(days=1), DIGEST_HOUR, reader_zone).astimezone(UTC)
    return key, None


def _zone_of(recipient: str, directory: Directory, moment: Moment) -> ZoneInfo:
    person = directory.person(recipient)
    return zone(person.timezone) if person else moment.timezone


def _direct_key(decided: _Round, alert: RowMapping, recipient: Recipient) -> str:
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
    standing = decided.session.execute(query).scalar()
    if standing:
        return str(standing)
    at_once = (str(recipient.key), str(alert["rule_id"]))
    return decided.direct_keys.setdefault(at_once, f"direct:{recipient.key}:{alert['id']}")


def _addressee(recipient: Recipient, transport: str) -> Addressee:
    person = recipient.person
    assert recipient.key is not None
    if person is None:
        return Addressee(recipient.key, transport=transport)
    return Addressee(person.key, person.name, person.email, person.slack_user, transport)


def _messages_about(session: Session, ids: Sequence[int]) -> set[str]:
    keys: set[str] = set()
    for chunk in chunks(ids):
        query = select(notice_table.c.message_key).where(notice_table.c.alert_id.in_(chunk)).distinct()
        keys |= set(session.execute(query.where(notice_table.c.message_key.is_not(None))).scalars())
    return keys


def _compose(
    session: Session,
    key: str,
    rules: Mapping[str, Rule],
    directory: Directory,
    moment: Moment,
    addressee: Addressee | None,
    stale: Collection[str],
) -> None:
    """Compose a message from the alerts it is about and put it into the outbox."""
    rows = list(
        session.execute(
            select(
                *(column for column in alert_table.columns if column.name not in ("text", "seen")),
                notice_table.c.route,
                notice_table.c.recipient,
                notice_table.c.told_at,
                notice_table.c.text,
            )
            .join_from(notice_table, alert_table, notice_table.c.alert_id == alert_table.c.id)
            .where(notice_table.c.message_key == key)
            .order_by(alert_table.c.id)
        ).mappings()
    )
    owners = _owners(session, rows)
    owners |= _last_owners(rows, owners, stale)
    told = [_as_told(row, owners, rules, directory) for row in rows]
    reader_zone = _zone_of(rows[0]["recipient"], directory, moment)
    day = min(row["told_at"] for row in rows).astimezone(reader_zone)
    kind = key.partition(":")[0]
    document = direct(told) if kind == "direct" else digest(told, f"{day:%A} {day.day} {day:%B}")
    if all(entry.resolved for entry in told) and withdraw(session, key, document):
        return  # nobody has seen it, and nobody needs to any more
    put(session, key, addressee or _standing_addressee(session, key), document, moment.now, kind=kind)


def _last_owners(
    rows: Sequence[RowMapping], owners: Mapping[tuple[str, str, str], RecordOwner], stale: Collection[str]
) -> dict[tuple[str, str, str], RecordOwner]:
    """The owners as of the last look, where a stale source has another one by now: nothing changes hands there."""
    last = {}
    for row in rows:
        if row["source"] in stale and row["state"] != State.RESOLVED:
            key = (row["object"], row["source"], row["record_id"])
            present = owners.get(key)
            if present is None or (present.id or present.named) != row["owner"]:
                last[key] = RecordOwner(row["source"], row["owner"], row["owner"])
    return last


def _as_told(
    row: RowMapping,
    owners: Mapping[tuple[str, str, str], RecordOwner],
    rules: Mapping[str, Rule],
    directory: Directory,
) -> Told:
    """One alert as this reader is told of it; what has gone to another owner is no longer this one's to mend."""
    title = rules[row["rule_id"]].title if row["rule_id"] in rules else row["rule_id"]
    record, by_owner = (row["source"], row["record_id"]), row["route"].partition(" ")[0] == OWNER
    if row["headline"] == PERSON:  # who it was and who had them is nobody's business any more
        known = {name: row[name] for name in ("object", "headline", "lead", "text", "severity")}
        return Told(record=record, title=title, resolved=True, of_team=not by_owner, **known)
    owner = owners.get((row["object"], row["source"], row["record_id"]))
    person = directory.person_of(owner.source, owner.id) if owner else None
    now_with = route(OWNER, owner, directory) if by_owner else None
    moved = now_with is not None and now_with.key != row["recipient"]
    name = person.name if person else (owner.named or owner.id if owner else None) or "nobody"
    text = f"{row['text']} (now with {now_with.person.name})" if moved and now_with.person else row["text"]  # type: ignore[union-attr]  # moved says so
    return Told(
        object=row["object"],
        record=record,
        title=title,
        headline=row["headline"],
        lead=row["lead"],
        text=text,
        severity=row["severity"],
        resolved=row["state"] == State.RESOLVED or moved,
        owner=None if person and person.key == row["recipient"] else name,
        of_team=not by_owner,
    )


def _standing_addressee(session: Session, key: str) -> Addressee:
    message = session.execute(select(OutboxMessage).where(outbox.key == key)).scalar_one()
    return Addressee(
        message.recipient, message.recipient_name, message.recipient_email, message.slack_user, message.transport
    )
