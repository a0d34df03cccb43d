"""Batches and histories under the mirror's own columns: references resolved, amounts told in the company's currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection, select

from ros_sync.connectors.base import Batch, Lookup
from ros_sync.connectors.source import History
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.erasure import withheld
from ros_sync.mirror.property_history import Value, settled
from ros_sync.sync.ingest.deals import DealContext, amounts_in_home_currency
from ros_sync.sync.ingest.rate_history import RateHistory

CACHE_LIMIT = 50_000  # names remembered per lookup; beyond it they are asked for again, so that memory stays flat


class References:
    """Resolves names to ids of one source, remembering what it found."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._found: dict[tuple[Lookup, str], str | None] = {}

    def resolve(self, lookup: Lookup, values: Iterable[StoredValue]) -> Mapping[StoredValue, str | None]:
        """The id for each distinct value; None where no record, or more than one, goes by it.

        The fields of `lookup.by` are tried in turn.
        """
        wanted = {str(value) for value in set(values) if value is not None}
        missing = {value for value in wanted if (lookup, value) not in self._found}
        if missing:
            if len(self._found) > CACHE_LIMIT:
                self._found.clear()
                missing = wanted
            self._look_up(lookup, missing)
        return {value: self._found.get((lookup, value)) for value in wanted}

    def _look_up(self, lookup: Lookup, values: set[str]) -> None:
        mirrored = objects()[lookup.object]
        open_values = set(values)
        for name in lookup.by:
            for value, record_id in self._matches(mirrored, name, open_values).items():
                self._found[lookup, value] = record_id
                open_values.discard(value)
        for value in open_values:
            self._found[lookup, value] = None

    def _matches(self, mirrored: MirroredObject, name: str, values: set[str]) -> dict[str, str | None]:
        """Ask the mirror for the values as written; people, who are few, are compared without regard to case."""
        if not values:
            return {}
        table = mirrored.table
        column = table.c.id if name == "id" else table.c[mirrored.columns[name]]
        query = select(column, table.c.id).where(table.c.source == self._source, table.c.deleted_at.is_(None))
        if mirrored.name != "owner":
            query = query.where(column.in_(sorted(values)))
        holders: dict[str, list[str]] = {}
        for value, record_id in self._connection.execute(query.where(column.is_not(None))):
            holders.setdefault(str(value).casefold(), []).append(record_id)
        return {
            value: ids[0] if len(ids) == 1 else None
            for value in values
            if (ids := holders.get(value.casefold())) is not None
        }


BY_ID = Lookup("owner", ("id",))


class Notes(Protocol):
    """Where it is counted what could not be resolved."""

    unknown: dict[str, Counter[str]]
    without_rate: Counter[str]


def prepared(
    connection: Connection, source: str, mirrored: MirroredObject, batch: Batch, context: DealContext, notes: Notes
) -> dict[str, Sequence[StoredValue]]:
    """The batch under the mirror's own columns, `id` first and `custom` last; `notes` counts what led nowhere."""
    given: dict[str, Sequence[StoredValue]] = dict(batch.columns)
    columns: dict[str, Sequence[StoredValue]] = {"id": given.pop("id")}
    custom = given.pop("custom", None)
    references = References(connection, source)
    for name, values in given.items():
        column = mirrored.columns[name]
        lookup = batch.lookups.get(name)
        if lookup is not None or name == "owner":
            found = references.resolve(lookup or BY_ID, values)
            people = context.people if name == "owner" else frozenset()
            unknown = _unknown(notes, name, values, found, people)
            if lookup is not None:
                values = [found.get(value) for value in values]  # noqa: PLW2901
            if name == "owner":
                columns["owner_named"] = unknown
        columns[column] = values
    if batch.object == "deal" and "amount_minor" in columns and "amount_home_minor" not in columns:
        columns["amount_home_minor"] = _home(columns["amount_minor"], columns["currency"], context, notes)
    if batch.object == "activity" and "subject" in columns:
        hidden = withheld(connection, source, [str(each) for each in columns["id"]])
        if hidden:
            pairs = zip(columns["id"], columns["subject"], strict=True)
            columns["subject"] = [None if each in hidden else subject for each, subject in pairs]
    if custom is not None:
        columns["custom"] = custom
    return columns


