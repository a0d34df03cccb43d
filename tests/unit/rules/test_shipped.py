"""The rule files that come with ros-sync, and the schema that editors check them with."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from ros_sync.organisation.company import standard_calendar
from ros_sync.rules import vocabulary
from ros_sync.rules.doubts import Doubter
from ros_sync.rules.editor_schema import as_text, editor_schema
from ros_sync.rules.model import Expectation
from ros_sync.rules.rule_files import load
from ros_sync.rules.trials import plain_week, run_tests
from ros_sync.sandbox.world import World

FOLDER = Path(__file__).parents[3] / "rules"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "organisation.yaml")
SHIPPED = load([FOLDER / name for name in FILES])


def plain(name: str) -> Any:
    """A rule file as an editor sees it."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load((FOLDER / name).read_text()), default=str))


def test_the_five_kinds_are_there() -> None:
    """The kinds of rules that the product is named for are shipped."""
    expected = {"stalled", "missing-next-step", "push-count", "push-count-manager", "not-advanced", "handoff-overdue"}

    expected |= {"handoff-document-overdue", "kickoff-overdue"}
    assert expected | {"mql-response-timeout"} == set(SHIPPED.by_id)


def test_nothing_in_them_is_doubted_in_a_new_workspace() -> None:
    """What the shipped mapping files name casts no doubt on the shipped rules: a newcomer sees no warning."""
    doubter = Doubter({"deal": {"stage": {"Proposal"}, "pipeline": {"Sales"}}, "lead": {"lifecycle_stage": {"Lead"}}})

    assert [] == [str(warning) for warning in load([FOLDER / name for name in FILES], doubter=doubter).warnings]


@pytest.mark.parametrize("rule_id", sorted(SHIPPED.by_id))
def test_each_rule_shows_when_it_fires_and_when_not(rule_id: str) -> None:
    """Each shipped rule carries a test that fires and one that is silent."""
    assert set(Expectation) == {test.expect for test in SHIPPED.by_id[rule_id].tests}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Singapore", "Europe/Berlin", "Pacific/Auckland"])
def test_their_tests_pass_wherever_the_company_is(zone: str) -> None:
    """The tests inside the shipped files pass in every company's zone and currency."""
    outcomes = run_tests(SHIPPED, plain_week(zone, "USD"))

    assert [] == [outcome.words for outcome in outcomes if not outcome.passed]


@pytest.mark.parametrize("name", FILES)
def test_the_editor_accepts_them(name: str) -> None:
    """Every shipped file is valid by the editor's schema."""
    jsonschema.validate(plain(name), editor_schema())


def test_the_editor_marks_a_slip() -> None:
    """A misspelt key is invalid by the editor's schema."""
    content = plain("deals.yaml")
    content["rules"][0]["tittle"] = "x"

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, editor_schema())


def test_the_schema_file_is_up_to_date() -> None:
    """The schema in the rules folder is what the program would write."""
    assert as_text() == (FOLDER / "schema" / "rules.json").read_text()


def test_the_schema_has_the_keys_of_the_loader() -> None:
    """The editor knows exactly the keys that the loader reads."""
    entry = editor_schema()["properties"]["rules"]["items"]["anyOf"][0]["properties"]

    found = [
        entry,
        entry["clock"]["properties"],
        entry["tests"]["items"]["properties"],
        entry["vary"]["items"]["properties"],
    ]
    expected = [vocabulary.RULE, vocabulary.CLOCK, vocabulary.TEST, vocabulary.VARY]
    assert [list(words) for words in expected] == [list(words) for words in found]


def test_half_of_the_mqls_are_due_a_day_later() -> None:
    """The source asks for an answer within 24 hours, which is the median for what comes in working time.

    In the invented company leads come at all hours, and 34 hours is that of all of them; 24 worked hours made it 105.
    """
    clock = SHIPPED.by_id["mql-response-timeout"].clock
    assert clock is not None
    calendar = standard_calendar("Europe/Berlin")
    told = (lead.get("became_mql") for lead in World().state().leads.values())
    starts = [start for start in told if isinstance(start, datetime)]
    hours = {start: (calendar.add(start, clock.within) - start) / timedelta(hours=1) for start in starts}
    by_day = [allowed for start, allowed in hours.items() if calendar.is_open(start)]
    assert (24, 34) == (round(median(by_day)), round(median(hours.values())))
