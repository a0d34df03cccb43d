"""Opens a database in processes of its own, some of which are killed on the way. Run by `test_upgrading.py`.

`openings.py killed URL EVERY`: one process after the other is killed before its first, its EVERY-th, … statement, until
one gets through. `openings.py together URL NUMBER`: so many open it at the same moment. Prints how each ended, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

from ros_sync.mirror.database import open_engine


def forked(act: Callable[[], object]) -> int:
    """Start a process that does something and ends; its id."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # told by the exit code, whatever it is
            print(error, file=sys.stderr)  # noqa: T201
            os._exit(1)
        os._exit(0)
    return pid


def ended(pid: int) -> int:
    """How a process ended: its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def open_until(url: str, place: int) -> None:
    """Open the database; be killed before the statement of that number."""
    number = 0

    def count(connection: Connection, *_: Any) -> None:
        nonlocal number
        if connection.engine.url.database is None:
            return
        if number == place:
            os.kill(os.getpid(), signal.SIGKILL)
        number += 1

    event.listen(Engine, "before_cursor_execute", count)
    open_engine(url)


def killed(url: str, every: int) -> list[int]:
    """Kill one opening after the other, each a little later than the one before."""
    ends: list[int] = []
    while not ends or ends[-1] == -signal.SIGKILL:
        place = len(ends) * every
        ends.append(ended(forked(lambda place=place: open_until(url, place))))  # type: ignore[misc]
    return ends


def together(url: str, number: int) -> list[int]:
    """Open it in several processes, which start when all are there."""
    reader, writer = os.pipe()

    def act() -> None:
        os.close(writer)
        os.read(reader, 1)  # until the parent closes its end
        open_engine(url)

    started = [forked(act) for _ in range(number)]
    os.close(writer)
    return [ended(pid) for pid in started]


if __name__ == "__main__":
    what, database, figure = sys.argv[1:]
    print(json.dumps({"killed": killed, "together": together}[what](database, int(figure))))  # noqa: T201
