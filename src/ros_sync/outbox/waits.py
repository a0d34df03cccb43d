"""Waits that are kept in the database, sound also when the system's clock is set.

"Not before" is an instant, and a clock that is put back by hours would make every wait hours longer: nobody would hear
from us meanwhile. So the moment of the decision is kept beside it. One that lies ahead of the present was decided by a
clock that was wrong; what is left of such a wait is not known, and it is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ros_sync import clock

CLOCKS_DIFFER = timedelta(minutes=1)  # by so much the clocks of two machines may


def wait(until: datetime, now: datetime) -> dict[str, datetime]:
    """The values of a row that waits until then, as decided now. Whoever writes `not_before` writes these."""
    return {"not_before": until, "decided_at": now}


def is_over(not_before: datetime, decided_at: datetime | None, now: datetime) -> bool:
    """Whether a wait has ended, or was decided by a clock that was ahead of this one."""
    if decided_at is None:  # written before it was kept: no wait was longer than a day
        return not_before <= now or not_before > now + clock.LONGEST_DAY
    return not_before <= now or decided_at > now + CLOCKS_DIFFER


def over(table: ReadOnlyColumnCollection[str, Any], now: datetime) -> ColumnElement[bool]:
    """The same, asked in the database of a table's columns."""
    not_before, decided_at = table.not_before, table.decided_at
    unknown = and_(decided_at.is_(None), not_before > now + clock.LONGEST_DAY)
    return or_(not_before <= now, decided_at > now + CLOCKS_DIFFER, unknown)
