"""Which fields the records of exports come with: those that the mapping fills, and those that they have from before."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, exists, select

from ros_sync.connectors.export import ExportMapping
from ros_sync.connectors.export.mapping import STAGE_FIELDS
from ros_sync.mirror.bookkeeping import FILLED_FIELDS, SOURCE_STATE
from ros_sync.mirror.catalogue import objects
from ros_sync.sync.ingest.activities import FIELDS as ACTIVITY_FIELDS
from ros_sync.sync.ingest.filled import note_filled


def note_mapped(connection: Connection, mapping: ExportMapping, names: Collection[str]) -> bool:
    """Keep which fields exports fill of these objects.

    Those that the mapping fills, and those that records have from before. Another mapping may have filled them, or an
    earlier one. Of a source that is followed over its API as well, what that fills stays. Whether that is news.
    """
    source = mapping.source
    query = select(FILLED_FIELDS.c.object, FILLED_FIELDS.c.fields).where(FILLED_FIELDS.c.source == source)
    known = {str(name): set(fields) for name, fields in connection.execute(query)}
    followed = connection.execute(select(exists().where(SOURCE_STATE.c.source == source))).scalar_one()
    told: dict[str, set[str]] = {}
    for name in names:
        fields = _mapped(connection, mapping, name)
        before = known.get(name, set()) - fields
        told[name] = fields | {each for each in before if followed or _is_held(connection, source, name, each)}
    return note_filled(connection, source, told)


def _mapped(connection: Connection, mapping: ExportMapping, name: str) -> set[str]:
    """The fields of an object that a mapping fills, and those that are worked out of them."""
    found = {each.name for entry in mapping.entries if entry.object == name for each in entry.fields}
    if "stage" in found:
        found.update(STAGE_FIELDS)
    if "amount" in found:
        found.add("currency")
    if name == "deal":
        activity = objects()["activity"].table
        has_some = select(exists().where(activity.c.source == mapping.source))
        if any(entry.object == "activity" for entry in mapping.entries) or connection.execute(has_some).scalar_one():
            found.update(ACTIVITY_FIELDS)
    return found


def _is_held(connection: Connection, source: str, name: str, field: str) -> bool:
    """Whether a record of the source has a value in this field.

    Of the company's own properties that is not looked at.
    """
    mirrored = objects()[name]
    if field not in mirrored.columns:
        return True
    table = mirrored.table
    here = (table.c.source == source) & table.c[mirrored.columns[field]].is_not(None)
    return bool(connection.execute(select(exists().where(here))).scalar_one())
