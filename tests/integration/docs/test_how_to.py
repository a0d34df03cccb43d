"""The how-tos are played: their files are written, their commands run, and what they show is what is printed.

A fenced block whose first line names a language and a path
(```yaml acme/rules/x.yaml) is a file. In a `console` block, a line that begins with `$
ros-sync` is run, and each line below it must be among what the command prints.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from ros_sync.cli import main

DOCS = Path(__file__).parents[3] / "docs"
PLAYED = ("quick-start.md", "how-to/import-an-export.md", "how-to/propose-a-mapping.md", "how-to/write-a-rule.md")

Run = Callable[[str], str]

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_DRAWN = re.compile(r"[│╭╮╰╯─•]")


def steps(page: str) -> Iterator[tuple[Path, str] | tuple[str, list[str]]]:
    """Files to write and commands to run, each with what it is to print, in the order of the page."""
    for language, path, content in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if path and "/" in path:
            yield Path(path), content
        elif language == "console":
            for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                command, *shown = part.splitlines()
                yield command, shown


def words(text: str) -> str:
    """A text without frames, bullets and the number of blanks between words."""
    return " ".join(_DRAWN.sub(" ", text).split())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run one command line in an empty folder, in this process (a new one each time would cost seconds)."""
    for name in [name for name in os.environ if name.startswith("ROS_SYNC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def command(line: str) -> str:
        monkeypatch.setattr("sys.argv", line.split())
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        return f"exit {code}\n{printed.out}\n{printed.err}"

    yield command
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("page", PLAYED)
def test_the_page_can_be_followed(page: str, run: Run, tmp_path: Path) -> None:
    """Each command of the page does what the page says, on the files that it gives."""
    missing = []
    for what, content in steps(page):
        if isinstance(what, Path):
            target = tmp_path / what
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(str(content), encoding="utf-8")
            continue
        printed = run(what)
        expected_exit = "exit 1" if content and content[0].startswith("error:") else "exit 0"
        missing += [(what, line, printed) for line in (expected_exit, *content) if words(line) not in words(printed)]
    assert [] == missing
