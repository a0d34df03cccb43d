"""The organisation and the rules as of a day of the company, and at an instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.workspace.conftest import RULES, Place, rule

from ros_sync.config_files import Node, parsing
from ros_sync.mirror.config_versions import Role, keep, latest
from ros_sync.settings import load
from ros_sync.workspace.choices import Readings
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.past import company_as_of, company_at, organisation_as_of

ORGANISATION, RULE_FILE = "rules/organisation.yaml", "rules/one.yaml"
MARCH = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def organisation(name: str, *people: str, zone: str = "Europe/Berlin") -> str:
    """An organisation file."""
    listed = "".join(f"  - {{{each}}}\n" for each in people)
    text = f"version: 1\ncompany: {{name: {name}, timezone: {zone}}}\n"
    return f"{text}people:\n{listed}" if people else text


@pytest.fixture
def version(engine: Engine) -> Callable[..., None]:
    """Let a version of a file come into force at an instant; None: the file was removed."""

    def add(at: datetime, text: str | None, path: str = ORGANISATION, role: Role = Role.ORGANISATION) -> None:
        with engine.begin() as connection:
            keep(connection, {path: (role, text)}, latest(connection), at)

    return add


def names(engine: Engine, *days: date) -> list[str | None]:
    """What the company is called on these days."""
    with engine.connect() as connection:
        found = [organisation_as_of(connection, day) for day in days]
    return [each.company.name if each else None for each in found]


def test_an_edit_counts_for_the_day_on_which_it_was_made(engine: Engine, version: Callable[..., None]) -> None:
    """From then on until the next one; before the first version, that one holds."""
    version(NOON, organisation("First"))
    version(NOON + 2 * DAY, organisation("Second"))
    days = (date(2020, 1, 1), MARCH, MARCH + DAY, MARCH + 2 * DAY, date(2030, 1, 1))
    assert ["First", "First", "First", "Second", "Second"] == names(engine, *days)


def test_a_day_ends_at_the_companys_midnight(engine: Engine, version: Callable[..., None]) -> None:
    """An edit at half past eleven in the evening in Berlin counts for that day, one an hour later does not."""
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    version(NOON - DAY, organisation("First"))
    version(late, organisation("Second"))
    version(late + timedelta(hours=1), organisation("Third"))
    assert ["Second", "Third"] == names(engine, MARCH, MARCH + DAY)


@pytest.mark.parametrize(
    "zones, edited_at, expected",
    [
        # The edit is of the 2nd in Honolulu, though it was the 3rd in Auckland.
        (("Pacific/Auckland", "Pacific/Honolulu"), datetime(2026, 3, 2, 15, tzinfo=UTC), "Second"),
        # The edit is of the 3rd in Auckland, though it was the 2nd in Honolulu.
        (("Pacific/Honolulu", "Pacific/Auckland"), datetime(2026, 3, 3, 5, tzinfo=UTC), "First"),
    ],
)
def test_on_which_day_an_edit_of_the_zone_was_made_it_says_itself(
    engine: Engine, version: Callable[..., None], zones: tuple[str, str], edited_at: datetime, expected: str
) -> None:
    """A company that moves half round the world."""
    version(NOON - DAY, organisation("First", zone=zones[0]))
    version(edited_at, organisation("Second", zone=zones[1]))
    assert [expected, "Second"] == names(engine, MARCH, MARCH + DAY)


def test_days_that_the_file_names_are_honoured(engine: Engine, version: Callable[..., None]) -> None:
    """What was entered ahead, and what was entered afterwards, by the version that was in force on that day."""
    ahead = organisation(
        "A", "email: a@x.example, role: seller", "email: a@x.example, since: 2026-03-04, role: manager"
    )
    version(NOON, ahead)
    version(NOON + 4 * DAY, organisation("A", "email: a@x.example, role: revops"))
    with engine.connect() as connection:
        found = [organisation_as_of(connection, MARCH + number * DAY) for number in range(5)]
    roles = [each.people["a@x.example"].role for each in found if each]
    assert ["seller", "seller", "manager", "manager", "revops"] == roles


def test_without_a_file_there_is_no_organisation(engine: Engine, version: Callable[..., None]) -> None:
    """Neither before one was ever read, nor after it was removed on purpose, until it is there again."""
    assert [None] == names(engine, MARCH)
    version(NOON, organisation("First"))
    version(NOON + DAY, None)
    version(NOON + 2 * DAY, organisation("Second"))
    assert ["First", None, "Second"] == names(engine, MARCH, MARCH + DAY, MARCH + 2 * DAY)


def test_rules_are_those_of_the_day_too(engine: Engine, version: Callable[..., None]) -> None:
    """With the organisation that was in force beside them."""
    version(NOON, organisation("First"))
    version(NOON, RULES + rule("early"), RULE_FILE, Role.RULES)
    version(NOON + DAY, RULES + rule("late"), RULE_FILE, Role.RULES)
    with engine.connect() as connection:
        days = [company_as_of(connection, MARCH + number * DAY) for number in (-1, 0, 1)]
        instants = [company_at(connection, NOON + number * DAY / 2) for number in (-1, 1, 2)]
    for found in (days, instants):
        assert [["early"], ["early"], ["late"]] == [list(each.rules) for each in found if each]
        assert ["First"] * 3 == [each.organisation.company.name for each in found if each]


def test_a_workspace_without_rules_has_no_company_of_the_past(engine: Engine, version: Callable[..., None]) -> None:
    """There is nothing that alerts could have come from."""
    version(NOON, organisation("First"))
    with engine.connect() as connection:
        assert company_as_of(connection, MARCH) is None


def test_a_text_is_read_once_for_many_days(
    engine: Engine, version: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for several days keeps what the texts were read to."""
    version(NOON, organisation("First"))
    parsed: list[object] = []
    read = parsing.read

    def noted(path: Path, *rest: Any) -> Node:
        parsed.append(path)
        return read(path, *rest)

    monkeypatch.setattr(parsing, "read", noted)
    readings = Readings()
    with engine.connect() as connection:
        for number in range(30):
            assert organisation_as_of(connection, MARCH + number * DAY, readings) is not None
    assert 1 == len(parsed)


def test_a_file_that_was_broken_for_a_day_was_what_went_on_meanwhile(place: Place) -> None:
    """A day on which the file could not be used has the version before it."""
    for number, people in enumerate((", {email: a@x.example}", ", {email: broken", ", {email: b@x.example}")):
        place.organisation(people=people)
        at = partial(NOON.__add__, number * DAY)
        Configuration(load(place.folder), place.engine, now=at, wall=lambda: time.time() + 10).current()
    with place.engine.connect() as connection:
        found = [organisation_as_of(connection, MARCH + number * DAY) for number in range(3)]
    assert ["a@x.example", "a@x.example", "b@x.example"] == [list(each.people)[1] for each in found if each]
