"""The tables of records that several CRMs have, seen as one: what the members of an identity say together.

A CRM's own rows are never overwritten by another's values: the next poll would flip them back, and the audit would
report it. So what the members of an identity say together stands in tables of its own, with the columns of the mirrored
ones: the present (`joined_deal`), the past (`joined_deal_version`) and the changes (`joined_change`). All of it is
worked out from the members' own rows (`mirror.joining`), and can be at any time. Imports and syncs
load nothing of this where no record is joined.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import JSON, Column, Index, Table

from ros_sync.mirror.columns import METADATA, numbered, table
from ros_sync.mirror.tables import CHANGE, JOINABLE, past_of

JOINED_CHANGE = table(
    "joined_change",
    "As `change`, of joined records: each change of what the members say together, once.",
    *(
        numbered() if each.name == "id" else Column(each.name, each.type, nullable=each.nullable, doc=each.doc)
        for each in CHANGE.columns
    ),
    Index("ix_joined_change_record", "object", "source", "record_id", "field", "at"),
)


class JoinedTables(NamedTuple):
    """The present and the past of an object's joined records, under the leader's source and id."""

    present: Table
    past: Table


def _like(name: str, other: Table, doc: str) -> Table:
    columns = [
        Column(
            each.name,
            # A missing value is missing, as in the mirrored tables, and not the null that JSON has.
            JSON(none_as_null=True) if each.name == "custom" else each.type,
            primary_key=each.primary_key,
            nullable=each.nullable,
            server_default=each.server_default,
            doc=each.doc,
            info=each.info,
        )
        for each in other.columns
    ]
    return Table(name, METADATA, *columns, info={"doc": doc})


_JOINED = {
    str(each.name): JoinedTables(
        _like(f"joined_{each.name}", each, f"What the members of an identity say together, as `{each.name}`."),
        _like(f"joined_{each.name}_version", past_of(each), f"The past of `joined_{each.name}`."),
    )
    for each in (METADATA.tables[name] for name in JOINABLE)
}


@cache
def joined_tables(name: str) -> JoinedTables | None:
    """The tables of an object's joined records; None for an object that is never joined."""
    return _JOINED.get(name)
