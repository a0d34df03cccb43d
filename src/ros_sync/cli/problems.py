"""How what people should fix is told."""

from __future__ import annotations

from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.source import Problem
from ros_sync.terminal import shown


def show_problems(invocation: Invocation, problems: list[Problem]) -> None:
    """Tell what the account lacks, each with what to do."""
    for problem in problems:
        colour = "red" if problem.fatal else "cyan" if problem.notice else "yellow"
        invocation.out.print(f"[{colour}]{shown(problem.what)}[/{colour}]", highlight=False, soft_wrap=True)
        invocation.out.print(f"  [dim]{shown(problem.todo)}[/dim]", highlight=False, soft_wrap=True)
