"""A vendor whose shapes are unlike HubSpot's, in memory: what the engine may expect of any `Source`, and nothing more.

Its activities are two streams, `Task` and `Event`, which are of one kind by its file. What was changed in a deal is
told by a stream of its own, page by page, before or after the deal itself. Lists come in parts under a locator, as a
bulk job's do. One call tells what was modified in all streams; it goes on for those of which there was more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import (
    ChangeEvent,
    Description,
    History,
    HistoryEntry,
    HistoryStream,
    Link,
    Page,
    Problem,
    Reaction,
    Stream,
    StreamSchema,
    VendorFacts,
    Window,
    WriteConflictError,
    WriteRequest,
    WriteResult,
)
from ros_sync.errors import TransientError
from ros_sync.fields import StoredValue

START = clock.to_micros(datetime(2026, 3, 2, 9, tzinfo=UTC))
SECOND = 1_000_000
DEALS, ACCOUNTS, CONTACTS, TASKS, EVENTS, CHANGES = "Opportunity", "Account", "Contact", "Task", "Event", "FieldHistory"
FIELDS = {
    DEALS: ("name", "stage", "stage_kind", "amount", "currency", "close_date", "owner"),
    ACCOUNTS: ("name", "owner"),
    CONTACTS: ("name", "email"),
    TASKS: ("activity_kind", "occurred", "subject"),
    EVENTS: ("activity_kind", "occurred", "subject"),
}
OBJECTS = {DEALS: "deal", ACCOUNTS: "account", CONTACTS: "contact", TASKS: "activity", EVENTS: "activity"}
LINKS = {DEALS: (ACCOUNTS,), ACCOUNTS: (), CONTACTS: (), TASKS: (DEALS, CONTACTS), EVENTS: (DEALS, CONTACTS)}
TOLD = frozenset(("stage", "stage_kind", "amount", "close_date"))  # the fields whose changes the history stream tells
KIND = "phone call"  # what the company's file calls every activity


@dataclass
class Record:
    """A record of the fake vendor. Instants are microseconds."""

    id: str
    values: dict[str, StoredValue]
    created: int
    modified: int
    links: dict[str, list[str]] = field(default_factory=dict)
    deleted: int | None = None
    merged_into: str | None = None


class FakeVendor:
    """What the vendor has. `now` is its clock, `calls` are counted, `fail` names streams that cannot be read."""

    def __init__(self) -> None:
        self.now = START
        self.records: dict[str, dict[str, Record]] = {name: {} for name in FIELDS}
        self.entries: list[HistoryEntry] = []
        self.calls: Counter[str] = Counter()
        self.fail: set[str] = set()
        self.between: Callable[[], None] = lambda: None  # what somebody else does while a write is under way

    def present(self) -> datetime:
        """The present."""
        return clock.from_micros(self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def create(
        self, stream: str, record_id: str, links: Mapping[str, Sequence[str]] | None = None, **values: StoredValue
    ) -> None:
        """Create a record a second later."""
        self.wait(1)
        given = {name: values.get(name) for name in FIELDS[stream]}
        if OBJECTS[stream] == "activity":
            given |= {"activity_kind": KIND, "occurred": self.now}
        there = {to: list(ids) for to, ids in (links or {}).items()}
        self.records[stream][record_id] = Record(record_id, given, self.now, self.now, there)

    def set(self, stream: str, record_id: str, *, by: str = "ada", **values: StoredValue) -> None:
        """Change a record a second later; the history tells of it."""
        self.wait(1)
        record = self.records[stream][record_id]
        for name, value in values.items():
            if stream == DEALS and name in TOLD and record.values[name] != value:
                self.entries.append(HistoryEntry(record_id, name, self.now, value, by, record.values[name]))
            record.values[name] = value
        record.modified = self.now

    def link(self, stream: str, record_id: str, to: str, ids: Sequence[str]) -> None:
        """Change a record's links; its modified instant stays."""
        self.records[stream][record_id].links[to] = list(ids)

    def delete(self, stream: str, record_id: str, into: str | None = None) -> None:
        """Delete a record, or merge it into another."""
        self.wait(1)
        record = self.records[stream][record_id]
        record.deleted, record.merged_into = self.now, into
        if into is not None:
            for other in (each for others in self.records.values() for each in others.values()):
                other.links[stream] = list(
                    dict.fromkeys(into if each == record_id else each for each in other.links.get(stream, []))
                )

    def erase(self, stream: str, record_id: str) -> None:
        """Forget a record for good."""
        self.wait(1)
        del self.records[stream][record_id]
        for others in self.records.values():
            for other in others.values():
                other.links = {
                    to: [each for each in ids if (to, each) != (stream, record_id)] for to, ids in other.links.items()
                }


