"""Reading rule files: what is good becomes rules, and everything that is bad is told at once, at its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ros_sync.durations import Duration
from ros_sync.errors import ProblemsError
from ros_sync.fields import Kind
from ros_sync.rules.model import Mode, Route, RuleSet, RuleSeverity, Status
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


def write(folder: Path, text: str | bytes, name: str = "rules.yaml") -> Path:
    """Write a rule file."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(path: Path) -> list[str]:
    """The problems of a file, each as `line:column message`, without the file's name."""
    with pytest.raises(ProblemsError) as caught:
        load([path], calendars={"berlin"})
    return [str(problem).removeprefix(f"{path}").removeprefix(":") for problem in caught.value.problems]


def test_a_short_rule_has_the_defaults(tmp_path: Path) -> None:
    """A rule that says only what it must is live, warns, and goes into the owner's digest."""
    (rule,) = load([write(tmp_path, RULE)])

    expected = (Status.LIVE, RuleSeverity.WARN, (Route("owner", Mode.DIGEST),), None)
    assert expected == (rule.status, rule.severity, rule.notify, rule.hold)


def test_the_same_route_twice_is_refused(tmp_path: Path) -> None:
    """One person, told at once by two lines: which of the two counts would be a guess."""
    text = RULE + "    notify: [{to: owner, mode: digest}, {to: owner, mode: direct}]\n"
    with pytest.raises(ProblemsError, match="'owner' is told at once already"):
        load([write(tmp_path, text)])


def test_a_full_rule_is_read(tmp_path: Path) -> None:
    """Routes, hold, severity and clock are read as written."""
    text = RULE + (
        "    for: 2 days\n    severity: critical\n    status: shadow\n"
        '    notify: [{to: manager, after: 5 business days}, {to: "#revops", mode: digest}]\n'
        "    clock: {starts: closed, stops: [handed_off], within: 48 hours, only_if: {stage_kind: [won]}, since: 30 "
        "days}\n"
    )
    (rule,) = load([write(tmp_path, text)])

    routes = (Route("manager", Mode.DIRECT, Duration.parse("5 business days")), Route("#revops", Mode.DIGEST))
    assert rule.clock is not None
    assert (routes, "2 days", (("stage_kind", ("won",)),)) == (rule.notify, str(rule.hold), rule.clock.only_if)


def test_custom_properties_have_the_kinds_of_the_mapping(tmp_path: Path) -> None:
    """A company's own property can be asked about by the kind that the mapping file gives it."""
    path = write(tmp_path, RULE.replace("- is_open", "- custom.team_size > 5"))

    assert 1 == len(load([path], custom={"deal": {"team_size": Kind.NUMBER}}))


def test_inhibitors_come_first(tmp_path: Path) -> None:
    """A rule follows those that inhibit it, whatever the order of the file."""
    second = RULE.split("rules:\n")[1].replace("id: stalled", "id: other")
    path = write(tmp_path, RULE + "    inhibited_by: [other]\n" + second)

    assert ["other", "stalled"] == [rule.id for rule in load([path])]


def test_a_folder_is_read_without_the_organisation(tmp_path: Path) -> None:
    """In a folder every YAML file but the organisation's is a rule file."""
    write(tmp_path, RULE)
    write(tmp_path, "version: 1", "organisation.yaml")

    assert 1 == len(load([tmp_path]))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One look at a bad file tells everything that is wrong with it, in reading order."""
    text = """version: 1
rules:
  - id: Bad Id
    title: One
    applies_to: deal
    serverity: warn
    when:
      - is_opne
      - push_count / 2 > 1
    message: "{nmae}"
    for: 3 moons
    notify: [{to: onwer}]
  - id: two
    title: Two
    title: Two again
    applies_to: deals
    message: x
