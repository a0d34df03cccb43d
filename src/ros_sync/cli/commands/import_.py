"""`ros-sync import`: export files into the mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def import_(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Export files, or folders containing them.")],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping", "-m", metavar="NAME|FILE", help="The mapping file. Default: the only one in the workspace."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="When the export was made: a date (end of day) or a date and time. Default: now.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Load nothing if any row can't be read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Load CRM exports (CSV, Excel .xlsx or JSON Lines; also .gz and .zip) into the mirror.

    Importing the same files again changes nothing. A later export is compared with the mirror, and differences become
    history. Rows that can't be read are quarantined with their location and reason; all others are loaded.

    Example: [bold]ros-sync import exports/2026-03-02 --as-of 2026-03-02[/bold]
    """
    from ros_sync.cli import run_import  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_import.import_(Invocation.of(ctx), paths, mapping=mapping, as_of=as_of, strict=strict, as_json=as_json)
