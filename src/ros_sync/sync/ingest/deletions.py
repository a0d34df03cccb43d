"""Deletions that come in a wave wait for a person.

A permission that was taken away, a list that is answered wrongly, a script that ran wild: each looks like many records
that were deleted at once. So what ends is counted by stream over a day, whatever told of it, and what goes beyond a
share of the stream is held: the records stay as they are, and a person confirms or rejects the wave. All of it is in
the database.

What a person explicitly asked for, the erasure of one person, is neither counted nor held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ros_sync import clock
from ros_sync.connectors.source import Page, Problem
from ros_sync.mirror.bookkeeping import DELETION, DELETION_WAVE
from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.portions import CHUNK

log = structlog.get_logger(__name__)

COUNTED = timedelta(hours=24)  # deletions so long ago are no part of the same wave


class EndingKind(StrEnum):
    """What the CRM says became of a record."""

    ARCHIVED = "archived"
    MERGED = "merged"
    GONE = "gone"  # it cannot be read by its id
    NO_LONGER = "no longer"  # by what it says itself it is no such record any more: a contact that is no lead


class WaveState(StrEnum):
    """What became of a wave."""

    HELD = "held"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # the CRM has every one of its records again


@dataclass(frozen=True, slots=True)
class DeletionLimit:
    """How many records of a stream may end in a day before the others are held.

    A share of it, and never fewer than a number.
    """

    share: float
    at_least: int

    def allows(self, ending: int, known: int) -> bool:
        """Whether so many records of a stream may end within a day, out of those that were known."""
        return ending < self.at_least or ending <= self.share * known


@dataclass(frozen=True, slots=True)
class End:
    """One record that has ended, as the CRM tells it; `at` (microseconds) since when, where it says so."""

    kind: EndingKind
    at: int | None = None
    into: str | None = None


@dataclass(slots=True)
class Judged:
    """The page with what may end now, and how many records were held by which wave."""

    page: Page
    held: int = 0
    wave: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Records that are held or whose deletion was rejected (`known`), and those held from now on, by which wave."""

    known: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    wave: int | None = None

    @property
    def records(self) -> set[str]:
        """All that stay."""
        return self.known | self.new


@dataclass(frozen=True, slots=True)
class Wave:
    """Deletions that wait for a person, or waited.

    `records` are those not yet dealt with, `known` what the stream had.
    """

    number: int
    source: str
    stream: str
    state: WaveState
    opened_at: datetime
    known: int
    records: int
    kinds: Mapping[str, int]
    ways: Mapping[str, int]
    examples: Sequence[str]
    decided_at: datetime | None = None
    decided_by: str | None = None
    taken_over: int | None = None


