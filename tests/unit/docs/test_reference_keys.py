"""The references of mapping and connector files and the organisation name each key the readers know, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.connectors.hubspot.mapping_file import STREAMS
from ros_sync.errors import ProblemsError
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.file import load as load_organisation
from ros_sync.workspace.mappings import load as load_mapping
from ros_sync.workspace.mappings import load_connector

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
UNKNOWN = "zzz"  # close to no key, so that a reader answers with all that it knows

MAPPING = f"""
version: 1
source: example
{UNKNOWN}: 1
number: {{{UNKNOWN}: 1}}
stages: {{default: [{{name: Proposal, kind: open, {UNKNOWN}: 1}}]}}
files:
  - object: deal
    id: Id
    {UNKNOWN}: 1
    fields:
      name: {{column: Name, {UNKNOWN}: 1}}
      amount: {{column: Amount, currency: {{column: Currency, {UNKNOWN}: 1}}}}
      account: {{column: Account, find: {{object: account, by: name, {UNKNOWN}: 1}}}}
"""
MAPPING_SECTIONS = {
    "": "The file",
    "number": "Number",
    "stages.default[1]": "Stages",
    "files[1]": "Files",
    "files[1].fields.name": "Fields",
    "files[1].fields.amount.currency": "Currency of a field",
    "files[1].fields.account.find": "Find",
}
CONNECTOR = f"""
version: 1
crm: hubspot
source: example
{UNKNOWN}: 1
stages: {{Sales: {{early: [Proposal], {UNKNOWN}: 1}}}}
objects:
  - stream: deals
    object: deal
    {UNKNOWN}: 1
    fields:
      name: {{property: dealname, {UNKNOWN}: 1}}
      amount: {{property: amount, currency: {{property: deal_currency_code, {UNKNOWN}: 1}}}}
"""
CONNECTOR_SECTIONS = {
    "": "The file",
    "stages.Sales": "Stages",
    "objects[1]": "Objects",
    "objects[1].fields.name": "Fields",
    "objects[1].fields.amount.currency": "Currency of a field",
}
ORGANISATION = f"""
version: 1
{UNKNOWN}: 1
company: {{name: Example, {UNKNOWN}: 1}}
calendars: {{office: {{{UNKNOWN}: 1, holidays: {{country: DE, {UNKNOWN}: 1}}}}}}
rates: {{USD: [{{rate: 1, {UNKNOWN}: 1}}]}}
teams: [{{name: North, {UNKNOWN}: 1}}]
people: [{{email: ada@example.com, {UNKNOWN}: 1}}]
"""
ORGANISATION_SECTIONS = {
    "": "The file",
    "company": "Company",
    "calendars.office": "Calendars",
    "calendars.office.holidays": "Holidays",
    "rates.USD[1]": "Rates",
    "teams[1]": "Teams",
    "people[1]": "People",
}


def known_keys(load: Callable[[Path], object], path: Path, text: str) -> dict[str, set[str]]:
    """The keys that a reader knows, by the path of the section, as its answers to an unknown one tell."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        load(path)
    known = {}
    for problem in caught.value.problems:
        key = (problem.where.key if problem.where else None) or ""
        assert key.rpartition(".")[2] == UNKNOWN, problem
        assert (problem.hint or "").startswith("known: "), problem
        known[key.rpartition(".")[0]] = set((problem.hint or "").removeprefix("known: ").split(", "))
    return known


def documented_keys(page: str, heading: str) -> set[str]:
    """The first cell of each row of the table under a heading."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    part = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    return set(re.findall(r"^\| `([a-z_]+)` \|", re.split(r"^#", part, flags=re.MULTILINE)[0], re.MULTILINE))


@pytest.mark.parametrize("section", MAPPING_SECTIONS)
def test_mapping_keys(tmp_path: Path, section: str) -> None:
    """The tables of the mapping files' reference hold the keys that the loader knows."""
    known = known_keys(load_mapping, tmp_path / "mapping.yaml", MAPPING)
    assert known[section] == documented_keys("mapping-files.md", MAPPING_SECTIONS[section])


@pytest.mark.parametrize("section", CONNECTOR_SECTIONS)
def test_connector_keys(tmp_path: Path, section: str) -> None:
    """The tables of the connector files' reference hold the keys that the loader knows."""
    known = known_keys(load_connector, tmp_path / "connector.yaml", CONNECTOR)
    assert known[section] == documented_keys("connector-files.md", CONNECTOR_SECTIONS[section])


def test_connector_streams() -> None:
    """The reference of connector files names every stream that a file can follow, and no other."""
    text = (REFERENCE / "connector-files.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `stream` | required"))
    assert set(STREAMS) == set(re.findall(r"`([a-z_]+)`", row)) - {"stream"}


@pytest.mark.parametrize("section", ORGANISATION_SECTIONS)
def test_organisation_keys(tmp_path: Path, section: str) -> None:
    """The tables of the organisation's reference hold the keys that the loader knows."""
    known = known_keys(load_organisation, tmp_path / "organisation.yaml", ORGANISATION)
    assert known[section] == documented_keys("organisation.md", ORGANISATION_SECTIONS[section])


def test_every_section_is_asked(tmp_path: Path) -> None:
    """The sections compared above are all that the readers were asked about."""
    mapping = known_keys(load_mapping, tmp_path / "mapping.yaml", MAPPING)
    connector = known_keys(load_connector, tmp_path / "connector.yaml", CONNECTOR)
    organisation = known_keys(load_organisation, tmp_path / "organisation.yaml", ORGANISATION)
    asked = (set(MAPPING_SECTIONS), set(CONNECTOR_SECTIONS), set(ORGANISATION_SECTIONS))
    assert asked == (set(mapping), set(connector), set(organisation))


def test_mapping_objects() -> None:
    """The reference of mapping files names every object that a file can hold."""
    text = (REFERENCE / "mapping-files.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `object` | required"))
    assert set(objects()) == set(re.findall(r"`([a-z_]+)`", row)) - {"object"}
