"""What each name means, it means once: no two classes and no two files of ros-sync share a name without a reason."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import ros_sync

SOURCE = Path(ros_sync.__file__).parent
# The sandbox shares no code with what it tests, and its HubSpot, Slack and company are apart from each other too: what
# it imitates has the same names.
APART = SOURCE / "sandbox"

SAME_CLASSES = {
    "Company": "jobs/cycle.py's goes with issue 10, part 4",
    "Kind": "those of sync go with issue 10, part 3",
    "Stage": "the demo's goes with issue 10, part 4",
    "State": "those of sync go with issue 10, part 3",
    "Unit": "that of sync goes with issue 10, part 3",
    "Account": "that of cli goes with issue 10, part 4",
    "Week": "those of the demo go with issue 10, part 4",
}
SAME_FILES = {
    "__init__": "each package has one",
    "app": "the application of a framework: Typer's, FastAPI's",
    "client": "the same role for each vendor",
    "company": "cli's goes with issue 10, part 4",
    "connecting": "a command of cli has the name of what it calls",
    "deciding": "cli's goes with issue 10, part 4",
    "deletions": "a command of cli has the name of what it calls",
    "erasure": "the same matter, in the mirror and in alerts",
    "histories": "that of sync goes with issue 10, part 3",
    "imports": "a command of cli has the name of what it calls",
    "loading": "that of sync goes with issue 10, part 3",
    "mapping": "the same role for each vendor, and a command of cli about it",
    "mapping_file": "the same role for each vendor",
    "notifier": "the protocol, and the same role for each vendor",
    "source": "the protocol, and the same role for each vendor",
    "store": "what writes the package's tables",
    "tables": "the package's tables",
    "values": "the same role for each vendor",
    "writing": "those of cli and sync go with issue 10, parts 3 and 4",
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
