"""`ros-sync mapping`: mapping files, proposed from export files and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(name="mapping", help="Propose or check mapping files for exports.", no_args_is_help=True)


@app.command("propose")
def propose(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Export files, or folders containing them.")],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="The name of the connection.")] = "crm",
    object_name: Annotated[
        str | None,
        typer.Option(
            "--object", metavar="OBJECT", help="What each row is: deal, account, … Default: inferred from the headings."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write the mapping. Default: standard output."),
    ] = None,
) -> None:
    """Draft a mapping from the headings and values of export files.

    Recognizes the headings of common CRMs, and infers date and number formats and stages from the values. Lines that
    need your review are marked CHECK. The files are then read with the draft, and anything that couldn't be read is
    reported.

    Example: [bold]ros-sync mapping propose exports/deals.csv -o connectors/acme.yaml[/bold]
    """
    from ros_sync.cli import run_mapping  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_mapping.propose_mapping(Invocation.of(ctx), paths, source=source, object_name=object_name, output=output)


@app.command("check")
def check(
    ctx: typer.Context,
    mapping: Annotated[str, typer.Argument(metavar="NAME|FILE", help="The mapping file.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Export files to test it with; nothing is loaded.")
    ] = None,
) -> None:
    """Check a mapping file, optionally by reading export files with it. Nothing is loaded.

    Example: [bold]ros-sync mapping check acme exports/2026-03-02[/bold]
    """
    from ros_sync.cli import run_mapping  # noqa: PLC0415  # as above

    run_mapping.check_mapping(Invocation.of(ctx), mapping, paths or [])
