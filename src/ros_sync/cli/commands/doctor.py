"""`ros-sync doctor`: what is to be fixed."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the findings as JSON.")] = False,
) -> None:
    """Check your CRM accounts and this installation, and list what to fix.

    Compares the connector files with the account: credentials, scopes, properties, their values, and stages. Nothing
    is changed.

    Example: [bold]ros-sync doctor --json[/bold]
    """
    from ros_sync.cli import run_doctor  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_doctor.doctor(Invocation.of(ctx), as_json=as_json)
