"""The mirror's owners as the plain values that a directory is made of."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlmodel import Session

from ros_sync.mirror.records import own_records_of
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.people import Directory, OwnerRow

_COLUMNS = ("source", "id", "name", "email", "active", "timezone", "team", "manager", "role", "region", "slack_user")


def directory(on: Connection | Session, organisation: Organisation) -> Directory:
    """Everybody whom the organisation file or a CRM knows; a deleted owner is no longer active."""
    table = own_records_of("owner")  # people are looked up by the id that any CRM has of them
    rows = on.execute(select(*(table.c[name] for name in _COLUMNS), table.c.deleted_at)).mappings()
    owners = []
    for row in rows:
        values = {name: row[name] for name in _COLUMNS}
        if row["deleted_at"] is not None:
            values["active"] = False
        owners.append(OwnerRow(**values))
    return Directory(organisation, owners)
