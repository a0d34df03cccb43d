"""Privacy deletion goes on here: what alerts and messages say of a person who was erased from the mirror.

A set difference like everything in a tick: the alerts on persons who were erased, less those that say nothing of them
any more. So it does not matter when the erasure was learnt, or how often this runs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, select, union, update
from sqlmodel import Session

from ros_sync.alerts.lifecycle import alert_table, chunks
from ros_sync.alerts.tables import AlertNotice, State
from ros_sync.mirror.redirects import ERASED
from ros_sync.mirror.tables import Redirect
from ros_sync.rules.language import Moment

PERSON = "a person who was deleted in the CRM"  # stands where their name stood
TEXT = f"{PERSON}: nothing is left to do"
RESOLUTION = "the person was deleted in the CRM"

_REDIRECT: Table = Redirect.metadata.tables["redirect"]
_NOTICE: Table = AlertNotice.metadata.tables["alert_notice"]


def forget_erased(session: Session, moment: Moment) -> list[int]:
    """End the alerts on persons who were erased and take their words away; the ids of those that this happened to.

    The messages about them have to be composed anew. The caller owns the transaction.
    """
    ids = _still_telling(session)
    gone: dict[str, Any] = {"headline": PERSON, "lead": "", "text": TEXT, "seen": [], "next_notice_at": None}
    ended = {"state": State.RESOLVED, "resolved_at": moment.now, "resolution": RESOLUTION}
    for chunk in chunks(ids):
        here = alert_table.c.id.in_(chunk)
        session.execute(update(alert_table).where(here, alert_table.c.state != State.RESOLVED).values(**ended))
        session.execute(update(alert_table).where(here).values(**gone))
        session.execute(update(_NOTICE).where(_NOTICE.c.alert_id.in_(chunk)).values(text=TEXT))
    return ids


def _still_telling(session: Session) -> list[int]:
    """The alerts that still say something of a person who was erased, under their id or one that was merged into it."""
    erased, merged = _REDIRECT.alias("erased"), _REDIRECT.alias("merged")
    telling = alert_table.c.headline != PERSON
    own = select(alert_table.c.id).join_from(erased, alert_table, _about(erased))
    into = and_(
        merged.c.source == erased.c.source, merged.c.object == erased.c.object, merged.c.new_id == erased.c.old_id
    )
    former = select(alert_table.c.id).join_from(erased, merged, into).join(alert_table, _about(merged))
    found = union(*(query.where(erased.c.new_id == ERASED, telling) for query in (own, former)))
    return sorted(session.execute(found).scalars())


def _about(redirect: FromClause) -> ColumnElement[bool]:
    """Whether an alert is about the record that a redirect is of."""
    c = redirect.c
    return and_(alert_table.c.source == c.source, alert_table.c.object == c.object, alert_table.c.record_id == c.old_id)