def _home(
    minors: Sequence[StoredValue], currencies: Sequence[StoredValue], context: DealContext, notes: Notes
) -> list[int | None]:
    amounts = amounts_in_home_currency(minors, currencies, context)
    if None in amounts:
        notes.without_rate.update(
            str(currency)
            for minor, currency, home in zip(minors, currencies, amounts, strict=True)
            if minor is not None and home is None
        )
    return amounts


def _unknown(
    notes: Notes,
    name: str,
    values: Sequence[StoredValue],
    found: Mapping[StoredValue, str | None],
    people: frozenset[str],
) -> list[StoredValue]:
    """The names that led to no record, None in the other rows.

    Those are counted whom the company does not know either.
    """
    if None not in found.values():
        return [None] * len(values)
    unknown = [value if value is not None and found[value] is None else None for value in values]
    unknown_owners = Counter(
        str(value) for value in unknown if value is not None and str(value).casefold() not in people
    )
    if unknown_owners:
        notes.unknown.setdefault(name, Counter()).update(unknown_owners)
    return unknown


def history_columns(
    connection: Connection,
    source: str,
    mirrored: MirroredObject,
    batch: Batch,
    histories: Mapping[str, History],
    context: DealContext,
) -> dict[str, dict[str, Sequence[Value]]]:
    """By record id; amounts are told at home too, and owners that nobody here knows as `owner_named`."""
    names = mirrored.columns
    columns_of: dict[tuple[str, ...], list[str]] = {}  # by the fields of a history, which are mostly the same
    found: dict[str, dict[str, Sequence[Value]]] = {}
    for record_id, history in histories.items():
        fields = tuple(history)
        if fields not in columns_of:
            columns_of[fields] = [names[name] for name in fields]
        found[record_id] = dict(zip(columns_of[fields], history.values(), strict=True))
    _add_amounts_in_home_currency(found, batch, context)
    owners = {value for columns in found.values() for _, value, _ in columns.get("owner_id", ())} - {None}
    known = References(connection, source).resolve(BY_ID, owners) if owners else {}
    if None in known.values():
        for columns in found.values():
            if "owner_id" in columns:
                columns["owner_named"] = [
                    (at, None if known.get(value) else value, by) for at, value, by in columns["owner_id"]
                ]
    return found


def _add_amounts_in_home_currency(
    found: Mapping[str, dict[str, Sequence[Value]]], batch: Batch, context: DealContext
) -> None:
    """Add the history of each amount in the company's currency, which is that of the record as it is now."""
    ids = batch.columns["id"]
    if context.rate_history is not None and context.rate_history.moves:
        _add_by_rate_history(found, batch, context.rate_history)
        return
    codes: dict[StoredValue, StoredValue] = dict(
        zip(ids, batch.columns.get("currency", [None] * len(ids)), strict=True)
    )
    told = [
        (columns, columns["amount_minor"], codes.get(record_id))
        for record_id, columns in found.items()
        if "amount_minor" in columns
    ]
    minors = [value for _, entries, _ in told for _, value, _ in entries]
    currencies = [code for _, entries, code in told for _ in entries]
    home = iter(amounts_in_home_currency(minors, currencies, context))
    for columns, entries, _ in told:
        columns["amount_home_minor"] = [(at, next(home), by) for at, _, by in entries]


def _add_by_rate_history(
    found: Mapping[str, dict[str, Sequence[Value]]], batch: Batch, rate_history: RateHistory
) -> None:
    """The same where rates have changed: by the rates that held then."""
    ids = batch.columns["id"]
    nothing: list[StoredValue] = [None] * len(ids)
    names = ("currency", "modified", "amount")
    rows = dict(zip(ids, zip(*(batch.columns.get(name, nothing) for name in names), strict=True), strict=True))
    for record_id, columns in found.items():
        entries = columns.get("amount_minor", ())
        if entries:
            currency, modified, amount = rows[record_id]
            present = amount if "amount" in batch.columns else entries[-1][1]
            amounts = settled(entries, present, None if modified is None else int(modified))
            columns["amount_home_minor"] = rate_history.history_in_home_currency(amounts, currency)