class FakeSource:
    """The vendor as a `Source`. `page_rows` records come in one page."""

    def __init__(self, vendor: FakeVendor, *, page_rows: int = 3, newest_first: bool = False) -> None:
        self.vendor = vendor
        self._page_rows = page_rows
        self._newest_first = newest_first  # entries of histories, page by page
        self.outdated = True

    @property
    def name(self) -> str:
        return "fake"

    @property
    def facts(self) -> VendorFacts:
        return VendorFacts("Fake CRM", overlap_seconds=60, settled_seconds=600, archived_days=15, ids_a_call=4)

    @property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(Stream(name, (OBJECTS[name],), links=LINKS[name]) for name in FIELDS)

    @property
    def history_streams(self) -> tuple[HistoryStream, ...]:
        return (HistoryStream(CHANGES, DEALS),)

    @property
    def link_fields(self) -> Mapping[str, Mapping[str, tuple[str, str | None]]]:
        return {"deal": {"account": (ACCOUNTS, None)}, "activity": {"deal": (DEALS, None), "contact": (CONTACTS, None)}}

    @property
    def given(self) -> Mapping[str, frozenset[str]]:
        return {OBJECTS[name]: frozenset(fields) for name, fields in FIELDS.items()}

    @property
    def filled(self) -> Mapping[str, frozenset[str]]:
        return self.given

    def remember(self, memory: str) -> None:
        self.outdated = memory != "seen"

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self.vendor.calls)

    @property
    def present(self) -> datetime:
        return self.vendor.present()

    def schema(self, stream: Stream) -> StreamSchema:
        return StreamSchema("1", frozenset(FIELDS[stream.name]))

    def describe(self) -> Description:
        self.vendor.calls["describe"] += 1
        self.outdated = False
        owners = Batch(
            "owner", "users", {"id": ["u1", "u2"], "name": ["Ada Weaver", "Bo Spinner"], "active": [True, True]}, [0, 0]
        )
        return Description("fake org", owners, None, memory="seen")

    # ---- reading

    def listed(self, stream: Stream, *, position: str | None = None, archived: bool = False) -> Iterator[Page]:
        """The parts of a bulk job; a position is the locator of the next part."""
        self._refuse(stream.name)
        records = [each for _, each in sorted(self.vendor.records[stream.name].items())]
        records = [each for each in records if (each.deleted is not None) is archived and each.id > (position or "")]
        yield from self._pages(stream.name, records, archived=archived)

    def _pages(self, stream: str, records: Sequence[Record], *, archived: bool = False) -> Iterator[Page]:
        for start in range(0, len(records) or 1, self._page_rows):
            part = records[start : start + self._page_rows]
            self.vendor.calls["bulk" if not archived else "archive"] += 1
            page = self._ended(stream, part) if archived else self._page(stream, part, with_links=True)
            page.position = part[-1].id if start + self._page_rows < len(records) else None
            yield page

    def changed(self, windows: Mapping[str, Window]) -> Iterator[Page]:
        """One call for the first page of everything; what is left of a stream is asked for by its locator."""
        self.vendor.calls["changes"] += 1
        rest = []
        for name, window in windows.items():
            try:
                self._refuse(name)
            except TransientError as error:
                yield Page(name, error=error)
                continue
            pages = self._history(window) if name == CHANGES else self._modified(name, window)
            first = next(pages)
            yield first
            rest += [pages] if first.position is not None else []
        for pages in rest:
            for page in pages:
                self.vendor.calls["more"] += 1
                yield page

    def _modified(self, stream: str, window: Window) -> Iterator[Page]:
        records = [each for _, each in sorted(self.vendor.records[stream].items()) if each.deleted is None]
        found = [
            each
            for each in records
            if window.since <= each.modified <= window.until and each.id > (window.position or "")
        ]
        for start in range(0, len(found) or 1, self._page_rows):
            part = found[start : start + self._page_rows]
            page = self._page(stream, part)
            page.position = part[-1].id if start + self._page_rows < len(found) else None
            yield page

    def _history(self, window: Window) -> Iterator[Page]:
        found = [each for each in self.vendor.entries if window.since <= each.at <= window.until]
        found.sort(key=lambda each: -each.at if self._newest_first else each.at)
        skipped = int(window.position or 0)
        for start in range(skipped, max(len(found), skipped + 1), self._page_rows):
            end = start + self._page_rows
            yield Page(CHANGES, entries=found[start:end], position=str(end) if end < len(found) else None)

    def read(self, stream: Stream, ids: Sequence[str]) -> Page:
        """Records by id."""
        self._refuse(stream.name)
        self.vendor.calls["read"] += -(-len(ids) // self.facts.ids_a_call)
        there = [self.vendor.records[stream.name][each] for each in ids if each in self.vendor.records[stream.name]]
        page, ended = (
            self._page(stream.name, [each for each in there if each.deleted is None]),
            self._ended(stream.name, there),
        )
        page.deleted, page.merged = ended.deleted, ended.merged
        page.gone = [each for each in ids if each not in self.vendor.records[stream.name]]
        return page

    def histories(self, stream: Stream, ids: Sequence[str]) -> dict[str, History]:
        """None: all histories come by the stream."""
        return {}

    def links(self, stream: Stream, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Associations with records that there are."""
        self.vendor.calls["links"] += 1
        records = self.vendor.records[stream.name]
        return {each: self._links(records[each]) if each in records else [] for each in ids}

    def _links(self, record: Record) -> list[Link]:
        return [
            Link(to, each)
            for to, ids in record.links.items()
            for each in ids
            if self.vendor.records[to][each].deleted is None
        ]

    def _page(self, stream: str, records: Sequence[Record], *, with_links: bool = False) -> Page:
        columns: dict[str, list[StoredValue]] = {
            "id": [each.id for each in records],
            "modified": [each.modified for each in records],
            **{name: [each.values[name] for each in records] for name in FIELDS[stream]},
        }
        if stream == DEALS:
            columns["created"] = [each.created for each in records]
        page = Page(stream, batches=[Batch(OBJECTS[stream], stream, columns, [0] * len(records))])
        if with_links and LINKS[stream]:
            page.links = {each.id: self._links(each) for each in records}
        return page

    @staticmethod
    def _ended(stream: str, records: Sequence[Record]) -> Page:
        ended = [each for each in records if each.deleted is not None]
        merged = {each.id: each.merged_into for each in ended if each.merged_into is not None}
        return Page(stream, deleted={each.id: each.deleted for each in ended if each.id not in merged}, merged=merged)

    def _refuse(self, stream: str) -> None:
        if stream in self.vendor.fail:
            raise TransientError(f"{stream} cannot be queried at the moment")

    # ---- events, writing

    def examine(self) -> list[Problem]:
        """Nothing is wrong."""
        return []

    def change_events(self, body: bytes) -> tuple[Sequence[ChangeEvent], int]:
        """Lines of `STREAM ID`."""
        told = [line.split() for line in body.decode().splitlines()]
        return [
            ChangeEvent(f"{stream} {each} {self.vendor.now}", "changed", stream, each, self.vendor.now)
            for stream, each in told
        ], 0

    def reaction(self, stream: str, kind: str, changed: str | None) -> Reaction:
        """Everything is a reason to read the record and its links."""
        return Reaction(record=True, links=True)

    @property
    def writable(self) -> Mapping[str, frozenset[str]]:
        return {"deal": frozenset({"stage", "close_date"})}

    def write(self, stream: Stream, request: WriteRequest) -> WriteResult:
        """Write unless somebody else was quicker; no notes here."""
        self.vendor.between()
        record = self.vendor.records[stream.name][request.record_id]
        found = {name: record.values[name] for name in request.changes}
        if found == dict(request.changes):
            return WriteResult(self.read(stream, [record.id]), already_set=True)
        if found != dict(request.expected):
            raise WriteConflictError("somebody else changed it", found=found, page=self.read(stream, [record.id]))
        self.vendor.set(stream.name, record.id, by="us", **request.changes)
        return WriteResult(self.read(stream, [record.id]))
