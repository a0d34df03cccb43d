"""What a HubSpot connector file says, as values: which objects are followed, and how properties become fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

from ros_sync.connectors.source import Stream
from ros_sync.durations import Duration
from ros_sync.errors import Where
from ros_sync.fields import Kind, StoredValue

NAME = "hubspot"  # in `crm:`, in the settings, and wherever a vendor is named
CUSTOM = "custom."
OBJECT_ID = "hs_object_id"
MERGED_IDS = "hs_merged_object_ids"  # asked for beside them: where it is set, other records ended in this one
STAGE_FIELDS = ("pipeline", "stage_kind", "stage_position", "stage_order", "probability")  # what a stage brings with it
BY_STAGE_ALONE = frozenset(("stage_position", "probability"))  # of these, what the stage's definition says
ENGAGEMENTS = frozenset(("calls", "emails", "meetings", "notes", "tasks"))
VALUE = "{value}"  # in `write:`, stands for what is written


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How one field is filled: from a property, several joined, a constant, or (`link`) a linked record's id.

    `values` maps what a property holds to carried values; one it does not know is quarantined unless `has_otherwise`.
    `only_if` are (field, allowed values): filled only where all of them hold. `link` is (stream, preferred label).
    `several`: it holds several options, parted by `;`.
    """

    name: str
    kind: Kind
    where: Where
    from_property: str | None = None
    join: tuple[str, ...] = ()
    constant: StoredValue = None
    values: Mapping[str, StoredValue] | None = None
    otherwise: StoredValue = None
    has_otherwise: bool = False
    currency_property: str | None = None
    currency: str | None = None
    only_if: tuple[tuple[str, frozenset[StoredValue]], ...] = ()
    link: tuple[str, str | None] | None = None
    several: bool = False

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties that it is filled from."""
        return tuple(name for name in (self.from_property, *self.join, self.currency_property) if name)


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """One canonical object fed by a stream. `write` gives, by field, the properties to set (`VALUE`: what is written).

    A record is one of this object where one of `only_if_known` is known, or always where there are none.
    """

    object: str
    fields: tuple[FieldMapping, ...]
    only_if_known: tuple[str, ...] = ()
    write: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def field(self, name: str) -> FieldMapping | None:
        """The mapping of a field."""
        return next((each for each in self.fields if each.name == name), None)


def modified_property(stream: str) -> str:
    """The property by which HubSpot says when a record was modified (HubSpot, "Search the CRM", default properties)."""
    return "lastmodifieddate" if stream == "contacts" else "hs_lastmodifieddate"


@dataclass(frozen=True)
class StreamMapping:
    """One kind of HubSpot's records: `modified` is its cursor property.

    `track` are canonical fields of the first object.

    `reread` is how often all of them are read again, for what changes without a modified date.
    """

    name: str
    modified: str
    objects: tuple[ObjectMapping, ...]
    track: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    reread: Duration | None = None

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """Every property that is asked for, in order of name."""
        names = {OBJECT_ID, self.modified}
        for each in self.objects:
            names.update(each.only_if_known)
            names.update(name for mapping in each.fields for name in mapping.properties)
        return tuple(sorted(names))

    @cached_property
    def labels(self) -> dict[str, frozenset[str]]:
        """By stream linked to, the labels of the company's own that fields ask for, in lower case."""
        asked: dict[str, set[str]] = {}
        for link in (mapping.link for entry in self.objects for mapping in entry.fields if mapping.link):
            if link[1] and link[1].casefold() != "primary":
                asked.setdefault(link[0], set()).add(link[1].casefold())
        return {to: frozenset(labels) for to, labels in asked.items()}

    @cached_property
    def tracked_properties(self) -> tuple[str, ...]:
        """The properties whose history is asked for."""
        first = self.objects[0]
        mappings = (first.field(name) for name in self.track)
        return tuple(sorted({mapping.from_property for mapping in mappings if mapping and mapping.from_property}))

    @cached_property
    def stream(self) -> Stream:
        """The stream as the sync engine knows it."""
        names = set(self.track)
        if "stage" in names:
            names.update(STAGE_FIELDS)
        following = names.intersection(BY_STAGE_ALONE)
        objects = tuple(each.object for each in self.objects)
        every = None if self.reread is None else int(self.reread.delta.total_seconds())
        return Stream(self.name, objects, frozenset(names - following), frozenset(following), self.links, every)


@dataclass(frozen=True)
class HubSpotMapping:
    """A whole connector file.

    `positions` says of (pipeline, stage), each by label or id, whether they are early, mid or late.
    """

    file: Path
    source: str
    streams: tuple[StreamMapping, ...]
    currency: str | None = None
    positions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def vendor(self) -> str:
        """The vendor's name, as `crm:` has it."""
        return NAME

    @cached_property
    def entries(self) -> tuple[ObjectMapping, ...]:
        """The canonical objects that the file fills, stream by stream."""
        return tuple(entry for stream in self.streams for entry in stream.objects)

    @cached_property
    def followed(self) -> tuple[Stream, ...]:
        """The streams as the sync engine knows them."""
        return tuple(stream.stream for stream in self.streams)

    def position(self, pipeline: Sequence[str], stage: Sequence[str]) -> str | None:
        """Early, mid or late, where the file says so of the stage; both are given by all their names."""
        found = (self.positions.get(names) for names in product(pipeline, stage))
        return next((each for each in found if each), None)

    @cached_property
    def custom_kinds(self) -> dict[str, dict[str, Kind]]:
        """The kinds of the company's own properties, by object and name."""
        kinds: dict[str, dict[str, Kind]] = {}
        for each in self.entries:
            own = {f.name.removeprefix(CUSTOM): f.kind for f in each.fields if f.name.startswith(CUSTOM)}
            kinds.setdefault(each.object, {}).update(own)
        return kinds

    @cached_property
    def link_fields(self) -> dict[str, dict[str, tuple[str, str | None]]]:
        """By object the fields that are filled from links: (stream, preferred label)."""
        return {
            entry.object: {mapping.name: mapping.link for mapping in entry.fields if mapping.link}
            for entry in self.entries
        }

    @cached_property
    def given(self) -> dict[str, frozenset[str]]:
        """By object the fields that its batches fill."""
        found: dict[str, frozenset[str]] = {}
        for entry in self.entries:
            names = {mapping.name for mapping in entry.fields if not mapping.link}
            if "stage" in names:
                names.update(STAGE_FIELDS)
            if "amount" in names:
                names.add("currency")
            found[entry.object] = found.get(entry.object, frozenset()) | names
        return found

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """By stream what stands before its records' ids here.

        Where several streams feed one object, `calls/` and the like. HubSpot's ids are unique within one kind of record
        only.
        """
        feeding = Counter(stream.objects[0].object for stream in self.streams)
        return {stream.name: f"{stream.name}/" for stream in self.streams if feeding[stream.objects[0].object] > 1}

    def stream(self, name: str) -> StreamMapping:
        """The mapping of a stream; KeyError where the file does not follow it."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)
