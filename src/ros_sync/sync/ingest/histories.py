"""The CRM's own histories under the mirror's columns, whoever sent them under the names of fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import History
from ros_sync.fields import Carried
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.property_history import Value
from ros_sync.sync.ingest.deals import DealContext, amounts_at_home
from ros_sync.sync.ingest.preparing import BY_ID
from ros_sync.sync.ingest.references import References


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
    _add_amounts_at_home(found, batch, context)
    owners = {value for columns in found.values() for _, value, _ in columns.get("owner_id", ())} - {None}
    known = References(connection, source).resolve(BY_ID, owners) if owners else {}
    if None in known.values():
        for columns in found.values():
            if "owner_id" in columns:
                columns["owner_named"] = [
                    (at, None if known.get(value) else value, by) for at, value, by in columns["owner_id"]
                ]
    return found


def _add_amounts_at_home(found: Mapping[str, dict[str, Sequence[Value]]], batch: Batch, context: DealContext) -> None:
    """Add the history of each amount in the company's currency, which is that of the record as it is now."""
    ids = batch.columns["id"]
    codes: dict[Carried, Carried] = dict(zip(ids, batch.columns.get("currency", [None] * len(ids)), strict=True))
    told = [
        (columns, columns["amount_minor"], codes.get(record_id))
        for record_id, columns in found.items()
        if "amount_minor" in columns
    ]
    minors = [value for _, entries, _ in told for _, value, _ in entries]
    currencies = [code for _, entries, code in told for _ in entries]
    home = iter(amounts_at_home(minors, currencies, context))
    for columns, entries, _ in told:
        columns["amount_home_minor"] = [(at, next(home), by) for at, _, by in entries]