@dataclass(slots=True)
class DeletionLedger:
    """The deletions of one stream, under the transaction that carries them out.

    `known` counts the stream's records that are there now; `now` is the moment of the transaction.
    """

    connection: Connection
    source: str
    stream: str
    now: datetime
    limit: DeletionLimit
    known: Callable[[], int]

    def judge(self, page: Page, way: str, *, there: Collection[str], explicit: Collection[str] = ()) -> Judged:
        """What of a page may end now. `there` are the records that would be changed by it; nothing else is counted.

        What is held or was rejected stays so while the CRM says the same of it; what it says anew is counted anew.
        """
        ends = {each: end for each, end in ends_of(page).items() if each in there and each not in explicit}
        self.void(list(explicit))
        held = self.hold(ends, way)
        return Judged(_less(page, held.records), len(held.new), held.wave)

    def hold(self, ends: Mapping[str, End], way: str) -> Held:
        """Those of these records, which are there, that may not end now; the others are noted as ended."""
        if not ends:
            return Held()
        known = self._noted(list(ends))
        settled = {each for each, (_, state) in known.items() if state is WaveState.CONFIRMED}
        waiting = {each for each, (told, state) in known.items() if self._is_settled(told, ends[each], state)} - settled
        new = {each: end for each, end in ends.items() if each not in waiting and each not in settled}
        self._forget(settled)
        if not new:
            return Held(waiting)
        counted = self._counted(new)
        if self._allows(len(counted) + len(new), counted):
            self._note(new, way, None)
            return Held(waiting)
        wave = self._open_wave(counted)
        self._note(new, way, wave)
        log.warning("deletions_held", source=self.source, stream=self.stream, records=len(new), wave=wave)
        return Held(waiting, set(new), wave)

    def void(self, ids: Sequence[str]) -> None:
        """These records are there after all: nothing of them waits any more."""
        c, waves = DELETION.c, set[int]()
        if not any_held(self.connection, self.source, self.stream):  # mostly, and at once
            return
        for start in range(0, len(ids), CHUNK):
            here = (*self._here, c.record_id.in_(ids[start : start + CHUNK]), c.wave_id.is_not(None))
            waves.update(self.connection.execute(select(c.wave_id).where(*here)).scalars())
            if waves:
                self.connection.execute(delete(DELETION).where(*here))
        for wave in sorted(waves):
            left = select(func.count()).select_from(DELETION).where(c.wave_id == wave)
            if not self.connection.execute(left).scalar_one():
                held = (DELETION_WAVE.c.id == wave, DELETION_WAVE.c.state == WaveState.HELD)
                self.connection.execute(
                    update(DELETION_WAVE).where(*held).values(state=WaveState.WITHDRAWN, decided_at=self.now)
                )

    # ---- inside

    @property
    def _here(self) -> tuple[Any, ...]:
        return (DELETION.c.source == self.source, DELETION.c.stream == self.stream)

    def _allows(self, ending: int, counted: Mapping[str, bool]) -> bool:
        """Few of them need no count of the whole stream."""
        if ending < self.limit.at_least:
            return True
        return self.limit.allows(ending, self.known() + sum(counted.values()))

    def _counted(self, new: Collection[str]) -> dict[str, bool]:
        """The other deletions of the last day that count, and whether each was carried out.

        Rejected ones do not count.
        """
        c = DELETION.c
        query = (
            select(c.record_id, c.wave_id)
            .join_from(DELETION, DELETION_WAVE, DELETION_WAVE.c.id == c.wave_id, isouter=True)
            .where(*self._here, c.noted_at > self.now - COUNTED, c.way != CONFIRMED_WAY)
            .where(c.wave_id.is_(None) | (DELETION_WAVE.c.state == WaveState.HELD))
        )
        return {each: wave is None for each, wave in self.connection.execute(query) if each not in new}

    def _noted(self, ids: Sequence[str]) -> dict[str, tuple[Any, WaveState]]:
        """What is noted of these records in waves that wait or were decided."""
        c = DELETION.c
        found: dict[str, tuple[Any, WaveState]] = {}
        columns = (c.record_id, c.kind, c.ended_at, c.merged_into, DELETION_WAVE.c.state, DELETION_WAVE.c.decided_at)
        for start in range(0, len(ids), CHUNK):
            query = (
                select(*columns)
                .join_from(DELETION, DELETION_WAVE, DELETION_WAVE.c.id == c.wave_id)
                .where(*self._here, c.record_id.in_(ids[start : start + CHUNK]))
            )
            found |= {row.record_id: (row, WaveState(row.state)) for row in self.connection.execute(query)}
        return found

    @staticmethod
    def _is_settled(told: Any, end: End, state: WaveState) -> bool:
        """Whether nothing new is told of a record that is held, or whose deletion was rejected."""
        if state is WaveState.HELD:
            return True
        if state is not WaveState.REJECTED:
            return False
        same = (told.kind, told.merged_into) == (end.kind, end.into)
        later = end.at is not None and told.decided_at is not None and end.at > clock.to_micros(told.decided_at)
        return same and not (later and end.at != told.ended_at)

    def _open_wave(self, counted: Mapping[str, bool]) -> int:
        held = select(DELETION_WAVE.c.id).where(
            DELETION_WAVE.c.source == self.source,
            DELETION_WAVE.c.stream == self.stream,
            DELETION_WAVE.c.state == WaveState.HELD,
        )
        number = self.connection.execute(held).scalar()
        if number is None:
            values = {"source": self.source, "stream": self.stream, "opened_at": self.now, "state": WaveState.HELD,
                      "known": self.known() + sum(counted.values())}  # fmt: skip
            made = self.connection.execute(insert(DELETION_WAVE).values(**values)).inserted_primary_key
            assert made is not None
            number = made[0]
        return int(number)

    def _note(self, ends: Mapping[str, End], way: str, wave: int | None) -> None:
        self.connection.execute(
            delete(DELETION).where(*self._here, DELETION.c.wave_id.is_(None), DELETION.c.noted_at <= self.now - COUNTED)
        )
        rows = [
            {"source": self.source, "stream": self.stream, "record_id": each, "way": way, "kind": end.kind,
             "ended_at": end.at, "merged_into": end.into, "noted_at": self.now, "wave_id": wave}
            for each, end in ends.items()
        ]  # fmt: skip
        statement = insert_or(self.connection.dialect, DELETION)
        names = ("way", "kind", "ended_at", "merged_into", "noted_at", "wave_id")
        taken = statement.on_conflict_do_update(
            index_elements=["source", "stream", "record_id"], set_={name: statement.excluded[name] for name in names}
        )
        self.connection.execute(taken, rows)

    def _forget(self, ids: Iterable[str]) -> None:
        gone = sorted(ids)
        for start in range(0, len(gone), CHUNK):
            chunk = DELETION.c.record_id.in_(gone[start : start + CHUNK])
            self.connection.execute(delete(DELETION).where(*self._here, chunk))


CONFIRMED_WAY = "confirmed"


def ends_of(page: Page) -> dict[str, End]:
    """What a page says of records that have ended."""
    found = {each: End(EndingKind.GONE) for each in page.gone}
    found |= {each: End(EndingKind.ARCHIVED, at) for each, at in page.deleted.items()}
    return found | {each: End(EndingKind.MERGED, into=into) for each, into in page.merged.items()}


def _less(page: Page, held: Collection[str]) -> Page:
    """The page without the ends of these records."""
    if not held:
        return page
    return replace(
        page,
        deleted={each: at for each, at in page.deleted.items() if each not in held},
        merged={each: into for each, into in page.merged.items() if each not in held},
        gone=[each for each in page.gone if each not in held],
    )


