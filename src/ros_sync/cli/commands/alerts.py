"""`ros-sync alerts`: what is open, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation

app = typer.Typer(
    name="alerts",
    help="Shows what is open, who was told, and why.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("list")
def list_(
    ctx: typer.Context,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only alerts of this rule.")] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="EMAIL", help="Only alerts that this person was told of.")
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Those that ended instead of the open ones.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
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
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="The alert's number, as `alerts list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Tell why an alert is there: what each line of its rule saw, who was told, and why them.

    Example: [bold]ros-sync alerts why 12[/bold]
    """
    from ros_sync.cli import run_alerts  # noqa: PLC0415  # as above

    run_alerts.why(Invocation.of(ctx), alert_id, as_json=as_json)
