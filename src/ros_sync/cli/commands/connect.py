"""`ros-sync connect`: fit a connector file to an account."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation
from ros_sync.workspace.vendors import NAMES


def connect(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"The CRM: {NAMES}.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change in the file, and change nothing.")
    ] = False,
    create_missing: Annotated[
        bool,
        typer.Option(
            "--create-missing",
            help="Create in the CRM the properties that your rules need and the account lacks.",
        ),
    ] = False,
    create: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OBJECT.FIELD", help="Create in the CRM the property of this field, such as deal.segment."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the outcome as JSON.")] = False,
) -> None:
    """Ask the account of a CRM what it has, and fit the connector file to it.

    It places the account's stages, finds the properties that fill next-step date, rejection, segment and so on, takes
    out what the account does not have, and says what each missing field switches off. What works in the file stays as
    it is, with comments and order. It asks nothing, and may be run again at any time.

    Example: [bold]ros-sync connect NAME --dry-run[/bold]
    """
    from ros_sync.cli import run_connect  # noqa: PLC0415  # the CRM's libraries are not loaded for --help

    run_connect.connect(
        Invocation.of(ctx), name, dry_run=dry_run, create_missing=create_missing, create=create or [], as_json=as_json
    )
