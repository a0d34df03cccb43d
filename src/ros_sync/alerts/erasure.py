"""Privacy deletion goes on here: what alerts and messages say of a person who was erased from the mirror.

A set difference like everything in a tick: the alerts on persons who were erased, less those that say nothing of them
any more. So it does not matter when the erasure was learnt, or how often this runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session

from ros_sync.alerts.lifecycle import alert_table, compose_anew, notification_table
from ros_sync.alerts.tables import AlertState
from ros_sync.mirror.erasure import PERSONS
from ros_sync.mirror.portions import portions
from ros_sync.mirror.record_queries import erased_ids, forgotten, leaders_of_erased
from ros_sync.rules.language import Moment

PERSON = "a person who was deleted in the CRM"  # stands where their name stood
TEXT = f"{PERSON}: no action needed"
RESOLUTION = "the person was deleted in the CRM"


def forget_erased(session: Session, moment: Moment) -> int:
    """End the alerts on persons who were erased and take their words away; how many there were.

    The messages about them are noted, to be composed anew. Commits after each portion.
    """
    # Read first: who is erased from here on is left to the next tick.
    leaders = leaders_of_erased(session.connection())
    ids = _still_telling(session, leaders)
    gone: dict[str, Any] = {
        "headline": PERSON,
        "lead": "",
        "text": TEXT,
        "seen": [],
        "facts": None,
        "next_notification_at": None,
    }
    ended = {"state": AlertState.RESOLVED, "resolved_at": moment.now, "resolution": RESOLUTION}
    for portion in portions(ids):
        here = alert_table.c.id.in_(portion)
        session.execute(update(alert_table).where(here, alert_table.c.state != AlertState.RESOLVED).values(**ended))
        session.execute(update(alert_table).where(here).values(**gone))
        session.execute(update(notification_table).where(notification_table.c.alert_id.in_(portion)).values(text=TEXT))
        compose_anew(session, portion)
        session.commit()
    if leaders:
        forgotten(session.connection(), leaders)
        session.commit()
    return len(ids)


def _still_telling(session: Session, leaders: Sequence[tuple[str, str, str]]) -> list[int]:
    """The alerts that still say something of a person who was erased.

    They are under the person's id, under one that was merged into it, or under that of the leader of a joined record
    that they were a part of. The ids are named in the statement:
    left to join, SQLite reads all alerts for each of them.
    """
    telling = alert_table.c.headline != PERSON
    found: set[int] = set()
    for (source, name), ids in erased_ids(session.connection(), PERSONS).items():
        about = (alert_table.c.object == name) & (alert_table.c.source == source)
        for portion in portions(ids):
            query = select(alert_table.c.id).where(about, alert_table.c.record_id.in_(portion), telling)
            found.update(session.execute(query).scalars())
    for name, source, record_id in leaders:
        about = (alert_table.c.object == name) & (alert_table.c.source == source)
        query = select(alert_table.c.id).where(about, alert_table.c.record_id == record_id, telling)
        found.update(session.execute(query).scalars())
    return sorted(found)
