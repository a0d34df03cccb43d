"""HubSpot's property histories as histories of canonical fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ros_sync.connectors.hubspot.definitions import AccountStage, Definitions
from ros_sync.connectors.hubspot.histories import HistoryReader
from ros_sync.connectors.hubspot.mapping import FieldMapping, ObjectMapping
from ros_sync.errors import Where
from ros_sync.fields import Kind, StoredValue

AT = 1_772_442_000_000_000  # 2026-03-02T09:00:00Z
STAGES = {
    ("default", "one"): AccountStage("default", "Sales", "one", "Discovery", 1, "open", "early", 0.1),
    ("default", "two"): AccountStage("default", "Sales", "two", "Proposal", 2, "open", "early", 0.4),
}


def field(name: str, kind: Kind = Kind.TEXT, **more: Any) -> FieldMapping:
    return FieldMapping(name, kind, Where(), from_property=more.pop("of", name), **more)


def parser(mapping: FieldMapping) -> Callable[[Any], StoredValue]:
    if mapping.kind is Kind.MONEY:
        return lambda cell: f"{cell[0]} {cell[1]}"
    return lambda cell: int(cell) if mapping.kind is Kind.NUMBER else cell


def told(*entries: tuple[int, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries (minute, value, more) as HubSpot gives them: newest first."""
    return [
        {"timestamp": f"2026-03-02T09:{minute:02}:00Z", "value": value, **more} for minute, value, more in entries[::-1]
    ]


def read(
    history: dict[str, list[dict[str, Any]]], *fields: FieldMapping, **properties: str
) -> dict[str, list[tuple[int, StoredValue, str | None]]]:
    """The histories, in minutes."""
    entry = ObjectMapping("deal", fields)
    reader = HistoryReader(entry, [each.name for each in fields], Definitions(stages=dict(STAGES)), "EUR", parser)
    found = reader.read({"id": "7", "properties": properties, "propertiesWithHistory": history})
    return {
        name: [((at - AT) // 60_000_000, value, by) for at, value, by in entries] for name, entries in found.items()
    }


def test_values_that_were_set_again_are_one_entry() -> None:
    """Entries are oldest first, and the first to say a value is the one that counts."""
    history = {"region": told((0, "EMEA", {}), (1, "EMEA", {}), (2, "", {}), (3, "APAC", {}))}
    assert {"region": [(0, "EMEA", None), (2, None, None), (3, "APAC", None)]} == read(history, field("region"))


def test_what_cannot_be_read_is_missing() -> None:
    """A value of the past that is not a number leaves a gap, and nothing is raised."""
    history = {"seats": told((0, "3", {}), (1, "many", {}), (2, "4", {}))}
    assert {"seats": [(0, 3, None), (1, None, None), (2, 4, None)]} == read(history, field("seats", Kind.NUMBER))


def test_a_property_without_a_history_has_none() -> None:
    """The field is there, with no entry."""
    assert {"region": []} == read({}, field("region"))


def test_amounts_are_in_the_record_s_currency() -> None:
    """The currency of an amount of the past is that of the record as it is now."""
    amount = field("amount", Kind.MONEY, currency_property="code")
    assert {"amount": [(0, "5 USD", None)]} == read({"amount": told((0, "5", {}))}, amount, code="USD")


def test_a_stage_brings_what_its_definition_says() -> None:
    """Order and probability move with the stage; what both stages share has one entry."""
    history = {"dealstage": told((0, "one", {}), (1, "one", {}), (2, "two", {}))}
    expected = {
        "stage": [(0, "Discovery", None), (2, "Proposal", None)],
        "pipeline": [(0, "Sales", None)],
        "stage_kind": [(0, "open", None)],
        "stage_position": [(0, "early", None)],
        "stage_order": [(0, 1, None), (2, 2, None)],
        "probability": [(0, 0.1, None), (2, 0.4, None)],
    }
    assert expected == read(history, field("stage", of="dealstage"), field("pipeline"), pipeline="default")


@pytest.mark.parametrize(
    "entry, expected",
    [
        ({"updatedByUserId": 101, "sourceType": "CRM_UI"}, "user:101"),
        ({"sourceId": "userId:102", "sourceType": "CRM_UI"}, "user:102"),
        ({"sourceId": "77", "sourceType": "INTEGRATION"}, "INTEGRATION"),
        ({}, None),
    ],
)
def test_an_entry_names_who_made_it(entry: dict[str, Any], expected: str | None) -> None:
    """A user by number, or what did it, as HubSpot calls it."""
    assert {"region": [(0, "EMEA", expected)]} == read({"region": told((0, "EMEA", entry))}, field("region"))


def test_closing_is_told_while_the_stage_is_a_closed_one() -> None:
    """The close date counts as the instant of closing only from the stage that closes the deal on."""
    closed = field("closed", of="closedate", only_if=(("stage_kind", frozenset(("won",))),))
    history = {"closedate": told((0, "soon", {})), "dealstage": told((0, "one", {}))}
    found = read(history, field("stage", of="dealstage"), closed, pipeline="default")
    assert [(0, None, None)] == found["closed"]
