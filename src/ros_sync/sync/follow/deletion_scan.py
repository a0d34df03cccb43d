"""The look back: once a day, what neither a poll nor a webhook that was lost could tell.

Archiving and restoring leave the modified date alone, and search leaves archived records out. So the list of archived
records is read, and an hour later, when search knows everything of that time, what was modified before is searched for
once more. Each finds what the other cannot. What was archived while a list was read is known since; a record that was
archived and restored between two lists is there again by the search, with the modified date that no poll saw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from ros_sync import clock
from ros_sync.connectors.source import Page, Stream, Window
from ros_sync.mirror import archived, redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import PERSONS
from ros_sync.sync.follow import page_writing, record_reading
from ros_sync.sync.follow.work import Work, of_stream
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import due, floored, lies_ahead
from ros_sync.sync.stream_state import save_scan, scan_of

DELETIONS = "deletions"  # the scan's name among the states of scans


@dataclass(slots=True)
class _Scanned:
    """When a stream's archive was listed last, by our clock and by the CRM's, and up to when it was searched."""

    noted_at: datetime
    listed_at: datetime
    searched_until: datetime

    def is_open(self, settled: timedelta) -> bool:
        """Whether what was modified up to the list is still to be searched for."""
        return self.searched_until < self.listed_at - settled


class DeletionScan:
    """Looks back at each stream for itself: one that cannot be read keeps no other from it."""

    def __init__(self, work: Work, now: datetime) -> None:
        self._work = work
        self._now = now
        self._settled = timedelta(seconds=work.source.facts.settled_seconds)

    def before_back_fill(self, unknown: Collection[str]) -> None:
        """Note what is archived in streams that were never listed: it may be restored while they are."""
        for stream in self._work.source.streams:
            if stream.name in unknown and self._scanned(stream) is None:
                self._guarded(stream, self._list)

    def before_listing(self) -> None:
        """List what is archived before everything is listed: the CRM tells of no association with an archived record.

        Where activities are listed before their deals, a wave of deals has to be held before that.
        """
        for stream in self._work.source.streams:
            if self._scanned(stream) is not None:
                self._guarded(stream, self._list)

    def run(self, just_listed: Collection[str]) -> None:
        """Look back where it is time to, and where a first back-fill has just come to its end."""
        for stream in self._work.source.streams:
            scanned = self._scanned(stream)
            if self._work.report.of(stream.name).trouble:
                continue
            if (
                scanned
                and scanned.is_open(self._settled)
                and self._work.source.present - scanned.listed_at >= self._settled
            ):
                self._guarded(stream, self._search)
            every = self._work.policy.deletion_scan_seconds
            if scanned is None or stream.name in just_listed or due(scanned.noted_at, self._now, every):
                self._guarded(stream, self._list)

    def _guarded(self, stream: Stream, look: Callable[[Stream], None]) -> None:
        try:
            look(stream)
        except Exception as error:  # it is told, and the other streams go on
            failure = self._work.note(stream, error)
            if failure is not None:
                raise failure from error

    # ---- what was modified

    def _search(self, stream: Stream) -> None:
        """Read what was modified up to the last list once more, with its histories.

        A tracked property that was changed there and back between two polls left no trace in what they saw.
        """
        work, scanned = self._work, self._scanned(stream)
        assert scanned is not None
        since, until = (floored(clock.to_micros(each)) for each in (scanned.searched_until, scanned.listed_at))
        for found in work.source.changed({stream.name: Window(since, until)}):
            work.go_on()
            if found.error is not None:
                raise found.error
            if found.ids:
                page, confirmed = record_reading.completed(work, stream, found, with_histories=True)
                with work.writing() as (_, applier):
                    page_writing.apply(work, applier, stream, page)
                    work.touch(stream, applier.endings.revive(stream, sorted(confirmed), work.report.of(stream.name)))
        # What was modified just before the list, and archived at once, may be restored until the next one.
        scanned.searched_until = scanned.listed_at - self._settled
        self._save(stream, scanned)

    # ---- what is archived

    def _list(self, stream: Stream) -> None:
        """List what is archived; what is not listed any more, and was, may have been restored, or is gone for good."""
        work, begun_at = self._work, self._work.now()
        present, listed = work.source.present, set[str]()
        with work.engine.connect() as connection:
            unseen = archived.remembered(connection, work.source.name, stream.name)
        alive = set[str]()
        for page in work.source.listed(stream, archived=True):
            work.go_on()
            listed |= page.deleted.keys() | set(page.doubted)
            with work.engine.connect() as connection:
                here = work.alive(connection, stream, [*page.deleted, *page.merged])
            alive |= here
            rest = {each: at for each, at in page.deleted.items() if each not in here}
            if rest or page.doubted:
                merged = {each: into for each, into in page.merged.items() if each not in here}
                agreed = record_reading.agreed(work, stream, replace(page, deleted=rest, merged=merged))
                with work.writing() as (_, applier):
                    page_writing.apply(work, applier, stream, agreed, way="list")
        # That a record is archived is believed where its own answer agrees.
        ends = Page(stream.name)
        record_reading.read_again(work, stream, sorted(alive), ends=ends)
        page_writing.end(work, stream, ends, "list", erase=False)
        record_reading.read_again(work, stream, sorted(self._held(stream) - listed))
        back = sorted(unseen - listed)
        with work.engine.connect() as connection:
            took_in = redirects.taken_in(connection, work.source.name, stream.objects[0], back)
        record_reading.read_again(work, stream, sorted(took_in))  # erased, it takes those with it that went into it
        # What else the CRM does not know any more was never here.
        record_reading.read_again(work, stream, [each for each in back if each not in took_in], gone=False)
        if back:
            with writing(work.engine, work.source.name) as connection:
                archived.forget(connection, work.source.name, stream.name, back, begun_at)
        scanned = self._scanned(stream) or _Scanned(self._now, present, present - self._settled)
        if not scanned.is_open(self._settled):
            scanned.listed_at = present
        scanned.noted_at = self._now
        self._save(stream, scanned)

    def _held(self, stream: Stream) -> set[str]:
        """The records that are archived by what the mirror knows."""
        work, table = self._work, objects()[stream.objects[0]].table
        query = select(table.c.id).where(table.c.source == work.source.name, table.c.deleted_at.is_not(None))
        days = work.source.facts.archived_days
        if days is not None and not set(stream.objects) & set(
            PERSONS
        ):  # of a person nothing is kept once the CRM keeps nothing
            query = query.where(table.c.deleted_at >= self._now - timedelta(days=days))
        with work.engine.connect() as connection:
            held = {str(each) for each in connection.execute(of_stream(work.source, stream, table, query)).scalars()}
            held -= redirects.resolve(connection, work.source.name, stream.objects[0], sorted(held)).keys()
        return held

    # ---- states

    def _scanned(self, stream: Stream) -> _Scanned | None:
        with self._work.engine.connect() as connection:
            row: dict[str, Any] | None = scan_of(connection, self._work.source.name, stream.name, DELETIONS)
        if row is None:
            return None
        present, day = self._work.source.present, timedelta(seconds=self._work.policy.deletion_scan_seconds)
        scanned = _Scanned(row["updated_at"], row["listed_at"], row["searched_until"])
        if lies_ahead(scanned.listed_at, present):  # the clock was ahead: where it really got to is not known any more
            scanned.listed_at, scanned.searched_until = present, min(scanned.searched_until, present - day)
        return scanned

    def _save(self, stream: Stream, scanned: _Scanned) -> None:
        work = self._work
        states = {"listed_at": scanned.listed_at, "searched_until": scanned.searched_until}
        with writing(work.engine, work.source.name) as connection:
            save_scan(connection, work.source.name, stream.name, DELETIONS, scanned.noted_at, **states)
