"""Which joined records name another record: what they say of it follows from that record's identity."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.identities import Key, led_by, memberships
from ros_sync.mirror.tables import JOINABLE, REFERENCES
from ros_sync.mirror.touched import any_joined


def referring(connection: Connection, name: str, member: Key) -> set[tuple[str, Key]]:
    """The joined records (object, leader) that name a record, or another member of its identity, by an id.

    What they say of it follows from its identity: which id it has in their leader's CRM, and what its owner is called.
    """
    named = {member}
    for leader in led_by(connection, name, {member}):
        named |= {each.member for each in memberships(connection, name, leader)}
    columns = [column for column, other in REFERENCES.items() if other == name]
    found: set[tuple[str, Key]] = set()
    for other in JOINABLE:
        mirrored = objects()[other]
        for column in columns:
            if column not in mirrored.table.c or not any_joined(connection, other):
                continue
            for table in (mirrored.table, mirrored.version_table):
                for source, record_id in named:
                    query = select(table.c.id).where(table.c.source == source, table.c[column] == record_id)
                    keys = {(source, str(each)) for each in connection.execute(query).scalars()}
                    found |= {(other, each) for each in led_by(connection, other, keys)}
    return found
