"""Progress bars for the commands that read a CRM: one for each stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ros_sync.cli.invocation import Invocation
from ros_sync.sync.ingest.reports import Progress as Reached

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def progress_bars(invocation: Invocation) -> Iterator[Callable[[Reached], None] | None]:
    """What moves the bars when it is told how far a stream has been read.

    None where there is no terminal to draw them on.
    """
    if not invocation.err.is_terminal:
        yield None
        return
    from rich.progress import (  # noqa: PLC0415  # not loaded where nothing is drawn
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=invocation.err, transient=True) as bars:

        def tell(reached: Reached) -> None:
            if reached.stream not in tasks:
                tasks[reached.stream] = bars.add_task(reached.stream, total=reached.expected)
            # A list does not say how long it is: then the bar only shows that something goes on.
            total = max(reached.expected, reached.read) if reached.expected else None
            bars.update(tasks[reached.stream], completed=reached.read, total=total)

        yield tell
