"""A connector file fitted to accounts of every kind: what changes in it, and what is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ros_sync.connectors.hubspot.candidates import WANTED, PropertyCandidate, candidates
from ros_sync.connectors.hubspot.connecting import Plan, fit, positions
from ros_sync.connectors.hubspot.definitions import Definitions, read_pipelines, read_properties
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.mirror.catalogue import objects

OBJECTS = {name: each.settable for name, each in objects().items()}
SHIPPED = (Path(__file__).parents[4] / "connectors/hubspot.yaml").read_text()
STAGES = {"appointmentscheduled": "Appointment Scheduled", "qualifiedtobuy": "Qualified To Buy",
          "presentationscheduled": "Presentation Scheduled", "decisionmakerboughtin": "Decision Maker Bought-In",
          "contractsent": "Contract Sent"}  # fmt: skip
SMALL = """\
version: 1
crm: hubspot
source: hubspot
stages:
  Sales Pipeline:
    late: [Contract Sent]   # as we see it
    early: [Qualified To Buy, Gone Stage]
objects:
  - stream: deals
    object: deal
    fields:
      name: dealname     # our name
      stage: dealstage
      pipeline: pipeline
      segment: tier_of_ours
      champion: {property: champ, values: {a: b}, otherwise: null}
      competitor: competitor
    track: [stage, competitor]
    write:
      stage:
      competitor:
"""


def mapping(tmp_path: Path, text: str) -> HubSpotMapping:
    """The text as the reader of connector files sees it: it has no mistake."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(text)
    return load_hubspot(file, OBJECTS)


def told(name: str, **more: Any) -> dict[str, Any]:
    """A property of the company's own as the account tells it."""
    return {"name": name, "label": name, "type": "string", "fieldType": "text", "hubspotDefined": False, **more}


def account(
    text: str, tmp_path: Path, stages: dict[str, str] | None = None, **own: list[dict[str, Any]]
) -> Definitions:
    """An account that has every property the text names, a pipeline, and properties of its own by stream."""
    read = mapping(tmp_path, text)
    found = Definitions()
    for stream in read.streams:
        standard = [told(name, hubspotDefined=True) for name in stream.properties]
        found.properties[stream.name] = read_properties({"results": standard + own.get(stream.name, [])})
    listed = [
        {"id": key, "label": label, "displayOrder": place, "metadata": {"isClosed": "false"}}
        for place, (key, label) in enumerate((STAGES if stages is None else stages).items())
    ]
    listed.append({"id": "closedwon", "label": "Closed Won", "displayOrder": 99, "metadata": {"probability": "1.0"}})
    read_pipelines({"results": [{"id": "default", "label": "Sales Pipeline", "stages": listed}]}, read, found)
    return found


def plan(text: str, definitions: Definitions) -> Plan:
    streams = {"account": "companies", "lead": "contacts", "deal": "deals"}
    found = {
        wanted: candidates(wanted, definitions.properties.get(streams[wanted.object], {}).values(), ())
        for wanted in WANTED
    }
    return fit(text, definitions, found)


def test_the_shipped_file_fits_a_default_account(tmp_path: Path) -> None:
    """Nothing has to change in it."""
    assert plan(SHIPPED, account(SHIPPED, tmp_path)).steps == []


@pytest.mark.parametrize(
    "count, expected",
    [(1, "e"), (2, "el"), (3, "eml"), (4, "eeml"), (5, "eemml"), (6, "eemmll"), (7, "eeemmll"), (11, "eeeemmmmlll")],
)
def test_stages_are_placed_by_thirds(count: int, expected: str) -> None:
    """In their order; each third is as long as the next one, or one longer."""
    assert "".join(each[0] for each in positions([str(place) for place in range(count)]).values()) == expected


def test_what_was_edited_stays(tmp_path: Path) -> None:
    """Stages stay where somebody put them, new ones are placed, gone ones go; comments and order stay."""
    definitions = account(SMALL, tmp_path)
    fitted = plan(SMALL, definitions)
    assert mapping(tmp_path, fitted.text).positions == {
        ("Sales Pipeline", "Contract Sent"): "late",
        ("Sales Pipeline", "Qualified To Buy"): "early",
        ("Sales Pipeline", "Appointment Scheduled"): "early",
        ("Sales Pipeline", "Presentation Scheduled"): "mid",
        ("Sales Pipeline", "Decision Maker Bought-In"): "mid",
    }
    kept = ("# as we see it", "name: dealname     # our name", "segment: tier_of_ours")
    assert [words for words in kept if words not in fitted.text] == []
    again = plan(fitted.text, definitions)
    assert (again.text, again.steps) == (fitted.text, [])


