"""Reading a HubSpot connector file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.errors import ProblemsError
from ros_sync.mirror.catalogue import objects

OBJECTS = {name: each.settable for name, each in objects().items()}
SHIPPED = Path(__file__).parents[4] / "connectors/hubspot.yaml"
HEAD = "version: 1\ncrm: hubspot\nsource: hubspot\nobjects:\n"


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a file, each problem from its line on."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(text)
    with pytest.raises(ProblemsError) as caught:
        load_hubspot(file, OBJECTS)
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def test_the_shipped_file_follows_every_stream() -> None:
    """It reads deals, people, companies and what happened between, and says which links lead where."""
    mapping = load_hubspot(SHIPPED, OBJECTS)
    names = ["companies", "contacts", "deals", "calls", "emails", "meetings", "notes", "tasks"]
    assert [stream.name for stream in mapping.streams] == names
    assert mapping.stream("deals").tracked_properties == (
        "amount", "closedate", "dealstage", "hs_manual_forecast_category", "hubspot_owner_id", "pipeline",
    )  # fmt: skip
    assert mapping.link_fields["deal"] == {"account": ("companies", "primary")}


def test_an_unknown_field_is_told_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    """The line and column of the mistake stand first, and the field that was probably meant last."""
    text = HEAD + "  - stream: deals\n    object: deal\n    fields:\n      amuont: amount\n"
    assert problems(tmp_path, text) == [
        "8:7, objects[1].fields.amuont: deal has no field 'amuont' that a connector can fill (did you mean 'amount'?)"
    ]


def test_a_field_out_of_links_needs_the_links(tmp_path: Path) -> None:
    """A field that follows from associations that nobody reads would stay empty for ever."""
    text = HEAD + "  - stream: deals\n    object: deal\n    fields:\n      account: {link: companies}\n"
    assert "add companies to `links:`" in problems(tmp_path, text)[0]


def test_what_is_written_must_be_mapped(tmp_path: Path) -> None:
    """A field can be written back only where it is known which property it is."""
    text = HEAD + "  - stream: deals\n    object: deal\n    fields:\n      name: dealname\n    write:\n      amount:\n"
    assert "amount is not mapped above" in problems(tmp_path, text)[0]


def test_one_mistyped_field_is_one_problem(tmp_path: Path) -> None:
    """That it is not mapped follows from the mistake, and is not told as another one."""
    text = HEAD + (
        "  - stream: deals\n    object: deal\n    fields:\n      nxt_step: hs_next_step\n    write:\n      next_step:\n"
    )
    (told,) = problems(tmp_path, text)
    assert "did you mean 'next_step'?" in told


@pytest.mark.parametrize("text, said", [
    ("soon", "is not a duration"), ("30 minutes", "cannot be read again every 30 minutes"),
    ("2 business days", "cannot be read again every 2 business days"),
])  # fmt: skip
def test_how_often_records_are_read_again_is_told_in_hours(tmp_path: Path, text: str, said: str) -> None:
    """Not too often, and not in working time."""
    (found,) = problems(
        tmp_path, HEAD + f"  - stream: deals\n    object: deal\n    reread: {text}\n    fields: {{name: dealname}}\n"
    )
    assert (said in found, found.startswith("7:13")) == (True, True)


def test_values_with_numbers_are_texts(tmp_path: Path) -> None:
    """Lifecycle stages and pipeline stages that a company made have numbers for names, with quotes or without."""
    file = tmp_path / "hubspot.yaml"
    for number in ("38271634", '"38271634"'):
        file.write_text(
            f"version: 1\ncrm: hubspot\nsource: hubspot\nstages: {{12: {{early: [{number}]}}}}\nobjects:\n"
            "  - stream: contacts\n    object: lead\n    fields:\n"
            f"      lifecycle_stage: {{property: lifecyclestage, values: {{{number}: Nurturing}}}}\n"
            f"    write: {{lifecycle_stage: {{lifecyclestage: {number}}}}}\n"
        )
        mapping = load_hubspot(file, OBJECTS)
        lead = mapping.streams[0].objects[0]
        assert (mapping.positions, lead.fields[0].values, lead.write) == (
            {("12", "38271634"): "early"}, {"38271634": "Nurturing"},
            {"lifecycle_stage": {"lifecyclestage": "38271634"}},
        )  # fmt: skip
