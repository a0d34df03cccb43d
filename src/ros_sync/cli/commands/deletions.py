"""`ros-sync deletions`: deletions that are held, and what a person decides about them."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(name="deletions", rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})

_Wave = Annotated[
    int, typer.Argument(metavar="WAVE", help="The wave's number, as shown by `ros-sync deletions`.", min=1)
]
_By = Annotated[
    str | None,
    typer.Option("--by", metavar="EMAIL", help="Who made the decision. The user on this machine is always recorded."),
]


@app.callback(invoke_without_command=True)
def deletions(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", metavar="", help="Include waves that were already decided.")] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the waves as JSON.")] = False,
) -> None:
    """List deletions awaiting confirmation: more records of a stream than may be deleted in a day.

    The records and their alerts stay as they are until someone confirms or rejects the wave. This is read-only and
    works while [bold]ros-sync serve[/bold] is running.

    Example: [bold]ros-sync deletions[/bold]
    """
    if ctx.invoked_subcommand is not None:
        return
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_deletions.show(Invocation.of(ctx), every=every, as_json=as_json)


@app.command()
def confirm(ctx: typer.Context, wave: _Wave, by: _By = None) -> None:
    """Confirm a wave: delete the records here too.

    The next sync deletes them. Records that are back in the CRM by then are kept. People it no longer has are erased.

    Example: [bold]ros-sync deletions confirm 3 --by ada@example.com[/bold]
    """
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # as above

    run_deletions.decide(Invocation.of(ctx), wave, confirmed=True, by=by)


@app.command()
def reject(ctx: typer.Context, wave: _Wave, by: _By = None) -> None:
    """Reject a wave: keep the records, and don't ask again about the same evidence.

    A record that reappears in the meantime, or is deleted again later, counts as a new deletion.

    Example: [bold]ros-sync deletions reject 3 --by ada@example.com[/bold]
    """
    from ros_sync.cli import run_deletions  # noqa: PLC0415  # as above

    run_deletions.decide(Invocation.of(ctx), wave, confirmed=False, by=by)