# ---- for people


# Streams have their names from the CRM, in the plural; what has no stream of its own is named by its object.
PLURALS = {"lead": "leads", "owner": "owners", "pipeline_stage": "stages"}


def held_problem(stream: str, held: int, wave: int) -> Problem:
    """What people are told of deletions that wait for them."""
    name = PLURALS.get(stream, stream)
    told = "their contacts no longer qualify" if stream == "lead" else "the CRM reports them as deleted"
    return Problem(
        f"{held:,} {name} are held: {told}, and this many in a day may be a mistake (wave {wave})",
        f"check in the CRM whether this is intended, then run `ros-sync deletions confirm {wave}`, or `reject {wave}`",
        stream,
    )


def doubt_problem(stream: str, number: int) -> Problem:
    """What people are told of answers that contradict themselves."""
    return Problem(
        f"the CRM contradicts itself about {number:,} {stream}: deleted or merged, but still there",
        "nothing was deleted here, and this is rechecked automatically; if it persists, contact the CRM's support",
        stream,
    )


def waves(connection: Connection, *states: WaveState, source: str | None = None) -> list[Wave]:
    """Waves in these states (any, where none is named), the oldest first."""
    query = select(DELETION_WAVE).order_by(DELETION_WAVE.c.id)
    if states:
        query = query.where(DELETION_WAVE.c.state.in_(states))
    if source is not None:
        query = query.where(DELETION_WAVE.c.source == source)
    return [_told(connection, row) for row in connection.execute(query).mappings().all()]


EXAMPLES = 5


def _told(connection: Connection, row: RowMapping) -> Wave:
    c = DELETION.c
    here = c.wave_id == row["id"]
    counts: dict[str, dict[str, int]] = {}
    for name in ("kind", "way"):
        found = connection.execute(select(c[name], func.count()).where(here).group_by(c[name]))
        counts[name] = {str(each): int(number) for each, number in found}
    examples = connection.execute(select(c.record_id).where(here).order_by(c.record_id).limit(EXAMPLES)).scalars().all()
    names = ("source", "stream", "opened_at", "known", "decided_at", "decided_by", "taken_over")
    return Wave(
        number=row["id"],
        state=WaveState(row["state"]),
        records=sum(counts["kind"].values()),
        kinds=counts["kind"],
        ways=counts["way"],
        examples=examples,
        **{name: row[name] for name in names},
    )


def decide(connection: Connection, number: int, state: WaveState, by: str, now: datetime) -> bool:
    """Confirm or reject a wave that is held; False where it is not held (any more)."""
    held = (DELETION_WAVE.c.id == number, DELETION_WAVE.c.state == WaveState.HELD)
    values = {"state": state, "decided_by": by, "decided_at": now}
    done = bool(connection.execute(update(DELETION_WAVE).where(*held).values(**values)).rowcount)
    if done:
        log.info("deletions_decided", wave=number, state=state)
    return done


def confirmed(connection: Connection, source: str) -> Iterator[tuple[int, str, list[str]]]:
    """The confirmed waves of a source whose records are not all dealt with: number, stream, ids."""
    query = (
        select(DELETION_WAVE.c.id, DELETION_WAVE.c.stream)
        .where(DELETION_WAVE.c.source == source, DELETION_WAVE.c.state == WaveState.CONFIRMED)
        .order_by(DELETION_WAVE.c.id)
    )
    for number, stream in connection.execute(query).all():
        of_it = select(DELETION.c.record_id).where(DELETION.c.wave_id == number).order_by(DELETION.c.record_id)
        ids = [str(each) for each in connection.execute(of_it).scalars()]
        if ids:
            yield number, stream, ids


def any_held(connection: Connection, source: str, stream: str) -> bool:
    """Whether anything of a stream is noted by a wave."""
    c = DELETION.c
    query = select(c.record_id).where(c.source == source, c.stream == stream, c.wave_id.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def count_taken_over(connection: Connection, number: int, more: int) -> None:
    """Count records of a confirmed wave that were deleted here."""
    taken = func.coalesce(DELETION_WAVE.c.taken_over, 0) + more
    connection.execute(update(DELETION_WAVE).where(DELETION_WAVE.c.id == number).values(taken_over=taken))


def held_among(connection: Connection, source: str, stream: str, ids: Sequence[str]) -> dict[str, int]:
    """Those of these records whose deletion is held, or was rejected, and by which wave."""
    c, found = DELETION.c, dict[str, int]()
    if not any_held(connection, source, stream):
        return found
    for start in range(0, len(ids), CHUNK):
        query = (
            select(c.record_id, c.wave_id)
            .join_from(DELETION, DELETION_WAVE, DELETION_WAVE.c.id == c.wave_id)
            .where(c.source == source, c.stream == stream, c.record_id.in_(ids[start : start + CHUNK]))
            .where(DELETION_WAVE.c.state.in_((WaveState.HELD, WaveState.REJECTED, WaveState.CONFIRMED)))
        )
        found.update((str(each), int(wave)) for each, wave in connection.execute(query))
    return found
