"""What `ros-sync mapping` does: a proposal written and tried on the very files, a mapping checked."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.export import ExportMapping, read
from ros_sync.connectors.export.proposing import OBJECTS, Proposal, propose
from ros_sync.errors import ImportRefusedError, RosSyncError, WorkspaceError
from ros_sync.fields import did_you_mean
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.company import CompanyProfile
from ros_sync.sync.ingest.imports import files_in, plan
from ros_sync.terminal import counted, shown
from ros_sync.workspace.company import organisation_of
from ros_sync.workspace.mappings import load, mapping_of

SHOWN_ROWS = 5


def propose_mapping(
    invocation: Invocation, paths: Sequence[Path], *, source: str, object_name: str | None, output: Path | None
) -> None:
    """Print or write the proposal, and tell on stderr how the files can be read with it."""
    if object_name is not None and object_name not in OBJECTS:
        raise RosSyncError(f"unknown object {object_name!r}", hint=did_you_mean(object_name, OBJECTS))
    if output is not None and output.exists():
        raise RosSyncError(f"{output} already exists", hint="use another name for --output, or move the file")
    company = _company(invocation)
    files = _files(paths)
    settable = {name: mirrored.settable for name, mirrored in objects().items()}
    proposal = propose(
        files, settable, source=source, currency=company.currency, timezone=company.timezone, given_object=object_name
    )
    if not proposal.entries:
        reasons = "; ".join(f"{path.name}: {reason}" for path, reason in proposal.left_out.items())
        raise ImportRefusedError(f"can't propose a mapping: {reasons}")
    text = proposal.text
    if output is None:
        print(text, end="")  # noqa: T201  # it is the output, to be piped as it is
    else:
        output.write_text(text, encoding="utf-8")
        invocation.err.print(f"Wrote {shown(str(output))}.", highlight=False)
    _try(invocation, proposal, text)


def _company(invocation: Invocation) -> CompanyProfile:
    """The company of the workspace; one of defaults where there is no workspace yet."""
    try:
        return organisation_of(invocation.settings).company
    except WorkspaceError:
        return CompanyProfile()


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ImportRefusedError(f"no such file or folder: {path}")
        found += files_in(path) if path.is_dir() else [path]
    if not found:
        raise ImportRefusedError(f"no files found in {', '.join(map(str, paths))}")
    return found


def _try(invocation: Invocation, proposal: Proposal, text: str) -> None:
    """Load the proposal as a mapping, read its files with it, and tell what became of their rows."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-") as folder:
        file = Path(folder) / "proposed.yaml"
        file.write_text(text, encoding="utf-8")
        mapping = load(file)
    _tell_lack_of_stages(invocation, mapping)
    _read_through(invocation, mapping, [entry.sample.path for entry in proposal.entries])
    for path, reason in proposal.left_out.items():
        invocation.err.print(f"[yellow]{shown(path.name)}[/yellow] skipped: {shown(reason)}", soft_wrap=True)
    checks = text.count("CHECK")
    if checks:
        invocation.err.print(f"{counted(checks, 'line')} to review: search for CHECK.", highlight=False)


def check_mapping(invocation: Invocation, given: str, paths: Sequence[Path]) -> None:
    """Load a mapping, and read files with it; exit code 1 where a row of theirs cannot be read."""
    mapping = load(Path(given)) if Path(given).is_file() else mapping_of(invocation.settings, given)
    entries = counted(len(mapping.entries), "entry").replace("entrys", "entries")
    invocation.out.print(
        f"{shown(mapping.file.name)}: {entries} for {shown(mapping.source)}, no problems", highlight=False
    )
    _tell_lack_of_stages(invocation, mapping)
    if paths and not _read_through(invocation, mapping, [path for path, _ in plan(mapping, paths)]):
        sys.exit(1)


def _tell_lack_of_stages(invocation: Invocation, mapping: ExportMapping) -> None:
    if mapping.lack_of_stages:
        invocation.err.print(f"[yellow]{shown(mapping.lack_of_stages)}[/yellow]", soft_wrap=True, highlight=False)


def _read_through(invocation: Invocation, mapping: ExportMapping, paths: Sequence[Path]) -> bool:
    """Read files without loading them; whether every row could be read."""
    all_read = True
    for path in dict.fromkeys(paths):
        for entry in mapping.entries_for(path):
            rows = count = 0
            apart: list[str] = []
            for batch in read(path, entry):
                rows += len(batch.lines)
                count += len(batch.quarantined)
                apart += [str(each) for each in batch.quarantined[: max(0, SHOWN_ROWS - len(apart))]]
            all_read = all_read and not count
            invocation.err.print(
                f"{shown(path.name)} as {entry.object}: {counted(rows, 'row')} can be read, {count:,} cannot",
                soft_wrap=True,
                highlight=False,
            )
            for line in apart:
                invocation.err.print(f"  {shown(line)}", soft_wrap=True, highlight=False)
    return all_read
