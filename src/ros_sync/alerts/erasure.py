"""Privacy deletion goes on here: what alerts and messages say of a person who was erased from the mirror.

A set difference like everything in a tick: the alerts on persons who were erased, less those that say nothing of them
any more. So it does not matter when the erasure was learnt, or how often this runs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session

from ros_sync.alerts.lifecycle import alert_table, compose_anew, notification_table
from ros_sync.alerts.tables import AlertState
from ros_sync.mirror.portions import portions
from ros_sync.mirror.redirects import ERASED
from ros_sync.mirror.tables import REDIRECT
from ros_sync.rules.language import Moment

PERSON = "a person who was deleted in the CRM"  # stands where their name stood
TEXT = f"{PERSON}: no action needed"
RESOLUTION = "the person was deleted in the CRM"


def forget_erased(session: Session, moment: Moment) -> int:
    """End the alerts on persons who were erased and take their words away; how many there were.

    The messages about them are noted, to be composed anew. Commits after each portion.
    """
    ids = _still_telling(session)
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
    return len(ids)


def _still_telling(session: Session) -> list[int]:
    """The alerts that still say something of a person who was erased, under their id or one that was merged into it.

    The ids are named in the statement: left to join, SQLite reads all alerts for each of them.
    """
    telling = alert_table.c.headline != PERSON
    found: list[int] = []
    for (source, name), ids in _erased(session).items():
        about = (alert_table.c.object == name) & (alert_table.c.source == source)
        for portion in portions(ids):
            query = select(alert_table.c.id).where(about, alert_table.c.record_id.in_(portion), telling)
            found += session.execute(query).scalars()
    return sorted(found)


def _erased(session: Session) -> dict[tuple[str, str], list[str]]:
    """The ids of persons who were erased, with those that were merged into them, by source and object."""
    c = REDIRECT.c
    erased: dict[tuple[str, str], list[str]] = {}
    for source, name, old_id in session.execute(select(c.source, c.object, c.old_id).where(c.new_id == ERASED)):
        erased.setdefault((source, name), []).append(old_id)
    for (source, name), ids in erased.items():
        own = (c.source == source) & (c.object == name)
        for portion in portions(list(ids)):
            ids.extend(session.execute(select(c.old_id).where(own, c.new_id.in_(portion))).scalars())
    return erased
