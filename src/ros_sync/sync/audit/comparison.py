"""A page of a CRM beside the mirror: everything in which the two differ, record by record. It reads and writes nothing.

A record's mapped properties are compared as a whole first, and summed up in a checksum; where the two sides differ, the
columns are looked for. What the batch does not hold is not compared: a property that the account does not show (any
more) keeps here what was known of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson
from sqlalchemy import Connection, select

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Link, Page, Source, Stream
from ros_sync.fields import Kind, StoredValue
from ros_sync.mirror import links, redirects
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Row, Upsert, as_text
from ros_sync.mirror.tables import RECORD_LINK
from ros_sync.sync.audit.history_diff import history_diff
from ros_sync.sync.audit.report import Difference, DifferenceKind, FieldDifference, StreamAudit, shortened
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.deletions import held_among
from ros_sync.sync.ingest.mirror_columns import prepared
from ros_sync.sync.ingest.reports import StreamReport
from ros_sync.sync.ingest.restating import by_rate_history

MODIFIED = "modified_at"
DELETED = "deleted_at"
LINKED = "linked"

_LINK = RECORD_LINK.c


@dataclass(slots=True)
class _Here:
    """The records of a page that the mirror holds alive, by object; the first object's modified instant of each."""

    alive: dict[str, set[str]] = field(default_factory=dict)
    modified: dict[str, int | None] = field(default_factory=dict)


