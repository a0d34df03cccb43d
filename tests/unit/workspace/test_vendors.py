"""Vendors are found by name: looking one up loads its package alone, and nobody else names one."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ros_sync.connectors.vendor import Vendor
from ros_sync.errors import SettingsError
from ros_sync.workspace.vendors import VENDORS, display_name, shipped_file, vendor

SOURCE = Path(__file__).parents[3] / "src" / "ros_sync"
VENDOR_NAMES = re.compile("hubspot|salesforce", re.IGNORECASE)
# Where a vendor may be named: its own package, the registry, settings, the sandbox and the demo with their commands.
ALLOWED = (
    "connectors/hubspot/", "workspace/", "settings/", "sandbox/", "demo/",
    "cli/commands/demo.py", "cli/commands/sandbox.py", "cli/run_sandbox.py",
)  # fmt: skip
# What vendors' exports look like is the business of whoever reads them; and how people write the name of a field.
KNOWN_BY_TRADE = {
    "connectors/export/csv_rows.py",
    "connectors/export/ids.py",
    "connectors/export/parsers.py",
    "connectors/export/proposing/headings.py",
    "rules/language/advice.py",
}


def test_no_vendor_is_named_elsewhere() -> None:
    """Neither in code nor in texts, docstrings and comments."""
    files = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.py")}
    naming = {name for name, path in files.items() if VENDOR_NAMES.search(path.read_text(encoding="utf-8"))}
    assert KNOWN_BY_TRADE == {name for name in naming if not name.startswith(ALLOWED)}


@pytest.mark.parametrize("name", VENDORS)
def test_each_vendor_is_whole(name: str) -> None:
    """It is called as it is registered, and its connector file is shipped."""
    found: Vendor = vendor(name)
    assert (found.name, (SOURCE.parents[1] / shipped_file(name)).is_file()) == (name, True)
    assert display_name(name).casefold() == name


def test_an_unknown_vendor_is_told() -> None:
    """With what was meant, where that is close."""
    with pytest.raises(SettingsError) as caught:
        vendor("hubspt")
    assert "'hubspot'" in str(caught.value)


@pytest.mark.parametrize("name", VENDORS)
def test_looking_one_up_loads_its_package_alone(name: str) -> None:
    """No client, no database, and no other vendor."""
    code = f"import sys; from ros_sync.workspace.vendors import vendor; vendor({name!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = [f"ros_sync.connectors.{each}" for each in (*VENDORS, "export") if each != name]
    unwanted = ("hubspot", "simple_salesforce", "sqlalchemy", "urllib3", *others)
    assert [] == [each for each in loaded if each.startswith(tuple(f"{one}." for one in unwanted)) or each in unwanted]


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_has_one_name_for_people(name: str) -> None:
    """What the registry says before the package is loaded is what its sources say of themselves."""
    facts = import_module(f"ros_sync.connectors.{name}.vendor_facts").FACTS
    assert display_name(name) == facts.display_name
