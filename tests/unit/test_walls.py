"""Walls: no two classes and no two files share a name without a reason, no file is too long, no line too wide."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import ros_sync

SOURCE = Path(ros_sync.__file__).parent
# The sandbox shares no code with what it tests, and its HubSpot, Slack and company are apart from each other too: what
# it imitates has the same names.
APART = SOURCE / "sandbox"

SAME_CLASSES: dict[str, str] = {}
SAME_FILES = {
    "__init__": "each package has one",
    "app": "the application of a framework: Typer's, FastAPI's",
    "client": "the same role for each vendor",
    "company": "what the organisation file says of it, and everything that a workspace makes for it",
    "deletions": "a command has the name of what it is about",
    "doctor": "a command, and what each vendor adds to it",
    "erasure": "the same matter, in the mirror and in alerts",
    "mapping": "the same role for each vendor, and a command about it",
    "mapping_file": "the same role for each vendor",
    "notifier": "the protocol, and the same role for each vendor",
    "source": "the protocol, and the same role for each vendor",
    "store": "what writes the package's tables",
    "tables": "the package's tables",
    "values": "the same role for each vendor",
    "vendor": "the protocol, and the same role for each vendor",
    "webhooks": "the protocol, and what takes them",
}


def repeated(named: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    """The names that stand in several files, with those files."""
    places = defaultdict(list)
    for name, file in named:
        places[name].append(str(file.relative_to(SOURCE)))
    return {name: sorted(files) for name, files in sorted(places.items()) if len(files) > 1}


FILES = [file for file in sorted(SOURCE.rglob("*.py")) if APART not in file.parents]


def test_no_two_classes_have_one_name() -> None:
    """Whoever reads or looks for a name finds one class; what still shares one is listed with the reason."""
    classes = (
        (node.name, file)
        for file in FILES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    found = repeated(classes)
    assert {name: found.get(name) for name in found.keys() ^ SAME_CLASSES.keys()} == {}


def test_no_two_files_have_one_name_without_a_reason() -> None:
    """A file's name says what is in it, also in a list of open files or in a traceback."""
    found = repeated((file.stem, file) for file in FILES)
    assert {name: found.get(name) for name in found.keys() ^ SAME_FILES.keys()} == {}


ROOT = Path(__file__).parents[2]
OURS = ("src", "tests", "benchmarks", "docs", "connectors", "rules", "deploy")
WRITTEN = {".py", ".md", ".yaml", ".toml", ".css", ".html", ".example", ".mako"}
MAX_COLUMNS = 120
MAX_LINES = 450
# A table's row cannot be wrapped, nor can a row of an export file, a line of JSON, or what a program prints.
UNWRAPPABLE = re.compile(r"^```(?:csv|json|text)\b.*?^```|^\|[^\n]*$", re.MULTILINE | re.DOTALL)
MIGRATIONS = SOURCE / "mirror/migrations"
# What others are moving while these walls are built; each entry goes once it holds.
WIDE_YET: tuple[str, ...] = ()
LONG_YET: tuple[str, ...] = ()


def texts() -> list[Path]:
    """Every text file that people write."""
    files = [file for folder in OURS for file in (ROOT / folder).rglob("*") if file.suffix in WRITTEN]
    return [*files, *(file for file in ROOT.iterdir() if file.suffix in WRITTEN or file.name == "Makefile")]


def yet(file: Path, exceptions: Iterable[str]) -> str:
    """Which of the exceptions a file falls under; the file itself where none."""
    name = file.relative_to(ROOT).as_posix()
    return next((each for each in exceptions if name == each or name.startswith(f"{each}/")), name)


def test_no_line_is_too_wide() -> None:
    """Two files fit beside each other on a screen, and a difference is read without scrolling."""
    wide = set()
    for file in texts():
        text = file.read_text(encoding="utf-8")
        lines = (UNWRAPPABLE.sub("", text) if file.suffix == ".md" else text).splitlines()
        if any(len(line) > MAX_COLUMNS for line in lines):
            wide.add(yet(file, WIDE_YET))
    assert sorted(WIDE_YET) == sorted(wide)


def test_no_module_is_too_long() -> None:
    """A module has one matter, and a reader has it in mind as a whole."""
    modules = [file for folder in ("src", "tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    long = {
        yet(file, LONG_YET)
        for file in modules
        if MIGRATIONS not in file.parents and len(file.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }
    assert sorted(LONG_YET) == sorted(long)
