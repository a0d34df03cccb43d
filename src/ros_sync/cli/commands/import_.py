"""`ros-sync import`: export files into the mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def import_(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Export files, or folders of them.")],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping", "-m", metavar="NAME|FILE", help="The mapping file. Default: the workspace's only one."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="INSTANT", help="When the export was made: an instant, or a day (its end). Default: now."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Load nothing when a single row cannot be read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Load CRM exports (CSV, Excel .xlsx or JSON Lines; also .gz and .zip) into the mirror.

    The same files again change nothing; a later export is compared with what is there, and what differs becomes
    history. A row that cannot be read is quarantined with its place and reason, and the others are loaded.

    Example: [bold]ros-sync import exports/2026-03-02 --as-of 2026-03-02[/bold]
    """
    from ros_sync.cli import run_import  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_import.import_(Invocation.of(ctx), paths, mapping=mapping, as_of=as_of, strict=strict, as_json=as_json)
