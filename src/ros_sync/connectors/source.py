"""What a CRM that is followed over its API offers to the sync engine. Each vendor's package implements `Source`.

A *stream* is one kind of record as the vendor keeps it (`deals`, `contacts`, `calls`). It feeds one canonical object or
more: a vendor's contacts may be our contacts, and those among them that marketing works on our leads too. Instants are
microseconds since 1970 UTC; values are in stored form (`ros_sync.fields`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from ros_sync.connectors.base import Batch
from ros_sync.errors import RosSyncError, StaleWriteError
from ros_sync.fields import StoredValue

# One entry of a property's history: since when (microseconds) it had which value, and who set it, where known.
Entry = tuple[int, StoredValue, str | None]
History = Mapping[str, Sequence[Entry]]  # of one record, by canonical field, oldest first, as far back as the CRM goes


class Link(NamedTuple):
    """One association of a record: with the record `id` of the canonical object or stream `object`, under a label."""

    object: str
    id: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of the vendor.

    `objects` are the canonical objects that it feeds; the first one gets every record. `tracked` are the canonical
    fields whose history the CRM is asked for, `following` those that say nothing but what a tracked one says (the
    stage's probability): their past is kept in versions, and their changes are none of their own. `links` the streams
    that its records are associated with. `reread_seconds` is how often all of its records are read again, where
    something of them changes without a modified date.
    """

    name: str
    objects: tuple[str, ...]
    tracked: frozenset[str] = frozenset()
    following: frozenset[str] = frozenset()
    links: tuple[str, ...] = ()
    reread_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryStream:
    """A kind of record of the vendor that says nothing but how others were changed, such as a table of field histories.

    Its pages hold `entries` about the records of the stream `parent`, and no rows. It is read by what is new in it
    alone: nothing of it is listed, and nothing can vanish from it, as its entries are part of the parent's records.
    """

    name: str
    parent: str


