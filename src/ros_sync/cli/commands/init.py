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
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; it is made where it does not exist.")],
) -> None:
    """Lay out a workspace: settings, mapping files and rules for you to make your own.

    Nothing that exists is overwritten.

    Example: [bold]ros-sync init acme[/bold]
    """
    out = Invocation.of(ctx).out
    target = folder.expanduser().resolve()
    from ros_sync.workspace.layout import lay_out  # noqa: PLC0415  # not loaded for --help

    layout = lay_out(target)
    if not layout.to_write:
        out.print(f"{shown(str(target))} is laid out already; nothing to do.", soft_wrap=True, highlight=False)
        return
    out.print(
        f"[green]✓[/green] {shown(str(target))}: {len(layout.to_write)} files written", soft_wrap=True, highlight=False
    )
    crms, files = " or ".join(map(display_name, VENDORS)), " or ".join(map(shipped_file, VENDORS))
    steps = [
        ("connectors/", "say which properties, or columns of an export, become which fields"),
        ("rules/organisation.yaml", "say who reports to whom"),
        (".env", f"put your {crms} and Slack tokens in; without Slack's, messages are printed"),
        (typed("-w", folder, "rules", "check"), "see that all of it reads well"),
        *(
            (typed("-w", folder, "connect", name), f"fit {shipped_file(name)} to your {display_name(name)} account")
            for name in VENDORS
        ),
        (typed("-w", folder, "doctor"), f"see that {crms} has what {files} asks for, then `sync`"),
        (typed("-w", folder, "import", "EXPORTS"), "or bring in an export of your CRM"),
    ]
    out.print("\nNext:")
    width = max(len(what) for what, _ in steps)
    for what, why in steps:
        out.print(f"  [bold]{shown(f'{what:<{width}}')}[/bold]  {why}", soft_wrap=True, highlight=False)
