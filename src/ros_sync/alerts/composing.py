"""Messages composed anew from the alerts they are about.

Composing reads everything that a message says and writes the outbox's document and the end of what was due in one
transaction. So it may be cut off anywhere, and is done again where it was. A message that cannot be composed stays due
and holds up no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, select
from sqlmodel import Session, col
from sqlmodel import select as select_model

from ros_sync.alerts.documents import AlertLine, digest, direct
from ros_sync.alerts.erasure import PERSON
from ros_sync.alerts.lifecycle import alert_table, due_table, moment_of, notification_table
from ros_sync.alerts.rule_failures import RuleFailures, in_words, is_of_the_database
from ros_sync.alerts.tables import AlertState
from ros_sync.clock import zone
from ros_sync.mirror.portions import PORTION, portions
from ros_sync.mirror.records import records_of
from ros_sync.organisation.people import Directory, Person
from ros_sync.organisation.routing import OWNER, Recipient, RecordOwner, route
from ros_sync.outbox.store import Addressee, put, withdraw
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.evaluate import describe
from ros_sync.rules.facts import columns_read
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Rule

log = structlog.get_logger(__name__)

_TOLD = ("id", "rule_id", "object", "source", "record_id", "state", "severity", "owner", "headline", "lead")


@dataclass(slots=True)
class Composed:
    """How many messages were composed, and why others could not be, in words without a value of the CRM's."""

    messages: int = 0
    failures: list[str] = field(default_factory=list)


def compose_due(
    session: Session,
    rules: Mapping[str, Rule],
    directory: Directory,
    moment: Moment,
    stale: Collection[str],
    *,
    transport: str,
) -> Composed:
    """Compose every message that is due, each in a transaction of its own.

    What fails because of the database ends it; what fails because of one message is noted, and tried again the next
    time.
    """
    keys = list(
        session.connection().execute(select(due_table.c.message_key).order_by(due_table.c.message_key)).scalars()
    )
    composer = _Composer(session, rules, directory, moment, stale, transport)
    done = Composed()
    for key in keys:
        try:
            composer.compose(key)
        except Exception as error:
            if is_of_the_database(error):
                raise
            session.rollback()
            done.failures.append(in_words(error))
            log.exception("message_not_composed", message_kind=key.partition(":")[0], reason=done.failures[-1])
            continue
        session.execute(delete(due_table).where(due_table.c.message_key == key))
        session.commit()
        done.messages += 1
    return done


def address_of(key: str, person: Person | None, transport: str) -> Addressee:
    """Where a person, or a `#channel`, is reached."""
    if person is None:
        return Addressee(key, transport=transport)
    return Addressee(person.key, person.name, person.email, person.slack_user, transport)