class HistoryEntry(NamedTuple):
    """One change of a tracked field: since `at` (microseconds) it has been `value`, set by `by`; `before` it was that.

    `before` is None where it was missing, and where the vendor does not say what it was.
    """

    record_id: str
    field: str
    at: int
    value: StoredValue
    by: str | None = None
    before: StoredValue = None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of modified instants (microseconds, both ends included) that is being read, and the page read last."""

    since: int
    until: int
    position: str | None = None


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """What is the vendor's own and the engine has to know: where each figure is documented is said where it is given.

    Reading: `overlap_seconds`: what was modified so long before a poll may be missing from it, and is read again by the
    next one; `settled_seconds`: what was modified longer ago than this is never missing any more. `archived_days`: for
    how long what was archived is listed (None: for ever). `ids_a_call`: records that one call reads by id;
    `histories_a_call`: of which one tells the histories. `redelivery_seconds`: for how long an event is sent again
    until it was taken. `max_text_chars`: the longest text that a field takes.
    """

    display_name: str
    overlap_seconds: int = 120
    settled_seconds: int = 3_600
    archived_days: int | None = None
    ids_a_call: int = 100
    histories_a_call: int = 50
    redelivery_seconds: int = 86_400
    max_text_chars: int = 65_536


class StreamSchema(NamedTuple):
    """What a stream's records are read by.

    `fingerprint` differs where they would be read otherwise; `properties` are those shown. Records that were read by
    another one, or without a property that is shown now, have to be read again. An empty one says that it is not known
    at present.
    """

    fingerprint: str
    properties: frozenset[str]


@dataclass(slots=True)
class Page:
    """Some records of a stream, as they are now.

    `batches` hold one batch for each canonical object of the stream, the first one with every record. `histories` and
    `links` are by record id; a record without an entry in `links` was not asked about, one with an entry has exactly
    those links. `deleted` maps the ids of archived records to when that happened (None: it does not say), `merged` an
    id that is no more to the id of the record that took its place, `gone` are ids that the CRM says it does not know
    (any more). `doubted` are ids of which it says what does not agree: nothing follows from that. `unread` says by
    stream why the links with it could not be read; `links` has none of them. `entries` are changes that a history
    stream tells of; they add to what is known of the past of their records. `position` is where to go on after this
    page (opaque to all but the vendor's package), None after the last one; `expected` how many records there will be in
    all, where that is known. `error` says why the stream cannot be read any further.
    """

    stream: str
    batches: list[Batch] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)
    deleted: dict[str, int | None] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    doubted: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    entries: list[HistoryEntry] = field(default_factory=list)
    position: str | None = None
    expected: int | None = None
    error: Exception | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of the records of this page."""
        return [str(record_id) for record_id in self.batches[0].columns["id"]] if self.batches else []


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the account that people should fix: what, where, and what to do. `fatal`: nothing can be read.

    `notice`: nothing is wrong, and people should know it all the same.
    """

    what: str
    todo: str
    stream: str | None = None
    property: str | None = None
    fatal: bool = False
    notice: bool = False


@dataclass(slots=True)
class Description:
    """What the account says of itself. `owners` and `stages` are batches of the objects `owner` and `pipeline_stage`.

    None where they could not be read: then those that are known stay. `memory` is what a later process needs of it,
    opaque to all but the vendor's package.
    """

    account: str
    owners: Batch | None
    stages: Batch | None
    problems: list[Problem] = field(default_factory=list)
    time_zone: str | None = None
    currency: str | None = None
    memory: str = ""


class ChangeEvent(NamedTuple):
    """The CRM says that something happened to a record: no truth, but a reason to read it.

    `key` is the same when the CRM tells it again. `kind` is the vendor's name of what happened, `stream` is empty where
    it is about none that is followed, `at` is when it happened (microseconds) where that is told, `property` the
    vendor's name of the property that was changed.
    """

    key: str
    kind: str
    stream: str
    record_id: str
    at: int | None
    property: str | None = None


class Reaction(NamedTuple):
    """What a change event asks for: reading the record (`only_if_newer`: than what the mirror has), reading its links.

    `history`: a tracked property was changed, so the change history has to tell of it. `erased`: the CRM says that a
    person was.
    """

    record: bool
    links: bool
    only_if_newer: bool = False
    history: bool = False
    erased: bool = False


class Lack(NamedTuple):
    """Why a field does not say what was written, and what it says."""

    why: str
    now: StoredValue


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of a write: the record as it is now; `already_set`: it said so already and was not written.

    `lacking` are the fields that the CRM did not take over although it answered that it had. `trouble` is what failed
    once the value was there: without a `page` reading the record again, else leaving the note.
    """

    page: Page | None
    already_set: bool = False
    trouble: RosSyncError | None = None
    lacking: Mapping[str, Lack] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A change of one record that somebody asked for.

    `changes` are by canonical field; `expected` what these fields said when it was asked for: where they say something
    else by now, nothing is written. `note` words what is left on the record, of the fields that were taken over.
    `again`: an earlier attempt broke off and may have been carried out, so that the write and the note are looked for
    first. What was set before `asked_at` is no attempt of it.
    """

    record_id: str
    changes: Mapping[str, StoredValue]
    expected: Mapping[str, StoredValue]
    note: Callable[[Collection[str]], str] | None = None
    again: bool = False
    asked_at: datetime | None = None


class WriteConflictError(StaleWriteError):
    """Somebody else changed the record meanwhile. `found` are the fields as they are now, `page` the whole record."""

    def __init__(self, message: str, *, found: Mapping[str, StoredValue], page: Page) -> None:
        self.found = found
        self.page = page
        super().__init__(message)


class Source(Protocol):
    """A CRM under one connection name. Every method but `name` and `streams` calls the CRM.

    All raise TransientError (RateLimitedError among them) where trying again later can help and trying again now did
    not, DailyLimitError where the day's calls are used up, AuthExpiredError where the credentials are refused and
    PermanentError for everything else that the CRM refuses.
    """

    @property
    def name(self) -> str:
        """The connection's name, the first half of every record's key."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the connector file asks for, in the order in which they are best read first."""

    @property
    def facts(self) -> VendorFacts:
        """What is the vendor's own."""

    @property
    def history_streams(self) -> tuple[HistoryStream, ...]:
        """The streams that tell of changes alone, where the vendor has any.

        The fields that they tell of are not `tracked`.
        """

    @property
    def link_fields(self) -> Mapping[str, Mapping[str, tuple[str, str | None]]]:
        """For each canonical object its fields that follow from links: field -> (stream linked to, preferred label).

        Such a field is in no batch; the engine fills it from `links`: the record linked under the label, else the one
        with the lowest id.
        """

    @property
    def given(self) -> Mapping[str, frozenset[str]]:
        """For each canonical object the fields that its batches fill; the engine works none of them out by itself."""

    @property
    def filled(self) -> Mapping[str, frozenset[str]]:
        """For each canonical object the fields that its records can come with, as the account was last looked at.

        Fields of links are among them, and what a stage brings with it; not those of properties that the account lacks.
        """

    def remember(self, memory: str) -> None:
        """What is known of the account from before (`Description.memory`), until `describe` tells it.

        It may be empty.
        """

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls of each kind have been made so far."""

    @property
    def present(self) -> datetime:
        """The present by the CRM's own clock, by which it says when records were modified."""

    @property
    def outdated(self) -> bool:
        """Whether `describe` has to be called (again): it has not been, or records held what it did not tell of."""

    def schema(self, stream: Stream) -> StreamSchema:
        """What the stream's records are read by at present."""

    def describe(self) -> Description:
        """Owners, stages, and what of the connector file the account cannot give.

        Also renews what is known of properties.
        """

    def listed(self, stream: Stream, *, position: str | None = None, archived: bool = False) -> Iterator[Page]:
        """Every record, with links, and with the histories of tracked fields.

        `archived`: `deleted` and `merged` alone.
        """

    def changed(self, windows: Mapping[str, Window]) -> Iterator[Page]:
        """What was modified in each stream's window, each record once, however many share an instant.

        All streams are asked for at once, history streams among them, so that a vendor may answer several in one call.
        Pages of different streams may come in any order; each stream has one page at least, and its last one has no
        `position`. A stream that cannot be read any further says so by the `error` of a page, and the others go on;
        what is raised ends all of them.
        """

    def read(self, stream: Stream, ids: Sequence[str]) -> Page:
        """These records as they are now.

        Archived ones in `deleted`, merged ones in `merged`, unknown ones in `gone`.
        """

    def histories(self, stream: Stream, ids: Sequence[str]) -> dict[str, History]:
        """The histories of the tracked fields of these records, in as few calls as possible."""

    def links(self, stream: Stream, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Every association of these records with the streams of `stream.links`."""

    def examine(self) -> list[Problem]:
        """What people should fix in the account, and what they should know of it, for `ros-sync doctor`."""

    def change_events(self, body: bytes) -> tuple[Sequence[ChangeEvent], int]:
        """What a webhook's body says, and how many of its entries say nothing to this source.

        ValueError where it cannot be read.
        """

    def reaction(self, stream: str, kind: str, changed: str | None) -> Reaction:
        """What a change event of that kind asks for; `changed` is the property that was changed, where it says so."""

    @property
    def writable(self) -> Mapping[str, frozenset[str]]:
        """For each canonical object the fields that may be written back."""

    def write(self, stream: Stream, request: WriteRequest) -> WriteResult:
        """Make an edit. WriteConflictError where somebody else was quicker: what they set stands."""
