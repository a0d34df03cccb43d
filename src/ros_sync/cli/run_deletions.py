"""What `ros-sync deletions` does: held deletions shown, confirmed and rejected."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.errors import RosSyncError
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.sync.ingest import deletions
from ros_sync.sync.ingest.deletions import PLURALS, Wave, WaveState
from ros_sync.terminal import counted, os_user, shown

_KINDS: Mapping[str, str] = {
    "archived": "archived",
    "merged": "merged",
    "gone": "can't be read",
    "no longer": "no longer qualify based on their own values",
}


def show(invocation: Invocation, *, every: bool, as_json: bool) -> None:
    """List the waves that wait, or all there are."""
    settings = invocation.start()
    engine = open_engine(settings.database_url, read_only=True)
    try:
        with engine.connect() as connection:
            found = deletions.waves(connection, *(() if every else (WaveState.HELD,)))
    finally:
        engine.dispose()
    if as_json:
        invocation.print_json([data_of(each) for each in found])
        return
    out = invocation.out
    if not found:
        out.print("No deletions are held." if not every else "No deletions have ever been held.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("wave", "since", "what", "state"):
        table.add_column(name, no_wrap=name != "what", overflow="fold")
    for wave in found:
        table.add_row(str(wave.number), f"{wave.opened_at:%Y-%m-%d %H:%M}", shown(in_words(wave)), shown(_state(wave)))
    out.print(table)
    if any(wave.state is WaveState.HELD for wave in found):
        out.print(
            "Check in the CRM whether these deletions are intended, then run `ros-sync deletions confirm WAVE` or "
            "`reject WAVE`.",
            highlight=False,
            soft_wrap=True,
        )


def in_words(wave: Wave) -> str:
    """What a wave is about."""
    kinds = ", ".join(f"{number:,} {_KINDS.get(kind, kind)}" for kind, number in sorted(wave.kinds.items()))
    words = f"{wave.records:,} of {wave.known:,} {PLURALS.get(wave.stream, wave.stream)} of {wave.source}"
    for_instance = f", such as {', '.join(wave.examples)}" if wave.examples else ""
    return words + (f": {kinds}{for_instance}" if kinds else "")


def _state(wave: Wave) -> str:
    by = f" by {wave.decided_by}" if wave.decided_by else ""
    at = f", {wave.decided_at:%Y-%m-%d %H:%M}" if wave.decided_at else ""
    done = f", {wave.taken_over:,} processed" if wave.taken_over else ""
    return f"{wave.state}{by}{at}{done}"


def decide(invocation: Invocation, number: int, *, confirmed: bool, by: str | None) -> None:
    """Confirm or reject a wave, in the name of a person and of this machine's user."""
    settings = invocation.start()
    engine = open_engine(settings.database_url, read_only=True)
    state = WaveState.CONFIRMED if confirmed else WaveState.REJECTED
    try:
        with engine.begin() as connection:
            done = deletions.decide(connection, number, state, _who(by), clock.now())
            found = {wave.number: wave for wave in deletions.waves(connection)}.get(number)
    finally:
        engine.dispose()
    if found is None:
        raise RosSyncError(f"wave {number} not found", hint="run `ros-sync deletions` to see held waves")
    if not done:
        raise RosSyncError(
            f"wave {number} isn't held; it is {_state(found)}", hint="run `ros-sync deletions` to see held waves"
        )
    records, name = counted(found.records, "record"), PLURALS.get(found.stream, found.stream)
    words = (
        f"Confirmed: {records} of the {name} {'is' if found.records == 1 else 'are'} deleted here on the next sync, "
        "if the CRM still reports it (`ros-sync serve` does this automatically)."
        if confirmed
        else f"Rejected: {records} of the {name} {'stays' if found.records == 1 else 'stay'}."
    )
    invocation.out.print(words, highlight=False, soft_wrap=True)


def _who(by: str | None) -> str:
    """Who decides, as it is noted: the person who is named, and the operating system's user."""
    user = os_user()
    return f"{by.strip().lower()} ({user})" if by else user
