"""Comparing the mirror with the CRM, record by record.

Each stream is listed once and compared page by page with what is stored; nothing but ids is kept, on disk. A record
that looks different, and one that is here and was not listed, is read again by its id before anything is said of it: so
neither a search that lags nor a change made meanwhile raises a false alarm. What was modified in the CRM since the last
poll is not yet followed; it is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, select

from ros_sync import clock
from ros_sync.connectors.source import Page, Source, Stream
from ros_sync.errors import AuthExpiredError, DailyLimitError, RosSyncError, StoppedError
from ros_sync.mirror.catalogue import objects
from ros_sync.sync.audit.comparison import Comparison
from ros_sync.sync.audit.repair import Repairer
from ros_sync.sync.audit.report import AuditReport, Difference, DifferenceKind
from ros_sync.sync.follow.fetching import Fetching, Reading
from ros_sync.sync.follow.maintenance import remember
from ros_sync.sync.follow.unlinked import links_of, readable
from ros_sync.sync.follow.work import of_stream
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.deletions import held_among
from ros_sync.sync.ingest.pages import joined
from ros_sync.sync.ingest.reports import Progress
from ros_sync.sync.ingest.restating import restate_amounts
from ros_sync.sync.ingest.seen import ScratchDatabase, SeenIds
from ros_sync.sync.policy import SyncPolicy, quota_exhausted
from ros_sync.sync.stream_state import StreamState, read_stream_states, state_of


class Candidates(ScratchDatabase):
    """Records to be looked at again, by stream. `listed`: the CRM listed them; `confirmed`: they do differ."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE candidate (stream TEXT, id TEXT, listed INTEGER, confirmed INTEGER DEFAULT 0,"
            " PRIMARY KEY (stream, id)) WITHOUT ROWID"
        )

    def add(self, stream: str, ids: Iterable[str], *, listed: bool) -> None:
        """Remember records; one that is known already stays as it is."""
        rows = [(stream, each, listed) for each in ids]
        self._connection.executemany("INSERT OR IGNORE INTO candidate (stream, id, listed) VALUES (?, ?, ?)", rows)

    def confirm(self, stream: str, ids: Iterable[str]) -> None:
        """Note that these do differ."""
        rows = [(stream, each) for each in ids]
        self._connection.executemany("UPDATE candidate SET confirmed = 1 WHERE stream = ? AND id = ?", rows)

    def chunks(self, stream: str, size: int, *, confirmed: bool = False) -> Iterator[dict[str, bool]]:
        """The stream's suspects (id -> listed), so many at a time; with `confirmed` only those that do differ."""
        last = ""
        while True:
            query = (
                "SELECT id, listed FROM candidate WHERE stream = ? AND id > ? AND confirmed >= ? ORDER BY id LIMIT ?"
            )
            rows = self._connection.execute(query, (stream, last, int(confirmed), size)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield {record_id: bool(listed) for record_id, listed in rows}


log = structlog.get_logger(__name__)

GROUP_ROWS = 1_000  # records compared together: as many as one call of associations takes
JUDGED_ROWS = 500  # suspects read by id together
LOOKS = 3  # at a record that is followed meanwhile, so that CRM and mirror are seen one after the other
ACCOUNT = ("owner", "pipeline_stage")
ENDED = frozenset((DifferenceKind.ARCHIVED, DifferenceKind.MERGED, DifferenceKind.ERASED, DifferenceKind.NO_LONGER))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What differs in some records; the ids that are not yet followed, and those whose deletion waits for a person."""

    differing: list[Difference]
    pending: set[str]
    held: set[str]


class Auditor:
    """Audits one source. `now` gives the present; `progress` is told how far a stream has been read.

    `history`: the change histories of tracked fields are compared too. `keep` differences are kept in the report, the
    others counted.
    """

    def __init__(
        self,
        engine: Engine,
        source: Source,
        context: DealContext,
        *,
        now: Callable[[], datetime],
        policy: SyncPolicy | None = None,
        history: bool = False,
        keep: int = 100,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._engine = engine
        self._source = source
        self._context = context
        self._now = now
        self._policy = policy or SyncPolicy()
        self._history = history
        self._keep = keep
        self._progress = progress or (lambda _progress: None)
        self._states: dict[str, StreamState] = {}
        self._streams: list[Stream] = []  # those that can be compared

    def run(self, *, repair: bool = False) -> AuditReport:
        """Compare everything; with `repair`, bring the mirror up to what the CRM says and compare those records again.

        What keeps the CRM from being read is told as `trouble` of the report.
        """
        report = AuditReport(self._source.name, self._now(), self._keep, with_history=self._history)
        before = Counter(self._source.counts)
        restate_amounts(self._engine, self._context, report.started_at)
        try:
            self._turn(report, repair=repair)
        except DailyLimitError as error:
            report.quota_exhausted_until, report.trouble = error.resume_at, error.message
        except RosSyncError as error:
            report.trouble = str(error)
        stuck = [f"{name}: {each.trouble}" for name, each in report.streams.items() if each.trouble]
        stuck += report.unread.values()
        report.trouble = report.trouble or ("; ".join(stuck) or None)
        report.calls = dict(Counter(self._source.counts) - before)
        report.finished_at = self._now()
        log.info(
            "audit_done",
            source=report.source,
            compared=report.compared,
            differences=report.total,
            pending=report.pending,
            left=report.left.total() if report.repaired else None,
            calls=report.call_count,
            trouble=report.trouble,
            seconds=round(report.seconds, 3),
        )
        return report

    def _turn(self, report: AuditReport, *, repair: bool) -> None:
        self._begin(report)
        with Repairer(self._engine, self._source, self._context, now=self._now, policy=self._policy) as repairer:
            found = self._account()
            for each in found:
                report.add(each)
            if repair and found:  # first: records name their owners
                repairer.account()
                for each in self._account():
                    report.add_left(each)
            with Candidates() as candidates:
                self._look(report, candidates)
                for stream in list(self._streams):
                    try:
                        self._judge_all(report, stream, candidates)
                    except RosSyncError as error:
                        self._fail(report, stream, error)
                report.repaired = repair
                if repair and report.total > len(found):
                    self._repair(report, candidates, repairer)

    def _begin(self, report: AuditReport) -> None:
        """What the mirror has followed so far; RosSyncError where that is nothing, or where the source is paused."""
        with self._engine.connect() as connection:
            state = state_of(connection, self._source.name)
            remember(connection, self._source)
            self._states = read_stream_states(connection, self._source.name)
        if quota_exhausted(state.get("quota_exhausted_until"), report.started_at):
            raise DailyLimitError("the CRM's daily API limit is used up", resume_at=state["quota_exhausted_until"])
        self._streams = list(self._source.streams)
        listed = []
        for stream in self._streams:
            place = self._states.get(stream.name)
            if place is None or place.cursor is None:
                report.of(stream.name).trouble = "they haven't been fully read yet; run `ros-sync sync` first"
            else:
                listed.append(stream)
        if not listed:
            raise RosSyncError(
                f"nothing in {self._source.name} has been fully read yet", hint="run `ros-sync sync` first"
            )
        self._streams = listed

    def _fail(self, report: AuditReport, stream: Stream, error: Exception) -> None:
        """Keep what keeps a stream from being compared; the others go on. Where no calls are left, the audit ends."""
        if isinstance(error, DailyLimitError | AuthExpiredError | StoppedError) or not isinstance(error, RosSyncError):
            raise error
        report.of(stream.name).trouble = str(error)
        self._streams = [each for each in self._streams if each.name != stream.name]
        log.warning("audit_stream_failed", source=self._source.name, stream=stream.name, error=str(error))

    # ---- the account

    def _account(self) -> list[Difference]:
        """What differs in owners and stages; looked at twice, since another process may follow them meanwhile."""
        return self._account_now() and self._account_now()

    def _account_now(self) -> list[Difference]:
        described = self._source.describe()
        batches = filter(None, (described.owners, described.stages))
        pages = {each.object: Page(each.object, batches=[each]) for each in batches}
        with self._engine.connect() as connection:
            comparison = Comparison(connection, self._source, self._context)
            found: list[Difference] = []
            for name, page in pages.items():
                stream = Stream(name, (name,))
                found += comparison.page(stream, page)
                told = set(page.ids)
                extra = (each for ids in self._alive(connection, stream) for each in ids if each not in told)
                gone = [each for each in extra if each not in held_among(connection, self._source.name, name, [each])]
                found += [Difference(name, name, each, DifferenceKind.ERASED) for each in gone]
        return found

    # ---- the first look

    def _look(self, report: AuditReport, candidates: Candidates) -> None:
        """List every stream and note the records that look different, and those that the listing does not have."""
        for name in ACCOUNT:
            with self._engine.connect() as connection:
                report.of(name).compared += sum(map(len, self._alive(connection, Stream(name, (name,)))))
        for stream in list(self._streams):
            try:
                place, schema = self._states[stream.name], self._source.schema(stream)
            except RosSyncError as error:
                self._fail(report, stream, error)
                continue
            if (
                place.fingerprint
                and schema.fingerprint
                and (place.fingerprint != schema.fingerprint or not schema.properties <= place.properties)
            ):
                report.notes.append(
                    f"the connector file or the account has changed since the {stream.name} were read; "
                    "run `ros-sync sync` to read them all again"
                )
        readings = [[Reading(each, partial(self._listed, each))] for each in self._streams]
        with SeenIds() as seen, Fetching(readings) as fetching:
            for fetched in fetching:
                stream = fetched.part
                if fetched.error is not None:
                    self._fail(report, stream, fetched.error)
                elif fetched.page is None:
                    self._look_for_vanished(stream, seen, candidates)
                else:
                    self._compare_listed(report, stream, fetched.page, seen, candidates)

    def _listed(self, stream: Stream) -> Iterator[Page]:
        """Everything of a stream, many records at a time, with every label of their associations."""
        pages: list[Page] = []
        for page in self._source.listed(stream):
            pages.append(page)
            if sum(len(each.ids) for each in pages) >= GROUP_ROWS or page.position is None:
                whole = joined(pages)
                if stream.links and whole.ids:
                    whole.links, whole.unread = links_of(self._source, stream, whole.ids)
                yield whole
                pages = []

    def _compare_listed(
        self, report: AuditReport, stream: Stream, page: Page, seen: SeenIds, candidates: Candidates
    ) -> None:
        if not self._history:
            page.histories = {}
        with self._engine.connect() as connection:
            comparison = Comparison(connection, self._source, self._context)
            audit = report.of(stream.name)
            differing = {each.id for each in comparison.page(self._readable(report, stream, page), page, audit)}
            untold = comparison.untold(stream, page.merged)
        candidates.add(stream.name, differing, listed=True)
        candidates.add(stream.name, untold, listed=False)
        ids = page.ids
        seen.add([f"{stream.name}/{each}" for each in ids], stream.name, [0] * len(ids))
        audit.compared += len(ids)
        self._progress(Progress(stream.name, "audit", audit.compared, page.expected))

    def _look_for_vanished(self, stream: Stream, seen: SeenIds, candidates: Candidates) -> None:
        """Records that are alive here and were not listed."""
        with self._engine.connect() as connection:
            for ids in self._alive(connection, stream):
                known = seen.add([f"{stream.name}/{each}" for each in ids], "", [0] * len(ids))
                missing = [each for place, each in enumerate(ids) if place not in known]
                candidates.add(stream.name, missing, listed=False)

    def _alive(self, connection: Connection, stream: Stream) -> Iterator[list[str]]:
        """The ids of the stream's records that are alive here, each once, some at a time."""
        for place, name in enumerate(stream.objects):
            table = objects()[name].table
            first = objects()[stream.objects[0]].table
            query: Any = select(table.c.id).where(table.c.source == self._source.name, table.c.deleted_at.is_(None))
            if place:  # those that the first object has are told already
                there = select(first.c.id).where(
                    first.c.source == table.c.source, first.c.id == table.c.id, first.c.deleted_at.is_(None)
                )
                query = query.where(~there.exists())
            query = of_stream(self._source, stream, table, query)
            last = ""
            while True:
                ids = list(
                    connection.execute(query.where(table.c.id > last).order_by(table.c.id).limit(GROUP_ROWS)).scalars()
                )
                if not ids:
                    break
                last = ids[-1]
                yield ids

    def _readable(self, report: AuditReport, stream: Stream, page: Page) -> Stream:
        """The stream with those of its associations that could be read; the others are told."""
        for to, reason in page.unread.items():
            note = f"the associations of {stream.name} with {to} couldn't be compared: {reason}"
            report.unread.setdefault((stream.name, to), note)
        return readable(stream, page.unread)

    # ---- the second look

    def _judge_all(self, report: AuditReport, stream: Stream, candidates: Candidates) -> None:
        """Read the stream's suspects again by id, and count those that do differ."""
        for chunk in candidates.chunks(stream.name, JUDGED_ROWS):
            verdict = self._judge(stream, chunk)
            for each in verdict.differing:
                report.add(each)
            candidates.confirm(stream.name, {each.id for each in verdict.differing})
            report.of(stream.name).pending += len(verdict.pending)
            report.of(stream.name).held += len(verdict.held)

    def _judge(self, stream: Stream, candidates: Mapping[str, bool]) -> _Verdict:
        """What differs in these records (id -> listed) as both sides are now."""
        found: list[Difference] = []
        ids = list(candidates)
        for look in range(1, LOOKS + 1):
            now = self._differences(stream, ids)
            ahead = {each.id for each in now if each.ahead} if look < LOOKS else set()
            found += [each for each in now if each.id not in ahead]
            ids = [each for each in ids if each in ahead]
            if not ids:
                break
        differing: list[Difference] = []
        pending, waiting = set[str](), set[str]()
        held = set[tuple[str, str]]()  # by stream, or by object where a contact is no lead any more, and id
        with self._engine.connect() as connection:
            for name in {stream.name, *stream.objects[1:]}:
                of_it = held_among(connection, self._source.name, name, [each.id for each in found])
                held |= {(name, each) for each in of_it}
        for each in found:
            name = each.object if each.kind is DifferenceKind.NO_LONGER else stream.name
            if each.kind in ENDED and (name, each.id) in held:
                waiting.add(each.id)
            elif self._is_pending(stream, each, listed=candidates[each.id]):
                pending.add(each.id)
            else:
                differing.append(each)
        return _Verdict(differing, pending, waiting)

    def _differences(self, stream: Stream, ids: Sequence[str]) -> list[Difference]:
        """The CRM first, the mirror afterwards: what is followed in between shows as `ahead`."""
        asked = set(ids)
        page = self._source.read(stream, ids)
        there = [each for each in page.ids if each in asked]
        page.links, page.unread = links_of(self._source, stream, there) if stream.links and there else ({}, {})
        page.histories = self._source.histories(stream, there) if self._history and stream.tracked and there else {}
        with self._engine.connect() as connection:
            comparison = Comparison(connection, self._source, self._context)
            found = comparison.page(readable(stream, page.unread), page) + comparison.absent(stream, page, ids)
        return [each for each in found if each.id in asked]

    def _is_pending(self, stream: Stream, difference: Difference, *, listed: bool) -> bool:
        """Whether the next poll will read it anyway: then it is no difference yet.

        A poll reads the overlap again, since search may not have known at the last one what was modified shortly
        before. What the mirror claims to hold as of the CRM's own modified instant is never pending.
        """
        if difference.kind is DifferenceKind.ERASED:
            return listed  # it was there when this audit began
        if difference.at is None or difference.followed:
            return False
        polled = self._states[stream.name].cursor
        assert polled is not None
        overlap = 0 if difference.kind is DifferenceKind.ARCHIVED else self._source.facts.overlap_seconds
        return difference.at > clock.to_micros(polled) - overlap * 1_000_000

    # ---- repair

    def _repair(self, report: AuditReport, candidates: Candidates, repairer: Repairer) -> None:
        """Mend what was found, and look at those records once more."""
        for stream in self._streams:  # all of them first: a merge moves the links of other streams' records
            ends = Page(stream.name)
            for chunk in candidates.chunks(stream.name, JUDGED_ROWS, confirmed=True):
                repairer.read_again(stream, list(chunk), ends)
            repairer.end(stream, ends)
        for stream in self._streams:
            for chunk in candidates.chunks(stream.name, JUDGED_ROWS, confirmed=True):
                repairer.relink(stream, list(chunk))
                repairer.fill(stream, list(chunk))
                if self._history and stream.tracked:
                    repairer.splice(stream, list(chunk))
        repairer.derive()
        report.notes += repairer.notes
        for stream in self._streams:
            for chunk in candidates.chunks(stream.name, JUDGED_ROWS, confirmed=True):
                verdict = self._judge(stream, chunk)
                report.of(stream.name).held += len(verdict.held)
                for each in verdict.differing:
                    report.add_left(each)
