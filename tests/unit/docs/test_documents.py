"""The documents hold together: links lead somewhere, examples can be read, and what is there is described."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ros_sync.cli.app import app
from ros_sync.organisation.file import load as load_organisation
from ros_sync.rules import vocabulary
from ros_sync.rules.rule_files import load as load_rules
from ros_sync.rules.trials import run_tests
from ros_sync.workspace.mappings import load as load_mapping
from ros_sync.workspace.mappings import load_connector

REPOSITORY = Path(__file__).parents[3]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md"), REPOSITORY / "deploy" / "README.md"])
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

_FENCE = re.compile(r"^```(\S*)(?: ([^\n]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    """A page as a person names it."""
    return page.relative_to(REPOSITORY).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors that a Markdown page's headings have where it is shown (small letters, hyphens for blanks)."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(language: str) -> Iterator[tuple[Path, str, str]]:
    """The fenced blocks in that language: their page, what stands behind the language, and their content."""
    for page in PAGES:
        for found, more, content in _FENCE.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page, more, content


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file, and to a heading in one, leads to what is there."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert [] == broken


def test_every_page_is_in_the_table_of_contents() -> None:
    """docs/README.md leads to each page of docs/."""
    linked = {(DOCS / link).resolve() for link in _LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    assert [] == [name_of(page) for page in PAGES if DOCS in page.parents and page not in linked | {DOCS / "README.md"}]


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its full name, such as (`rules`, `check`)."""
    root: Any = typer.main.get_command(app)
    for name, command in (group or root).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield (*path, name), command


COMMANDS = dict(commands())
LINES = [
    (name_of(page), part.strip())
    for language in ("sh", "console")
    for page, _, content in blocks(language)
    for line in content.splitlines()
    for part in line.removeprefix("$ ").split("&&")
    if re.match(r"\s*([/.\w-]+/)?ros-sync ", part)
]


@pytest.mark.parametrize("page,line", LINES)
def test_commands_are_understood(page: str, line: str) -> None:
    """Each ros-sync command that a document shows is one, with options that it has."""
    arguments = shlex.split(line, comments=True)[1:]
    while arguments[0] in ("-w", "--workspace"):
        arguments = arguments[2:]
    name = next(name for name in (tuple(arguments[:2]), tuple(arguments[:1])) if name in COMMANDS)
    assert COMMANDS[name].make_context(" ".join(name), arguments[len(name) :]) is not None


FILES = [(name_of(page), Path(more), content) for page, more, content in blocks("yaml") if more]


@pytest.mark.parametrize("page,path,content", FILES)
def test_yaml_examples_can_be_loaded(page: str, path: Path, content: str, tmp_path: Path) -> None:
    """Each YAML file that a how-to gives is read without a problem, and its tests pass."""
    file = tmp_path / path.name
    # An example may lean on the shipped rules, as with `inhibited_by`.
    file.write_text(content, encoding="utf-8")
    if "connectors" in path.parts and "\ncrm:" in content:
        assert load_connector(file).followed
    elif "connectors" in path.parts:
        assert load_mapping(file).entries
    elif "rules" in path.parts:
        rules = load_rules([file, REPOSITORY / "rules" / "deals.yaml"], home_currency="EUR")
        assert [] == [outcome.words for outcome in run_tests(rules) if not outcome.passed]
    else:
        assert load_organisation(file).company.name == "Acme"


def test_examples_were_found() -> None:
    """The searches above found the commands and the files of the documents."""
    assert (len(LINES) >= 20, len(FILES) >= 5) == (True, True)


def test_every_room_is_described() -> None:
    """ARCHITECTURE.md has a row for each package and ground-floor module, and for each layer of the contract."""
    source = REPOSITORY / "src" / "ros_sync"
    rooms = {path.name for path in source.iterdir() if (path / "__init__.py").exists()}
    rooms |= {path.stem for path in source.glob("*.py")} - {"__init__"}
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms |= {room for layer in layers for room in re.split(r" [:|] ", layer)}
    assert set() == rooms - set(re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, flags=re.MULTILINE))


def test_rooms_are_in_the_order_of_the_contract() -> None:
    """The table of rooms goes from the top layer to the bottom one."""
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    order = [room for layer in layers for room in re.split(r" [:|] ", layer)]
    described = re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, flags=re.MULTILINE)
    assert order == [room for room in described if room in order]


def test_every_dependency_has_its_reason() -> None:
    """ARCHITECTURE.md says of each run-time dependency what it is for."""
    table = ARCHITECTURE.partition("\n## Libraries\n")[2].partition("For development")[0]
    names = [re.split(r"[^\w.-]", dependency)[0] for dependency in PROJECT["project"]["dependencies"]]
    assert [] == [name for name in names if name not in table]


KEYS = (vocabulary.FILE, vocabulary.RULE, vocabulary.CLOCK, vocabulary.ROUTE, vocabulary.TEST, vocabulary.VARY)


@pytest.mark.parametrize("words", KEYS)
def test_every_key_of_a_rule_is_in_the_reference(words: dict[str, vocabulary.Key]) -> None:
    """The reference of rule files has a row for each key that the loader knows."""
    rows = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "reference" / "rule-files.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [] == [key for key in words if key not in rows]


def test_files_named_in_the_architecture_exist() -> None:
    """Each path to a module or folder that ARCHITECTURE.md names is there."""
    named = re.findall(r"`([\w.-]+/[\w./-]+)`", ARCHITECTURE)
    source = REPOSITORY / "src" / "ros_sync"
    roots = (REPOSITORY, source, source / "rules", source / "connectors")
    assert [] == [path for path in named if not any((root / path).exists() for root in roots)]
