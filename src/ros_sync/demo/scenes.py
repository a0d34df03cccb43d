"""Two scenes of the demo's week: a seller types a next step, and somebody asks to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import String, cast, func, or_, select

from ros_sync.alerts.tables import Alert, AlertNotification, AlertState
from ros_sync.demo.week import Week
from ros_sync.fields import Kind, to_stored
from ros_sync.mirror.columns import METADATA
from ros_sync.mirror.record_queries import records_of
from ros_sync.outbox.document import Document
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.sla.owners import directory as directory_of
from ros_sync.sync.write_back.requests import RequestState, WriteBackRequest

NEXT_STEP = "Walk their procurement through the order form"
NEXT_STEP_DAYS = 4
WITHOUT_STEP, ANSWER_LATE = "missing-next-step", "mql-response-timeout"
FITTING_ITEMS = 4  # of a message that is to be shown

_ALERT = Alert.metadata.tables["alert"]
_NOTIFICATION = AlertNotification.metadata.tables["alert_notification"]
_MESSAGE = OutboxMessage.metadata.tables["outbox_message"]


@dataclass(slots=True)
class NextStep:
    """A next step typed by the owner of a deal, and where it could be seen."""

    person: str
    deal_id: str
    deal: str
    alert_id: int
    message_key: str
    written: bool = False
    in_hubspot: bool = False
    in_mirror: bool = False
    alert_ended: bool = False
    ticked_in_slack: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A person who was erased; `words` are the name and address that nothing may say any more."""

    lead_id: str
    words: tuple[str, ...]


def type_next_step(week: Week) -> NextStep:
    """The owner of a deal without a next step gives it one: HubSpot has it, and the next tick ticks the message."""
    scene, email = _without_step(week)
    on = week.stage.clock().date() + timedelta(days=NEXT_STEP_DAYS)
    changes = {"next_step": NEXT_STEP, "next_step_date": to_stored(Kind.DATE, on)}
    with week.engine.connect() as connection:
        directory = directory_of(connection, week.company.organisation.at(week.stage.clock()))
    outcome = week.syncer.write(WriteBackRequest("deal", scene.deal_id, changes, asked_by=email), directory)
    scene.written = outcome.state is RequestState.DONE
    scene.in_hubspot = week.stage.account.live("deals", scene.deal_id).properties.get("hs_next_step") == NEXT_STEP
    deals = records_of("deal")
    with week.engine.connect() as connection:
        here = select(deals.c.next_step).where(deals.c.id == scene.deal_id)
        scene.in_mirror = connection.execute(here).scalar_one() == NEXT_STEP
    week.tell()
    with week.engine.connect() as connection:
        ended = select(_ALERT.c.state).where(_ALERT.c.id == scene.alert_id)
        scene.alert_ended = connection.execute(ended).scalar_one() == AlertState.RESOLVED
        place = select(_MESSAGE.c.channel, _MESSAGE.c.ts).where(_MESSAGE.c.key == scene.message_key)
        channel, ts = connection.execute(place).one()
    posted = week.stage.slack.message(channel, ts)
    scene.ticked_in_slack = posted is not None and posted.edited_ts is not None
    return scene


def ask_to_be_forgotten(week: Week) -> Forgotten:
    """A lead of whom somebody was told is deleted in HubSpot for privacy's sake."""
    lead = records_of("lead")
    known = records_of("contact")  # leads are among them, with the buyers whom deals name
    namesakes = select(func.count()).select_from(known).where(known.c.name == lead.c.name).scalar_subquery()
    query = (
        select(lead.c.id, lead.c.name, lead.c.email)
        .join(_ALERT, _ALERT.c.record_id == lead.c.id)
        .join(_NOTIFICATION, _NOTIFICATION.c.alert_id == _ALERT.c.id)
        .join(_MESSAGE, _MESSAGE.c.key == _NOTIFICATION.c.message_key)
        .where(_ALERT.c.rule_id == ANSWER_LATE, _ALERT.c.state == AlertState.OPEN, _MESSAGE.c.ts.is_not(None))
        .where(namesakes == 1)
        .order_by(_ALERT.c.id)
        .limit(1)
    )
    with week.engine.connect() as connection:
        lead_id, *words = connection.execute(query).one()
    week.stage.account.erase("contacts", lead_id)
    return Forgotten(lead_id, tuple(words))


def mentions(week: Week, forgotten: Forgotten) -> int:
    """In how many rows of the database and messages of Slack the person is still named."""
    found = 0
    with week.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            texts = [
                cast(column, String).contains(word, autoescape=True)
                for column in table.columns
                for word in forgotten.words
            ]
            found += connection.execute(select(func.count()).select_from(table).where(or_(*texts))).scalar_one()
    slack = week.stage.slack
    for channel in list(slack.channels):
        for message in slack.messages(channel):
            said = f"{message.text} {message.blocks} {message.metadata}"
            found += any(word in said for word in forgotten.words)
    return found


def _without_step(week: Week) -> tuple[NextStep, str]:
    """A deal without a next step, of whose owner's messages the one that is shown best, and the owner's address."""
    query = (
        select(_ALERT, _MESSAGE.c.key, _MESSAGE.c.recipient_name, _MESSAGE.c.recipient_email, _MESSAGE.c.document)
        .join(_NOTIFICATION, _NOTIFICATION.c.alert_id == _ALERT.c.id)
        .join(_MESSAGE, _MESSAGE.c.key == _NOTIFICATION.c.message_key)
        .where(_ALERT.c.rule_id == WITHOUT_STEP, _ALERT.c.state == AlertState.OPEN, _MESSAGE.c.ts.is_not(None))
    )
    with week.engine.connect() as connection:
        rows = list(connection.execute(query))
    best = min(rows, key=lambda row: (abs(len(Document.from_dict(row.document).items) - FITTING_ITEMS), row.id))
    scene = NextStep(best.recipient_name, best.record_id, best.headline, best.id, best.key)
    return scene, best.recipient_email
