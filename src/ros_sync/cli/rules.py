"""`ros-sync rules`: reads rule files and tries the tests inside them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ros_sync.cli.company import custom_kinds, organisation_of
from ros_sync.cli.invocation import Invocation
from ros_sync.errors import ProblemsError, RosSyncError, Where
from ros_sync.organisation.company import Organisation
from ros_sync.rules.files import load
from ros_sync.rules.model import RuleSet
from ros_sync.rules.trials import TrialOutcome, plain_week, run_tests

app = typer.Typer(
    name="rules",
    help="Checks rule files and tries the tests inside them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Rule files or folders of them. Default: the workspace's rules/."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def check(ctx: typer.Context, paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Read rule files and tell everything that is wrong with them, with file, line and column.

    Exit code 1 where there is a problem.

    Example: [bold]ros-sync rules check rules/deals.yaml[/bold]
    """
    invocation = Invocation.of(ctx)
    problems: list[RosSyncError] = []
    rules = RuleSet(())
    try:
        rules, _ = _load(invocation, paths)
    except ProblemsError as error:
        problems = error.problems
    if as_json:
        invocation.print_json({"rules": [rule.id for rule in rules], "problems": [_problem(each) for each in problems]})
    else:
        _show_check(invocation.out, rules, problems)
    if problems:
        raise typer.Exit(1)


@app.command("test")
def try_tests(ctx: typer.Context, paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Try the tests inside rule files; of a failed one, tell what each line of the rule saw.

    Tests count working time from Monday to Friday, 9 to 17, without holidays. Exit code 1 where one fails.

    Example: [bold]ros-sync rules test[/bold]
    """
    invocation = Invocation.of(ctx)
    rules, organisation = _load(invocation, paths)
    outcomes = run_tests(rules, plain_week(organisation.company.timezone, organisation.home_currency))
    if as_json:
        invocation.print_json([_outcome(outcome) for outcome in outcomes])
    else:
        _show_trials(invocation.out, rules, outcomes)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)


def _load(invocation: Invocation, paths: list[Path] | None) -> tuple[RuleSet, Organisation]:
    """The rules, and the organisation of the workspace; files named outside a workspace are read without one."""
    try:
        settings = invocation.settings
    except RosSyncError:
        if not paths:
            raise
        return load(paths), Organisation()
    organisation = organisation_of(settings)
    rules = load(
        paths or [settings.rules_folder],
        custom=custom_kinds(settings),
        home_currency=organisation.home_currency,
        calendars=organisation.calendars,
    )
    return rules, organisation


def _show_check(out: Console, rules: RuleSet, problems: list[RosSyncError]) -> None:
    for problem in problems:
        line = Text("✗ ", style="bold red")
        line.append(str(problem.where or ""), style="bold not red")
        line.append(f"\n  {problem.message}", style="not bold default")
        if problem.hint:
            line.append(f"\n  {problem.hint}", style="not bold dim default")
        out.print(line, soft_wrap=True, highlight=False)
    if problems:
        out.print(Text(f"\n{_counted(len(problems), 'problem')}", style="bold red"))
        return
    tests = sum(len(rule.tests) for rule in rules)
    words = (
        f"✓ {_counted(len(rules), 'rule')} in {_counted(len(rules.files), 'file')}, {_counted(tests, 'test')} inside"
    )
    out.print(Text(words, style="green"), soft_wrap=True)


def _show_trials(out: Console, rules: RuleSet, outcomes: list[TrialOutcome]) -> None:
    for rule in rules:
        own = [outcome for outcome in outcomes if outcome.rule_id == rule.id]
        if not own:
            out.print(Text(f"? {rule.id}: no test", style="yellow"), soft_wrap=True)
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
    where = asdict(problem.where or Where())
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
        "lines": [asdict(line) for line in outcome.verdict.lines],
    }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
