"""The names of all commands, so that a mistyped one is answered without loading what any of them needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

# Each command with those below it; a test compares them with the application's.
COMMANDS: dict[str, tuple[str, ...]] = {
    "alerts": ("list", "why"),
    "connect": (),
    "deletions": ("confirm", "reject"),
    "demo": (),
    "doctor": (),
    "import": (),
    "init": (),
    "mapping": ("check", "propose"),
    "quarantine": (),
    "rules": ("check", "test"),
    "sandbox": (),
    "serve": (),
    "status": (),
    "sync": ("audit", "write"),
    "tick": (),
}
FORMER_NAMES = {"set-aside": "quarantine"}  # still understood, and not offered
_WITH_VALUE = ("-w", "--workspace")
_ALONE = ("--debug",)


def named(arguments: Sequence[str]) -> str | None:
    """The command of ours that a command line names.

    None where it names none, or that is for the application to judge.
    """
    rest = _from_name(arguments)
    return rest[0] if rest and (rest[0] in COMMANDS or rest[0] in FORMER_NAMES) else None


def unknown(arguments: Sequence[str]) -> str | None:
    """What is to be said to a command line that names no command of ours.

    None where it is for the application to judge.
    """
    rest = _from_name(arguments)
    if not rest or rest[0] in FORMER_NAMES:
        return None
    name, below = rest[0], rest[1] if len(rest) > 1 else "-"
    if name not in COMMANDS:
        return _told(name, COMMANDS, "ros-sync --help")
    if COMMANDS[name] and not below.startswith("-") and below not in COMMANDS[name]:
        return _told(f"{name} {below}", [f"{name} {each}" for each in COMMANDS[name]], f"ros-sync {name} --help")
    return None


def _from_name(arguments: Sequence[str]) -> list[str]:
    """The line from the command's name on.

    Nothing where none is there, or an option before it that is not known here.
    """
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in _WITH_VALUE:
            del rest[:1]
        elif option not in _ALONE and not option.startswith("--workspace="):
            return []
    return rest


def _told(name: str, known: Collection[str], way: str) -> str:
    import difflib  # noqa: PLC0415  # for the mistyped alone

    close = difflib.get_close_matches(name, known, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"error: unknown command {name!r}\n  {meant}Run `{way}` to see all commands.\n"
