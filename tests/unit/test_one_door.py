"""Records are asked for at one door: no package above `sync` reaches a mirrored table by another way.

That none imports the tables is a contract of import-linter (pyproject.toml); this is about the catalogue, which has
them as attributes.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/ros_sync"
ABOVE = ("cli", "demo", "web", "status", "jobs", "workspace", "notifiers", "alerts", "outbox", "rules", "sla")
TABLES = ("table", "version_table")


def tables_in(text: str) -> list[str]:
    """The expressions that reach a table of the catalogue's."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in TABLES and not ast.unparse(node).startswith("self.")
    ]


def test_no_package_above_sync_reaches_a_mirrored_table() -> None:
    """Neither the present nor the past: `records_of` has both, and knows which records are one."""
    modules = [file for name in ABOVE for file in (SOURCE / name).rglob("*.py")]
    assert len(modules) > 100
    found = {file.relative_to(SOURCE).as_posix(): tables_in(file.read_text(encoding="utf-8")) for file in modules}
    assert {} == {file: which for file, which in found.items() if which}


@pytest.mark.parametrize(
    "text, found",
    [
        ("objects()['deal'].table.c.id", ["objects()['deal'].table"]),
        ("mirrored.version_table", ["mirrored.version_table"]),
        ("from rich.table import Table", []),
    ],
)
def test_a_way_round_is_found(text: str, found: list[str]) -> None:
    """Whatever the object is called."""
    assert found == tables_in(text)
