"""What an account cannot give of what the connector file asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ros_sync.connectors.hubspot import doctor
from ros_sync.connectors.hubspot.definitions import Definitions, read_pipelines, read_properties
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.mirror.catalogue import objects

OBJECTS = {name: each.settable for name, each in objects().items()}
FILE = """\
version: 1
crm: hubspot
source: hubspot
stages: {default: {early: [one], late: [Two, gone]}}
objects:
  - stream: contacts
    object: lead
    fields:
      name: firstname
      accepted: hs_lifecyclestage_salesqualifiedlead_date
      rejection_code: reason
    write:
      accepted: {lifecyclestage: 38271634}
      name: {lifecyclestage: rejected}
      rejection_code: {of_nobody: x}
  - stream: deals
    object: deal
    fields: {name: dealname, stage: dealstage, custom.stalled: {property: hs_is_stalled, kind: boolean}}
    write: {name: {hs_is_stalled: "{value}"}}
"""
LIFECYCLE: dict[str, Any] = {
    "name": "lifecyclestage", "type": "enumeration",
    "options": [{"value": "lead", "label": "Lead"}, {"value": "38271634", "label": "Accepted by sales"}],
}  # fmt: skip


def examined(tmp_path: Path, file: str = FILE) -> list[str]:
    """What is wrong, as a person reads it."""
    path = tmp_path / "hubspot.yaml"
    path.write_text(file)
    mapping: HubSpotMapping = load_hubspot(path, OBJECTS)
    found = Definitions()
    told = {
        "contacts": [{"name": name} for name in ("firstname", "lastmodifieddate", "reason")]
        + [{"name": "hs_lifecyclestage_salesqualifiedlead_date", "calculated": True}, LIFECYCLE],
        "deals": [{"name": name} for name in ("dealname", "dealstage", "hs_lastmodifieddate")]
        + [{"name": "hs_is_stalled", "type": "bool", "calculated": True}],
    }
    found.properties = {stream: read_properties({"results": results}) for stream, results in told.items()}
    stages = [{"id": name.lower(), "label": name, "metadata": {"isClosed": "false"}} for name in ("One", "Two")]
    read_pipelines({"results": [{"id": "default", "label": "Sales Pipeline", "stages": stages}]}, mapping, found)
    return [each.what for each in doctor.problems(mapping, found, None) if "hs_object_id" not in each.what]


def test_what_would_be_refused_when_it_is_written_is_told_before(tmp_path: Path) -> None:
    """An option that is none, a property that is not there, one that HubSpot fills.

    Options are given as people see them.
    """
    found = [words for words in examined(tmp_path) if words.startswith("writing")]
    assert found == [
        "writing lead.name sets lifecyclestage of contacts to 'rejected', which isn't one of its options",
        "writing lead.rejection_code sets of_nobody of contacts, a property the account doesn't have",
        "writing deal.name sets hs_is_stalled of deals, which HubSpot fills automatically: it can't be written",
    ]


@pytest.mark.parametrize("more, told", [("", True), ("    reread: 6 hours\n", False)])
def test_calculated_properties_that_nothing_reads_again_are_told(tmp_path: Path, more: str, told: bool) -> None:
    """Not those that HubSpot sets together with the record, such as when a lifecycle stage was reached."""
    found = [words for words in examined(tmp_path, FILE + more) if "calculated" in words]
    assert [words.startswith("hs_is_stalled of deals is calculated") for words in found] == [True] * told


def test_stages_may_be_named_by_label_or_internal_name(tmp_path: Path) -> None:
    """One that is neither is told."""
    found = [words for words in examined(tmp_path) if "stage" in words and "lifecycle" not in words]
    assert found == ["the account has no stage 'gone' in pipeline 'default'"]
