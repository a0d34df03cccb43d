"""Where a command's words go, and how numbers, foreign texts and commands are written there.

Data goes to stdout, everything else (progress, notes, errors, logs) to stderr, so that `--json` can be piped.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import shutil
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ros_sync.notifiers.plaintext import clean
from ros_sync.plain_data import data_of

# What is loaded here is loaded by every command, `--help` among them: the rest waits until it is used.
if TYPE_CHECKING:
    from rich.console import Console

# What JSON may hold raw inside a string and a terminal may still obey: DEL and the C1 controls (ECMA-48), as CSI.
# Half of a surrogate pair (a file's name with a byte that is no text) cannot be printed at all.
_RAW_CONTROLS = re.compile("[\x7f-\x9f\ud800-\udfff]")


class Terminal:
    """Where a command prints."""

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

    def print_json(self, data: Any) -> None:
        """Print data to stdout as JSON, whatever it is made of; see `data_of`."""
        text = json.dumps(data_of(data), indent=2, ensure_ascii=False, allow_nan=False)
        print(_RAW_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201  # rich folds long lines


def counted(number: int, noun: str) -> str:
    """`1 message`, `1,200 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """A text from outside (CRM, file, vendor) as markup that neither steers the terminal nor is styled."""
    from rich.markup import escape  # noqa: PLC0415  # see above

    return escape(clean(text))


def os_user() -> str:
    """Who runs the command by what the system says; the environment, which anybody can set, is not asked."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return f"uid {os.getuid()}"


def typed(*words: str | Path) -> str:
    """A command as it can be typed into the shell that this one was started from: found there, and quoted."""
    name = "ros-sync"
    started = Path(sys.argv[0])
    on_path = shutil.which(name)
    if started.name == name and started.is_file() and (on_path is None or not started.samefile(on_path)):
        name = os.path.relpath(started) if started.is_relative_to(Path.cwd()) else str(started.absolute())
    return shlex.join([name, *map(str, words)])
