"""One call of the command: which workspace, which settings, and where its words go.

Data goes to stdout, everything else (progress, notes, errors, logs) to stderr, so that `--json` can be piped.
"""

from __future__ import annotations

import gc
import json
import math
import os
import pwd
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ros_sync.errors import ProblemsError, RosSyncError
from ros_sync.notifiers.plaintext import clean

# What is loaded here is loaded by every command, `--help` among them: the rest waits until it is used.
if TYPE_CHECKING:
    from rich.console import Console

    from ros_sync.settings import Settings

OBJECTS_BETWEEN_COLLECTIONS = 20_000  # once the work has begun

# What JSON may hold raw inside a string and a terminal may still obey: DEL and the C1 controls (ECMA-48), CSI among them.
# Half of a surrogate pair (a file's name with a byte that is no text) cannot be printed at all.
_RAW_CONTROLS = re.compile("[\x7f-\x9f\ud800-\udfff]")


def counted(number: int, noun: str) -> str:
    """`1 message`, `1,200 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """A text from outside (CRM, file, vendor) as markup of the screen that neither steers the terminal nor is styled."""
    from rich.markup import escape  # noqa: PLC0415  # see above

    return escape(clean(text))


def os_user() -> str:
    """Who runs the command by what the system says; the environment, which anybody can set, is not asked."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return f"uid {os.getuid()}"


def typed(*words: str | Path) -> str:
    """A command as it can be typed into the shell that this one was started from: found there, and with what needs quotes."""
    name = "ros-sync"
    started = Path(sys.argv[0])
    on_path = shutil.which(name)
    if started.name == name and started.is_file() and (on_path is None or not started.samefile(on_path)):
        name = os.path.relpath(started) if started.is_relative_to(Path.cwd()) else str(started.absolute())
    return shlex.join([name, *map(str, words)])


class Invocation:
    """What the commands share. The root command fills it; each command gets it with `Invocation.of(ctx)`."""

    def __init__(self) -> None:
        self.given_workspace: Path | None = None
        self.debug = False
        self._to_a_log = False  # whether what is told ends up in the log of a service, and not before a person

    @classmethod
    def of(cls, ctx: typer.Context) -> Invocation:
        """The invocation that a command belongs to."""
        return ctx.ensure_object(cls)

    @cached_property
    def out(self) -> Console:
        """Where data goes."""
        from rich.console import Console  # noqa: PLC0415  # see above

        return Console()

    @cached_property
    def err(self) -> Console:
        """Where everything else goes."""
        from rich.console import Console  # noqa: PLC0415  # see above

        return Console(stderr=True)

    @cached_property
    def workspace(self) -> Path:
        """The workspace's folder; WorkspaceError where there is none."""
        from ros_sync.settings import find_workspace  # noqa: PLC0415  # see above

        return find_workspace(self.given_workspace)

    @cached_property
    def settings(self) -> Settings:
        """The workspace's settings; SettingsError or ProblemsError where they cannot be used."""
        from ros_sync.settings import load  # noqa: PLC0415  # see above

        return load(self.workspace)

    def start(self, *, long_running: bool = False) -> Settings:
        """Read the settings and set up logging by them; to be called first by each command that does work.

        On a terminal, a command that ends by itself logs warnings and errors alone: its output tells the rest.
        """
        from ros_sync.cli import logs  # noqa: PLC0415  # see above
        from ros_sync.settings import LogSettings  # noqa: PLC0415  # see above

        log = self.settings.log
        if self.debug:
            log = LogSettings(level="debug", format=log.format)
        quiet = self.err.is_terminal and not long_running and not self.debug
        logs.configure(log, at_least="warning" if quiet else None)
        if long_running:
            logs.log_what_nobody_catches()
            self._to_a_log = not self.err.is_terminal and not self.debug
        gc.freeze()  # what was loaded is no garbage, and need not be looked through again and again
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
        return self.settings

    def print_json(self, data: Any) -> None:
        """Print data to stdout as JSON, whatever it is made of; see `data_of`."""
        text = json.dumps(data_of(data), indent=2, ensure_ascii=False, allow_nan=False)
        print(_RAW_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201  # rich would fold long lines

    def show_error(self, error: RosSyncError) -> None:
        """Tell a person what happened, where, and what to do; one paragraph for each problem."""
        from rich.text import Text  # noqa: PLC0415  # see above

        from ros_sync.cli import logs  # noqa: PLC0415  # see above

        problems = error.problems if isinstance(error, ProblemsError) else [error]
        for problem in problems:
            text = Text("error: ", style="bold red")
            if problem.where and str(problem.where):
                text.append(f"{clean(str(problem.where))}: ", style="bold")
            text.append(clean(logs.masked(self._tellable(problem.message))), style="not bold default")
            if problem.hint:
                text.append(f"\n  {clean(self._tellable(problem.hint))}", style="not bold default dim")
            self.err.print(text, soft_wrap=True, highlight=False)
        if self.debug:
            self._show_traceback(error)

    def show_surprise(self, error: Exception) -> None:
        """Tell of an error that nobody foresaw: its kind and first line, and how to see the rest."""
        from rich.text import Text  # noqa: PLC0415  # see above

        from ros_sync.cli import logs  # noqa: PLC0415  # see above

        first_line = (str(error).strip() or "no more is known").splitlines()[0]
        from ros_sync.cli import log_privacy  # noqa: PLC0415  # see above

        words = log_privacy.told(error) if self._to_a_log else f"{type(error).__name__}: {logs.masked(first_line)}"
        text = Text("unexpected error: ", style="bold red")
        text.append(clean(words), style="not bold default")
        text.append(
            "\n  run it again with --debug (before the command's name) to see where", style="not bold default dim"
        )
        self.err.print(text, soft_wrap=True, highlight=False)
        if self.debug:
            self._show_traceback(error)

    def _tellable(self, text: str) -> str:
        if not self._to_a_log:
            return text
        from ros_sync.cli import log_privacy  # noqa: PLC0415  # see above

        return log_privacy.discreet(text)

    def _show_traceback(self, error: Exception) -> None:
        import traceback  # noqa: PLC0415  # see above

        from rich.text import Text  # noqa: PLC0415  # see above

        from ros_sync.cli import logs  # noqa: PLC0415  # see above

        lines = "".join(traceback.format_exception(error))
        self.err.print(Text(clean(logs.masked(lines)), style="dim"), soft_wrap=True, highlight=False)


def data_of(value: Any) -> Any:
    """What JSON can say of a value: dataclasses and maps become objects, instants and days ISO 8601, the rest its text.

    Keys that are no texts become texts. `dataclasses.asdict` must not be used for this: before Python 3.12 it makes
    counters of pairs out of counters (python/cpython#79721), which no JSON can hold.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: data_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): data_of(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((data_of(each) for each in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return [data_of(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> str | int | float | None:
    if value is None or isinstance(value, int):  # true and false, too
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # JSON knows neither infinity nor what is no number
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _key(key: Any) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
