"""What the mirror's objects and their fields are, read off the tables: the one list that mappings and rules share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Column, Table

from ros_sync.fields import Field, Kind
from ros_sync.mirror import tables

_SUFFIX = {Kind.INSTANT: "_at", Kind.MONEY: "_minor"}


@dataclass(frozen=True, slots=True)
class MirroredObject:
    """One canonical object: its table, its version table and its fields by name."""

    name: str
    table: Table
    """The present."""
    fields: dict[str, Field]
    columns: dict[str, str]
    computed: frozenset[str]

    @property
    def version_table(self) -> Table:
        """The past: the same columns and `valid_to`."""
        return tables.past_of(self.table)

    @property
    def column_names(self) -> frozenset[str]:
        """The names of all columns that a record of it has, those of the bookkeeping too."""
        return frozenset(self.table.columns.keys())

    @property
    def settable(self) -> dict[str, Field]:
        """The fields that a connector may fill."""
        return {name: field for name, field in self.fields.items() if name not in self.computed}


def field_name(column: Column[object]) -> str | None:
    """The name that mappings and rules know a column by; None for bookkeeping columns."""
    kind: Kind | None = column.info.get("kind")
    if kind is None:
        return None
    return str(column.info.get("field") or column.name.removesuffix(_SUFFIX.get(kind, "")))


def _object(table: Table) -> MirroredObject:
    fields, columns, computed = {}, {}, set()
    for column in table.columns:
        name = field_name(column)
        if name is None:
            continue
        fields[name] = Field(name, column.info["kind"], column.doc or "", column.info.get("options", frozenset()))
        columns[name] = str(column.name)  # SQLAlchemy's own kind of text is dear to bind as a value
        if column.info.get("computed"):
            computed.add(name)
    return MirroredObject(str(table.name), table, fields, columns, frozenset(computed))


@cache
def objects() -> dict[str, MirroredObject]:
    """Every mirrored object by its canonical name, in the order in which a full sync loads them."""
    ordered = (
        tables.OWNER,
        tables.PIPELINE_STAGE,
        tables.ACCOUNT,
        tables.CONTACT,
        tables.DEAL,
        tables.LEAD,
        tables.ACTIVITY,
        tables.QUOTA,
    )
    return {entry.name: entry for entry in map(_object, ordered)}
