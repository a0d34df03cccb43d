"""What `ros-sync sandbox` does: one company, its HubSpot and its Slack, in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Event, Thread

from ros_sync.cli.invocation import Invocation
from ros_sync.cli.run_import import parse_moment
from ros_sync.clock import now
from ros_sync.errors import RosSyncError
from ros_sync.jobs.stop import StopRequest
from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer, Limits
from ros_sync.sandbox.hubspot.company import RICH, Story
from ros_sync.sandbox.hubspot.control import Control
from ros_sync.sandbox.hubspot.default_account import DEFAULT
from ros_sync.sandbox.hubspot.faults import Faults
from ros_sync.sandbox.hubspot.tokens import CLIENT_SECRET
from ros_sync.sandbox.serving import SandboxServer
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.slack.company import provision
from ros_sync.sandbox.world import COMPANY, STORY_MONDAY, World

LIFE_SECONDS = 20.0  # how often a living company goes on


def run(  # noqa: PLR0913  # each is an option
    invocation: Invocation,
    *,
    ports: tuple[int, int],
    seed: int,
    scale: float,
    is_default: bool = False,
    at: str | None,
    live: bool = False,
    real_limits: bool,
    search_lag: float,
    as_json: bool,
) -> None:
    """Serve until told to stop; RosSyncError where a port is taken or `at` is no instant."""
    clock = SandboxClock(parse_moment(at, "--at") or (now() if live else STORY_MONDAY), runs=True)
    limits = Limits.like_hubspot() if real_limits else Limits()
    account = HubSpotAccount(now=clock, limits=limits, search_lag_seconds=search_lag)
    slack = SlackWorkspace(COMPANY, now=clock)
    world = World(seed, scale=scale or 1.0)
    story = Story(account, world, furnishing=DEFAULT if is_default else RICH)
    if scale:
        invocation.err.print("[dim]Creating the company …[/dim]")
        story.advance_to(clock())
        provision(slack, world, clock().date())
    faults = Faults()
    control = Control(
        account, faults, clock, story if scale else None, moved=lambda: provision(slack, world, clock().date())
    )
    hubspot = HubSpotServer(account, faults=faults, port=ports[0], extend=control.add_to)
    slack_server = SlackServer(slack, port=ports[1])
    try:
        with StopRequest() as stop, ExitStack() as stack:
            _listen(stack, hubspot, ports[0], "--port")
            _listen(stack, slack_server, ports[1], "--slack-port")
            _tell(invocation, account, hubspot, slack, slack_server, live=live, as_json=as_json)
            if live and scale:
                stack.enter_context(_living(story, clock))
            stop.wait()
    finally:
        control.send_webhooks({})


def _listen(stack: ExitStack, server: SandboxServer, port: int, option: str) -> None:
    """Let a server listen until the stack ends; RosSyncError where its port cannot be had."""
    try:
        stack.enter_context(server)
    except OSError as error:
        words = f"can't listen on port {port}: {error.strerror}"
        raise RosSyncError(words, hint=f"choose another {option}, or 0 for any free port") from error


@contextmanager
def _living(story: Story, clock: SandboxClock) -> Iterator[None]:
    """Let the company work as time passes, while the context is open."""
    ended = Event()

    def live() -> None:
        while not ended.wait(LIFE_SECONDS):
            story.advance_to(clock())

    thread = Thread(target=live, name="company", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _tell(
    invocation: Invocation,
    account: HubSpotAccount,
    hubspot: HubSpotServer,
    slack: SlackWorkspace,
    slack_server: SlackServer,
    *,
    live: bool,
    as_json: bool,
) -> None:
    """Say where everything is, and what to put into a workspace's `.env`."""
    variables = {
        "ROS_SYNC_HUBSPOT__TOKEN": account.token,
        "ROS_SYNC_HUBSPOT__API_URL": hubspot.url,
        "ROS_SYNC_HUBSPOT__CLIENT_SECRET": CLIENT_SECRET,
        "ROS_SYNC_SLACK__TOKEN": slack.token,
        "ROS_SYNC_SLACK__API_URL": slack_server.api_url,
    }
    if as_json:
        told = {"hubspot": hubspot.url, "slack": slack_server.url, "token": account.token, "secret": CLIENT_SECRET,
                "control": f"{hubspot.url}/control", "now": account.now().isoformat()}  # fmt: skip
        print(json.dumps({**told, "env": variables}), flush=True)  # noqa: T201  # data on stdout
        return
    out = invocation.out
    out.print(f"HubSpot  [bold]{hubspot.url}[/bold]", highlight=False)
    out.print(f"Slack    [bold]{slack_server.url}[/bold]  [dim](open it in a browser)[/dim]", highlight=False)
    out.print("\nFor the .env of a workspace (`ros-sync init DIR`):", highlight=False)
    for name, value in variables.items():
        out.print(f"  {name}={value}", highlight=False, soft_wrap=True)
    out.print(
        "Then, in the workspace, run `ros-sync connect hubspot` to adapt the connector file to this account.",
        highlight=False,
    )
    for line in _to_try(account, hubspot.url, live=live):
        out.print(line, highlight=False, soft_wrap=True)
    out.print("\n[dim]Press Ctrl-C to stop; nothing is kept.[/dim]")
    out.file.flush()


def _search_lags(seconds: float) -> str:
    """How long after a change `sync` finds it, where search lags."""
    return f" (after {seconds:g} seconds, because HubSpot's search lags)" if seconds else ""


def _to_try(account: HubSpotAccount, url: str, *, live: bool) -> list[str]:
    """What a newcomer can do with it, as lines."""
    clock = f"\nBoth share one clock, which is running. Now: {account.now():%A, %d %B %Y, %H:%M} UTC."
    more = f"More controls (faults, webhooks, records, limits): {url}/control"
    if live:
        deal = str(next(iter(account.live_ids["deals"]), 0))
        body = json.dumps({"do": "update", "object": "deals", "id": deal, "properties": {"amount": "12345"}})
        return [
            clock,
            "Change a deal, for `ros-sync sync` to pick up" + _search_lags(account.search_lag_seconds) + ":",
            f"  curl -d '{body}' {url}/control/records",
            more,
        ]
    body = json.dumps({"story_to": (account.now() + timedelta(days=7)).isoformat(timespec="seconds")})
    return [
        clock,
        "A week in the company's life:",
        f"  curl -d '{body}' {url}/control/clock",
        more,
        "`ros-sync sync` uses this machine's clock: to follow the company with it, pass --live.",
    ]
