"""`ros-sync mapping`: mapping files, proposed from export files and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(name="mapping", help="Mapping files of exports: propose one, check one.", no_args_is_help=True)


@app.command("propose")
def propose(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Export files, or folders of them.")],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="The name of the connection.")] = "crm",
    object_name: Annotated[
        str | None,
        typer.Option(
            "--object", metavar="OBJECT", help="What the rows are: deal, account, … Default: by the headings."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: the screen."),
    ] = None,
) -> None:
    """Write a first mapping from the headings and values of export files.

    The headings of the usual CRMs are known. Values tell how dates and numbers are written and
    which stages there are. Lines that a person must look at say CHECK. The files are then read with it, and what could
    not be read is told.

    Example: [bold]ros-sync mapping propose exports/deals.csv -o connectors/acme.yaml[/bold]
    """
    from ros_sync.cli import run_mapping  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_mapping.propose_mapping(Invocation.of(ctx), paths, source=source, object_name=object_name, output=output)


@app.command("check")
def check(
    ctx: typer.Context,
    mapping: Annotated[str, typer.Argument(metavar="NAME|FILE", help="The mapping file.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Export files to read with it, loading nothing.")
    ] = None,
) -> None:
    """Check a mapping file, and read export files with it without loading anything.

    Example: [bold]ros-sync mapping check acme exports/2026-03-02[/bold]
    """
    from ros_sync.cli import run_mapping  # noqa: PLC0415  # as above

    run_mapping.check_mapping(Invocation.of(ctx), mapping, paths or [])
