"""A connector file is read as that of the vendor that it names, however the name is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.errors import ProblemsError
from ros_sync.workspace.mappings import load_connector

FILE = "version: 1\n{crm}\nsource: crm\nobjects:\n  - {{stream: deals, object: deal, fields: {{name: dealname}}}}\n"


@pytest.mark.parametrize("crm", ["crm: hubspot", 'crm: "hubspot"', "crm: hubspot  # ours", "crm:   hubspot"])
def test_the_vendor_is_found_by_its_name(tmp_path: Path, crm: str) -> None:
    """In quotes, with a comment behind it, or bare."""
    (tmp_path / "crm.yaml").write_text(FILE.format(crm=crm))
    file = load_connector(tmp_path / "crm.yaml")
    assert ("hubspot", "crm", ["deal"]) == (file.vendor, file.source, [entry.object for entry in file.entries])


@pytest.mark.parametrize(
    "crm, line, words",
    [("crm: hubspt", 2, "'hubspot'"), ("crm: [hubspot]", 2, "crm"), ("crm:", 2, "crm"), ("other: x", 1, "crm: NAME")],
)
def test_a_name_that_is_not_known_is_told_with_its_place(tmp_path: Path, crm: str, line: int, words: str) -> None:
    """Also where something else than a name stands there, or nothing."""
    (tmp_path / "crm.yaml").write_text(FILE.format(crm=crm))
    with pytest.raises(ProblemsError) as caught:
        load_connector(tmp_path / "crm.yaml")
    problem = caught.value.problems[0]
    assert problem.where is not None
    assert (problem.where.line, words in str(problem)) == (line, True)
