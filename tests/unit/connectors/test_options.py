"""Fields that hold a few words: what a file would put into them is checked where the file is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.connectors.export.mapping_file import load_mapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.errors import ProblemsError
from ros_sync.mirror.catalogue import objects

OBJECTS = {name: each.settable for name, each in objects().items()}
HUBSPOT = """\
version: 1
crm: hubspot
source: hubspot
objects:
  - stream: {stream}
    object: {object}
    fields:
      occurred: hs_timestamp
      {name}: {{{given}}}
"""
EXPORT = """\
version: 1
source: crm
files:
  - file: "*.csv"
    object: {object}
    id: Id
    fields:
      {name}: {{{given}}}
"""
WRONG = [
    ("activity", "activity_kind", "value: phone call"),
    ("activity", "direction", "{way}: Direction, values: {{IN: inbound, OUT: outgoing}}"),
    ("activity", "direction", "{way}: Direction, values: {{IN: inbound}}, otherwise: elsewhere"),
    ("deal", "forecast_category", "{way}: Category, values: {{Commit: Commit}}"),
    ("deal", "stage_kind", "value: closed"),
    ("deal", "stage_position", "value: middle"),
    ("deal", "demand_source", "{way}: Source, values: {{Event: events}}"),
]
RIGHT = [
    ("activity", "activity_kind", "value: call"),
    ("activity", "direction", "{way}: Direction, values: {{IN: inbound}}, otherwise: null"),
    ("deal", "forecast_category", "{way}: Category, values: {{Commit: commit, Best: best case}}"),
    ("deal", "deal_type", "value: services"),
]
Load = Callable[[Path], object]


def written(folder: Path, text: str, way: str, case: tuple[str, str, str]) -> Path:
    name, field, given = case
    file = folder / "mapping.yaml"
    stream = {"deal": "deals", "activity": "calls"}[name]
    body = text.format(
        stream=stream, object=name, name=field, given=given.replace("{way}", way).replace("{{", "{").replace("}}", "}")
    )
    file.write_text(body if name == "activity" else body.replace("      occurred: hs_timestamp\n", ""))
    return file


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[1]}: {case[2]}")
def test_a_word_that_a_field_cannot_hold_is_refused_where_it_stands(tmp_path: Path, case: tuple[str, str, str]) -> None:
    """Nothing that asks for the field would ever find such a record."""
    for text, way, load in ((HUBSPOT, "property", load_hubspot), (EXPORT, "column", load_mapping)):
        file = written(tmp_path, text, way, case)
        with pytest.raises(ProblemsError) as caught:
            load(file, OBJECTS)
        said = [str(each).removeprefix(f"{file}:") for each in caught.value.problems]
        assert [
            f"{case[1]} must be one of {', '.join(sorted(OBJECTS[case[0]][case[1]].options))}; found " in each
            for each in said
        ] == [True], said
        line = (
            file.read_text()
            .splitlines()
            .index(next(each for each in file.read_text().splitlines() if f"{case[1]}:" in each))
            + 1
        )
        assert said[0].startswith(f"{line}:")


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: f"{case[1]}: {case[2]}")
def test_words_that_a_field_can_hold_are_taken(tmp_path: Path, case: tuple[str, str, str]) -> None:
    """Types of deals are each company's own."""
    load_hubspot(written(tmp_path, HUBSPOT, "property", case), OBJECTS)
    load_mapping(written(tmp_path, EXPORT, "column", case), OBJECTS)
