"""A connector's batch under the mirror's own columns: references resolved, amounts told in the company's currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from ros_sync.connectors.base import Batch, Lookup
from ros_sync.fields import Carried
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.erasure import withheld
from ros_sync.sync.ingest.deals import DealContext, amounts_at_home
from ros_sync.sync.ingest.references import References

BY_ID = Lookup("owner", ("id",))


class Notes(Protocol):
    """Where it is counted what could not be resolved."""

    unknown: dict[str, Counter[str]]
    without_rate: Counter[str]


def prepared(
    connection: Connection, source: str, mirrored: MirroredObject, batch: Batch, context: DealContext, notes: Notes
) -> dict[str, Sequence[Carried]]:
    """The batch under the mirror's own columns, `id` first and `custom` last; `notes` counts what led nowhere."""
    given: dict[str, Sequence[Carried]] = dict(batch.columns)
    columns: dict[str, Sequence[Carried]] = {"id": given.pop("id")}
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
    minors: Sequence[Carried], currencies: Sequence[Carried], context: DealContext, notes: Notes
) -> list[int | None]:
    amounts = amounts_at_home(minors, currencies, context)
    if None in amounts:
        notes.without_rate.update(
            str(currency)
            for minor, currency, home in zip(minors, currencies, amounts, strict=True)
            if minor is not None and home is None
        )
    return amounts


def _unknown(
    notes: Notes, name: str, values: Sequence[Carried], found: Mapping[Carried, str | None], people: frozenset[str]
) -> list[Carried]:
    """The names that led to no record, None in the other rows; those are counted whom the company does not know either."""
    if None not in found.values():
        return [None] * len(values)
    unknown = [value if value is not None and found[value] is None else None for value in values]
    strangers = Counter(str(value) for value in unknown if value is not None and str(value).casefold() not in people)
    if strangers:
        notes.unknown.setdefault(name, Counter()).update(strangers)
    return unknown
