"""Where the fields of a record are found: as columns of a table or of a past state, and in one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Float,
    FromClause,
    String,
    and_,
    case,
    cast,
    literal,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator

from ros_sync import clock
from ros_sync.fields import Kind, PythonValue
from ros_sync.mirror import catalogue
from ros_sync.mirror.columns import Instant
from ros_sync.rules.object_schema import CUSTOM, CustomKinds

_CLOSED = ("won", "lost")

_BEHIND = {
    ("lead", "is_open"): ("accepted", "rejected"),
    **{("deal", field): ("stage_kind",) for field in ("is_open", "is_won", "is_lost", "is_closed")},
}

_FIRST_MICROS = clock.to_micros(datetime(1, 1, 2, tzinfo=UTC))  # whole days, which a double holds exactly
_LAST_MICROS = clock.to_micros(datetime(9999, 12, 31, tzinfo=UTC))
MAX_EXACT = 2**53 - 1  # a JSON number is read as an IEEE 754 double; 2**53 may stand for 2**53 + 1 as well

_ISO_DAY = "____-__-__"  # LIKE: one _ stands for any one character

# What the two databases call the types of JSON values (SQLite JSON1 `json_type`, PostgreSQL `json_typeof`).
_JSON_TEXT = ("text", "string")
_JSON_NUMBER = ("integer", "real", "number")
_JSON_BOOLEAN = ("true", "false", "boolean")


class JsonType(GenericFunction[str]):
    """The type of a property in a JSON column; arguments: the column, its path, its name."""

    type = String()
    inherit_cache = True
    name = "ros_sync_json_type"


class JsonProperty(GenericFunction[str]):
    """A property in a JSON column as text; arguments: the column, its path, its name."""

    type = String()
    inherit_cache = True
    name = "ros_sync_json_property"


@compiles(JsonType, "sqlite")
def _json_type_in_sqlite(element: JsonType, compiler: SQLCompiler, **options: Any) -> str:
    column, path, _ = (compiler.process(part, **options) for part in element.clauses)
    return f"json_type({column}, {path})"


@compiles(JsonType, "postgresql")
def _json_type_in_postgresql(element: JsonType, compiler: SQLCompiler, **options: Any) -> str:
    column, _, name = (compiler.process(part, **options) for part in element.clauses)
    return f"json_typeof({column} -> {name})"


@compiles(JsonProperty, "sqlite")
def _json_property_in_sqlite(element: JsonProperty, compiler: SQLCompiler, **options: Any) -> str:
    column, path, _ = (compiler.process(part, **options) for part in element.clauses)
    return f"json_extract({column}, {path})"


@compiles(JsonProperty, "postgresql")
def _json_property_in_postgresql(element: JsonProperty, compiler: SQLCompiler, **options: Any) -> str:
    column, _, name = (compiler.process(part, **options) for part in element.clauses)
    return f"({column} ->> {name})"


class IsoDay(TypeDecorator[date]):
    """A day carried as ISO text, as in a JSON column; ISO days sort as text."""

    impl = String
    cache_ok = True

    # SQLAlchemy's signature
    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Encode."""
        return None if value is None else value.isoformat()

    # SQLAlchemy's signature
    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: ARG002
        """Decode."""
        return None if value is None else date.fromisoformat(value)


class Columns(Mapping[str, ColumnElement[Any]]):
    """The columns of an object's fields in a table, or in any selectable with the same columns."""

    def __init__(self, name: str, selectable: FromClause, custom: CustomKinds) -> None:
        self._object = catalogue.objects()[name]
        self._selectable = selectable
        self._custom = custom

    def __getitem__(self, field: str) -> ColumnElement[Any]:
        """The column or expression that carries the field; KeyError where there is none."""
        if field.startswith(CUSTOM):
            name = field.removeprefix(CUSTOM)
            return custom_column(self._selectable.c.custom, name, self._custom[name])
        if field in self._object.columns:
            return self._selectable.c[self._object.columns[field]]
        return derived_column(self._object.name, field, self._selectable)

    def __iter__(self) -> Iterator[str]:
        yield from self._object.columns
        yield from (f"{CUSTOM}{name}" for name in self._custom)

    def __len__(self) -> int:
        return len(self._object.columns) + len(self._custom)


ANSWERS = ("accepted", "rejected", "rejection_code")  # of a lead: with any of these it is open no more


