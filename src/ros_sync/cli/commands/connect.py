"""`ros-sync connect`: fit a connector file to an account."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation
from ros_sync.workspace.vendors import NAMES


def connect(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"The CRM to connect: {NAMES}.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change without changing anything.")
    ] = False,
    create_missing: Annotated[
        bool,
        typer.Option(
            "--create-missing",
            help="Create the properties your rules need that are missing in the CRM.",
        ),
    ] = False,
    create: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECT.FIELD", help="Create a property in the CRM for this field, such as deal.segment."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the result as JSON.")] = False,
) -> None:
    """Read a CRM account's setup and adapt the connector file to it.

    Maps the account's stages, finds the properties for next-step date, rejection, segment and so on, removes what the
    account doesn't have, and reports what each missing field turns off. Whatever already works in the file is left
    as it is, including comments and order. It never prompts, and you can run it again at any time.

    Example: [bold]ros-sync connect NAME --dry-run[/bold]
    """
    from ros_sync.cli import run_connect  # noqa: PLC0415  # the CRM's libraries are not loaded for --help

    run_connect.connect(
        Invocation.of(ctx), name, dry_run=dry_run, create_missing=create_missing, create=create or [], as_json=as_json
    )
