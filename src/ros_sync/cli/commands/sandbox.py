"""`ros-sync sandbox`: a HubSpot and a Slack on loopback, to try things on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


class SandboxAccount(StrEnum):
    """How the sandbox's HubSpot is furnished."""

    DEFAULT = "default"
    RICH = "rich"


class RateLimits(StrEnum):
    """Which rate limits the sandbox keeps."""

    REAL = "real"
    NONE = "none"


def sandbox(  # noqa: PLR0913, PLR0917  # each is an option
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(help="Port for the simulated HubSpot; 0 picks a free one.", min=0, max=65_535)
    ] = 8766,
    slack_port: Annotated[
        int, typer.Option(help="Port for the simulated Slack; 0 picks a free one.", min=0, max=65_535)
    ] = 8765,
    seed: Annotated[int, typer.Option(help="Random seed; each seed gives a different company.")] = 7,
    scale: Annotated[float, typer.Option(help="Size of the company; 0 for an empty account.", min=0.0, max=20.0)] = 1.0,
    account: Annotated[
        SandboxAccount,
        typer.Option(
            help="A new HubSpot account with default properties and one pipeline, or a heavily customized one."
        ),
    ] = SandboxAccount.RICH,
    at: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="When its clock starts. Default: a Monday in the company's story."),
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Start now, and keep the company working as time passes."),
    ] = False,
    limits: Annotated[RateLimits, typer.Option(help="Enforce HubSpot's rate limits, or none.")] = RateLimits.REAL,
    search_lag: Annotated[
        float, typer.Option(metavar="SECONDS", help="How many seconds search lags behind writes.", min=0.0)
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print its URLs as one line of JSON.")] = False,
) -> None:
    """Run a fictional company's HubSpot and Slack on this machine until you press Ctrl-C.

    Nothing leaves this machine. Use `/control` on the HubSpot URL to inject faults, move the clock, send webhooks and
    change records. To follow it with `ros-sync sync` or `serve`, which use this machine's clock, pass `--live`.

    Example: [bold]ros-sync sandbox --live[/bold]
    """
    from ros_sync.cli.run_sandbox import run  # noqa: PLC0415  # so that --help is quick

    run(
        Invocation.of(ctx),
        ports=(port, slack_port),
        seed=seed,
        scale=scale,
        is_default=account is SandboxAccount.DEFAULT,
        at=at,
        live=live,
        real_limits=limits is RateLimits.REAL,
        search_lag=search_lag,
        as_json=as_json,
    )