class Comparison:
    """Compares pages of one source with the mirror as this connection sees it."""

    def __init__(self, connection: Connection, source: Source, context: DealContext) -> None:
        self._connection = connection
        self._source = source
        self._context = by_rate_history(connection, context)
        self._streams = {stream.name: stream for stream in source.streams}

    def page(self, stream: Stream, page: Page, audit: StreamAudit | None = None) -> list[Difference]:
        """Every difference in the records of a page that are there: rows, links where the page has them, histories.

        Their checksums are counted into `audit`.
        """
        here = _Here()
        found: list[Difference] = []
        modified = _modified_of(page)
        for place, batch in enumerate(page.batches):
            found += self._rows(stream, batch, modified, here, audit if place == 0 else None)
        first = here.alive.get(stream.objects[0], set())
        if page.links:
            found += self._links(stream, {each: theirs for each, theirs in page.links.items() if each in first})
            for name in stream.objects:
                found += self._link_fields(stream, objects()[name], sorted(here.alive.get(name, set())))
        if page.histories and first:
            found += self._histories(stream, page, first, here)
        return found

    def absent(self, stream: Stream, page: Page, asked: Sequence[str]) -> list[Difference]:
        """Records that were asked for by id, that the CRM does not have under it, and that are alive here."""
        holders = self.holders(stream, [each for each in asked if each not in set(page.ids)])
        found = [
            self._gone(
                stream, holders[each], each, DifferenceKind.ARCHIVED, "" if at is None else f"at {_instant(at)}", at
            )
            for each, at in page.deleted.items()
            if each in holders
        ]
        wanted = set(asked)
        merged = {old: new for old, new in page.merged.items() if old in wanted}
        modified = _modified_of(page)
        untold = self.untold(stream, merged)
        for old, new in merged.items():
            if old in holders or old in untold:
                holder = holders.get(old, stream.objects[0])
                found.append(self._gone(stream, holder, old, DifferenceKind.MERGED, f"into {new}", modified.get(new)))
        found += [
            self._gone(stream, holders[each], each, DifferenceKind.ERASED) for each in page.gone if each in holders
        ]
        return found

    @staticmethod
    def _gone(
        stream: Stream, name: str, record_id: str, kind: DifferenceKind, detail: str = "", at: int | None = None
    ) -> Difference:
        return Difference(stream.name, name, record_id, kind, detail=detail, at=at)

    def holders(self, stream: Stream, ids: Sequence[str]) -> dict[str, str]:
        """Those of these records that are alive here, each with the first object that holds it."""
        found: dict[str, str] = {}
        for name in reversed(stream.objects):
            table = objects()[name].table
            for start in range(0, len(ids), CHUNK):
                query = select(table.c.id).where(
                    table.c.source == self._source.name,
                    table.c.deleted_at.is_(None),
                    table.c.id.in_(ids[start : start + CHUNK]),
                )
                found.update(dict.fromkeys(map(str, self._connection.execute(query).scalars()), name))
        return found

    def untold(self, stream: Stream, merged: Mapping[str, str]) -> set[str]:
        """Those of these merged records (old id -> new id) that the mirror does not lead to the new one."""
        known = redirects.resolve(self._connection, self._source.name, stream.objects[0], list(merged))
        return {old for old, new in merged.items() if known.get(old) not in (new, redirects.ERASED)}

    # ---- rows

    def _rows(
        self, stream: Stream, batch: Batch, modified: Mapping[str, int | None], here: _Here, audit: StreamAudit | None
    ) -> Iterator[Difference]:
        mirrored = objects()[batch.object]
        columns = prepared(
            self._connection, self._source.name, mirrored, batch, self._context, StreamReport(stream.name)
        )
        names = tuple(columns)
        stored = self._stored(mirrored, names, list(modified))
        alive = here.alive.setdefault(batch.object, set())
        is_first = batch.object == stream.objects[0]
        kinds = _kinds(mirrored)
        at_place = names.index(MODIFIED) if MODIFIED in names else None
        for row in zip(*columns.values(), strict=True):
            record_id = str(row[0])
            old = stored.pop(record_id, None)
            at = _micros(row[at_place]) if at_place is not None else None
            if old is None:
                yield Difference(stream.name, batch.object, record_id, DifferenceKind.MISSING, at=at)
                continue
            known = _micros(old[at_place]) if at_place is not None else None
            followed = at is None or known == at
            ahead = at is not None and known is not None and known > at
            # Thought deleted here: what it says is of no matter until that is put right.
            if old[len(names)] is not None:
                yield Difference(
                    stream.name, batch.object, record_id, DifferenceKind.ALIVE, at=at, followed=followed, ahead=ahead
                )
                continue
            alive.add(record_id)
            if is_first:
                here.modified[record_id] = known
            fields = self._fields(names, row, old, kinds, audit, batch.custom_names)
            # A modified instant alone says that a poll was missed; values say what it would have brought.
            moved = tuple(each for each in fields if each.name == MODIFIED)
            others = tuple(each for each in fields if each.name != MODIFIED)
            if moved:
                yield Difference(
                    stream.name, batch.object, record_id, DifferenceKind.MODIFIED, moved, at=at, ahead=ahead
                )
            if others:
                yield Difference(
                    stream.name,
                    batch.object,
                    record_id,
                    DifferenceKind.VALUES,
                    others,
                    at=at,
                    followed=followed,
                    ahead=ahead,
                )
        # What is left came with the page and is none of this object any more, as a contact that is no lead.
        for record_id, old in stored.items():
            if old[len(names)] is None:
                at = modified[record_id]
                followed = at is None or here.modified.get(record_id) == at
                yield Difference(
                    stream.name, batch.object, record_id, DifferenceKind.NO_LONGER, at=at, followed=followed
                )

    def _stored(self, mirrored: MirroredObject, names: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """The mirror's rows: the columns, when it was deleted, and `valid_from`."""
        upsert = Upsert(self._connection, mirrored, self._source.name, (*names, DELETED), run_id=None)
        found: dict[str, Row] = {}
        for start in range(0, len(ids), CHUNK):
            found |= upsert.stored(ids[start : start + CHUNK])
        return found

    @staticmethod
    def _fields(
        names: Sequence[str],
        row: Row,
        old: Row,
        kinds: Mapping[str, Kind],
        audit: StreamAudit | None,
        custom_names: frozenset[str],
    ) -> list[FieldDifference]:
        """The columns that differ; the checksums of both sides are counted in."""
        mine = old[: len(names)]
        there = checksum(names, row, kinds)
        same = mine == row
        found = [] if same else list(_differing(names, row, mine, kinds, custom_names))
        if audit is not None:
            audit.add_checksums(there, there if not found else checksum(names, mine, kinds))
        return found

    # ---- links

    def _links(self, stream: Stream, told: Mapping[str, Sequence[Link]]) -> Iterator[Difference]:
        """The associations of records that are here.

        What leads to a record that is deleted here counts on neither side.
        """
        ids = list(told)
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            stored: dict[str, set[Link]] = {each: set() for each in chunk}
            query = select(_LINK.record_id, _LINK.to_stream, _LINK.to_id, _LINK.label).where(
                _LINK.source == self._source.name,
                _LINK.stream == stream.name,
                _LINK.record_id.in_(chunk),
                _LINK.to_stream.in_(stream.links),
            )
            for record_id, *link in self._connection.execute(query):
                stored[record_id].add(Link(*link))
            extra = {link for each in chunk for link in stored[each] - set(told[each])}
            ignored = self._deleted_targets(extra)
            for record_id in chunk:
                wanted, known = set(told[record_id]), {each for each in stored[record_id] if each not in ignored}
                fields = [FieldDifference(_link_name(each), LINKED, None) for each in sorted(wanted - known)]
                fields += [FieldDifference(_link_name(each), None, LINKED) for each in sorted(known - wanted)]
                if fields:
                    yield Difference(stream.name, stream.objects[0], record_id, DifferenceKind.LINKS, tuple(fields))

    def _deleted_targets(self, found: set[Link]) -> set[Link]:
        """Those of these links whose record is deleted here, or held; the CRM leaves them out."""
        gone: set[Link] = set()
        for name in {each.object for each in found} & self._streams.keys():
            ids = sorted({each.id for each in found if each.object == name})
            stored = self._stored(objects()[self._streams[name].objects[0]], ("id",), ids)
            ended = {each for each, row in stored.items() if row[1] is not None}
            ended |= held_among(self._connection, self._source.name, name, ids).keys()
            gone |= {each for each in found if each.object == name and each.id in ended}
        return gone

    def _link_fields(self, stream: Stream, mirrored: MirroredObject, ids: Sequence[str]) -> Iterator[Difference]:
        """Fields of these records that do not say what follows from the mirror's own links."""
        expected = self.following(stream, mirrored, ids)
        if not expected or not ids:
            return
        names = tuple(expected)
        for record_id, old in self._stored(mirrored, ("id", *names), ids).items():
            fields = tuple(
                FieldDifference(name, expected[name].get(record_id), _text(held))
                for name, held in zip(names, old[1 : len(names) + 1], strict=True)
                if held != expected[name].get(record_id)
            )
            if fields:
                yield Difference(stream.name, mirrored.name, record_id, DifferenceKind.LINK_FIELDS, fields)

    def unfollowing(self, stream: Stream, name: str, ids: Sequence[str]) -> list[str]:
        """Those of these records of an object that have a field which does not follow from their links."""
        return [each.id for each in self._link_fields(stream, objects()[name], ids)]

    def following(
        self, stream: Stream, mirrored: MirroredObject, ids: Sequence[str]
    ) -> dict[str, dict[str, str | None]]:
        """By column what follows for these records from the mirror's links."""
        found: dict[str, dict[str, str | None]] = {}
        for name, (to, label) in self._source.link_fields.get(mirrored.name, {}).items():
            if to in stream.links:
                target = self._streams.get(to)
                linked = links.linked(
                    self._connection,
                    self._source.name,
                    stream.name,
                    ids,
                    to,
                    label=label,
                    ended=objects()[target.objects[0]].table if target else None,
                )
                found[mirrored.columns[name]] = {each: theirs[0] for each, theirs in linked.items() if theirs}
        return found

    # ---- histories

    def _histories(self, stream: Stream, page: Page, alive: set[str], here: _Here) -> Iterator[Difference]:
        batch = page.batches[0]
        ids = [str(each) for each in batch.columns["id"]]
        created = dict(zip(ids, batch.columns.get("created", [None] * len(ids)), strict=True))
        modified = _modified_of(page)
        told = {
            each: {name: entries for name, entries in history.items() if name not in stream.following}
            for each, history in page.histories.items()
            if each in alive
        }
        differing = history_diff(self._connection, self._source.name, objects()[stream.objects[0]], told, created)
        for record_id, fields in differing.items():
            at = modified.get(record_id)
            followed = at is None or here.modified.get(record_id) == at
            yield Difference(
                stream.name,
                stream.objects[0],
                record_id,
                DifferenceKind.HISTORY,
                tuple(fields),
                at=at,
                followed=followed,
            )


def checksum(names: Sequence[str], row: Row, kinds: Mapping[str, Kind]) -> int:
    """64 bits out of a record's mapped properties; the same whatever database they were stored in."""
    values = [_plain(kinds.get(name), value) for name, value in zip(names, row, strict=True)]
    return int.from_bytes(blake2b(orjson.dumps([names, values]), digest_size=8).digest())


def _differing(
    names: Sequence[str], row: Row, mine: Row, kinds: Mapping[str, Kind], custom_names: frozenset[str]
) -> Iterator[FieldDifference]:
    for name, there, held in zip(names, row, mine, strict=True):
        if there == held:
            continue
        if name == "custom":
            told, known = orjson.loads(str(there or "{}")), orjson.loads(str(held or "{}"))
            for key in sorted(told.keys() | custom_names):  # of other names the mirror keeps what it knew
                if told.get(key) != known.get(key):
                    yield FieldDifference(f"custom.{key}", _text(told.get(key)), _text(known.get(key)))
        else:
            kind = kinds.get(name)
            yield FieldDifference(name, _shown(kind, there), _shown(kind, held))


def _kinds(mirrored: MirroredObject) -> dict[str, Kind]:
    return {column: mirrored.fields[name].kind for name, column in mirrored.columns.items()}


def _plain(kind: Kind | None, value: StoredValue) -> str | None:
    return as_text(bool(value) if kind is Kind.BOOLEAN and value is not None else value)


def _shown(kind: Kind | None, value: StoredValue) -> str | None:
    if kind is Kind.INSTANT and value is not None:
        return _instant(int(value))
    return shortened(_plain(kind, value))


def _text(value: object) -> str | None:
    return shortened(as_text(value))


def _instant(at: int) -> str:
    return clock.from_micros(at).isoformat()


def _micros(value: StoredValue) -> int | None:
    return None if value is None else int(value)


def _link_name(link: Link) -> str:
    return f"{link.object} {link.id}" + (f" {link.label}" if link.label else "")


def _modified_of(page: Page) -> dict[str, int | None]:
    """When the CRM says that each record of the page was modified."""
    if not page.batches:
        return {}
    columns = page.batches[0].columns
    instants = columns.get("modified", [None] * len(page.ids))
    return {record_id: _micros(at) for record_id, at in zip(page.ids, instants, strict=True)}
