"""HubSpot as the sync engine sees it (`connectors.source.Source`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar

from ros_sync import clock
from ros_sync.connectors.hubspot import doctor, events
from ros_sync.connectors.hubspot.answers import as_texts
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.definitions import (
    Definitions,
    owners_batch,
    read_pipelines,
    read_properties,
    stages_batch,
)
from ros_sync.connectors.hubspot.editing import Editing
from ros_sync.connectors.hubspot.mapping import MERGED_IDS, OBJECT_ID, HubSpotMapping, StreamMapping
from ros_sync.connectors.hubspot.records import RecordReader, association_links
from ros_sync.connectors.hubspot.values import instant
from ros_sync.connectors.source import (
    Description,
    Edit,
    Hint,
    History,
    Link,
    Page,
    Problem,
    Reaction,
    Receipt,
    Shape,
    Stream,
)
from ros_sync.errors import PermanentError

LIST_PAGE, HISTORY_PAGE = 100, 50  # HubSpot, objects API: at most 100 records, 50 with histories
SEARCH_PAGE = 200  # HubSpot, "Search the CRM"
BATCH_READ = 100  # HubSpot, objects API, batch read
ASSOCIATION_INPUTS = 1_000  # HubSpot, associations v4, batch read
MAX_QUERY_CHARS = 6_000  # longer URLs are refused at 8 KB or so: then ids are listed and records read by POST
T = TypeVar("T")
MICROS = 1_000  # microseconds in a millisecond


class HubSpotSource:
    """One HubSpot account by one connector file. Safe for threads that read different streams."""

    def __init__(self, mapping: HubSpotMapping, client: HubSpotClient, *, now: Callable[[], datetime]) -> None:
        self._mapping = mapping
        self._client = client
        self._now = now
        self._definitions = Definitions(currency=mapping.currency)
        self._readers: dict[str, RecordReader] = {}
        self._described = False
        self._accepted: set[tuple[str | None, str]] = set()  # stages that records hold and the account does not know
        self._looked_for: set[tuple[str, str]] = set()  # properties that answers lacked: they have been looked for
        self._lost_property = False

    @property
    def name(self) -> str:
        """The connection's name."""
        return self._mapping.source

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What the connector file follows."""
        return tuple(stream.stream for stream in self._mapping.streams)

    @property
    def link_fields(self) -> Mapping[str, Mapping[str, tuple[str, str | None]]]:
        """The fields that follow from links, by object."""
        return self._mapping.link_fields

    @property
    def given(self) -> Mapping[str, frozenset[str]]:
        """The fields that batches fill, by object."""
        return self._mapping.given

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls of each kind have been made."""
        return self._client.counts

    def remember(self, time_zone: str) -> None:
        """The account's time zone as it was known to an earlier process: a day's limit ends by it."""
        self._client.time_zone = self._client.time_zone or time_zone or None

    @property
    def present(self) -> datetime:
        """The present by HubSpot's clock."""
        return self._client.present

    # ---- the account

    def describe(self) -> Description:
        """Look at the account: properties, pipelines, owners, what the token may do."""
        client, definitions = self._client, self._definitions
        details = client.details()
        definitions.time_zone = client.time_zone = str(details.get("timeZone") or "UTC")
        definitions.currency = self._mapping.currency or details.get("companyCurrency")
        definitions.account = str(details.get("portalId") or "")
        definitions.properties = {
            stream.name: read_properties(client.properties(stream.name)) for stream in self._mapping.streams
        }
        if any(stream.name == "deals" for stream in self._mapping.streams):
            read_pipelines(client.pipelines("deals"), self._mapping, definitions)
        owners = self._owners()
        self._readers.clear()
        self._described = True
        self._accepted |= definitions.strangers
        self._lost_property = False
        self._looked_for.clear()
        return Description(
            account=definitions.account,
            owners=owners_batch(owners),
            stages=stages_batch(definitions),
            problems=doctor.problems(self._mapping, definitions, self._scopes()),
            time_zone=definitions.time_zone,
            currency=definitions.currency,
        )

    def examine(self) -> list[Problem]:
        """What people should mend, as far as the account can be looked at: a part that is refused hides no other one."""
        found, refused = Definitions(currency=self._mapping.currency), []
        for stream in self._mapping.streams:
            try:
                found.properties[stream.name] = read_properties(self._client.properties(stream.name))
            except PermanentError as error:
                refused.append(error)
        for read in (lambda: read_pipelines(self._client.pipelines("deals"), self._mapping, found), self._owners):
            try:
                read()
            except PermanentError as error:
                refused.append(error)
        problems = doctor.problems(self._mapping, found, self._scopes())
        if not any(each.fatal for each in problems):
            problems += [
                Problem(each.message, each.hint or "look at the app in HubSpot", fatal=True) for each in refused
            ]
        return problems

    def _owners(self) -> list[Json]:
        return [*self._client.owners(archived=False), *self._client.owners(archived=True)]

    @property
    def outdated(self) -> bool:
        """Whether the account has not been looked at yet, or records held a stage or lacked a property since."""
        return not self._described or self._lost_property or bool(self._definitions.strangers - self._accepted)

    def shape(self, stream: Stream) -> Shape:
        """What the stream's records are read by: connector file, stages, and the properties that the account shows."""
        mapping, definitions = self._prepared(stream), self._definitions
        stages = (
            sorted(map(repr, definitions.stages.values())) if any(e.field("stage") for e in mapping.objects) else []
        )
        parts = (mapping.objects, mapping.track, mapping.links, stages, definitions.currency, definitions.time_zone)
        mark = sha256("|".join(_written(part) for part in parts).encode()).hexdigest()[:16]
        return Shape(mark, frozenset(self._asked(mapping)))

    def _scopes(self) -> list[str] | None:
        try:
            return self._client.scopes(self._client.token())
        except PermanentError:  # an OAuth token is not asked about this way
            return None

    # ---- records

    def listed(self, stream: Stream, *, position: str | None = None, archived: bool = False) -> Iterator[Page]:
        """Every record in the order of ids, with links and histories; archived ones as `deleted` alone."""
        mapping, after = self._prepared(stream), position
        while True:
            if archived:
                body = self._client.list_page(
                    stream.name, limit=LIST_PAGE, properties=[OBJECT_ID], after=after, archived=True
                )
                deleted = {str(each["id"]): self._deleted_at(each) for each in body["results"]}
                page = self._ours(Page(stream.name, deleted=deleted))
            else:
                body = self._list_page(mapping, after)
                page = self._page(mapping, body["results"])
                self._add_links(mapping, page, body["results"])
                page = self._ours(page)
            after = ((body.get("paging") or {}).get("next") or {}).get("after")
            page.position = after
            yield page
            if not after:
                return

    def _list_page(self, mapping: StreamMapping, after: str | None) -> Json:
        properties, tracked = self._asked(mapping), self._tracked(mapping)
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

    def changed(self, stream: Stream, since: int, until: int, *, position: str | None = None) -> Iterator[Page]:
        """The records modified in a stretch, paged by key.

        Never by HubSpot's `after`, which ends at 10,000 results and shifts while records change: each page begins after
        the last id of the one before. Those that are modified meanwhile leave the stretch and are in the next one.
        """
        mapping, last = self._prepared(stream), position or "0"
        while True:
            query = {
                "filterGroups": [
                    {
                        "filters": [
                            _filter(mapping.modified, "GTE", str(since // MICROS)),
                            _filter(mapping.modified, "LTE", str(until // MICROS)),
                            _filter(OBJECT_ID, "GT", last),
                        ]
                    }
                ],
                "sorts": [{"propertyName": OBJECT_ID, "direction": "ASCENDING"}],
                "properties": self._asked(mapping),
                "limit": SEARCH_PAGE,
            }
            body = self._client.search(stream.name, query)
            results = body["results"]
            page = self._ours(self._page(mapping, results))
            page.expected = int(body["total"])
            is_last = not results or page.expected <= len(results)
            last = str(results[-1]["id"]) if results else last
            page.position = None if is_last else last
            yield page
            if is_last:
                return

    def read(self, stream: Stream, ids: Sequence[str]) -> Page:
        """These records as they are now, each in as few calls as possible."""
        mapping = self._prepared(stream)
        results: list[Json] = []
        page = Page(stream.name)
        unique = self._theirs(stream, ids)
        for start in range(0, len(unique), BATCH_READ):
            chunk = unique[start : start + BATCH_READ]
            found = self._client.batch_read(stream.name, chunk, self._asked(mapping))["results"]
            results += found
            self._settle(stream, page, chunk, found)
        there = {str(each["id"]): each for each in results}
        read = self._page(mapping, list(there.values()))
        read.deleted, read.gone = page.deleted, page.gone
        read.merged |= page.merged
        return self._ours(read)

    def _settle(self, stream: Stream, page: Page, asked: Sequence[str], found: Sequence[Json]) -> None:
        """Note what became of the records that were asked for and did not come under their id."""
        there = {str(each["id"]): each for each in found}
        merged = _merged(found) | self._led_elsewhere(stream, asked, found)
        page.merged |= {each: merged[each] for each in asked if each not in there and each in merged}
        missing = [each for each in asked if each not in there and each not in page.merged]
        if not missing:
            return
        archived = self._client.batch_read(stream.name, missing, [OBJECT_ID, MERGED_IDS], archived=True)["results"]
        for each in archived:
            page.deleted[str(each["id"])] = self._deleted_at(each)
        taken, merged = {str(each["id"]) for each in archived}, _merged(archived)
        page.merged |= {each: merged[each] for each in missing if each not in taken and each in merged}
        page.gone += [each for each in missing if each not in taken and each not in page.merged]

    def _led_elsewhere(self, stream: Stream, asked: Sequence[str], found: Sequence[Json]) -> dict[str, str]:
        """The records that were asked for and came under another id, where the answer does not say which is which.

        A record may know those that it was made of, and not theirs; or the property that tells is hidden from us.
        """
        there = {str(each["id"]) for each in found}
        missing = [each for each in asked if each not in there and each not in _merged(found)]
        if not missing or there <= set(asked):
            return {}
        led: dict[str, str] = {}
        for each in missing:
            told = self._client.batch_read(stream.name, [each], [OBJECT_ID])["results"]
            if told and str(told[0]["id"]) != each:
                led[each] = str(told[0]["id"])
        return led

    def histories(self, stream: Stream, ids: Sequence[str]) -> dict[str, History]:
        """The histories of the tracked fields."""
        mapping = self._prepared(stream)
        tracked, found = self._tracked(mapping), {}
        unique = self._theirs(stream, ids)
        for start in range(0, len(unique) if tracked else 0, HISTORY_PAGE):
            body = self._client.batch_read(
                stream.name, unique[start : start + HISTORY_PAGE], self._asked(mapping), tracked
            )
            found.update(self._told(mapping, lambda reader, results: reader.histories(results), body["results"]))
        return self._ours(Page(stream.name, histories=found)).histories

    def links(self, stream: Stream, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Every association of these records."""
        found: dict[str, list[Link]] = {each: [] for each in self._theirs(stream, ids)}
        for to in stream.links:
            for record_id, more in self._links_to(stream.name, to, list(found)).items():
                found[record_id] += more
        return self._ours(Page(stream.name, links=found)).links

    def hints(self, body: bytes) -> tuple[list[Hint], int]:
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

    def write(self, stream: Stream, edit: Edit) -> Receipt:
        """Make an edit of one record."""
        mapping = self._prepared(stream)
        editing = Editing(
            self._client, mapping, self._definitions, self._reader(mapping), self._asked(mapping), self.notes_of
        )
        return editing.make(edit, self._now(), currency=self._mapping.currency)

    def notes_of(self, stream: str, record_id: str) -> list[str]:
        """The ids of every note on a record."""
        return [link.id for link in self._links_to(stream, "notes", [record_id])[record_id]]

    # ---- inside

    def _prepared(self, stream: Stream) -> StreamMapping:
        """The stream's mapping; the account has been looked at before anything of it is read."""
        if not self._described:
            self.describe()
        return self._mapping.stream(stream.name)

    def _reader(self, mapping: StreamMapping) -> RecordReader:
        reader = self._readers.get(mapping.name)
        if reader is None:
            prefix = self._mapping.prefixes.get(mapping.name, "")
            reader = self._readers[mapping.name] = RecordReader(
                mapping, self._definitions, currency=self._mapping.currency, prefix=prefix
            )
        return reader

    def _asked(self, mapping: StreamMapping) -> list[str]:
        return self._definitions.known(mapping.name, (*mapping.properties, MERGED_IDS))

    def _tracked(self, mapping: StreamMapping) -> list[str]:
        return self._definitions.known(mapping.name, mapping.tracked_properties)

    def _page(self, mapping: StreamMapping, results: Sequence[Json]) -> Page:
        self._look_for_missing(mapping, results)

        def read(reader: RecordReader, records: Sequence[Json]) -> Page:
            batches, histories = reader.batches(records), reader.histories(records)
            return Page(mapping.name, batches=batches, histories=histories, merged=_merged(records))

        return self._told(mapping, read, results)

    def _told(
        self, mapping: StreamMapping, read: Callable[[RecordReader, Sequence[Json]], T], results: Sequence[Json]
    ) -> T:
        """What the stream's reader makes of records; where they are not as HubSpot writes them, of what they mean."""
        try:
            return read(self._reader(mapping), results)
        except (AttributeError, KeyError, TypeError, ValueError):
            return read(self._reader(mapping), as_texts(results))

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
        )

    def _deleted_at(self, record: Mapping[str, Any]) -> int:
        told = record.get("archivedAt") or record.get("updatedAt")
        return int(instant(str(told)) or 0) if told else clock.to_micros(self.present)

    def _look_for_missing(self, mapping: StreamMapping, results: Sequence[Json]) -> None:
        """Ask for the definitions again where an answer lacks a property altogether: it was deleted or hidden.

        HubSpot leaves it out without a word, and gives null for one that is empty; the two must not be confused.
        """
        held = results[0]["properties"] if results else {}
        absent = [name for name in self._asked(mapping) if name not in held] if results else []
        absent = [name for name in absent if (mapping.name, name) not in self._looked_for]
        if not absent or any(name in each["properties"] for each in results for name in absent):
            return
        self._looked_for |= {(mapping.name, name) for name in absent}
        found = read_properties(self._client.properties(mapping.name))
        self._lost_property |= any(name not in found for name in absent)
        self._definitions.properties[mapping.name] = found
        self._readers.pop(mapping.name, None)

    def _add_links(self, mapping: StreamMapping, page: Page, results: Sequence[Json]) -> None:
        """The links that came with the records; those of which there are more are asked for."""
        if not mapping.links:
            return
        page.links, more = self._reader(mapping).links(results)
        for to in mapping.labels:  # labels of the company's own do not come inline
            more[to] = list(page.links)
        for to, ids in more.items():
            for record_id, links in self._links_to(mapping.name, to, ids).items():
                others = [link for link in page.links[record_id] if link.object != to]
                page.links[record_id] = others + links

    def _links_to(self, stream: str, to: str, ids: Sequence[str]) -> dict[str, list[Link]]:
        """The links with one stream; each record goes on at its own `after` where it has more than a page of them."""
        found: dict[str, list[Link]] = {each: [] for each in ids}
        labels = self._mapping.stream(stream).labels.get(to, frozenset())
        asked: list[dict[str, str]] = [{"id": each} for each in ids]
        while asked:
            further: list[dict[str, str]] = []
            for start in range(0, len(asked), ASSOCIATION_INPUTS):
                body = self._client.associations(stream, to, asked[start : start + ASSOCIATION_INPUTS])
                for result in body["results"]:
                    record_id = str(result["from"]["id"])
                    if record_id not in found:  # the record that was asked for was merged into this one meanwhile
                        continue
                    found[record_id] += association_links(to, result["to"], labels)
                    after = ((result.get("paging") or {}).get("next") or {}).get("after")
                    if after:
                        further.append({"id": record_id, "after": str(after)})
            asked = further
        return found


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}


def _merged(results: Sequence[Json]) -> dict[str, str]:
    """Which records ended in these (old id -> id)."""
    into: dict[str, str] = {}
    for record in results:
        olds = record["properties"].get(MERGED_IDS)
        if olds:
            record_id = str(record["id"])
            into |= {old: record_id for old in olds.split(";") if old and old != record_id}
    return into


def _written(part: object) -> str:
    """A part of a mapping as a text that is the same in each process: without places in files, sets in order."""
    if isinstance(part, tuple | list):
        return "[" + ",".join(map(_written, part)) + "]"
    if isinstance(part, frozenset):
        return "{" + ",".join(sorted(map(_written, part))) + "}"
    if isinstance(part, Mapping):
        return "{" + ",".join(sorted(f"{key}:{_written(value)}" for key, value in part.items())) + "}"
    if is_dataclass(part) and not isinstance(part, type):
        names = (each.name for each in fields(part) if each.name != "where")
        return "(" + ",".join(f"{name}={_written(getattr(part, name))}" for name in names) + ")"
    return repr(part)
