"""A workspace's folders that can be edited, broken and put right, and what is in force of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from ros_sync.mirror.config_versions import broken_files
from ros_sync.mirror.database import open_engine
from ros_sync.settings import load
from ros_sync.workspace.configuration import Configuration, InForce

ORGANISATION = """\
version: 1
company: {{name: Test, currency: {currency}, timezone: UTC, fallback: revops@example.com}}
calendars:
  {calendar}: {{timezone: Europe/Berlin, hours: {{mon-fri: "09:00-17:00"}}}}
people: [{{email: revops@example.com}}{people}]
"""
RULES = """\
version: 1
rules:
"""
CONNECTOR = """\
version: 1
source: {source}
crm: hubspot
objects:
  - stream: deals
    object: deal
    fields:
      name: dealname
      stage: dealstage
      {custom}
"""


def rule(name: str, *lines: str, when: str = "is_open", message: str = "{name}") -> str:
    """One rule as it stands in a file."""
    more = "".join(f"    {line}\n" for line in lines)
    return f'  - id: {name}\n    title: T\n    applies_to: deal\n    when: [{when}]\n    message: "{message}"\n{more}'


class Place:
    """The workspace. `settled` is a clock by which whatever was written is written for a while."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        (folder / "ros-sync.toml").write_text("")
        (folder / ".env").write_text("ROS_SYNC_HUBSPOT__TOKEN=pat-na1-secret\n")
        self.organisation()
        self.rules("one.yaml", rule("first"))
        self.rules("two.yaml", rule("second"))
        self.restart()

    def organisation(self, *, currency: str = "EUR", calendar: str = "emea", people: str = "") -> None:
        """Let this be the organisation."""
        self.write("rules/organisation.yaml", ORGANISATION.format(currency=currency, calendar=calendar, people=people))

    def rules(self, name: str, *rules: str) -> None:
        """Let these be the rules of a file."""
        self.write(f"rules/{name}", RULES + "".join(rules))

    def connector(self, name: str = "hubspot.yaml", *, source: str = "hubspot", custom: str = "") -> None:
        """Let this be a connector file."""
        self.write(f"connectors/{name}", CONNECTOR.format(source=source, custom=custom))

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file of the workspace."""
        place = self.folder / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def restart(self, *, wall: Callable[[], float] | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        """Begin anew, as after a restart, with what is in the database."""
        settings = load(self.folder)
        self.configuration = Configuration(settings, self.engine, wall=wall or (lambda: time.time() + 10), sleep=sleep)

    def now(self) -> InForce:
        """What is in force."""
        return self.configuration.current()

    def rule_ids(self) -> list[str]:
        """The rules that are in force."""
        return sorted(each.id for each in self.now().rules)

    def broken(self) -> list[str]:
        """The files that cannot be used, as a process of its own sees it."""
        self.now()
        return [each.path for each in broken_files(self.engine)]

    def message(self) -> str:
        """What is told of the only file that cannot be used."""
        (only,) = self.now().broken
        return only.message

    def statements(self) -> list[str]:
        """What the database is told while it is asked what is in force."""
        said: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            said.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        self.now()
        event.remove(self.engine, "before_cursor_execute", note)
        return said


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the content of a database with all tables."""
    path = tmp_path_factory.mktemp("empty") / "ros-sync.db"
    open_engine(f"sqlite:///{path}").dispose()
    return path.read_bytes()


@pytest.fixture
def place(empty_database: bytes, tmp_path: Path) -> Iterator[Place]:
    """Give a workspace on SQLite: what is decided here does not depend on the database."""
    path = tmp_path / "ros-sync.db"
    path.write_bytes(empty_database)
    engine = open_engine(f"sqlite:///{path}")
    yield Place(engine, tmp_path)
    engine.dispose()
