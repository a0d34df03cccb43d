"""What `ros-sync rules` does, and how it tells of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ros_sync.cli.invocation import Invocation
from ros_sync.cli.known import known_values
from ros_sync.errors import ProblemsError, RosSyncError, Where
from ros_sync.notifiers.plaintext import clean
from ros_sync.organisation.company import Organisation
from ros_sync.plain_data import data_of
from ros_sync.rules.doubts import Doubter
from ros_sync.rules.model import RuleSet
from ros_sync.rules.rule_files import load
from ros_sync.rules.trials import TrialOutcome, plain_week, run_tests
from ros_sync.workspace.company import organisation_of
from ros_sync.workspace.mappings import custom_kinds, several_options
from ros_sync.workspace.near_misses import near_misses


def check(invocation: Invocation, paths: list[Path] | None, *, as_json: bool) -> bool:
    """Read the rule files and tell every problem; whether there was none."""
    problems: list[RosSyncError] = []
    rules = RuleSet(())
    try:
        rules, _ = _load(invocation, paths)
    except ProblemsError as error:
        problems, rules = error.problems, RuleSet((), warnings=error.warnings)
    if not paths:
        rules = replace(rules, warnings=(*near_misses(invocation.settings), *rules.warnings))
    if as_json:
        invocation.print_json(
            {
                "rules": [rule.id for rule in rules],
                "problems": [_problem(each) for each in problems],
                "warnings": [_problem(each) for each in rules.warnings],
            }
        )
    else:
        _show_check(invocation.out, rules, problems)
    return not problems


def try_tests(invocation: Invocation, paths: list[Path] | None, *, as_json: bool) -> bool:
    """Try the tests inside the rule files and tell what came of them; whether all passed."""
    rules, organisation = _load(invocation, paths)
    outcomes = run_tests(rules, plain_week(organisation.company.timezone, organisation.home_currency))
    if as_json:
        invocation.print_json([_outcome(outcome) for outcome in outcomes])
    else:
        _show_trials(invocation.out, rules, outcomes)
    return all(outcome.passed for outcome in outcomes)


def _load(invocation: Invocation, paths: list[Path] | None) -> tuple[RuleSet, Organisation]:
    """The rules, and the organisation of the workspace; files named outside a workspace are read without one."""
    try:
        settings = invocation.settings
    except RosSyncError:
        if not paths:
            raise
        return load(paths, doubter=Doubter()), Organisation()
    organisation = organisation_of(settings)
    rosters = (organisation.people, *(each.people for _, each in organisation.later))
    people = {name for roster in rosters for each in roster.values() for name in (each.name, each.email) if name}
    rules = load(
        paths or [settings.rules_folder],
        custom=custom_kinds(settings),
        several=several_options(settings),
        home_currency=organisation.home_currency,
        calendars=organisation.calendars,
        doubter=Doubter(known_values(settings), people),
    )
    return rules, organisation


def _show_check(out: Console, rules: RuleSet, problems: list[RosSyncError]) -> None:
    for problem in (*problems, *rules.warnings):
        line = Text("✗ ", style="bold red") if problem in problems else Text("! ", style="bold yellow")
        line.append(clean(str(problem.where or "")), style="bold not red not yellow")
        line.append(f"\n  {clean(problem.message)}", style="not bold default")
        if problem.hint:
            line.append(f"\n  {clean(problem.hint)}", style="not bold dim default")
        out.print(line, soft_wrap=True, highlight=False)
    if problems:
        words = f"\n{_counted(len(problems), 'problem')}"
        if rules.warnings:
            words += f", {_counted(len(rules.warnings), 'warning')}"
        out.print(Text(words, style="bold red"))
        return
    tests = sum(len(rule.tests) for rule in rules)
    words = (
        f"✓ {_counted(len(rules), 'rule')} in {_counted(len(rules.files), 'file')}, {_counted(tests, 'test')} inside"
    )
    if rules.warnings:
        words += f"; {_counted(len(rules.warnings), 'warning')}"
    out.print(Text(words, style="green"), soft_wrap=True)


def _show_trials(out: Console, rules: RuleSet, outcomes: list[TrialOutcome]) -> None:
    for rule in rules:
        own = [outcome for outcome in outcomes if outcome.rule_id == rule.id]
        if not own:
            out.print(Text(f"? {rule.id}: no tests", style="yellow"), soft_wrap=True)
            continue
        passed = sum(outcome.passed for outcome in own)
        good = passed == len(own)
        line = Text("✓ " if good else "✗ ", style="green" if good else "bold red")
        line.append(f"{rule.id}: {passed} of {_counted(len(own), 'test')}", style="not bold default")
        out.print(line, soft_wrap=True, highlight=False)
        for outcome in own:
            if not outcome.passed:
                out.print(
                    Text(f"    {outcome.test.where}\n    {outcome.words}".replace("\n  ", "\n      ")), soft_wrap=True
                )
    failed = sum(not outcome.passed for outcome in outcomes)
    words = f"\n{_counted(failed, 'test')} failed" if failed else f"\nall {_counted(len(outcomes), 'test')} passed"
    out.print(Text(words, style="bold red" if failed else "bold green"))


def _problem(problem: RosSyncError) -> dict[str, object]:
    where = data_of(problem.where or Where())
    return {**where, "message": problem.message, "hint": problem.hint}


def _outcome(outcome: TrialOutcome) -> dict[str, object]:
    return {
        "rule": outcome.rule_id,
        "test": outcome.test.name,
        "file": outcome.test.where.file,
        "line": outcome.test.where.line,
        "passed": outcome.passed,
        "expected": outcome.test.expect,
        "fires": outcome.verdict.fires,
        "lines": [data_of(line) for line in outcome.verdict.lines],
    }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
