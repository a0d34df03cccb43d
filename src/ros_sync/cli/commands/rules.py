"""`ros-sync rules`: reads rule files and tries the tests inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

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
    from ros_sync.cli import run_rules  # noqa: PLC0415  # the rules' libraries are not loaded for --help

    if not run_rules.check(Invocation.of(ctx), paths, as_json=as_json):
        raise typer.Exit(1)


@app.command("test")
def try_tests(ctx: typer.Context, paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Try the tests inside rule files; of a failed one, tell what each line of the rule saw.

    Tests count working time from Monday to Friday, 9 to 17, without holidays. Exit code 1 where one fails.

    Example: [bold]ros-sync rules test[/bold]
    """
    from ros_sync.cli import run_rules  # noqa: PLC0415  # the rules' libraries are not loaded for --help

    if not run_rules.try_tests(Invocation.of(ctx), paths, as_json=as_json):
        raise typer.Exit(1)