def test_what_the_account_lacks_is_taken_out_everywhere(tmp_path: Path) -> None:
    """Commented out, out of what is tracked and written too; the file can be read and brought back."""
    definitions = account(SMALL, tmp_path)
    for name in ("tier_of_ours", "champ", "competitor"):
        del definitions.properties["deals"][name]
    text = plan(SMALL, definitions).text
    read = mapping(tmp_path, text).stream("deals")
    assert ([each.name for each in read.objects[0].fields], read.track, list(read.objects[0].write)) == (
        ["name", "stage", "pipeline"], ("stage", "pipeline"), ["stage"],
    )  # fmt: skip
    assert "      # segment: tier_of_ours   # the account has no such property\n" in text


def test_a_property_that_was_renamed_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """What stands beside it in the line stays."""
    definitions = account(SMALL, tmp_path, deals=[told("champion_name"), told("customer_segment", type="enumeration")])
    for name in ("tier_of_ours", "champ"):
        del definitions.properties["deals"][name]
    text = plan(SMALL, definitions).text
    assert "      segment: customer_segment\n" in text
    assert "      champion: {property: champion_name, values: {a: b}, otherwise: null}\n" in text


def test_own_properties_are_found_by_name_and_label(tmp_path: Path) -> None:
    """Lines that stand commented out are used, with the comment behind them; write-back follows."""
    own = [
        told("naechster_schritt_am", label="Next step date", type="date"),
        told("cs_handoff_date", type="datetime", label="Übergabe"),
        told("competitor_count", type="number"),
        told("deal_segment", type="enumeration"),
    ]
    fitted = plan(SHIPPED, account(SHIPPED, tmp_path, deals=own))
    deal = mapping(tmp_path, fitted.text).stream("deals").objects[0]
    names = ("next_step_date", "handed_off", "segment", "competitor")
    fields = [deal.field(name) for name in names]
    assert [each and each.from_property for each in fields] == [
        "naechster_schritt_am", "cs_handoff_date", "deal_segment", None,
    ]  # fmt: skip
    assert (deal.write["next_step_date"], "# missing-next-step;" in fitted.text) == (
        {"naechster_schritt_am": "{value}"}, True,
    )  # fmt: skip


def test_a_property_that_only_resembles_is_left_to_people(tmp_path: Path) -> None:
    """It is told as what might be meant, and not mapped."""
    own = [told("old_next_step_date_do_not_use", type="date")]
    fitted = plan(SHIPPED, account(SHIPPED, tmp_path, deals=own))
    missing = {each.name: [one.definition.name for one in found] for each, found in fitted.missing.items()}
    assert (fitted.steps, missing["deal.next_step_date"]) == ([], ["old_next_step_date_do_not_use"])


def test_a_property_of_several_options_is_mapped_as_such(tmp_path: Path) -> None:
    """So that rules find whole options."""
    own = [told("product_line", type="enumeration", fieldType="checkbox")]
    text = plan(SHIPPED, account(SHIPPED, tmp_path, deals=own)).text
    assert "      product: {property: product_line, several: true}" in text
    (field,) = [each for each in mapping(tmp_path, text).stream("deals").objects[0].fields if each.name == "product"]
    assert field.several


@pytest.mark.parametrize("share,is_used", [(None, True), (0.0, False), (0.0049, False), (0.005, True), (1.0, True)])
def test_a_property_that_nobody_fills_is_left_to_people(tmp_path: Path, share: float | None, is_used: bool) -> None:
    """Else its rule would fire on everyone.

    The line stays commented out, with what depends on it; on request it is used.
    """
    definitions = account(SHIPPED, tmp_path, deals=[told("kickoff_date", type="date")])
    wanted = next(each for each in WANTED if each.name == "deal.kickoff")
    (candidate,) = candidates(wanted, definitions.properties["deals"].values(), ())
    found = {wanted: [PropertyCandidate(candidate.definition, candidate.sureness, share)]}
    fitted = fit(SHIPPED, definitions, found)
    asked = fit(SHIPPED, definitions, found, [wanted])
    used = "      kickoff: kickoff_date  "
    assert (used in fitted.text, wanted in fitted.missing) == (is_used, not is_used)
    assert (
        "      # kickoff: kickoff_at  " in fitted.text,
        "# kickoff-overdue; without it the rule is off" in fitted.text,
    ) == (
        not is_used,
        True,
    )
    if not is_used:
        assert (used in asked.text, wanted in asked.missing) == (True, False)


