"""What a command loads: run as a process of its own, whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

LOADED = """
import gc, json, sys
sys.argv = ["ros-sync", *sys.argv[1:]]
import ros_sync.cli
collections = lambda: sum(each["collections"] for each in gc.get_stats())
before = collections()
try:
    ros_sync.cli.main()
except SystemExit as end:
    code = end.code
print("\\n" + json.dumps([code, sorted(sys.modules), collections() - before]))
"""

# Typer and what it draws help with; pydantic is Typer's own wish where it finds it.
HELP = {
    "annotated_doc", "annotated_types", "attr", "markdown_it", "mdurl", "pydantic", "pydantic_core", "pygments",
    "rich", "ros_sync", "shellingham", "typer", "typing_extensions", "typing_inspection",
}  # fmt: skip
# What reads settings, YAML and JSON, logs, and speaks with SQLite.
IMPORTS = HELP | {"cython_runtime", "greenlet", "orjson", "ruamel", "sqlalchemy", "structlog"}
ELSEWHERE = {
    "rich.progress", "ros_sync.alerts.tables", "ros_sync.outbox", "ros_sync.rules", "ros_sync.sla", "ros_sync.web",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
}  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """The exit code of a command line, the modules that it loaded, and how often Python collected garbage."""

    code: int
    modules: frozenset[str]
    collections: int

    @property
    def tops(self) -> set[str]:
        """The packages that it loaded beside the standard library."""
        return {name.partition(".")[0] for name in self.foreign()}

    def foreign(self) -> Iterator[str]:
        """The modules beside the standard library's."""
        before = {"__main__", "__mp_main__", *sys.stdlib_module_names}
        for name in self.modules:
            top = name.partition(".")[0]
            if top not in before and not top.startswith(("_", "sitecustomize")):
                yield name


def loaded(*arguments: str) -> Loaded:
    """Run a command line."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    code, names, collections = json.loads(done.stdout.splitlines()[-1])
    return Loaded(code, frozenset(names), collections)
