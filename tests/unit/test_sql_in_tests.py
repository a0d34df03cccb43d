"""A wall: tests above the mirror ask `tests/integration/mirror_reader.py` for what it holds, and name no table."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Table

import ros_sync.alerts.tables
import ros_sync.mirror.bookkeeping
import ros_sync.mirror.config_versions
import ros_sync.mirror.tables
import ros_sync.outbox.tables
import ros_sync.sla.tables  # each adds its tables to the list
from ros_sync.mirror.columns import METADATA

TESTS = Path(__file__).parents[1]
# Not here: `mirror`, `alerts`, `sla`, `rules` and `outbox`, which test their own tables, migrations and query plans.
FOLDERS = (
    "integration/sync", "integration/chaos", "integration/connectors", "integration/jobs", "integration/web",
    "integration/cli", "integration/docs", "integration/workspace", "acceptance", "browser",
)  # fmt: skip
# These damage a table, whose name they get from the reader's `table_of`: what is tested is how that is told.
DAMAGING = {
    "integration/cli/test_log_names.py": "a database that refuses every row",
    "integration/jobs/test_watch.py": "a table that cannot be written",
    "integration/web/test_metrics.py": "a table that is not there",
    "integration/workspace/test_configuration.py": "a table that cannot be written, and is read all the same",
}
VERB = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|ALTER|DROP|CREATE)\b")
TARGET = re.compile(r"""\b(?:FROM|INTO|JOIN|UPDATE|TABLE|VIEW|ON)\s+["'`]?(\w+|\{\})""")
ANY = "{}"  # a name that is put in


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The texts of a module with their lines; what is put into an f-string stands as `{}`."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else ANY for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def _imported(node: ast.ImportFrom) -> list[str]:
    """The tables, and the modules of tables, that an import takes out of the mirror."""
    if not (node.module or "").startswith("ros_sync.mirror"):
        return []
    module = importlib.import_module(str(node.module))
    taken = [(each.name, getattr(module, each.name, None)) for each in node.names]
    tables = (ros_sync.mirror.tables, ros_sync.mirror.bookkeeping)
    return [
        name for name, what in taken if isinstance(what, Table) or (isinstance(what, ModuleType) and what in tables)
    ]


def named_tables(source: str) -> list[tuple[int, str]]:
    """The tables that a test module names, with the lines where it does."""
    tree = ast.parse(source)
    found = [
        (line, name)
        for line, text in _texts(tree)
        if VERB.search(text)
        for name in TARGET.findall(text)
        if name == ANY or name in METADATA.tables
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [(node.lineno, name) for name in _imported(node)]
        elif isinstance(node, ast.Attribute) and node.attr in ("table", "version_table"):
            found.append((node.lineno, f".{node.attr}"))
    return sorted(found)


def test_tests_above_the_mirror_name_no_table() -> None:
    """Neither in SQL nor through the tables' own objects; a renamed table or column is one file's matter."""
    found = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for folder in FOLDERS
        for path in sorted((TESTS / folder).rglob("*.py"))
        for line, name in named_tables(path.read_text())
        if name != ANY or str(path.relative_to(TESTS)) not in DAMAGING
    ]

    assert found == []


@pytest.mark.parametrize("path", DAMAGING)
def test_what_is_let_through_still_needs_it(path: str) -> None:
    """A file that damages no table any more is on the list no more."""
    assert (ANY in [name for _, name in named_tables((TESTS / path).read_text())]) is True


@pytest.mark.parametrize(
    "source, names",
    [
        ("one(engine, 'SELECT count(*) FROM deal')", ["deal"]),
        ("text('UPDATE change_event SET processed_at = 0')", ["change_event"]),
        ("text('INSERT INTO \"change\" VALUES (1)')", ["change"]),
        ("f'SELECT {column} FROM {table} WHERE id = 1'", [ANY]),
        ("'SELECT 1 FROM a JOIN alert ON 1 = 1'", ["alert"]),
        ("from ros_sync.mirror.tables import DEAL", ["DEAL"]),
        ("from ros_sync.mirror import bookkeeping", ["bookkeeping"]),
        ("from ros_sync.mirror.catalogue import objects\nobjects()['deal'].table", [".table"]),
        ("from ros_sync.mirror.catalogue import objects\nobjects()['deal'].fields", []),
        ("'SELECT pid FROM pg_stat_activity'", []),
        ("'the deal is selected from the account'", []),
    ],
)
def test_the_wall_sees(source: str, names: list[str]) -> None:
    """SQL of every kind, f-strings, imports and attributes; not what is no table of ours."""
    assert [name for _, name in named_tables(source)] == names
