"""HubSpot as the sync engine sees it (`connectors.source.Source`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from ros_sync.connectors.hubspot import events
from ros_sync.connectors.hubspot.account import Account
from ros_sync.connectors.hubspot.answers import as_texts, following
from ros_sync.connectors.hubspot.associations import Associations
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.endings import archived_at, merged_in, settle
from ros_sync.connectors.hubspot.failures import standing_still
from ros_sync.connectors.hubspot.mapping import MERGED_IDS, OBJECT_ID, HubSpotMapping, StreamMapping
from ros_sync.connectors.hubspot.record_write import RecordWrite
from ros_sync.connectors.hubspot.records import RecordReader
from ros_sync.connectors.hubspot.vendor_facts import FACTS
from ros_sync.connectors.source import (
    ChangeEvent,
    Description,
    History,
    HistoryStream,
    Link,
    Page,
    Problem,
    Reaction,
    Stream,
    StreamSchema,
    VendorFacts,
    Window,
    WriteRequest,
    WriteResult,
)
from ros_sync.errors import AuthExpiredError, DailyLimitError

LIST_PAGE, HISTORY_PAGE = 100, 50  # HubSpot, objects API: at most 100 records, 50 with histories
SEARCH_PAGE = 200  # HubSpot, "Search the CRM"
BATCH_READ = 100  # HubSpot, objects API, batch read
MAX_QUERY_CHARS = 6_000  # longer URLs are refused at 8 KB or so: then ids are listed and records read by POST
T = TypeVar("T")
MICROS = 1_000  # microseconds in a millisecond


class HubSpotSource:
    """One HubSpot account by one connector file. Safe for threads that read different streams."""

    def __init__(self, mapping: HubSpotMapping, client: HubSpotClient, *, now: Callable[[], datetime]) -> None:
        self._mapping = mapping
        self._client = client
        self._now = now
        self._account = Account(mapping, client)
        self._associations = Associations(mapping, client)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self._mapping.source

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What the connector file follows."""
        return tuple(stream.stream for stream in self._mapping.streams)

    @property
    def facts(self) -> VendorFacts:
        """What is HubSpot's own."""
        return FACTS

    @property
    def history_streams(self) -> tuple[HistoryStream, ...]:
        """HubSpot tells the history of a property with its record."""
        return ()

    @property
    def link_fields(self) -> Mapping[str, Mapping[str, tuple[str, str | None]]]:
        """The fields that follow from links, by object."""
        return self._mapping.link_fields

    @property
    def given(self) -> Mapping[str, frozenset[str]]:
        """The fields that batches fill, by object."""
        return self._mapping.given

    @property
    def filled(self) -> Mapping[str, frozenset[str]]:
        """The fields that records can come with."""
        return self._account.filled

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls of each kind have been made."""
        return self._client.counts

    def remember(self, memory: str) -> None:
        """What an earlier process knew of the account.

        A day's limit ends by its time zone, records are read by its stages.
        """
        self._account.remember(memory)

    @property
    def present(self) -> datetime:
        """The present by HubSpot's clock."""
        return self._client.present

    # ---- the account

    def describe(self) -> Description:
        """Look at the account: properties, pipelines, owners, what the token may do."""
        return self._account.describe()

    def examine(self) -> list[Problem]:
        """What people should mend in the account."""
        return self._account.examine()

    @property
    def outdated(self) -> bool:
        """Whether the account has to be looked at (again)."""
        return self._account.outdated

    def schema(self, stream: Stream) -> StreamSchema:
        """What the stream's records are read by."""
        return self._account.schema(stream)

    # ---- records

    def listed(self, stream: Stream, *, position: str | None = None, archived: bool = False) -> Iterator[Page]:
        """Every record in the order of ids, with links and histories; of archived ones `deleted` and `merged` alone."""
        mapping, after = self._account.prepared(stream), position
        passed = {after}
        while True:
            if archived:
                body = self._client.list_page(
                    stream.name, limit=LIST_PAGE, properties=[OBJECT_ID, MERGED_IDS], after=after, archived=True
                )
                page = self._ours(_archived(stream.name, body["results"]))
            else:
                body = self._list_page(mapping, after)
                page = self._page(mapping, body["results"])
                self._associations.add_to(page, mapping, self._account.reader(mapping), body["results"])
                page = self._ours(page)
            after = following(body)
            if after is not None and after in passed:
                raise standing_still(f"list of {stream.name}", after)
            passed.add(after)
            page.position = after
            yield page
            if after is None:
                return

    def _list_page(self, mapping: StreamMapping, after: str | None) -> Json:
        properties, tracked = self._account.asked(mapping), self._account.tracked(mapping)
        if sum(map(len, (*properties, *tracked))) + 3 * len(properties) > MAX_QUERY_CHARS:
            listed = self._client.list_page(
                mapping.name, limit=HISTORY_PAGE, properties=[OBJECT_ID], associations=mapping.links, after=after
            )
            ids = [str(each["id"]) for each in listed["results"]]
            inside = {str(each["id"]): each.get("associations") for each in listed["results"]}
            read = self._client.batch_read(mapping.name, ids, properties, tracked)
            results = [{**each, "associations": inside.get(str(each["id"]))} for each in read["results"]]
            return {**listed, "results": sorted(results, key=lambda each: int(each["id"]))}
        return self._client.list_page(
            mapping.name,
            limit=HISTORY_PAGE if tracked else LIST_PAGE,
            properties=properties,
            with_history=tracked,
            associations=mapping.links,
            after=after,
        )

    def changed(self, windows: Mapping[str, Window]) -> Iterator[Page]:
        """The records modified in each stream's window: a search for each, since HubSpot has none over several."""
        streams = {stream.name: stream for stream in self.streams}
        for name, window in windows.items():
            try:
                yield from self._changed(streams[name], window)
            except (DailyLimitError, AuthExpiredError):
                raise  # the others would be refused as well
            except Exception as error:  # noqa: BLE001  # one stream's trouble; the engine tells of it
                yield Page(name, error=error)

    def _changed(self, stream: Stream, window: Window) -> Iterator[Page]:
        """The records modified in a window, paged by key.

        Never by HubSpot's `after`, which ends at 10,000 results and shifts while records change: each page begins after
        the last id of the one before. Those that are modified meanwhile leave the window and are in the next one.
        """
        mapping, last = self._account.prepared(stream), window.position or "0"
        while True:
            query = {
                "filterGroups": [
                    {
                        "filters": [
                            _filter(mapping.modified, "GTE", str(window.since // MICROS)),
                            _filter(mapping.modified, "LTE", str(window.until // MICROS)),
                            _filter(OBJECT_ID, "GT", last),
                        ]
                    }
                ],
                "sorts": [{"propertyName": OBJECT_ID, "direction": "ASCENDING"}],
                "properties": self._account.asked(mapping),
                "limit": SEARCH_PAGE,
            }
            body = self._client.search(stream.name, query)
            results = body["results"]
            page = self._ours(self._page(mapping, results))
            page.expected = int(body["total"])
            is_last = not results or page.expected <= len(results)
            if not is_last and int(results[-1]["id"]) <= int(last):
                raise standing_still(f"search of {stream.name}", last)
            last = str(results[-1]["id"]) if results else last
            page.position = None if is_last else last
            yield page
            if is_last:
                return

    def read(self, stream: Stream, ids: Sequence[str]) -> Page:
        """These records as they are now, each in as few calls as possible."""
        mapping = self._account.prepared(stream)
        results: list[Json] = []
        page = Page(stream.name)
        unique = self._theirs(stream, ids)
        for start in range(0, len(unique), BATCH_READ):
            chunk = unique[start : start + BATCH_READ]
            asked = self._account.asked(mapping)
            answer = self._client.batch_read(stream.name, chunk, asked)
            results += settle(self._client, stream.name, page, chunk, answer, asked)
        there = {str(each["id"]): each for each in results}
        read = self._page(mapping, list(there.values()))
        read.deleted, read.gone, read.doubted = page.deleted, page.gone, page.doubted
        read.merged = {old: new for old, new in read.merged.items() if old not in there} | page.merged
        return self._ours(read)

    def histories(self, stream: Stream, ids: Sequence[str]) -> dict[str, History]:
        """The histories of the tracked fields."""
        mapping = self._account.prepared(stream)
        tracked, found = self._account.tracked(mapping), {}
        unique = self._theirs(stream, ids)
        for start in range(0, len(unique) if tracked else 0, HISTORY_PAGE):
            body = self._client.batch_read(
                stream.name, unique[start : start + HISTORY_PAGE], self._account.asked(mapping), tracked
            )
            found.update(self._told(mapping, lambda reader, results: reader.histories(results), body["results"]))
        return self._ours(Page(stream.name, histories=found)).histories

    def links(self, stream: Stream, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Every association of these records."""
        found: dict[str, list[Link]] = {each: [] for each in self._theirs(stream, ids)}
        for to in stream.links:
            for record_id, more in self._associations.of(stream.name, to, list(found)).items():
                found[record_id] += more
        return self._ours(Page(stream.name, links=found)).links

    def change_events(self, body: bytes) -> tuple[list[ChangeEvent], int]:
        """What a webhook's body says, and how many of its entries say nothing to us; ValueError where it is no JSON."""
        return events.read_events(body, self._mapping)

    def reaction(self, stream: str, kind: str, changed: str | None) -> Reaction:
        """What a hint of that kind asks for."""
        tracked = self._mapping.stream(stream).tracked_properties if stream in self._followed else ()
        return events.reaction(kind, tracked=changed in tracked)

    @cached_property
    def _followed(self) -> frozenset[str]:
        return frozenset(stream.name for stream in self._mapping.streams)

    @property
    def writable(self) -> Mapping[str, frozenset[str]]:
        """The fields below the connector file's `write:`, by object."""
        entries = [entry for stream in self._mapping.streams for entry in stream.objects]
        return {entry.object: frozenset(entry.write) for entry in entries if entry.write}

    def write(self, stream: Stream, request: WriteRequest) -> WriteResult:
        """Make an edit of one record."""
        mapping = self._account.prepared(stream)
        write = RecordWrite(
            self._client,
            mapping,
            self._account.definitions,
            self._account.reader(mapping),
            self._account.asked(mapping),
            self.notes_of,
        )
        return write.make(request, self._now(), currency=self._mapping.currency)

    def notes_of(self, stream: str, record_id: str) -> list[str]:
        """The ids of every note on a record."""
        return [link.id for link in self._associations.of(stream, "notes", [record_id])[record_id]]

    # ---- inside

    def _page(self, mapping: StreamMapping, results: Sequence[Json]) -> Page:
        self._account.look_for_missing(mapping, results)

        def read(reader: RecordReader, records: Sequence[Json]) -> Page:
            batches, histories = reader.batches(records), reader.histories(records)
            return Page(mapping.name, batches=batches, histories=histories, merged=merged_in(records))

        return self._told(mapping, read, results)

    def _told(
        self, mapping: StreamMapping, read: Callable[[RecordReader, Sequence[Json]], T], results: Sequence[Json]
    ) -> T:
        """What the stream's reader makes of records; where they are not as HubSpot writes them, of what they mean."""
        try:
            return read(self._account.reader(mapping), results)
        except (AttributeError, KeyError, TypeError, ValueError):
            return read(self._account.reader(mapping), as_texts(results))

    def _theirs(self, stream: Stream, ids: Sequence[str]) -> list[str]:
        """HubSpot's own ids of records."""
        prefix = self._mapping.prefixes.get(stream.name, "")
        return [each.removeprefix(prefix) for each in dict.fromkeys(ids)]

    def _ours(self, page: Page) -> Page:
        """The page by our ids, as its batches are."""
        prefix = self._mapping.prefixes.get(page.stream)
        if prefix is None:
            return page
        return replace(
            page,
            histories={prefix + each: history for each, history in page.histories.items()},
            links={prefix + each: links for each, links in page.links.items()},
            deleted={prefix + each: at for each, at in page.deleted.items()},
            merged={prefix + old: prefix + new for old, new in page.merged.items()},
            gone=[prefix + each for each in page.gone],
            doubted=[prefix + each for each in page.doubted],
        )


def _archived(stream: str, results: Sequence[Json]) -> Page:
    """A page of the list of archived records; what does not say of itself that it is archived is none of them."""
    archived = [each for each in results if each.get("archived") is True]
    return Page(
        stream,
        deleted={str(each["id"]): archived_at(each) for each in archived},
        merged=merged_in(archived),
        doubted=[str(each["id"]) for each in results if each.get("archived") is not True],
    )


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}
