"""What is known of a HubSpot account.

Its definitions, whether they are of the present, and how records are read by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from hashlib import sha256
from typing import TypeVar

from ros_sync.connectors.hubspot import doctor
from ros_sync.connectors.hubspot.access_notices import Credentials, notices
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.definitions import (
    UNKNOWN,
    Definitions,
    PropertyDefinition,
    owners_batch,
    read_pipelines,
    read_properties,
    stages_batch,
)
from ros_sync.connectors.hubspot.mapping import MERGED_IDS, HubSpotMapping, StreamMapping
from ros_sync.connectors.hubspot.memory import recalled, written
from ros_sync.connectors.hubspot.records import RecordReader, filled_fields
from ros_sync.connectors.source import Description, Problem, Stream, StreamSchema
from ros_sync.errors import AuthExpiredError, DailyLimitError, PermanentError, RosSyncError, TransientError

DETAILS, PIPELINES, OWNERS = (
    "(details)",
    "(pipelines)",
    "(owners)",
)  # parts of an account beside the properties of each stream
T = TypeVar("T")


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
        self._unsure = {DETAILS, PIPELINES}  # what nothing is known of yet, now or from before
        self._refused: Mapping[str, RosSyncError] = {}

    @property
    def filled(self) -> Mapping[str, frozenset[str]]:
        """By object the fields that records can come with, as the account was last looked at."""
        return filled_fields(self._mapping, self._examined or self.definitions)

    def remember(self, memory: str) -> None:
        """What an earlier process knew of the account, where this one has not looked at it yet."""
        if self._described or not memory:
            return
        known = recalled(memory)
        self.definitions.properties |= known.properties
        self.definitions.stages, self.definitions.pipelines = known.stages, known.pipelines
        self.definitions.time_zone = self._client.time_zone = known.time_zone
        self.definitions.currency = self._mapping.currency or known.currency
        self.definitions.account = known.account
        self._unsure = {DETAILS} if known.currency is None and self._mapping.currency is None else set()
        if not known.stages:
            self._unsure.add(PIPELINES)

    def describe(self) -> Description:
        """Look at the account: properties, pipelines, owners, what the token may do.

        Each part by itself: of one that cannot be had, what is known from before goes on.
        """
        look = _Look()
        look.at(DETAILS, self._read_details)
        for stream in self._mapping.streams:
            look.at(stream.name, partial(self._read_properties, stream))
        if any(stream.name == "deals" for stream in self._mapping.streams):
            look.at(PIPELINES, self._read_pipelines)
        owners = look.at(OWNERS, self._owners)
        self._unsure = (self._unsure & look.refused.keys()) | {
            part for part in look.refused if part not in (DETAILS, PIPELINES, OWNERS) and not self._knows(part)
        }
        definitions = self.definitions
        self._readers.clear()
        self._described = True
        self._accepted |= definitions.unknown_stages
        self._lost_property = False
        self._looked_for.clear()
        self._refused = look.refused
        return Description(
            account=definitions.account,
            owners=None if owners is None else owners_batch(owners),
            stages=None if PIPELINES in look.refused else stages_batch(definitions),
            problems=[*look.problems(), *doctor.problems(self._mapping, definitions, self._scopes())],
            time_zone=definitions.time_zone,
            currency=definitions.currency,
            memory=written(definitions, self._mapping),
        )

    def _knows(self, part: str) -> bool:
        return part in self.definitions.properties

    def _read_details(self) -> None:
        details = self._client.details()
        self.definitions.time_zone = self._client.time_zone = str(details.get("timeZone") or "UTC")
        self.definitions.currency = self._mapping.currency or details.get("companyCurrency")
        self.definitions.account = str(details.get("portalId") or "")

    def _read_properties(self, stream: StreamMapping) -> None:
        self.definitions.properties[stream.name] = read_properties(self._client.properties(stream.name))

    def _read_pipelines(self) -> None:
        read_pipelines(self._client.pipelines("deals"), self._mapping, self.definitions)

    def examine(self) -> list[Problem]:
        """What people should mend, as far as the account can be looked at.

        A part that is refused hides no other one.
        """
        found, look = Definitions(currency=self._mapping.currency), _Look()
        look.at(DETAILS, self._client.details)
        for stream in self._mapping.streams:
            told = look.at(stream.name, partial(self._client.properties, stream.name))
            if told is not None:
                found.properties[stream.name] = read_properties(told)
        look.at(PIPELINES, lambda: read_pipelines(self._client.pipelines("deals"), self._mapping, found))
        look.at(OWNERS, self._owners)
        self._examined = found
        scopes = self._scopes()
        known = Credentials(self._client.uses_oauth, scopes is not None)
        return [
            *look.problems(fatal=True),
            *doctor.problems(self._mapping, found, scopes),
            *notices(self._mapping, self._client.versions, known, self._client.present.date()),
        ]

    def _owners(self) -> list[Json]:
        return [*self._client.owners(archived=False), *self._client.owners(archived=True)]

    @property
    def outdated(self) -> bool:
        """Whether the account has not been looked at yet, or records held a stage or lacked a property since."""
        return not self._described or self._lost_property or bool(self.definitions.unknown_stages - self._accepted)

    def schema(self, stream: Stream) -> StreamSchema:
        """What the stream's records are read by: connector file, stages, and the properties that the account shows.

        Where a part of it is not known, the mark is empty: nothing is known to have changed.
        """
        mapping, definitions = self.prepared(stream), self.definitions
        if self._unsure & {DETAILS, PIPELINES, mapping.name}:
            return StreamSchema("", frozenset())
        stages = (
            sorted(map(repr, definitions.stages.values())) if any(e.field("stage") for e in mapping.objects) else []
        )
        parts = (mapping.objects, mapping.track, mapping.links, stages, definitions.currency, definitions.time_zone)
        fingerprint = sha256("|".join(_written(part) for part in parts).encode()).hexdigest()[:16]
        return StreamSchema(fingerprint, frozenset(self.asked(mapping)))

    def _scopes(self) -> list[str] | None:
        """What the token may do; None where that cannot be known, as with OAuth and perhaps with a service key.

        No refusal of this one call is held against the credentials: what the other calls answer decides.
        """
        if self._client.uses_oauth:
            return None
        try:
            return self._client.scopes(self._client.token())
        except DailyLimitError:
            raise
        except (AuthExpiredError, PermanentError, TransientError):
            return None

    def prepared(self, stream: Stream) -> StreamMapping:
        """The stream's mapping; the account has been looked at before anything of it is read.

        Raises why the stages could not be read where the stream's records have some: their names are not guessed.
        """
        if not self._described:
            self.describe()
        mapping = self._mapping.stream(stream.name)
        if PIPELINES in self._unsure and PIPELINES in self._refused and any(e.field("stage") for e in mapping.objects):
            raise self._refused[PIPELINES]
        return mapping

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

    def _definition(self, stream: str, name: str) -> PropertyDefinition:
        return self.definitions.properties.get(stream, {}).get(name) or PropertyDefinition(name, UNKNOWN)

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
        try:
            found = read_properties(self._client.properties(mapping.name))
        except DailyLimitError:
            raise
        except (PermanentError, TransientError):
            # The answer itself says which there are: those that it holds, empty or not.
            found = {name: self._definition(mapping.name, name) for name in held}
        self._lost_property |= any(name not in found for name in absent)
        self.definitions.properties[mapping.name] = found
        self._readers.pop(mapping.name, None)


@dataclass(slots=True)
class _Look:
    """One look at an account, part by part.

    What keeps anything from being had (no credentials, no calls left) ends it.
    """

    refused: dict[str, RosSyncError] = field(default_factory=dict)
    had: int = 0

    def at(self, part: str, read: Callable[[], T]) -> T | None:
        """A part of the account; None where it cannot be had. Where nothing answers at all, the second one says so."""
        try:
            found = read()
        except DailyLimitError:
            raise
        except TransientError as error:
            if not self.had and self.refused:
                raise
            self.refused[part] = error
            return None
        except PermanentError as error:
            self.refused[part] = error
            return None
        self.had += 1
        return found

    def problems(self, *, fatal: bool = False) -> list[Problem]:
        """What could not be had, each reason once, with every part that it kept away."""
        by_reason: dict[tuple[str, str | None], list[str]] = {}
        for part, error in self.refused.items():
            call = str(error.where.record or part) if error.where else part
            by_reason.setdefault((error.message, error.hint), []).append(call)
        return [
            Problem(
                f"{', '.join(calls)}: {message}; using what was read before",
                hint or "check the service key or app in HubSpot; this is retried automatically",
                fatal=fatal,
            )
            for (message, hint), calls in by_reason.items()
        ]


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