"""
    expected = [
        (3, 9, "write 'bad-id'"),
        (6, 5, "did you mean 'severity'?"),
        (8, 9, "did you mean 'is_open'?"),
        (9, 20, "no division"),
        (10, 16, "did you mean 'name'?"),
        (11, 10, "not a duration"),
        (12, 19, "did you mean 'owner'?"),
        (15, 5, "duplicate key"),
        (16, 17, "did you mean 'deal'?"),
    ]
    found = problems(write(tmp_path, text))

    assert [f"{line}:{column}" for line, column, _ in expected] == [
        ":".join(each.split(":")[:2]).split(",")[0] for each in found
    ]
    assert [True] * len(expected) == [words in each for (_, _, words), each in zip(expected, found, strict=True)]


ALONE = [
    ("", "", "the file is empty"),
    (RULE.replace("    params", "\tparams"), "6:1", "tab character found"),
    (RULE.replace("id: stalled", "id:"), "3:5, rules[1].id", "`id` is missing"),
    (RULE.replace('"{name}: no buyer activity"', "{name}: no"), "10:14", "begins with {"),
    (RULE.replace("{quiet: 14 days}", "&a {quiet: 14 days}"), "6:13", "anchors and aliases"),
    ("version: 1\nrules: " + "[" * 10_000 + "]" * 10_000, "2:", "nested more than 20 deep"),
    ("- a\n", "1:1", "expected `key: value` pairs, found a list"),
    ("just words", "1:1", "expected `key: value` pairs, found 'just words'"),
    (RULE.replace("version: 1", "version: 2"), "1:10", "version '2' is not known"),
    (RULE.replace("version: 1\n", ""), "1:1", "`version` is missing"),
    (
        RULE.replace("    when:\n      - is_open\n      - last_buyer_activity older than $quiet\n", ""),
        "3:5",
        "`when` is missing",
    ),
    (
        RULE.replace("\n      - is_open\n      - last_buyer_activity older than $quiet", " is_open"),
        "7:11",
        "expected a list",
    ),
    (RULE.replace("\n      - is_open\n      - last_buyer_activity older than $quiet", " []"), "7:11", "has no line"),
    (RULE.replace("$quiet", "$quite"), "9:40", "did you mean 'quiet'?"),
    (RULE.replace("14 days", "14 day s"), "6:21", "not a duration"),
    (RULE.replace("- is_open", "- " + "(" * 10_000 + "is_open" + ")" * 10_000), "8:29", "brackets are nested"),
    (RULE + "    vary: [{if: is_open, params: {quite: 1 day}}]\n", "11:35", "did you mean 'quiet'?"),
    (RULE + "    vary: [{if: is_open, params: {quiet: 5}}]\n", "11:42", "a duration under `params`, and a number here"),
    (RULE + "    inhibited_by: [stalle]\n", "3:9", "no such rule"),
    (RULE + "    inhibited_by: [stalled]\n", "3:9", "in a ring: stalled <- stalled"),
    (RULE + "    owner: nobody\n", "11:12", "must be an e-mail address"),
    (RULE + "    severity: loud\n", "11:15", "known: critical, info, warn"),
    (RULE + "    severity: [warn]\n", "11:15", "expected a text"),
    (RULE + "    actions: [snoze]\n", "11:15", "did you mean 'snooze'?"),
    (RULE + "    notify: [{to: #x}]\n", "11:19", 'put it in quotes: "#x"'),
    (
        RULE + "    notify:\n      - to: #sales\n        mode: direct\n",
        "12:13",
        "`to` has no value: #sales is a comment",
    ),
    (RULE + "    notify: [{to: @ada}]\n", "11:19", "no value begins with @"),
    (
        RULE.replace("- is_open", '- next_step contains "call: today"'),
        "8:9",
        "put the whole line in single quotes: 'next_step contains \"call: today\"'",
    ),
    (RULE.replace("- is_open", '- next_step contains "a #b"'), "8:9", "begins a comment"),
    (RULE.replace("- is_open", "- stage: proposal"), "8:9", 'write `stage is "proposal"`'),
    (RULE.replace("- is_open", "- is_open: true"), "8:9", "write `is_open`"),
    (RULE.replace("- is_open", '- "x" is stage'), "8:9", "single quotes: '\"x\" is stage'"),
    (RULE.replace("- is_open", "- {is_open}"), "8:9", "in single quotes"),
    (RULE.replace("- is_open", "- !is_open"), "8:9", "in a condition use `not`"),
    (RULE.replace("- is_open", "- `is_open`"), "8:9", "no value begins with `"),
    (RULE.replace("\n      - is_open", " - is_open"), "7:11", "begin it on the next line"),
    (RULE.replace("title: No buyer", "title: No: buyer"), "4:14", "put it in double quotes"),
    (RULE.replace("title: No", "title:No"), "4:10", "write `title: No buyer activity`"),
    (RULE.replace('"{name}: no buyer activity"', '"{name}'), "10:14", "never closed"),
    (RULE.replace('"{name}: no buyer activity"', "{name}"), "10:14", "in double quotes"),
    (RULE.replace("14 days", "14d"), "6:21", "write `14 days`"),
    (RULE.replace("14 days", "3 months"), "6:21", "write `90 days`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: 20.000"), "6:37", "can be read as 20 or as 20,000"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: 20.000 EUR"), "6:37", "`20 EUR` or `20000 EUR`"),
    (RULE.replace("quiet: 14 days", 'quiet: 14 days, floor: "20,000"'), "6:37", "can be read as 20 or as 20,000"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: 20,000"), "6:40", "the comma in 20,000"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: 20 000"), "6:37", "write `20000`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: 20'000"), "6:37", "write `20000`"),
    (RULE.replace("quiet: 14 days", 'quiet: 14 days, floor: "1.234,56"'), "6:37", "write `1234.56`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, floor: €20k"), "6:37", "write `20000 EUR`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, share: 15%"), "6:37", "`0.15`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, since: 31.03.2026"), "6:37", "`2026-03-31`"),
    (RULE.replace("quiet: 14 days", "quiet: 14 days, big: 1e6"), "6:35", "`1000000`"),
    (RULE + "    vary: [{if: is_open, params: {quiet: 2w}}]\n", "11:42", "write `2 weeks`"),
    (RULE + "    for: 2d\n", "11:10", "write `2 days`"),
    (RULE + "    tests: [{name: a, now: 31.03.2026 09:00, expect: fires}]\n", "11:28", "write `2026-03-31 09:00`"),
    (
        RULE + "    tests: [{name: a, now: 2026-03-01, given: {amount: 20.000 EUR}, expect: fires}]\n",
        "11:56",
        "`20 EUR`",
    ),
    (RULE + "    tests: [{name: a, now: 2026-03-01, given: {push_count: 1.234}, expect: fires}]\n", "11:60", "`1234`"),
    (
        RULE + "    tests: [{name: a, now: 2026-03-01, given: {closing_plan: yes}, expect: fires}]\n",
        "11:62",
        "write true",
    ),
    (RULE + "    notify: [{mode: direct}]\n", "11:14", "`to` is missing"),
    (RULE + "    tests: [{name: a, now: soon, expect: fires}]\n", "11:28", "not a day and time"),
    (
        RULE + "    tests: [{name: a, now: 2026-03-01, given: {stag: x}, expect: fires}]\n",
        "11:48",
        "did you mean 'stage'?",
    ),
    (RULE + "    tests: [{name: a, now: 2026-03-01, given: {is_open: true}, expect: fires}]\n", "11:48", "it follows"),
    (
        RULE + "    tests: [{name: a, now: 2026-03-01, given: {close_date: soon}, expect: fires}]\n",
        "11:60",
        "not a day of the",
    ),
    (RULE + "    tests: [{name: a, now: 2026-03-01, expect: explodes}]\n", "11:48", "fires, silent"),
    (RULE + "    clock: {starts: closed, stops: [handed], within: 48 hours}\n", "11:37", "did you mean 'handed_off'?"),
    (
        RULE + "    clock: {starts: close_date, stops: [handed_off], within: 48 hours}\n",
        "11:21",
        "is not a field of the kind instant",
    ),
    (RULE + "    clock: {starts: closed, stops: [], within: 48 hours}\n", "11:36", "at least one field"),
    (RULE + "    clock: {starts: closed, stops: [handed_off], within: soon}\n", "11:58", "not a duration"),
    (
        RULE + "    clock: {starts: closed, stops: [handed_off], within: 87600 business hours}\n",
        "11:58",
        "at most a year of working time, which is 262 business days or 2,096 business hours",
    ),
    (
        RULE + "    clock: {starts: closed, stops: [handed_off], within: 263 business days}\n",
        "11:58",
        "a year of working time",
    ),
    (RULE + "    clock: {starts: closed, stops: [handed_off], within: 3661 days}\n", "11:58", "at most ten years"),
    (RULE + "    for: 2097 business hours\n", "11:10", "a year of working time"),
    (
        RULE + "    clock: {starts: closed, stops: [handed_off], within: 1 day, calendar: x}\n",
        "11:75",
        "unknown calendar 'x'",
    ),
]


@pytest.mark.parametrize("text,place,words", ALONE)
def test_one_problem_at_its_place(tmp_path: Path, text: str | bytes, place: str, words: str) -> None:
    """Each kind of mistake is one problem, told at its line and column."""
    found = problems(write(tmp_path, text))

    assert (1, True, True) == (len(found), found[0].startswith(place), words in found[0]), found


def test_two_rules_of_one_id(tmp_path: Path) -> None:
    """An id stands for one rule in all files; the second one is told where the first is."""
    paths = [write(tmp_path, RULE, "a.yaml"), write(tmp_path, RULE, "b.yaml")]

    with pytest.raises(ProblemsError, match=r"b\.yaml:3:9.*two rules 'stalled'.*a\.yaml:3:9"):
        load(paths)


def test_a_ring_of_three(tmp_path: Path) -> None:
    """Rules that inhibit each other in a ring are told with the ring."""
    body = RULE.split("rules:\n")[1]
    entries = [
        body.replace("id: stalled", f"id: {name}") + f"    inhibited_by: [{other}]\n"
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    with pytest.raises(ProblemsError, match="ring: a <- b <- c <- a"):
        load([write(tmp_path, "version: 1\nrules:\n" + "".join(entries))])


def test_a_missing_file_and_an_empty_folder(tmp_path: Path) -> None:
    """A file that is not there and a folder without rule files are problems, not silence."""
    with pytest.raises(ProblemsError) as caught:
        load([tmp_path, tmp_path / "none.yaml"])

    assert [True, True] == [
        words in str(problem)
        for words, problem in zip(("no rule file", "cannot be read"), caught.value.problems, strict=True)
    ]


def test_money_of_another_currency_is_told_where_the_home_currency_is_known(tmp_path: Path) -> None:
    """An amount in another currency than the company's is found when the file is read."""
    path = write(tmp_path, RULE.replace("- is_open", "- amount_home > 5 USD"))

    with pytest.raises(ProblemsError, match="company's currency, EUR"):
        load([path], home_currency="EUR")


def test_a_rule_set_is_looked_up_by_id() -> None:
    """An empty set of rules has no ids."""
    assert {} == RuleSet(()).by_id


def test_a_named_pipe_among_rule_files_is_refused(tmp_path: Path) -> None:
    """A pipe that nobody writes to is told at once, and not waited for."""
    os.mkfifo(tmp_path / "odd.yaml")
    write(tmp_path, RULE)
    with pytest.raises(ProblemsError, match=r"odd\.yaml: the file cannot be read: this is a named pipe, not a file"):
        load([tmp_path])
