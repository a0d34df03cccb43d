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
        str | None, typer.Option(metavar="NAME", help=f"The source to read, such as {NAMES}. Default: every one.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="List everything again, and look for what has vanished.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the outcome as JSON.")] = False,
) -> None:
    """Bring the mirror up to the CRM's present (sync audit compares the two, sync write changes a record).

    What is new, what changed, what was deleted or merged. The first run lists everything; later ones ask for what was
    modified since. A run that is cut off goes on where it ended. [bold]ros-sync serve[/bold] does the same again and
    again.

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
        str | None, typer.Option(metavar="NAME", help=f"The source to audit, such as {NAMES}. Default: every one.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", metavar="", help="Fix what differs, and look at it again.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            metavar="",
            help="Compare the change histories of tracked fields too: slower, and more calls for what differs.",
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", help="Print so many differences; the total is always told.", min=0)
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the outcome as JSON.")] = False,
) -> None:
    """Compare the mirror with the CRM, record by record, and print every difference.

    It lists the whole CRM once: ids, modified instants, mapped properties, associations, owners and stages. What was
    modified since the last poll is not yet followed, and no difference. Exit code 1 where something differs.

    Example: [bold]ros-sync sync audit --repair[/bold]
    """
    from ros_sync.cli import run_audit  # noqa: PLC0415  # as above

    run_audit.audit(Invocation.of(ctx), source=source, repair=repair, history=history, limit=limit, as_json=as_json)


@app.command()
def write(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="OBJECT", help="What is written, such as deal or lead.")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="Its id in the CRM.")],
    changes: Annotated[
        list[str],
        typer.Argument(metavar="FIELD=VALUE...", help="What to set; nothing behind the sign empties a field."),
    ],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="Who asks for it; it is noted on the record.")],
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="FIELD=VALUE",
            help="What the field said when it was decided. Default: what the mirror shows.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="The source to write to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the outcome as JSON.")] = False,
) -> None:
    """Write fields of one record to the CRM, unless somebody changed them there meanwhile.

    Only fields below `write:` of the connector file, only by the record's owner, those whom they report to, and RevOps.
    A note on the record says who asked. The mirror shows the new value at once.

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