def owners_of(session: Session, records: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], RecordOwner]:
    """The present owner of each record (object, source, id)."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for name, source, record_id in records:
        wanted.setdefault((name, source), []).append(record_id)
    owners: dict[tuple[str, str, str], RecordOwner] = {}
    for (name, source), ids in wanted.items():
        table = records_of(name)
        columns = (table.c.id, table.c.owner_id, table.c.owner_named)
        for portion in portions(sorted(ids)):
            query = select(*columns).where(table.c.source == source, table.c.id.in_(portion))
            for record_id, owner_id, named in session.connection().execute(query):
                owners[name, source, record_id] = RecordOwner(source, owner_id, named)
    return owners


def texts_now(
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
        table, rule = records_of(name), rules[rule_id]
        columns = [table.c[column] for column in columns_read(rule)]
        ids = {alert.record_id: alert.id for alert in group}
        query = select(*columns).where(table.c.source == source, table.c.id.in_(list(ids)))
        with failures.alone(rule_id):
            for row in session.connection().execute(query).mappings().all():
                at = moment_of(rule, source, row["owner_id"] or row["owner_named"], directory, moment)
                texts[ids[row["id"]]] = describe(rule, row, at).text
    return texts


class _Composer:
    """Composes messages as of one moment."""

    def __init__(
        self,
        session: Session,
        rules: Mapping[str, Rule],
        directory: Directory,
        moment: Moment,
        stale: Collection[str],
        transport: str,
    ) -> None:
        self._session = session
        self._rules = rules
        self._directory = directory
        self._moment = moment
        self._stale = stale
        self._transport = transport
        self._routes: dict[RecordOwner | None, Recipient] = {}

    def compose(self, key: str) -> None:
        """Compose a message from the alerts it is about and put it into the outbox."""
        first = self._first(key)
        if first is None:
            return
        reader, notified_at = first
        lines = [self._line(row, owner) for rows in self._portions(key) for row, owner in rows]
        person = self._directory.person(reader)
        day = notified_at.astimezone(zone(person.timezone) if person else self._moment.timezone)
        kind = key.partition(":")[0]
        document = direct(lines) if kind == "direct" else digest(lines, f"{day:%A} {day.day} {day:%B}")
        over = all(entry.resolved for entry in lines)
        if over and (self._standing(key) is None or withdraw(self._session, key, document)):
            return  # nobody has seen it, and nobody needs to any more
        put(self._session, key, self._addressee(key, reader), document, self._moment.now, kind=kind)

    def _first(self, key: str) -> tuple[str, datetime] | None:
        """The message's reader, and when they were first told something in it."""
        c = notification_table.c
        query = select(c.recipient, func.min(c.notified_at)).where(c.message_key == key).group_by(c.recipient)
        row = self._session.connection().execute(query.order_by(func.min(c.notified_at))).first()
        return None if row is None else (row[0], row[1])

    def _portions(self, key: str) -> Iterator[list[tuple[Any, RecordOwner | None]]]:
        """The notices of the message with their alerts and the records' present owners, the oldest alerts first."""
        c = notification_table.c
        query = (
            select(*(alert_table.c[name] for name in _TOLD), c.route, c.recipient, c.text)
            .join_from(notification_table, alert_table, c.alert_id == alert_table.c.id)
            .where(c.message_key == key)
            .order_by(alert_table.c.id, c.route, c.recipient)
        )
        for rows in self._session.connection().execute(query).partitions(PORTION):
            owners = owners_of(self._session, {(row.object, row.source, row.record_id) for row in rows})
            yield [(row, self._owner_told(row, owners.get((row.object, row.source, row.record_id)))) for row in rows]

    def _owner_told(self, row: Any, present: RecordOwner | None) -> RecordOwner | None:
        """The owner as of the last look where a stale source has another one by now: nothing changes hands there."""
        if row.source not in self._stale or row.state == AlertState.RESOLVED:
            return present
        if present is not None and (present.id or present.named) == row.owner:
            return present
        return RecordOwner(row.source, row.owner, row.owner)

    def _line(self, row: Any, owner: RecordOwner | None) -> AlertLine:
        """One alert as this reader is told of it; what has gone to another owner is no longer this one's to fix."""
        title = self._rules[row.rule_id].title if row.rule_id in self._rules else row.rule_id
        record, by_owner = (row.source, row.record_id), row.route.partition(" ")[0] == OWNER
        if row.headline == PERSON:  # who it was and who had them is nobody's business any more
            return AlertLine(
                object=row.object, record=record, title=title, headline=row.headline, lead=row.lead, text=row.text,
                severity=row.severity, resolved=True, of_team=not by_owner,
            )  # fmt: skip
        person = self._directory.person_of(owner.source, owner.id) if owner else None
        now_with = self._route(owner) if by_owner else None
        moved = now_with is not None and now_with.key != row.recipient
        name = person.name if person else (owner.named or owner.id if owner else None) or "nobody"
        text = row.text
        if moved and now_with is not None and now_with.person is not None:
            text = f"{text} (now with {now_with.person.name})"
        return AlertLine(
            object=row.object,
            record=record,
            title=title,
            headline=row.headline,
            lead=row.lead,
            text=text,
            severity=row.severity,
            resolved=row.state == AlertState.RESOLVED or moved,
            owner=None if person and person.key == row.recipient else name,
            of_team=not by_owner,
        )

    def _route(self, owner: RecordOwner | None) -> Recipient:
        if owner not in self._routes:
            self._routes[owner] = route(OWNER, owner, self._directory)
        return self._routes[owner]

    def _addressee(self, key: str, reader: str) -> Addressee:
        """Whom it goes to: as was just decided, as it stands, or, where it never stood, as the reader is known now.

        It never stood where it was over when it was first composed: a tick was cut off before that, and somebody else
        got the record meanwhile.
        """
        query = select(due_table.c.address).where(due_table.c.message_key == key)
        address = self._session.connection().execute(query).scalar()
        if address:
            return Addressee(**address)
        message = self._standing(key)
        if message is None:
            return address_of(reader, self._directory.person(reader), self._transport)
        return Addressee(
            message.recipient, message.recipient_name, message.recipient_email, message.slack_user, message.transport
        )

    def _standing(self, key: str) -> OutboxMessage | None:
        return self._session.exec(select_model(OutboxMessage).where(col(OutboxMessage.key) == key)).one_or_none()
