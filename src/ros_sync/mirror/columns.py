"""Column types of the mirror, and the short words that its tables are declared with.

Each word makes a nullable column that carries one kind of value (see `ros_sync.fields`), with the name that
mapping files and rules know it by and one line of documentation:

    close_date: date | None = day("when it is expected to be signed")
    closed_at: datetime | None = instant("when it was won or lost")      # the field `closed`
    amount_minor: int | None = money("what it is worth, in its own currency")   # the field `amount`

Files of tables have no `from __future__ import annotations`: pydantic and SQLAlchemy would each read every one anew.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Date, Dialect, Float, Integer, String
from sqlalchemy import text as text_clause
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from ros_sync import clock
from ros_sync.fields import Kind

# An integer key that SQLite fills by itself (it does so for INTEGER alone) and that never runs out on PostgreSQL.
BigKey = BigInteger().with_variant(Integer, "sqlite")


class Stored(SQLModel):
    """What every table is.

    Nobody gives these classes values to be checked, so the checks are not worked out whenever the program starts.
    """

    model_config = SQLModelConfig(defer_build=True)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as whole microseconds since 1970 UTC in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Encode; a naive datetime is a mistake of ours and raises ValueError."""
        return None if value is None else clock.to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Decode to an aware datetime in UTC."""
        return None if value is None else clock.from_micros(value)


def _column(kind: Kind, sa_type: type[TypeEngine[Any]] | TypeEngine[Any], doc: str, **more: Any) -> Any:
    return Field(
        default=None,
        nullable=True,
        sa_type=sa_type,
        description=doc,
        sa_column_kwargs={"info": {"kind": kind, "doc": doc, **more.pop("info", {})}},
        **more,
    )


def text(doc: str, **more: Any) -> Any:
    """A text; an empty one is stored as missing."""
    return _column(Kind.TEXT, String, doc, **more)


def number(doc: str, **more: Any) -> Any:
    """A number that is not money."""
    return _column(Kind.NUMBER, Float, doc, **more)


def count(doc: str, **more: Any) -> Any:
    """A whole number."""
    return _column(Kind.NUMBER, BigInteger, doc, **more)


def flag(doc: str, **more: Any) -> Any:
    """True, false or not known."""
    return _column(Kind.BOOLEAN, Boolean, doc, **more)


def day(doc: str, **more: Any) -> Any:
    """A calendar day without a time zone."""
    return _column(Kind.DATE, Date, doc, **more)


def instant(doc: str, **more: Any) -> Any:
    """An instant; the column ends in `_at`, the field's name does not."""
    return _column(Kind.INSTANT, Instant, doc, **more)


def money(doc: str, **more: Any) -> Any:
    """An amount in minor units; the column ends in `_minor`, the field's name does not."""
    return _column(Kind.MONEY, BigInteger, doc, **more)


def computed(column: Any, *, default: str | None = None) -> Any:
    """Mark a column as worked out by ros-sync from history: rules may read it, a mapping may not fill it.

    `default` is its value for a record that has no history yet, filled in by the database.
    """
    column.sa_column_kwargs["info"]["computed"] = True
    if default is not None:
        column.sa_column_kwargs["server_default"] = text_clause(default)
    return column


Json = JSON
