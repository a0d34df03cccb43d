"""`ros-sync rules`: reads rule files and tries the tests inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(
    name="rules",
    help="Check rule files and run their tests.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATHS]...", help="Rule files, or folders containing them. Default: rules/ in the workspace."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def check(ctx: typer.Context, paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Validate rule files and report every problem with its file, line and column.

    Exits with code 1 if there are problems.

    Example: [bold]ros-sync rules check rules/deals.yaml[/bold]
    """
    from ros_sync.cli import run_rules  # noqa: PLC0415  # the rules' libraries are not loaded for --help

    if not run_rules.check(Invocation.of(ctx), paths, as_json=as_json):
        raise typer.Exit(1)


@app.command("test")
def try_tests(ctx: typer.Context, paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Run the tests in rule files. For a failed test, show what each line of the rule saw.

    In tests, working time is Monday to Friday, 9:00 to 17:00, without holidays. Exits with code 1 if a test fails.

    Example: [bold]ros-sync rules test[/bold]
    """
    from ros_sync.cli import run_rules  # noqa: PLC0415  # the rules' libraries are not loaded for --help

    if not run_rules.try_tests(Invocation.of(ctx), paths, as_json=as_json):
        raise typer.Exit(1)
