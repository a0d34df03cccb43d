"""`ros-sync init`: lays out a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation
from ros_sync.terminal import shown, typed
from ros_sync.workspace.vendors import VENDORS, display_name, shipped_file


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder. Created if it doesn't exist.")],
) -> None:
    """Create a workspace with settings, mapping files and rules to adapt.

    Existing files are never overwritten.

    Example: [bold]ros-sync init acme[/bold]
    """
    out = Invocation.of(ctx).out
    target = folder.expanduser().resolve()
    from ros_sync.workspace.layout import lay_out  # noqa: PLC0415  # not loaded for --help

    layout = lay_out(target)
    if not layout.to_write:
        out.print(f"{shown(str(target))} is already set up; nothing to do.", soft_wrap=True, highlight=False)
        return
    out.print(
        f"[green]✓[/green] {shown(str(target))}: {len(layout.to_write)} files written", soft_wrap=True, highlight=False
    )
    crms, files = " or ".join(map(display_name, VENDORS)), " or ".join(map(shipped_file, VENDORS))
    steps = [
        ("connectors/", "map CRM properties or export columns to fields"),
        ("rules/organisation.yaml", "define who reports to whom"),
        (".env", f"add your {crms} and Slack tokens; without a Slack token, messages are printed"),
        (typed("-w", folder, "rules", "check"), "validate your files"),
        *(
            (typed("-w", folder, "connect", name), f"adapt {shipped_file(name)} to your {display_name(name)} account")
            for name in VENDORS
        ),
        (typed("-w", folder, "doctor"), f"check that {crms} has what {files} needs, then run `sync`"),
        (typed("-w", folder, "import", "EXPORTS"), "or import an export from your CRM"),
    ]
    out.print("\nNext:")
    width = max(len(what) for what, _ in steps)
    for what, why in steps:
        out.print(f"  [bold]{shown(f'{what:<{width}}')}[/bold]  {why}", soft_wrap=True, highlight=False)