def derived_column(name: str, field: str, selectable: FromClause) -> ColumnElement[bool]:
    """The expression of a field that follows from others; KeyError where there is none.

    Deleted records: see findings.
    """
    columns = selectable.c
    match name, field:
        case "deal", "is_open" | "is_won" | "is_lost":
            return columns.stage_kind == field.removeprefix("is_")
        case "deal", "is_closed":
            return columns.stage_kind.in_(_CLOSED)
        case "lead", "is_open":
            return and_(columns.accepted_at.is_(None), columns.rejected_at.is_(None), columns.rejection_code.is_(None))
        case _:
            raise KeyError(field)


def custom_column(column: ColumnElement[Any], name: str, kind: Kind) -> ColumnElement[Any]:
    """A company's own property out of the JSON column; a value of another kind counts as missing."""
    path = f'$."{name}"'
    json_type, text = JsonType(column, path, name), JsonProperty(column, path, name)
    match kind:
        case Kind.TEXT:
            return case((json_type.in_(_JSON_TEXT), text))
        case Kind.NUMBER:
            return case((json_type.in_(_JSON_NUMBER), cast(text, Float)))
        case Kind.BOOLEAN:
            return case((json_type.in_(_JSON_BOOLEAN), cast(text, String).in_(("1", "true"))))
        case Kind.DATE:
            return type_coerce(case((and_(json_type.in_(_JSON_TEXT), text.like(_ISO_DAY)), text)), IsoDay)
        case Kind.INSTANT:
            return type_coerce(_whole(json_type, text, _FIRST_MICROS, _LAST_MICROS), Instant)
        case Kind.MONEY:
            return _whole(json_type, text, -MAX_EXACT, MAX_EXACT)


def _whole(json_type: ColumnElement[str], text: ColumnElement[str], least: int, most: int) -> ColumnElement[int]:
    """A whole number within bounds.

    PostgreSQL refuses to make one of what lies beyond its own, and rounds a fraction.
    """
    number = cast(case((json_type.in_(_JSON_NUMBER), text)), Float)
    within = case((number.between(literal(float(least), Float), literal(float(most), Float)), number))
    return case((cast(within, BigInteger) == within, cast(within, BigInteger)))


def record_of(name: str, row: Mapping[Any, Any], custom: CustomKinds) -> dict[str, PythonValue]:
    """The fields of one row of the object's table (values by column name), derived and custom ones included.

    What the row has beyond the table's columns, such as `owner_name`, is passed on.
    """
    entry = catalogue.objects()[name]
    record: dict[str, PythonValue] = {field: row.get(column) for field, column in entry.columns.items()}
    own_columns = _own_columns(name)
    record.update({key: value for key, value in row.items() if key not in own_columns})
    record.update(derived_values(name, record, deleted=row.get("deleted_at") is not None))
    properties = row.get("custom") or {}
    record.update({f"{CUSTOM}{key}": custom_value(properties.get(key), kind) for key, kind in custom.items()})
    return record


@cache
def _own_columns(name: str) -> frozenset[str]:
    return catalogue.objects()[name].column_names


def fields_behind(name: str, field: str) -> tuple[str, ...]:
    """The stored fields that a field follows from; itself where it is stored."""
    return _BEHIND.get((name, field), (field,))


def derived_values(name: str, record: Mapping[str, PythonValue], *, deleted: bool = False) -> dict[str, PythonValue]:
    """The fields that follow from others; of a deleted record all are false."""
    if name == "lead":
        return {"is_open": not deleted and all(record.get(name) is None for name in ANSWERS)}
    if name != "deal":
        return {}
    kind = None if deleted else record.get("stage_kind")
    if kind is None:
        return dict.fromkeys(("is_open", "is_won", "is_lost", "is_closed"), False if deleted else None)
    return {
        "is_open": kind == "open",
        "is_won": kind == "won",
        "is_lost": kind == "lost",
        "is_closed": kind in _CLOSED,
    }


def custom_value(value: object, kind: Kind) -> PythonValue:  # noqa: PLR0911  # one for each kind of value
    """The value of a company's own property; one of another kind counts as missing."""
    match kind, value:
        case Kind.BOOLEAN, bool(flag):
            return flag
        case Kind.TEXT, str(text):
            return text
        case (_, bool()):
            return None
        case Kind.DATE, str():
            return _day(value)
        case Kind.NUMBER, int() | float():
            return float(value)
        case Kind.INSTANT, int() | float():
            return clock.from_micros(int(value)) if _is_whole(value, _FIRST_MICROS, _LAST_MICROS) else None
        case Kind.MONEY, int() | float():
            return int(value) if _is_whole(value, -MAX_EXACT, MAX_EXACT) else None
        case _:
            return None


def _is_whole(value: float, least: int, most: int) -> bool:
    return least <= value <= most and value == int(value)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
