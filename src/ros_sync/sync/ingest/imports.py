"""Importing export files: file -> batches -> mirror, one transaction a batch.

Importing the same files again changes nothing. A later export of the same CRM is compared with what is stored, and
what differs becomes history. Rows that cannot be read are kept with their reason, and everything else is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection, Engine

from ros_sync import clock
from ros_sync.config_files.regular import refuse_special
from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.connectors.export import ExportMapping, FileEntry, read
from ros_sync.errors import ImportRefusedError, ProblemsError, RosSyncError, Where
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert, is_empty
from ros_sync.sync.ingest.activities import FIELDS as ACTIVITY_FIELDS
from ros_sync.sync.ingest.activities import roll_up_activities
from ros_sync.sync.ingest.batch_loader import BatchLoader, FileReport
from ros_sync.sync.ingest.completion import Against, told
from ros_sync.sync.ingest.dated import Step, by_day, moment_in, zone_of
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.holding import HeldBack
from ros_sync.sync.ingest.joined_records import followed_by_joined
from ros_sync.sync.ingest.mapped import note_mapped
from ros_sync.sync.ingest.recounting import recount_slips
from ros_sync.sync.ingest.restating import restate_amounts
from ros_sync.sync.ingest.run_log import COUNTS, close_run, open_run
from ros_sync.sync.ingest.seen import SeenIds, SeenRows
from ros_sync.sync.one_writer import writing
from ros_sync.sync.stream_state import imported_until, save_imported

SHOWN_PROBLEMS = 50  # of a strict refusal; the rest is counted
Progress = Callable[[Path, int], None]
Reading = tuple[Path, FileEntry, Iterator[Batch]]


@dataclass(slots=True)
class ImportReport:
    """What became of an import, file by file.

    `refitted`: other fields are filled than before, which rules depend on.
    """

    run_id: int
    source: str
    as_of: datetime
    files: list[FileReport] = field(default_factory=list)
    refitted: bool = False

    def total(self, name: str) -> int:
        """A count of `FileReport`, over all files."""
        return sum(getattr(file, name) for file in self.files)


def plan(mapping: ExportMapping, paths: Sequence[Path]) -> list[Step]:
    """Which file is read as which object, in the order in which they have to be read.

    A folder stands for the files in it that the mapping knows, and for those in its folders that are named by a day.
    Raises ImportRefusedError for a path that is not there, and for a file or folder in which the mapping knows nothing.
    """
    order = {name: place for place, name in enumerate(objects())}
    steps: list[Step] = []
    for path in paths:
        if not path.exists():
            raise ImportRefusedError(f"no such file or folder: {path}")
        files = files_in(path) if path.is_dir() else [path]
        found = [(file, entry) for file in files for entry in mapping.entries_for(file)]
        for file, _ in found:
            _refuse_special(file)
        if not found:
            patterns = ", ".join(sorted({entry.pattern or "*" for entry in mapping.entries}))
            raise ImportRefusedError(
                f"the mapping {mapping.file} has no entry for {path}", hint=f"the mapping reads files named {patterns}"
            )
        steps.extend(found)
    return sorted(steps, key=lambda step: order[step[1].object])


def _refuse_special(path: Path) -> None:
    """Refuse what is no file before anything opens it: a named pipe would be waited for, for ever."""
    try:
        refuse_special(path)
    except OSError as error:
        raise ImportRefusedError(f"the file cannot be read: {error.strerror}", where=Where(str(path))) from None


def files_in(folder: Path) -> list[Path]:
    """The files of a folder, and of those folders in it whose names give a day; what a system hides is left out."""
    children = sorted(child for child in folder.iterdir() if not child.name.startswith((".", "~$")))
    dated = [child for child in children if child.is_dir() and moment_in(child.name, None) is not None]
    within = (each for child in dated for each in sorted(child.iterdir()) if not each.name.startswith((".", "~$")))
    return [each for each in (*children, *within) if not each.is_dir()]


def import_exports(
    engine: Engine,
    mapping: ExportMapping,
    paths: Sequence[Path],
    context: DealContext,
    *,
    as_of: datetime | None,
    now: datetime,
    strict: bool = False,
    progress: Progress | None = None,
) -> list[ImportReport]:
    """Load export files, several days' exports one after the other, each as the state of its day; one report a day.

    `as_of` is the moment given by a person, without which what names no day is of `now`. Otherwise as `import_files`.
    """
    steps = plan(mapping, paths)
    groups = by_day(steps, zone_of(mapping))
    if len(groups) == 1:
        return [
            import_files(engine, mapping, paths, context, as_of=as_of or now, now=now, strict=strict, progress=progress)
        ]
    if as_of is not None:
        days = ", ".join(sorted({f"{group.as_of:%Y-%m-%d}" for group in groups if group.as_of}))
        raise ImportRefusedError(
            f"--as-of is a single moment, but the file names are from several days ({days})",
            hint="omit --as-of to read each as the state of its day, or import them one by one",
        )
    if strict:
        for group in groups:
            refuse_flawed(group.steps)
    begin(steps)  # so that a file that cannot be read at all is known before any is loaded
    return [
        _import_steps(engine, mapping, group.steps, context, min(group.as_of or now, now), now, progress)
        for group in groups
    ]


def import_files(
    engine: Engine,
    mapping: ExportMapping,
    paths: Sequence[Path],
    context: DealContext,
    *,
    as_of: datetime,
    now: datetime,
    strict: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Load export files into the mirror as the state at the instant `as_of`.

    With `strict` the files are read through first, and nothing is loaded when a single row cannot be read. Raises
    ImportRefusedError, or ProblemsError with several of them, for files that cannot be read at all; what was stored
    before is untouched then.
    """
    steps = plan(mapping, paths)
    if strict:
        refuse_flawed(steps)
    return _import_steps(engine, mapping, steps, context, as_of, now, progress)


