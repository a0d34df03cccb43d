"""The root command: its global options, its groups, and what becomes of errors."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ros_sync import __version__
from ros_sync.cli import names
from ros_sync.cli.commands import (
    alerts,
    connect,
    deletions,
    demo,
    doctor,
    import_,
    init,
    mapping,
    quarantine,
    rules,
    sandbox,
    serve,
    status,
    sync,
    tick,
)
from ros_sync.cli.help import Command, Group
from ros_sync.cli.invocation import Invocation
from ros_sync.errors import RosSyncError

app = typer.Typer(
    name="ros-sync",
    help="Mirrors your CRM, checks it against your sales rules, and tells people in Slack what needs attention.\n\n"
    "Start with [bold]ros-sync demo[/bold], or create your own workspace with [bold]ros-sync init DIR[/bold].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ros-sync {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            metavar="DIR",
            help=(
                "The workspace folder. Default: ROS_SYNC_WORKSPACE, or the nearest parent folder that contains "
                "ros-sync.toml."
            ),
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", metavar="", help="Log everything and show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001  # its callback does the work before any command is looked at
        bool,
        typer.Option(
            "--version", "-V", metavar="", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before the command's name."""
    invocation = Invocation.of(ctx)
    invocation.given_workspace = workspace
    invocation.debug = debug


app.command("demo")(demo.demo)
app.command("init")(init.init)
app.command("import")(import_.import_)
app.command("connect")(connect.connect)
app.add_typer(sync.app)
app.command("doctor")(doctor.doctor)
app.command("tick")(tick.tick)
app.command("sandbox")(sandbox.sandbox)
app.command("serve")(serve.serve)
app.command("quarantine")(quarantine.quarantine)
app.command("set-aside", hidden=True)(quarantine.quarantine)  # its former name, for scripts
app.command("status")(status.status)
app.add_typer(deletions.app)
app.add_typer(alerts.app)
app.add_typer(rules.app)
app.add_typer(mapping.app)


def _flow(group: typer.Typer) -> None:
    """Let paragraphs of help fill the terminal's width, wherever a docstring's lines end, and show no `<bool>`."""
    group.info.cls = Group
    for command in group.registered_commands:
        command.cls = Command
        command.help = _flowing(command.callback)
    if group.registered_callback is not None and group is not app:
        group.registered_callback.help = _flowing(group.registered_callback.callback)


def _flowing(documented: Callable[..., object] | None) -> str:
    paragraphs = (inspect.getdoc(documented) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for each in (app, sync.app, deletions.app, alerts.app, rules.app, mapping.app):
    _flow(each)


def narrowed(name: str | None) -> typer.Typer:
    """The application with the command `name` alone.

    Typer works out the options of all that it has, whichever is called.
    """
    if name is None:
        return app
    narrow = copy.copy(app)
    narrow.registered_commands = [each for each in app.registered_commands if each.name == name]
    narrow.registered_groups = [
        each for each in app.registered_groups if each.typer_instance and each.typer_instance.info.name == name
    ]
    return narrow


def main() -> None:
    """Run the console command: errors become messages on stderr and exit code 1, Ctrl-C 130."""
    invocation = Invocation()
    try:
        name = names.named(sys.argv[1:])
        if name in names.FORMER_NAMES:
            invocation.show_note(f"`ros-sync {name}` is now called `ros-sync {names.FORMER_NAMES[name]}`")
        narrowed(name)(obj=invocation)
    except RosSyncError as error:
        invocation.show_error(error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the last place that can say it in words
        from ros_sync.mirror.troubles import trouble_of  # noqa: PLC0415  # not loaded for --help

        trouble = trouble_of(error)
        if trouble is None:
            invocation.show_surprise(error)
        else:
            invocation.show_error(trouble)
        sys.exit(1)
