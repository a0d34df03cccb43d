"""Column types of the mirror, and the short words that its tables are declared with.

Some words make a nullable column that carries one kind of value (see `ros_sync.fields`), with the name that mapping
files and rules know it by and one line of documentation:

    day("close_date", "when it is expected to be signed")
    instant("closed_at", "when it was won or lost")                 # the field `closed`
    money("amount_minor", "what it is worth, in its own currency")  # the field `amount`

The others (`key`, `needed`, `optional`) make a column of any type, a text where none is named, that no mapping and no
rule knows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DefaultClause,
    Dialect,
    Float,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy import text as text_clause
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator, TypeEngine

from ros_sync import clock
from ros_sync.fields import Kind

METADATA = MetaData()
"""Every table of the program that has been loaded."""

Type = type[TypeEngine[Any]] | TypeEngine[Any]

# An integer key that SQLite fills by itself (it does so for INTEGER alone) and that never runs out on PostgreSQL.
BigKey = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as whole microseconds since 1970 UTC in both databases."""

    impl = BigInteger
    cache_ok = True

    # SQLAlchemy's signature
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Encode; a naive datetime is a mistake of ours and raises ValueError."""
        return None if value is None else clock.to_micros(value)

    # SQLAlchemy's signature
    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Decode to an aware datetime in UTC."""
        return None if value is None else clock.from_micros(value)


Json = JSON


def table(name: str, doc: str, *columns: SchemaItem) -> Table:
    """A table; `doc` says what a row of it is."""
    return Table(name, METADATA, *columns, info={"doc": doc})


def numbered() -> Column[Any]:
    """A key `id` that the database counts up by itself."""
    return Column("id", BigKey, primary_key=True)


def key(name: str, type_: Type = String, **more: Any) -> Column[Any]:
    """A part of the table's key."""
    return Column(name, type_, primary_key=True, **more)


def needed(name: str, type_: Type = String, **more: Any) -> Column[Any]:
    """A column that every row has a value in."""
    return Column(name, type_, nullable=False, **more)


def optional(name: str, type_: Type = String, **more: Any) -> Column[Any]:
    """A column that may be empty."""
    return Column(name, type_, nullable=True, **more)


def _field(name: str, kind: Kind, type_: Type, doc: str, field: str | None = None) -> Column[Any]:
    info = {"kind": kind} if field is None else {"kind": kind, "field": field}
    return Column(name, type_, nullable=True, doc=doc, info=info)


def text(name: str, doc: str, *, field: str | None = None, options: Collection[str] = ()) -> Column[Any]:
    """A text; an empty one is stored as missing.

    `field`: what mapping files and rules call it, where that is not the column's name. `options` are the only texts
    that it can hold.
    """
    column = _field(name, Kind.TEXT, String, doc, field)
    if options:
        column.info["options"] = frozenset(options)
    return column


def number(name: str, doc: str) -> Column[Any]:
    """A number that is not money."""
    return _field(name, Kind.NUMBER, Float, doc)


def count(name: str, doc: str) -> Column[Any]:
    """A whole number."""
    return _field(name, Kind.NUMBER, BigInteger, doc)


def flag(name: str, doc: str) -> Column[Any]:
    """True, false or not known."""
    return _field(name, Kind.BOOLEAN, Boolean, doc)


def day(name: str, doc: str) -> Column[Any]:
    """A calendar day without a time zone."""
    return _field(name, Kind.DATE, Date, doc)


def instant(name: str, doc: str) -> Column[Any]:
    """An instant; the column ends in `_at`, the field's name does not."""
    return _field(name, Kind.INSTANT, Instant, doc)


def money(name: str, doc: str) -> Column[Any]:
    """An amount in minor units; the column ends in `_minor`, the field's name does not."""
    return _field(name, Kind.MONEY, BigInteger, doc)


def computed(column: Column[Any], *, default: str | None = None) -> Column[Any]:
    """Mark a column as worked out by ros-sync from history: rules may read it, a mapping may not fill it.

    `default` is its value for a record that has no history yet, filled in by the database.
    """
    column.info["computed"] = True
    if default is not None:
        column.server_default = DefaultClause(text_clause(default))
    return column