def test_of_two_that_fit_the_one_that_is_filled_is_taken(tmp_path: Path) -> None:
    """By the share of records in which it holds something."""
    definitions = account(SHIPPED, tmp_path, deals=[told("champion_name"), told("our_champion")])
    wanted = next(each for each in WANTED if each.name == "deal.champion")
    found = [PropertyCandidate(each.definition, each.sureness, share) for each, share in zip(
        candidates(wanted, definitions.properties["deals"].values(), ()), (0.1, 0.7), strict=True)]  # fmt: skip
    text = fit(SHIPPED, definitions, {wanted: found}).text
    assert f"      champion: {found[1].definition.name}\n" in text


def test_custom_lifecycle_stages_get_their_names(tmp_path: Path) -> None:
    """They have numbers for values; a stage for rejected leads is what writing `rejected` sets."""
    stage = told(
        "lifecyclestage", type="enumeration", fieldType="radio", hubspotDefined=True,
        options=[{"value": "lead", "label": "Lead"}, {"value": "38271634", "label": "Nurturing: long"},
                 {"value": "38271635", "label": "Disqualified"}, {"value": "salesqualifiedlead", "label": "SQL"}],
    )  # fmt: skip
    own = [stage, told("rejected_on", type="datetime"), told("rejection_reason", type="enumeration")]
    fitted = plan(SHIPPED, account(SHIPPED, tmp_path, contacts=own))
    lead = mapping(tmp_path, fitted.text).stream("contacts").objects[1]
    values = lead.field("lifecycle_stage")
    code = lead.field("rejection_code")
    assert values is not None
    assert values.values is not None
    assert (values.values["38271634"], values.values["marketingqualifiedlead"]) == ("Nurturing: long", "MQL")
    assert lead.write["rejected"] == {"lifecyclestage": "38271635", "rejected_on": "{value}"}
    assert code is not None
    assert code.from_property == "rejection_reason"


def test_what_write_would_be_refused_for_is_taken_out(tmp_path: Path) -> None:
    """An option that the account does not have, a property that it does not have, one that HubSpot fills by itself."""
    text = SMALL.replace(
        "      competitor:\n", "      competitor: {state_of_ours: rejected}\n      segment: {a_total: '1'}\n"
    )
    own = [
        told("state_of_ours", type="enumeration", options=[{"value": "open", "label": "Open"}]),
        told("a_total", calculated=True),
    ]
    fitted = plan(text, account(text, tmp_path, deals=own))
    assert list(mapping(tmp_path, fitted.text).stream("deals").objects[0].write) == ["stage"]


def test_calculated_properties_bring_their_reading_schedule(tmp_path: Path) -> None:
    """HubSpot's own reckoning of stages is mirrored beside ours, stage by stage."""
    own = [
        told("hs_is_stalled", type="bool", calculated=True),
        told("hs_v2_date_entered_contractsent", type="datetime", calculated=True),
        told("hs_v2_date_entered_current_stage", type="datetime", calculated=True),
    ]
    fitted = plan(SHIPPED, account(SHIPPED, tmp_path, deals=own))
    read = mapping(tmp_path, fitted.text)
    assert {name: str(kind) for name, kind in read.custom_kinds["deal"].items()} == {
        "hubspot_is_stalled": "boolean", "hubspot_stage_entered": "instant", "hubspot_entered_contractsent": "instant",
    }  # fmt: skip
    assert str(read.stream("deals").reread) == "6 hours"


def test_a_file_without_stages_gets_them(tmp_path: Path) -> None:
    """And pipelines whose names YAML would misread are quoted."""
    text = SMALL[: SMALL.index("stages:")] + SMALL[SMALL.index("objects:") :]
    definitions = account(text, tmp_path, {"1": "Yes", "2": "No: later", "3": "1.0"})
    fitted = plan(text, definitions)
    assert mapping(tmp_path, fitted.text).positions == {
        ("Sales Pipeline", "Yes"): "early", ("Sales Pipeline", "No: later"): "mid", ("Sales Pipeline", "1.0"): "late",
    }  # fmt: skip