def _import_steps(
    engine: Engine,
    mapping: ExportMapping,
    steps: Sequence[Step],
    context: DealContext,
    as_of: datetime,
    now: datetime,
    progress: Progress | None,
) -> ImportReport:
    readings = begin(steps)
    recount_slips(engine, context, now)
    restate_amounts(engine, context, now)
    names = ", ".join(sorted({path.name for path, _ in steps}))
    with engine.begin() as connection:
        number = open_run(connection, mapping.source, "import", what=names, as_of=as_of, started_at=now)
    report = ImportReport(number, mapping.source, as_of)
    try:
        _load(engine, mapping, readings, context, report, progress)
    except BaseException as error:
        _finish(engine, report, error=f"{type(error).__name__}: {error}")
        raise
    _finish(engine, report)
    return report


def begin(steps: Sequence[Step]) -> list[Reading]:
    """Open every file and read its beginning, so that one that cannot be read at all is known before any is loaded.

    Raises ImportRefusedError for the one that is wrong, ProblemsError for several.
    """
    problems: list[RosSyncError] = []
    readings: list[Reading] = []
    for path, entry in steps:
        batches = read(path, entry)
        try:
            first = next(batches, None)
        except ImportRefusedError as error:
            problems.append(error)
        else:
            readings.append((path, entry, chain([first], batches) if first is not None else iter(())))
    _raise(problems)
    return readings


def refuse_flawed(steps: Sequence[Step]) -> None:
    """Read every file to its end; raise for rows that cannot be read, or that contradict one with the same id."""
    problems: list[RosSyncError] = []
    more = 0
    with ExitStack() as stack:
        seen = {entry.object: stack.enter_context(SeenRows()) for _, entry in steps}
        for path, entry in steps:
            try:
                for batch in read(path, entry):
                    flaws = [str(row) for row in (*batch.quarantined, *_contradictions(batch, seen[entry.object]))]
                    room = max(0, SHOWN_PROBLEMS - len(problems))
                    problems.extend(ImportRefusedError(flaw) for flaw in flaws[:room])
                    more += len(flaws[room:])
            except ImportRefusedError as error:
                problems.append(error)
    if more:
        problems.append(ImportRefusedError(f"and {more:,} more rows that can't be read"))
    _raise(problems)


def _contradictions(batch: Batch, seen: SeenRows) -> list[Quarantined]:
    """The rows whose id came before with other values."""
    found = []
    for index, values in enumerate(zip(*batch.columns.values(), strict=True)):
        row = dict(zip(batch.columns, values, strict=True))
        said = seen.add(row, f"{batch.origin}:{batch.lines[index]}")
        if said is not None and said[1]:
            found.append(told(batch, index, Against(str(row["id"]), said[0], said[1])))
    return found


