"""HubSpot's records whatever stands in them: the record comes, and what cannot be read is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.connectors.hubspot.answers import as_texts
from ros_sync.connectors.hubspot.definitions import Definitions, owners_batch, read_properties
from ros_sync.connectors.hubspot.mapping import StreamMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.properties import to_properties
from ros_sync.connectors.hubspot.records import RecordReader
from ros_sync.connectors.source import Link
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.hubspot.company import CONNECTOR

MAPPING = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
DEALS = MAPPING.stream("deals")
PROPERTIES = sorted({*DEALS.properties, *DEALS.tracked_properties, "hs_merged_object_ids"})
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["1e999999", "NaN", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9" * 5_000]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=5,
)


def held(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), values, max_size=4)


ENTRY = held(["timestamp", "value", "updatedByUserId", "sourceId", "sourceType"], ODD)
HISTORIES = ODD | held(PROPERTIES, ODD | st.lists(ENTRY | ODD, max_size=3))


@given(held(PROPERTIES, ODD), HISTORIES, ODD, ODD)
def test_a_record_comes_whatever_stands_in_it(
    properties: Any, histories: Any, modified: Any, associations: Any
) -> None:
    """Neither a value nor an entry of a history nor an association keeps the record, or the one beside it, away."""
    whole = dict.fromkeys(PROPERTIES, None)
    odd = {
        "id": "7",
        "properties": whole | properties,
        "propertiesWithHistory": histories,
        "updatedAt": modified,
        "associations": associations,
    }
    good = {"id": "8", "properties": whole | {"amount": "5"}}
    reader = RecordReader(DEALS, Definitions(), currency="EUR")
    records = as_texts([odd, good])
    batch = reader.batches(records)[0]
    reader.histories(records)
    found, _ = reader.links(records)
    assert (["7", "8"], 500, {"7", "8"}) == (batch.columns["id"], batch.columns["amount"][1], set(found))


@pytest.mark.parametrize(
    "associations",
    [
        [],
        "none",
        {"companies": None},
        {"companies": {"results": "x"}},
        {"companies": {"results": [None]}},
        {"companies": {"results": [{"type": "deal_to_company"}]}},
    ],
)
def test_links_that_cannot_be_read_are_asked_for(associations: Any) -> None:
    """An odd list of associations is no empty one: the record is among those that have more of them."""
    good = {"id": "8", "associations": {"companies": {"results": [{"id": "5", "type": "deal_to_company"}]}}}
    found, more = RecordReader(DEALS, Definitions()).links([{"id": "7", "associations": associations}, good])
    assert ({"7": [], "8": [Link("companies", "5", "primary")]}, {to: ["7"] for to in DEALS.links}) == (found, more)


@pytest.mark.parametrize("odd", [{"firstName": 5}, {"teams": "x"}, {"teams": [None]}, {"teams": [{}]}, {"email": []}])
def test_owners_come_whatever_is_said_of_them(odd: dict[str, Any]) -> None:
    """An owner is known by id; a name or team that is none is missing."""
    batch = owners_batch([{"id": "7"} | odd, {"id": "8", "teams": [{"name": "East", "primary": True}]}])
    assert (["7", "8"], [None, "East"]) == (batch.columns["id"], batch.columns["team"])


@pytest.mark.parametrize("odd", ["x", 5, [None], [{"label": "Commit"}], [{"value": ["COMMIT"]}]])
def test_properties_come_whatever_is_said_of_their_options(odd: Any) -> None:
    """The options that can be read are those that there are."""
    options = [*odd, {"value": "OMIT"}] if isinstance(odd, list) else odd
    found = read_properties({"results": [{"name": "forecast", "type": "enumeration", "options": options}]})
    assert ({"OMIT"} if isinstance(odd, list) else set()) == found["forecast"].options


TICKED = {"name": "products", "type": "enumeration", "fieldType": "checkbox",
          "options": [{"value": each} for each in ("pro", "pro_plus", "old")]}  # fmt: skip


@pytest.fixture
def ticked(tmp_path: Path) -> tuple[StreamMapping, Definitions]:
    """Deals with a property of which several options may be ticked."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(
        "version: 1\ncrm: hubspot\nsource: hubspot\nobjects:\n  - stream: deals\n    object: deal\n    fields:\n"
        "      product: {property: products, values: {pro: Pro, pro_plus: Plus, old: null}}\n      competitor: "
        "products\n"
        "      segment: {property: products, several: true}\n"
        "    write: {product: }\n"
    )
    definitions = Definitions(properties={"deals": read_properties({"results": [TICKED]})})
    return load_hubspot(file, {name: each.settable for name, each in objects().items()}).stream("deals"), definitions


@pytest.mark.parametrize(
    "held, product, told",
    [("pro", "Pro", 0), ("pro;pro_plus", "Pro;Plus", 0), ("pro;old", "Pro", 0), ("old", None, 0), ("", None, 0),
     (None, None, 0), ("pro;new", None, 1)],
)  # fmt: skip
def test_each_ticked_option_is_read_by_what_it_means(
    ticked: tuple[StreamMapping, Definitions], held: str | None, product: str | None, told: int
) -> None:
    """One that is not listed is quarantined with its reason; without `values` it all comes as HubSpot writes it."""
    reader = RecordReader(*ticked, currency="EUR")
    batch = reader.batches([{"id": "7", "properties": {"products": held, "hs_lastmodifieddate": "1"}}])[0]
    assert (batch.columns["product"], batch.columns["competitor"], len(batch.quarantined)) == (
        [product],
        [held or None],
        told,
    )


@pytest.mark.parametrize(
    "held, read", [("pro", "pro"), ("pro; pro_plus", "pro;pro_plus"), (";pro;;pro;", "pro"), (";", None), (None, None)]
)
def test_several_options_are_read_one_by_one(
    ticked: tuple[StreamMapping, Definitions], held: str | None, read: str | None
) -> None:
    """Each once, parted by `;` alone, so that a rule finds it as a whole."""
    reader = RecordReader(*ticked, currency="EUR")
    batch = reader.batches([{"id": "7", "properties": {"products": held, "hs_lastmodifieddate": "1"}}])[0]
    assert batch.columns["segment"] == [read]


@pytest.mark.parametrize("value, written", [("Plus", "pro_plus"), ("Pro;Plus", "pro;pro_plus"), (None, "")])
def test_ticked_options_are_written_as_hubspot_calls_them(
    ticked: tuple[StreamMapping, Definitions], value: str | None, written: str
) -> None:
    """Each of them, joined as it wants them."""
    stream, definitions = ticked
    assert to_properties(stream, {"product": value}, definitions, {}) == {"products": written}
