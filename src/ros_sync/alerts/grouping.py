"""Grouping alerts into messages: a day's one digest for each reader, or a direct message about a record.

Nobody gets a second digest on one day: what comes after it waits for the next day's. A direct message is about one
record, or about the records that one rule found at once; a further alert on a record joins the message that is about it
already, as long as something in that is open.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Table, select
from sqlmodel import Session

from ros_sync.alerts.lifecycle import alert_table, due_table, notification_table
from ros_sync.alerts.tables import AlertState
from ros_sync.clock import zone
from ros_sync.organisation.people import Directory
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.language import Moment

DIGEST_HOUR = time(8)  # in the reader's zone: a digest's day begins here, so that the night's findings wait for it
_SINCE_MIDNIGHT = timedelta(hours=DIGEST_HOUR.hour)

outbox_table: Table = OutboxMessage.metadata.tables["outbox_message"]

RecordKey = tuple[str, str, str]  # object, source, id
DirectMessages = MutableMapping[tuple[RecordKey, str], str]  # the message's key, by record and reader


def record_of(alert: Row[Any]) -> RecordKey:
    """The record that an alert is about."""
    return (alert.object, alert.source, alert.record_id)


class Grouping:
    """Which message an alert belongs into, for one round.

    What was grouped before is remembered from portion to portion.
    """

    def __init__(self, session: Session, directory: Directory, moment: Moment) -> None:
        self._session = session
        self._directory = directory
        self._moment = moment
        self._gathering = dict(_begun(session))
        self._digest_delivered: dict[str, bool] = {}

    def direct(self, alert: Row[Any], reader: str, standing: DirectMessages) -> str:
        """The key of the direct message; `standing` are those that are about the portion's records already."""
        about = (record_of(alert), reader)
        if about not in standing:
            at_once = (reader, alert.rule_id)
            standing[about] = self._gathering.setdefault(at_once, f"direct:{reader}:{alert.id}")
        return standing[about]

    def digest(self, reader: str) -> tuple[str, datetime | None]:
        """The key of the reader's digest.

        Where today's was delivered, also the instant at which the next day begins.
        """
        reader_zone = self._zone_of(reader)
        day = (self._moment.now.astimezone(reader_zone) - _SINCE_MIDNIGHT).date()
        key = f"digest:{reader}:{day.isoformat()}"
        if key not in self._digest_delivered:
            query = select(outbox_table.c.delivered_revision).where(outbox_table.c.key == key)
            standing = self._session.connection().execute(query).first()
            self._digest_delivered[key] = standing is not None and standing[0] is not None
        if self._digest_delivered[key]:
            return key, datetime.combine(day + timedelta(days=1), DIGEST_HOUR, reader_zone).astimezone(UTC)
        return key, None

    def _zone_of(self, reader: str) -> ZoneInfo:
        person = self._directory.person(reader)
        return zone(person.timezone) if person else self._moment.timezone


def _begun(session: Session) -> Mapping[tuple[str, str], str]:
    """The direct messages that a round which was cut off had begun to gather, by recipient and rule."""
    query = select(due_table.c.message_key, due_table.c.address, due_table.c.rule_id).where(
        due_table.c.rule_id.is_not(None)
    )
    return {(str(row.address["key"]), row.rule_id): row.message_key for row in session.connection().execute(query)}


def direct_messages(session: Session, alerts: Sequence[Row[Any]]) -> DirectMessages:
    """For each record of the alerts and each reader, the direct message about it in which something is open."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for alert in alerts:
        wanted.setdefault((alert.object, alert.source), []).append(alert.record_id)
    standing: DirectMessages = {}
    for (name, source), ids in wanted.items():
        query = (
            select(alert_table.c.record_id, notification_table.c.recipient, notification_table.c.message_key)
            .join_from(alert_table, notification_table, notification_table.c.alert_id == alert_table.c.id)
            .where(
                alert_table.c.object == name,
                alert_table.c.source == source,
                alert_table.c.record_id.in_(ids),
                alert_table.c.state == AlertState.OPEN,
                notification_table.c.message_key.like("direct:%"),
            )
            .order_by(alert_table.c.id)
        )
        for record_id, recipient, key in session.connection().execute(query):
            standing.setdefault(((name, source, record_id), recipient), key)
    return standing
