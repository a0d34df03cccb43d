"""Progress bars for the commands that read a CRM: one for each stream."""

from __future__ import annotations

from collections.abc import Callable

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ros_sync.cli.invocation import Invocation
from ros_sync.sync.reports import Progress as Reached


def progress_bars(invocation: Invocation) -> Progress:
    """Progress bars on a terminal, nothing elsewhere."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=invocation.err,
        transient=True,
        disable=not invocation.err.is_terminal,
    )


def teller(bars: Progress) -> Callable[[Reached], None]:
    """What moves the bars when it is told how far a stream has been read."""
    tasks: dict[str, TaskID] = {}

    def tell(reached: Reached) -> None:
        if reached.stream not in tasks:
            tasks[reached.stream] = bars.add_task(reached.stream, total=reached.expected)
        # A list does not say how long it is: then the bar only shows that something goes on.
        total = max(reached.expected, reached.read) if reached.expected else None
        bars.update(tasks[reached.stream], completed=reached.read, total=total)

    return tell
