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
    port: Annotated[int, typer.Option(help="Port of the HubSpot; 0 lets the system choose.", min=0, max=65_535)] = 8766,
    slack_port: Annotated[
        int, typer.Option(help="Port of the Slack; 0 lets the system choose.", min=0, max=65_535)
    ] = 8765,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 7,
    scale: Annotated[float, typer.Option(help="Size of the company; 0 is an empty account.", min=0.0, max=20.0)] = 1.0,
    account: Annotated[
        SandboxAccount,
        typer.Option(
            help="HubSpot as it comes, with its own properties and one pipeline; or one with much of the company's own."
        ),
    ] = SandboxAccount.RICH,
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Where its clock starts; default: a Monday of its story.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Start at the present, and let the company go on working as time passes."),
    ] = False,
    limits: Annotated[RateLimits, typer.Option(help="HubSpot's rate limits, or none.")] = RateLimits.REAL,
    search_lag: Annotated[
        float, typer.Option(metavar="SECONDS", help="How far search lags behind what is written.", min=0.0)
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Stand up an invented company's HubSpot and Slack on this machine, until Ctrl-C.

    Nothing of it leaves the machine. `/control` on the HubSpot's address orders faults, moves the clock, sends webhooks
    and changes records. To follow it with `ros-sync sync` or `serve`, which go by this machine's clock, say `--live`.

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
