"""The tables of records that two CRMs have, seen as one: who belongs together, and what they say together.

A CRM's own rows are never overwritten by another's values: the next poll would flip them back, and the audit would
report it. So what the members of an identity say together stands in tables of its own, with the columns of the mirrored
ones: the present (`joined_deal`), the past (`joined_deal_version`) and the changes (`joined_change`). All of it is
worked out from the members' own rows (`mirror.joining`), and can be at any time. Nothing here is loaded where no record
is joined.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import Column, Index, Table, text

from ros_sync.mirror.columns import METADATA, BigKey, Instant, key, needed, numbered, optional, table
from ros_sync.mirror.tables import ACCOUNT, ACTIVITY, CHANGE, CONTACT, DEAL, LEAD, OWNER, past_of

JOINABLE = (OWNER, ACCOUNT, CONTACT, DEAL, LEAD, ACTIVITY)  # stages and quotas are each CRM's own

RECORD_IDENTITY = table(
    "record_identity",
    "A record (the member) that is the same thing as the leader, from one moment to another. The leader was chosen when "
    "they were linked, and is a member itself.",
    numbered(),
    needed("object"),
    needed("member_source"),
    needed("member_id"),
    needed("leader_source"),
    needed("leader_id"),
    needed("valid_from", Instant, doc="since when they are one"),
    optional("valid_to", Instant, doc="until when they were one; empty while they are"),
    needed("reason", doc="why they are the same thing, in words: by which id, e-mail address or domain"),
    needed("linked_by", doc="who linked them: an e-mail address, or the name of a job"),
    optional("unlinked_because", doc="why they are one no longer"),
    Index(
        "uq_record_identity_member",
        "object",
        "member_source",
        "member_id",
        unique=True,
        sqlite_where=text("valid_to IS NULL"),
        postgresql_where=text("valid_to IS NULL"),
    ),
    Index("ix_record_identity_leader", "object", "leader_source", "leader_id"),
)

ERASED_MEMBER = table(
    "erased_member",
    "A leader of which a member was erased: what was said of the leader until then may be the erased person's.",
    key("object"),
    key("leader_source"),
    key("leader_id"),
    needed("erased_at", Instant),
)

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
            BigKey if each.name == "run_id" else each.type,
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
    for each in JOINABLE
}


@cache
def joined_tables(name: str) -> JoinedTables | None:
    """The tables of an object's joined records; None for an object that is never joined."""
    return _JOINED.get(name)
