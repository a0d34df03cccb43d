"""`ros-sync deletions`: deletions that are held, and what a person decides about them."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(name="deletions", rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})

_Wave = Annotated[
    int, typer.Argument(metavar="WAVE", help="The wave's number, as `ros-sync deletions` shows it.", min=1)
]
_By = Annotated[
    str | None,
    typer.Option("--by", metavar="EMAIL", help="Who decides it. The user of this machine is noted in any case."),
]


@app.callback(invoke_without_command=True)
def deletions(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", metavar="", help="Those that were decided, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print them as JSON.")] = False,
) -> None:
    """List deletions that wait for a person: more records of a stream than may be deleted in a day.

    The records are as they were, and their alerts go on, until somebody confirms or rejects the wave. It only reads,
    and works while [bold]ros-sync serve[/bold] runs.

    Example: [bold]ros-sync deletions[/bold]
    """
    if ctx.invoked_subcommand is not None:
        return
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_deletions.show(Invocation.of(ctx), every=every, as_json=as_json)


@app.command()
def confirm(ctx: typer.Context, wave: _Wave, by: _By = None) -> None:
    """Confirm a wave: the records are to be deleted here too.

    The next sync does it. What the CRM has again by then stays. Persons that it does not know any more are erased.

    Example: [bold]ros-sync deletions confirm 3 --by ada@example.com[/bold]
    """
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # as above

    run_deletions.decide(Invocation.of(ctx), wave, confirmed=True, by=by)


@app.command()
def reject(ctx: typer.Context, wave: _Wave, by: _By = None) -> None:
    """Reject a wave: the records stay, and the same evidence is not asked about again.

    A record that is deleted anew later, or that was there in between, counts anew.

    Example: [bold]ros-sync deletions reject 3 --by ada@example.com[/bold]
    """
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # as above

    run_deletions.decide(Invocation.of(ctx), wave, confirmed=False, by=by)
