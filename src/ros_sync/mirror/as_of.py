"""Any past moment: the records as they were, with the same columns as at present."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Subquery, select, union_all

from ros_sync.mirror.catalogue import MirroredObject


def as_of(mirrored: MirroredObject, at: datetime) -> Subquery:
    """The records as they were at the instant `at`, as a selectable with the columns of the present table.

    A record is missing before the mirror first knew of it.
    """
    present, past = mirrored.table, mirrored.version_table
    names = [column.name for column in present.columns]
    return union_all(
        select(*present.columns).where(present.c.valid_from <= at),
        select(*(past.c[name] for name in names)).where(past.c.valid_from <= at, past.c.valid_to > at),
    ).subquery(mirrored.name)
