"""The CRM's own histories under the mirror's columns."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Engine

from ros_sync.connectors.base import Batch
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.mirror_columns import history_columns

CONTEXT = DealContext("EUR", {"USD": Decimal("0.5")}, lambda day: day)
BATCH = Batch("deal", "deals", {"id": ["1", "2"], "currency": ["USD", "CHF"]}, [0, 0])


def test_amounts_are_told_at_home_too(engine: Engine) -> None:
    """Each amount of the past is converted at the record's present currency; one without a rate is missing."""
    told = {each: {"amount": [(1, 100, "user:1"), (2, None, None)]} for each in ("1", "2")}
    with engine.connect() as connection:
        found = history_columns(connection, "crm", objects()["deal"], BATCH, told, CONTEXT)
    expected = {"1": [(1, 50, "user:1"), (2, None, None)], "2": [(1, None, "user:1"), (2, None, None)]}
    assert expected == {each: columns["amount_home_minor"] for each, columns in found.items()}


def test_owners_that_nobody_knows_are_told_by_name(engine: Engine) -> None:
    """`owner_named` says who owned it where the mirror has no such owner, and nothing where it has."""
    with engine.begin() as connection:
        Upsert(connection, objects()["owner"], "crm", ("id", "name"), run_id=None).write([("40", "Ada")], 1)
        told = {"1": {"owner": [(1, "40", None), (2, "41", "user:1"), (3, None, None)]}}
        found = history_columns(connection, "crm", objects()["deal"], BATCH, told, CONTEXT)
    assert [(1, None, None), (2, "41", "user:1"), (3, None, None)] == found["1"]["owner_named"]
