"""One term for each thing: the words that the glossary has replaced are nowhere a name any more.

Prose is free to use them. Names are identifiers in `src`, commands, settings, tables, columns, indexes, events of logs.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from ros_sync.alerts import tables as alert_tables
from ros_sync.cli.names import COMMANDS
from ros_sync.mirror import bookkeeping, config_versions, identity_tables, joined_tables, tables
from ros_sync.mirror.columns import METADATA
from ros_sync.outbox import tables as outbox_tables
from ros_sync.settings import settings_keys
from ros_sync.sla import tables as sla_tables

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src/ros_sync"
GLOSSARY = ROOT / "docs/reference/glossary.md"
MIGRATIONS = SOURCE / "mirror/migrations"
_TABLES_ARE_LOADED = (
    alert_tables,
    bookkeeping,
    config_versions,
    identity_tables,
    joined_tables,
    tables,
    outbox_tables,
    sla_tables,
)

# Each old name: the term of today (in the glossary), and below which folders it is an old name; where it is one
# everywhere, none is named. Elsewhere the word has another, ordinary meaning: an error's hint, a worksheet.
OLD: dict[str, tuple[str, tuple[str, ...]]] = {
    "hint": (
        "change event",
        ("sync/follow/event_inbox.py", "sync/follow/change_events.py", "connectors/hubspot/events.py"),
    ),
    "hints": ("change event", ("sync", "web", "demo", "connectors", "jobs", "workspace", "cli", "settings")),
    "heard": ("change event", ("",)),
    "wish": ("write-back request", ("",)),
    "edit": ("write-back request", ("sync", "connectors/source.py", "connectors/hubspot/record_write.py")),
    "receipt": ("write result", ("sync", "connectors")),
    "was so": ("write result", ("",)),
    "changed meanwhile": ("write conflict", ("",)),
    "place": ("stream state", ("sync/stream_state.py", "sync/follow")),
    "polled until": ("cursor", ("",)),
    "complete until": ("watermark", ("",)),
    "pass": ("reconciliation sweep", ("sync",)),
    "looking back": ("deletion scan", ("",)),
    "looked back": ("deletion scan", ("",)),
    "upkeep": ("maintenance", ("",)),
    "cadence": ("sync policy", ("sync", "workspace", "settings", "cli", "jobs", "demo")),
    "firsts": ("initial load", ("",)),
    "retold": ("history diff", ("",)),
    "mend": ("repair", ("",)),
    "mended": ("repair", ("",)),
    "mending": ("repair", ("",)),
    "set aside": ("quarantine", ("",)),
    "park": ("quota exhausted", ("",)),
    "parked": ("quota exhausted", ("",)),
    "shape": ("schema fingerprint", ("sync/follow", "sync/audit", "connectors/source.py", "connectors/hubspot")),
    "mark": ("schema fingerprint", ("sync/follow", "sync/audit", "connectors/source.py")),
    "strangers": ("unknown owner", ("",)),
    "hinted": ("change event", ("",)),
    "wished": ("write-back request", ("",)),
    "suspect": ("candidate", ("sync",)),
    "untold": ("notification", ("alerts", "status", "cli")),
    "suspects": ("candidate", ("",)),
    "told": ("alert line", ("alerts/documents.py",)),
    "notice": ("notification", ("alerts",)),
    "notices": ("notification", ("alerts",)),
    "tell": ("notification", ("alerts",)),
    "follow": ("reconcile alerts", ("alerts",)),
    "books": ("bucket store", ("",)),
    "lane": ("rate key", ("",)),
    "parcel": ("outgoing message", ("",)),
    "sheets": ("config file", ("",)),
    "sheet": ("config file", ("config_files", "rules", "organisation", "workspace", "connectors/hubspot")),
    "carried": ("stored form", ("",)),
    "carry": ("stored form", ("",)),
    "at home": ("home currency", ("",)),
    "house": ("package", ("",)),
    "rooms": ("package", ("",)),
    "floors": ("layer", ("",)),
}
# Names that are not ours, and former ones that are still understood.
FOREIGN = {"sheet_names", "sheets_metadata", "set-aside", "sync.hints_seconds", "get_type_hints", "FORMER_NAMES"}


def words_of(name: str) -> str:
    """The words of an identifier, with a blank around each: `SetAside` and `set_aside` are both ` set aside `."""
    return f" {' '.join(re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+', name)).lower()} "


def old_in(name: str, place: str) -> list[str]:
    """The old names that an identifier of a module has in it; `place` is the module's path below the package."""
    words = words_of(name)
    return [
        old
        for old, (_, folders) in OLD.items()
        if f" {old} " in words and any(place.startswith(each) for each in folders)
    ]


def identifiers(text: str) -> Iterator[str]:
    """The names in a module's code, in what is put into its texts, and the names of its log events."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
            yield from (each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            event = node.args[0]
            is_log = node.func.attr in ("debug", "info", "warning", "error", "exception", "warn")
            if is_log and isinstance(event, ast.Constant) and isinstance(event.value, str):
                yield event.value


MODULES = sorted(
    file for file in SOURCE.rglob("*.py") if MIGRATIONS not in file.parents and "sandbox" not in file.parts
)


def test_no_module_has_an_old_name() -> None:
    """Neither in its path nor in its code."""
    found = {}
    for file in MODULES:
        place = file.relative_to(SOURCE).as_posix()
        names = {*identifiers(file.read_text(encoding="utf-8")), *file.relative_to(SOURCE).with_suffix("").parts}
        old = {name: which for name in names - FOREIGN if (which := old_in(name, place))}
        if old:
            found[place] = old
    assert {} == found


def test_no_table_has_an_old_name() -> None:
    """Nor any of its columns and indexes: those are read by people, and by whoever asks the database."""
    names = set()
    for table in METADATA.sorted_tables:
        names |= {table.name, *(f"{table.name}.{each.name}" for each in table.columns)}
        names |= {str(each.name) for each in table.indexes}
    assert len(names) > 200
    assert {} == {name: old for name in names if (old := old_in(name, "sync/") + old_in(name, "alerts/"))}


def test_no_command_and_no_setting_has_an_old_name() -> None:
    """Former ones are understood, and shown nowhere."""
    names = {*COMMANDS, *(each for below in COMMANDS.values() for each in below), *settings_keys()}
    assert {} == {name: old for name in names if (old := old_in(name, "cli/"))}


@pytest.mark.parametrize(
    "name, place, old",
    [
        ("SetAsideRow", "mirror/x.py", ["set aside"]),
        ("rows_set_aside", "cli/x.py", ["set aside"]),
        ("set", "cli/x.py", []),
        ("hint", "errors.py", []),
        ("HINTS_SECONDS", "sync/policy.py", ["hints"]),
        ("polled_until", "cli/x.py", ["polled until"]),
        ("sheet", "connectors/export/reader.py", []),
        ("complete_untiled", "cli/x.py", []),
    ],
)
def test_old_names_are_found(name: str, place: str, old: list[str]) -> None:
    """By their words, in whatever way an identifier is written; not as a part of another word."""
    assert old == old_in(name, place)


def test_each_term_of_today_is_in_the_glossary() -> None:
    """What replaced an old name has a line."""
    lines = GLOSSARY.read_text(encoding="utf-8").lower().splitlines()
    terms = {line.split("|")[1].strip(" *`") for line in lines if line.startswith("|")}
    assert set() == {term for term, _ in OLD.values()} - terms
