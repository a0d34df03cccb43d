"""What is known of a HubSpot account: its definitions, whether they are of the present, and how records are read by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from hashlib import sha256

from ros_sync.connectors.hubspot import doctor
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.definitions import (
    Definitions,
    owners_batch,
    read_pipelines,
    read_properties,
    stages_batch,
)
from ros_sync.connectors.hubspot.mapping import MERGED_IDS, HubSpotMapping, StreamMapping
from ros_sync.connectors.hubspot.records import RecordReader, filled_fields
from ros_sync.connectors.source import Description, Problem, Shape, Stream
from ros_sync.errors import PermanentError


class Account:
    """One account by one connector file. Safe for threads that read different streams."""

    def __init__(self, mapping: HubSpotMapping, client: HubSpotClient) -> None:
        self._mapping = mapping
        self._client = client
        self.definitions = Definitions(currency=mapping.currency)
        self._readers: dict[str, RecordReader] = {}
        self._described = False
        self._accepted: set[tuple[str | None, str]] = set()  # stages that records hold and the account does not know
        self._looked_for: set[tuple[str, str]] = set()  # properties that answers lacked: they have been looked for
        self._lost_property = False
        self._examined: Definitions | None = None

    @property
    def filled(self) -> Mapping[str, frozenset[str]]:
        """By object the fields that records can come with, as the account was last looked at."""
        return filled_fields(self._mapping, self._examined or self.definitions)

    def describe(self) -> Description:
        """Look at the account: properties, pipelines, owners, what the token may do."""
        client, definitions = self._client, self.definitions
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
        self._examined = found
        problems = doctor.problems(self._mapping, found, self._scopes())
        if not any(each.fatal and each.stream is None for each in problems):  # no scope lacks, which would explain them
            told = (Problem(each.message, each.hint or "look at the app in HubSpot", fatal=True) for each in refused)
            problems += dict.fromkeys(told)  # once, where all calls are refused for one reason
        return problems

    def _owners(self) -> list[Json]:
        return [*self._client.owners(archived=False), *self._client.owners(archived=True)]

    @property
    def outdated(self) -> bool:
        """Whether the account has not been looked at yet, or records held a stage or lacked a property since."""
        return not self._described or self._lost_property or bool(self.definitions.strangers - self._accepted)

    def shape(self, stream: Stream) -> Shape:
        """What the stream's records are read by: connector file, stages, and the properties that the account shows."""
        mapping, definitions = self.prepared(stream), self.definitions
        stages = (
            sorted(map(repr, definitions.stages.values())) if any(e.field("stage") for e in mapping.objects) else []
        )
        parts = (mapping.objects, mapping.track, mapping.links, stages, definitions.currency, definitions.time_zone)
        mark = sha256("|".join(_written(part) for part in parts).encode()).hexdigest()[:16]
        return Shape(mark, frozenset(self.asked(mapping)))

    def _scopes(self) -> list[str] | None:
        try:
            return self._client.scopes(self._client.token())
        except PermanentError:  # an OAuth token is not asked about this way
            return None

    def prepared(self, stream: Stream) -> StreamMapping:
        """The stream's mapping; the account has been looked at before anything of it is read."""
        if not self._described:
            self.describe()
        return self._mapping.stream(stream.name)

    def reader(self, mapping: StreamMapping) -> RecordReader:
        """What reads the stream's records by the definitions as they are now."""
        reader = self._readers.get(mapping.name)
        if reader is None:
            prefix = self._mapping.prefixes.get(mapping.name, "")
            reader = self._readers[mapping.name] = RecordReader(
                mapping, self.definitions, currency=self._mapping.currency, prefix=prefix
            )
        return reader

    def asked(self, mapping: StreamMapping) -> list[str]:
        """The properties by which the stream's records are read."""
        return self.definitions.known(mapping.name, (*mapping.properties, MERGED_IDS))

    def tracked(self, mapping: StreamMapping) -> list[str]:
        """The properties whose history is asked for."""
        return self.definitions.known(mapping.name, mapping.tracked_properties)

    def look_for_missing(self, mapping: StreamMapping, results: Sequence[Json]) -> None:
        """Ask for the definitions again where an answer lacks a property altogether: it was deleted or hidden.

        HubSpot leaves it out without a word, and gives null for one that is empty; the two must not be confused.
        """
        held = results[0]["properties"] if results else {}
        absent = [name for name in self.asked(mapping) if name not in held] if results else []
        absent = [name for name in absent if (mapping.name, name) not in self._looked_for]
        if not absent or any(name in each["properties"] for each in results for name in absent):
            return
        self._looked_for |= {(mapping.name, name) for name in absent}
        found = read_properties(self._client.properties(mapping.name))
        self._lost_property |= any(name not in found for name in absent)
        self.definitions.properties[mapping.name] = found
        self._readers.pop(mapping.name, None)


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
