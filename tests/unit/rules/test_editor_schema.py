"""The editor's schema refuses what `rules check` refuses, as far as a schema can, and nothing that is good."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ros_sync.errors import ProblemsError
from ros_sync.fields import Kind
from ros_sync.rules.editor_schema import editor_schema
from ros_sync.rules.rule_files import load

RULE = """version: 1
rules:
  - id: stalled
    title: No buyer activity
    applies_to: deal
    params: {quiet: 14 days}
    when:
      - is_open
      - last_buyer_activity older than $quiet
    message: "{name}: no buyer activity"
"""
LINE = "- is_open"
EDITOR = YAML(typ="safe", pure=True)  # editors read YAML 1.2, where a day is a text
EDITOR.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda reader, node: reader.construct_scalar(node))
SCHEMA = jsonschema.Draft7Validator(editor_schema())


def line(condition: str) -> str:
    """The rule with another first line, quoted as YAML needs it."""
    quoted = condition.replace("'", "''")
    return RULE.replace(LINE, f"- '{quoted}'")


def param(value: str) -> str:
    """The rule with a further parameter."""
    return RULE.replace("{quiet: 14 days}", f"{{quiet: 14 days, other: {value}}}")


def given(values: str) -> str:
    """The rule with a test."""
    return RULE + f"    tests: [{{name: a, now: 2026-03-16 09:00, given: {{{values}}}, expect: fires}}]\n"


def tried(now: str, expect: str = "fires") -> str:
    """The rule with a test at another moment."""
    return RULE + f"    tests: [{{name: a, now: {now}, expect: {expect}}}]\n"


CLOCK = "    clock: {starts: closed, stops: [handed_off], within: 48 hours}\n"
REFUSED = [
    RULE.replace("version: 1", "version: 2"),
    RULE.replace("version: 1\n", ""),
    RULE.replace("id: stalled", "id: No Movement"),
    RULE.replace("id: stalled", "id:"),
    RULE.replace("    title: No buyer activity\n", ""),
    RULE.replace("title: No buyer activity", 'title: ""'),
    RULE.replace("title: No buyer activity", "title: [a]"),
    RULE.replace("title: No", "title: No: buyer"),
    RULE.replace("applies_to: deal", "applies_to: deals"),
    RULE.replace("    params", "    parms"),
    RULE.replace(RULE[RULE.index("    message") :], ""),
    RULE.replace('"{name}: no buyer activity"', '"{nmae}"'),
    RULE.replace('"{name}: no buyer activity"', '"{name:age}"'),
    RULE.replace('"{name}: no buyer activity"', '"{close_date:days}"'),
    RULE.replace('"{name}: no buyer activity"', '"{name"'),
    RULE.replace('"{name}: no buyer activity"', '"{name} }"'),
    RULE.replace('"{name}: no buyer activity"', '" "'),
    RULE.replace('"{name}: no buyer activity"', f'"{"x" * 1_001}"'),
    RULE.replace('"{name}: no buyer activity"', "{name}"),
    RULE.replace("\n      - is_open\n      - last_buyer_activity older than $quiet", " []"),
    RULE.replace("\n      - is_open\n      - last_buyer_activity older than $quiet", " is_open"),
    RULE.replace("    when:\n      - is_open\n      - last_buyer_activity older than $quiet\n", ""),
    RULE.replace(LINE, "- is_open: true"),
    RULE.replace(LINE, "- true"),
    RULE.replace(LINE, '- next_step contains "call: today"'),
    RULE.replace(LINE, '- next_step contains "a #b"'),
    *(
        line(condition)
        for condition in (
            "is_opne",
            'stagee is "x"',
            "Close Date is past",
            "Stage is missing",
            "next_step is empty",
            "next_step is not null",
            "next_step = none",
            "push_count greater than 5",
            "push_count is more than 5",
            "push_count between 1 and 5",
            "push_count == 5",
            "push_count <> 5",
            "push_count >= ",
            "push_count => 5",
            "push_count > 20.000",
            "amount_home > 20,000",
            "amount_home > 20.000 EUR",
            "amount_home > 1.234,56",
            "amount_home > 20 000",
            "amount_home > €20000",
            "amount_home > $20k",
            "amount_home > 20000€",
            "probability > 15%",
            "push_count / 2 > 1",
            "is_open && closing_plan",
            "is_open || closing_plan",
            "!is_open",
            "is_open AND closing_plan",
            "is_open and",
            'stage IS "x"',
            "closing_plan is no",
            'stage is one of "A", "B"',
            'stage is one of ("A", "B")',
            'stage like "%a%"',
            'stage ~ "a"',
            'stage includes "a"',
            'stage does not contain "a"',
            "stage isn't missing",
            "stage is “Proposal”",
            'stage is "Proposal',
            "stage: proposal",
            "is_open; closing_plan",
            "close_date in next 30 days",
            "close_date within the next 30 days",
            "last_activity older then 14 days",
            "last_activity older than 14d",
            "last_activity older than 3 months",
            "last_activity in the last 7 days",
            "close_date > 31.03.2026",
            "close_date > 31/03/2026",
            "close_date is overdue",
            "len(stage) > 3",
            "close_date < today()",
            "is_open or " * 200 + "is_open",
        )
    ),
    *(
        param(value)
        for value in (
            "",
            '"20,000"',
            "20 000",
            "20.000 EUR",
            "€20k",
            "20k€",
            "15%",
            "14d",
            "3 months",
            "31.03.2026",
            "[1]",
        )
    ),
    RULE.replace("{quiet: 14 days}", "{quiet: 14 days, a b: 1}"),
    RULE.replace("    params: {quiet: 14 days}\n", "    vary: [{if: is_open, params: {quiet: 7 days}}]\n"),
    RULE + "    vary: [{if: is_opne, params: {quiet: 7 days}}]\n",
    RULE + "    vary: [{params: {quiet: 7 days}}]\n",
    RULE + "    vary: [{if: is_open}]\n",
    RULE + "    vary: {if: is_open, params: {quiet: 7 days}}\n",
    *(
        RULE + f"    for: {span}\n"
        for span in ("2", "2d", "2 months", "two days", "99999 days", "2 business weeks", "-1 days")
    ),
    RULE + "    status: on\n",
    RULE + "    severity: high\n",
    RULE + "    owner: Ada\n",
    RULE + "    owner: ada@example\n",
    RULE + "    actions: [snoze]\n",
    RULE + "    actions: snooze\n",
    RULE + "    inhibited_by: other\n",
    RULE + "    inhibited_by: [No Movement]\n",
    *(
        RULE + f"    notify: {routes}\n"
        for routes in (
            "owner",
            "[owner]",
            "{to: owner}",
            "[{to: Owner}]",
            "[{to: sales}]",
            '[{to: "@ada"}]',
            "[{to: #sales}]",
            '[{to: "#Sales Team"}]',
            "[{mode: direct}]",
            "[{to: owner, mode: dm}]",
            "[{to: owner, after: soon}]",
            "[{to: owner, when: now}]",
            "[{to: owner}, {to: owner}]",
        )
    ),
    RULE + "    notify:\n      - to: #sales\n",
    *(
        RULE + CLOCK.replace(good, bad)
        for good, bad in (
            ("starts: closed, ", ""),
            ("starts: closed", "starts: close_date"),
            ("starts: closed", "starts: custom.signed"),
            ("stops: [handed_off]", "stops: []"),
            ("stops: [handed_off]", "stops: handed_off"),
            ("stops: [handed_off]", "stops: [handed]"),
            ("48 hours", "2d"),
            ("48 hours", "48 hours, since: 3 business days"),
            ("48 hours", "48 hours, only_if: {stage_kin: [won]}"),
            ("48 hours", "48 hours, only_if: {stage_kind: won}"),
            ("48 hours", "48 hours, only_if: {push_count: [1]}"),
            ("48 hours", "48 hours, until: never"),
        )
    ),
    *(
        given(values)
        for values in (
            "stag: x",
            "is_open: true",
            "closing_plan: yes",
            "closing_plan: 1",
            "close_date: soon",
            "close_date: 31.03.2026",
            "close_date: 0001-01-01",
            "created: 2026-03-01 25:00",
            "created: 01/03/2026",
            "amount: 20.000 EUR",
            'amount: "20,000"',
            "amount: €20",
            'push_count: "1,234"',
            "push_count: many",
            "push_count: true",
        )
    ),
    *(
        tried(now)
        for now in ("soon", "0001-01-01 00:00", "9999-12-31", "2026-13-01", "16.03.2026 09:00", "2026-03-16 9 am")
    ),
    tried("2026-03-16 09:00", "fire"),
    RULE + "    tests: [{name: a, now: 2026-03-16 09:00}]\n",
    RULE + "    tests: [{now: 2026-03-16 09:00, expect: fires}]\n",
]
# What only the loader can know: what names stand elsewhere, what kind a value has there, which days and numbers there
# are.
BEYOND_A_SCHEMA = [
    RULE.replace("$quiet", "$quite"),
    RULE + "    inhibited_by: [other]\n",
    RULE + "    inhibited_by: [stalled]\n",
    RULE + "    vary: [{if: is_open, params: {quite: 7 days}}]\n",
    RULE + "    vary: [{if: is_open, params: {quiet: 7}}]\n",
    RULE + CLOCK.replace("48 hours", "48 hours, calendar: nowhere"),
    param("20.000"),  # YAML has made 20.0 of it
    given("amount: 0.001"),
    given("close_date: 2026-02-30"),
    line("push_count > 100000000000000 * 100000000000000"),
    line("push_count > close_date"),
]
GOOD = [
    RULE,
    RULE
    + CLOCK.replace("48 hours", "4 business hours, calendar: berlin, since: 30 days, only_if: {stage_kind: [won]}"),
    *(
        line(condition)
        for condition in (
            "not closing_plan",
            "not (is_open or closing_plan)",
            'stage is "Proposal"',
            "stage is 'AND && || 20.000 is empty'",
            'stage is one of ["a/b", "50%", "x: y"]',
            'not stage contains "older then"',
            "push_count*30>days_pushed",
            "-push_count < 5",
            "2 <= push_count",
            "push_count * 0.125 > 1.2345",
            "amount_home >= 20k EUR",
            "amount_home >= 1234.5 or amount_home < 0.50",
            "close_date within next 2 weeks",
            "close_date within next $quiet",
            "close_date < today + 30 days",
            "close_date before 2026-12-31",
            "last_activity is older than 5 business days",
            "last_activity is not missing",
            "custom.team_size > 5",
            "created is today",
            'next_step contains "it\'s"',
        )
    ),
    *(
        param(value)
        for value in ("0", "20k", "20000 EUR", "0.15", "0.500", "2026-03-01", "true", "commit", '"a, b"', "-5", "1.5m")
    ),
    *(RULE + f"    for: {span}\n" for span in ("0 days", "30 minutes", "5 business days", "3660 days")),
    RULE
    + '    notify: [{to: owner}, {to: owner, after: 1 day}, {to: "#revops", mode: digest}, {to: a.b@example.co.uk}]\n',
    RULE.replace('"{name}: no buyer activity"', '"{{{name}}} {close_date:age} {custom.x} {amount_home}"'),
    given(
        "stage: 2026, name: true, push_count: 3, amount: 20000 EUR, amount_home: 20k, closing_plan: false, "
        "close_date: 2026-03-01"
    ),
    given(
        "created: 2026-03-01 09:00+02:00, closed: 2026-03-01T09:00:00Z, next_step: ~, owner: 4711, custom.team_size: 5"
    ),
    tried("2026-03-16"),
    tried("1900-01-01 00:00+14:00", "silent"),
]


def problems(text: str) -> bool:
    """Whether an editor marks a file: as no YAML, or by the schema."""
    try:
        content: Any = EDITOR.load(text)
    except YAMLError:
        return True
    return not SCHEMA.is_valid(json.loads(json.dumps(content)))


def is_refused(folder: Path, text: str) -> bool:
    """Whether `rules check` refuses a file."""
    path = folder / "rules.yaml"
    path.write_text(text)
    custom = {"deal": {"team_size": Kind.NUMBER, "x": Kind.TEXT}}
    try:
        load([path], custom=custom, home_currency="EUR", calendars={"berlin"})
    except ProblemsError:
        return True
    return False


@pytest.mark.parametrize("text", REFUSED)
def test_the_editor_refuses_what_the_check_refuses(tmp_path: Path, text: str) -> None:
    """A broken file is refused by `rules check`, and marked by the editor while it is written."""
    assert (True, True) == (is_refused(tmp_path, text), problems(text))


@pytest.mark.parametrize("text", BEYOND_A_SCHEMA)
def test_what_a_schema_cannot_know_is_left_to_the_check(tmp_path: Path, text: str) -> None:
    """What rests on other places of the files, or on arithmetic, is refused by `rules check` alone."""
    assert (True, False) == (is_refused(tmp_path, text), problems(text))


@pytest.mark.parametrize("text", GOOD)
def test_the_editor_marks_nothing_that_is_good(tmp_path: Path, text: str) -> None:
    """What `rules check` accepts, the editor accepts."""
    assert (False, False) == (is_refused(tmp_path, text), problems(text))


def patterns(schema: Any) -> list[str]:
    """Every pattern of a schema."""
    if isinstance(schema, list):
        return [found for part in schema for found in patterns(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
    return own + [found for part in schema.values() for found in patterns(part)]


def test_editors_can_read_its_patterns() -> None:
    """ECMAScript with the flag `u`, which editors use, refuses escapes that Python takes."""
    escapes = {found for pattern in patterns(editor_schema()) for found in re.findall(r"\\([^\w\s])", pattern)}

    assert set() == escapes - set("^$\\.*+?()[]{}|/")


def test_the_editor_accepts_the_conditions_of_the_reference() -> None:
    """Every condition that the reference shows is good in the editor."""
    text = (Path(__file__).parents[3] / "docs" / "reference" / "rule-files.md").read_text()
    shown = [each for block in re.findall(r"```condition\n(.*?)```", text, re.DOTALL) for each in block.splitlines()]

    assert ([], True) == ([each for each in shown if problems(line(each))], bool(shown))
