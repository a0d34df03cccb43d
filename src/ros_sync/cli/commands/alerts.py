"""`ros-sync alerts`: what is open, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(
    name="alerts",
    help="List alerts and see why they fired.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("list")
def list_(
    ctx: typer.Context,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only show alerts from this rule.")] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="EMAIL", help="Only show alerts this person was notified about.")
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Show resolved alerts instead of open ones.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of alerts to show, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the alerts as JSON.")] = False,
) -> None:
    """List alerts, newest first.

    Example: [bold]ros-sync alerts list --rule stalled[/bold]
    """
    from ros_sync.cli import run_alerts  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_alerts.list_alerts(
        Invocation.of(ctx), rule=rule, person=person, resolved=resolved, limit=limit, as_json=as_json
    )


@app.command()
def why(
    ctx: typer.Context,
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="The alert's ID, as shown by `ros-sync alerts list`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the alert as JSON.")] = False,
) -> None:
    """Show why an alert fired: what each line of its rule saw, who was notified, and why.

    Example: [bold]ros-sync alerts why 12[/bold]
    """
    from ros_sync.cli import run_alerts  # noqa: PLC0415  # as above

    run_alerts.why(Invocation.of(ctx), alert_id, as_json=as_json)