def _raise(problems: Sequence[RosSyncError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ProblemsError(list(problems))


def _load(
    engine: Engine,
    mapping: ExportMapping,
    readings: Sequence[Reading],
    context: DealContext,
    report: ImportReport,
    progress: Progress | None,
) -> None:
    names = {entry.object for _, entry, _ in readings}
    as_of = clock.to_micros(report.as_of)
    loader = BatchLoader(
        context, report.run_id, report.source, as_of, stage_entry_given="stage_entered" in mapping.given("deal")
    )
    with engine.begin() as connection:
        _load_stages(mapping, connection, report.run_id, as_of)
        empty = {name for name in names if is_empty(connection, objects()[name], mapping.source)}
        stale = _newer_known(connection, mapping.source, report.as_of) & names
    # What one file leaves empty another one may fill, in whatever order they come: repeats and what would be emptied
    # are therefore known across all files of an object, and nothing is emptied before the last of them.
    with ExitStack() as stack:
        seen = {name: stack.enter_context(SeenIds()) for name in sorted(names)}
        held = {name: stack.enter_context(HeldBack()) for name in sorted(names)}
        for place, (path, entry, batches) in enumerate(readings):
            later = _filled_later(readings[place:])
            file = FileReport(path.name, entry.object)
            if entry.object == "deal" and mapping.lack_of_stages:
                file.notes.append(mapping.lack_of_stages)
            report.files.append(file)
            for batch in batches:
                # A transaction for each batch: a poll of another source gets its turn, and a kill costs one batch.
                with writing(engine, mapping.source) as connection, followed_by_joined(connection, context):
                    loader.load(
                        connection,
                        batch,
                        file,
                        seen[entry.object],
                        expect_empty=entry.object in empty,
                        stale=entry.object in stale,
                        held=held[entry.object],
                        later=later,
                    )
                if progress:
                    progress(path, batch.position)
            if not file.rows_read:
                file.notes.append("it contains headings but no rows")
        for name in sorted(names):
            last = next(file for file in reversed(report.files) if file.object == name)
            with writing(engine, mapping.source) as connection, followed_by_joined(connection, context):
                last.updated += loader.finish(connection, name, held[name])
    with engine.begin() as connection, followed_by_joined(connection, context):
        # Also where only one of the two came: an activity may have been imported before its deal.
        if names & {"activity", "deal"}:
            given = mapping.given("deal")
            fields = [name for name in ACTIVITY_FIELDS if name not in given]
            roll_up_activities(connection, mapping.source, report.run_id, as_of, fields)
        report.refitted = note_mapped(connection, mapping, names)
        # What is complete up to when is noted last, so that an import that is cut off does not look complete.
        _remember(connection, mapping.source, names - stale, report.as_of)


def _filled_later(readings: Sequence[Reading]) -> frozenset[str]:
    """Of the fields of the first reading, those that a later one of the same object fills as well."""
    _, first, _ = readings[0]
    own = {field.name for field in first.fields}
    others = (field.name for _, entry, _ in readings[1:] if entry.object == first.object for field in entry.fields)
    return frozenset(own.intersection(others))


def _load_stages(mapping: ExportMapping, connection: Connection, run_id: int, as_of: int) -> None:
    """The stages that the mapping file declares are records too."""
    columns = ("id", "pipeline", "name", "stage_order", "stage_kind", "stage_position", "probability", "exit_criteria")
    rows: list[Row] = [
        (f"{s.pipeline}/{s.name}", s.pipeline, s.name, s.order, s.kind, s.position, s.probability, s.exit_criteria)
        for s in mapping.stages
    ]
    Upsert(connection, objects()["pipeline_stage"], mapping.source, columns, run_id=run_id).write(rows, as_of)


def _newer_known(connection: Connection, source: str, as_of: datetime) -> set[str]:
    """The objects of which a later state than `as_of` has been imported already."""
    return {name for name, until in imported_until(connection, source).items() if until > as_of}


def _remember(connection: Connection, source: str, names: set[str], as_of: datetime) -> None:
    """Keep the moment up to which each object is complete now."""
    for name in sorted(names):
        save_imported(connection, source, name, as_of, clock.now())


def _finish(engine: Engine, report: ImportReport, error: str | None = None) -> None:
    """Write down what the run did."""
    with engine.begin() as connection:
        totals = {name: report.total(name) for name in COUNTS}
        close_run(connection, report.run_id, finished_at=clock.now(), error=error, **totals)
