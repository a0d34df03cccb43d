"""One call of the command: which workspace, which settings, and how errors are told."""

from __future__ import annotations

import gc
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ros_sync.errors import ProblemsError, RosSyncError
from ros_sync.notifiers.plaintext import clean
from ros_sync.terminal import Terminal

# What is loaded here is loaded by every command, `--help` among them: the rest waits until it is used.
if TYPE_CHECKING:
    from ros_sync.settings import Settings

OBJECTS_BETWEEN_COLLECTIONS = 20_000  # once the work has begun


class Invocation(Terminal):
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
        from ros_sync import logs  # noqa: PLC0415  # see above
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
        for note in self.settings.notes:
            if long_running:
                logs.warn("setting_has_former_name", words=note)
            else:
                self.show_note(note)
        return self.settings

    def show_note(self, words: str) -> None:
        """Tell a person something that stops nothing."""
        from rich.text import Text  # noqa: PLC0415  # see above

        text = Text("note: ", style="bold yellow").append(clean(words), style="not bold default")
        self.err.print(text, soft_wrap=True, highlight=False)

    def show_error(self, error: RosSyncError) -> None:
        """Tell a person what happened, where, and what to do; one paragraph for each problem."""
        from rich.text import Text  # noqa: PLC0415  # see above

        from ros_sync import logs  # noqa: PLC0415  # see above

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

        from ros_sync import logs  # noqa: PLC0415  # see above

        first_line = (str(error).strip() or "no further details").splitlines()[0]
        from ros_sync import log_privacy  # noqa: PLC0415  # see above

        words = log_privacy.told(error) if self._to_a_log else f"{type(error).__name__}: {logs.masked(first_line)}"
        text = Text("unexpected error: ", style="bold red")
        text.append(clean(words), style="not bold default")
        text.append(
            "\n  run it again with --debug (before the command name) for a traceback", style="not bold default dim"
        )
        self.err.print(text, soft_wrap=True, highlight=False)
        if self.debug:
            self._show_traceback(error)

    def _tellable(self, text: str) -> str:
        if not self._to_a_log:
            return text
        from ros_sync import log_privacy  # noqa: PLC0415  # see above

        return log_privacy.discreet(text)

    def _show_traceback(self, error: Exception) -> None:
        import traceback  # noqa: PLC0415  # see above

        from rich.text import Text  # noqa: PLC0415  # see above

        from ros_sync import logs  # noqa: PLC0415  # see above

        lines = "".join(traceback.format_exception(error))
        self.err.print(Text(clean(logs.masked(lines)), style="dim"), soft_wrap=True, highlight=False)
