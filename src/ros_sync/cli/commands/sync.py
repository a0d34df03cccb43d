"""`ros-sync sync`: follow the CRMs over their API, once."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation
from ros_sync.workspace.vendors import NAMES

app = typer.Typer(name="sync", rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})


@app.callback(invoke_without_command=True)
def sync(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"The source to sync, such as {NAMES}. Default: all of them.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again and look for records that are gone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the result as JSON.")] = False,
) -> None:
    """Bring the mirror up to date with the CRM (sync audit compares the two, sync write changes a record).

    Picks up records that were created, changed, deleted or merged. The first run reads everything; later runs only read
    what changed since. An interrupted run resumes where it stopped. [bold]ros-sync serve[/bold] does the same
    continuously.

    Example: [bold]ros-sync sync --source NAME[/bold]
    """
    if ctx.invoked_subcommand is not None:
        return
    from ros_sync.cli import run_sync  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_sync.sync(Invocation.of(ctx), source=source, full=full, as_json=as_json)


@app.command("audit")
def audit(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"The source to audit, such as {NAMES}. Default: all of them.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", metavar="", help="Fix the differences, then check them again.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            metavar="",
            help="Also compare the change history of tracked fields: slower, with more calls for records that differ.",
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", help="Number of differences to print; the total is always shown.", min=0)
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the result as JSON.")] = False,
) -> None:
    """Compare the mirror with the CRM record by record and print the differences.

    Reads the whole CRM once: IDs, modification times, mapped properties, associations, owners and stages. Changes made
    since the last poll don't count as differences. Exits with code 1 if anything differs.

    Example: [bold]ros-sync sync audit --repair[/bold]
    """
    from ros_sync.cli import run_audit  # noqa: PLC0415  # as above

    run_audit.audit(Invocation.of(ctx), source=source, repair=repair, history=history, limit=limit, as_json=as_json)


@app.command()
def write(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="OBJECT", help="The kind of record, such as deal or lead.")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The record's ID in the CRM.")],
    changes: Annotated[
        list[str],
        typer.Argument(metavar="FIELD=VALUE...", help="Values to set; leave the value empty to clear a field."),
    ],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="Who requests the change; noted on the record.")],
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="FIELD=VALUE",
            help="The value the field is expected to have now. Default: the mirror's value.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="The source to write to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the result as JSON.")] = False,
) -> None:
    """Update fields of one record in the CRM, unless someone changed them there in the meantime.

    Only fields listed under `write:` in the connector file can be changed, and only by the record's owner, the
    managers above them, and RevOps. A note on the record says who asked. The mirror is updated immediately.

    Example: [bold]ros-sync sync write deal 4711 next_step='Send the offer' --by ada@example.com[/bold]
    """
    from ros_sync.cli import run_write  # noqa: PLC0415  # as above

    run_write.write(
        Invocation.of(ctx),
        name=name,
        record_id=record_id,
        changes=changes,
        expected=expect or [],
        asked_by=by,
        source=source,
        as_json=as_json,
    )
