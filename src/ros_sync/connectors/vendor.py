"""What the program asks of the package of a CRM's vendor. `workspace.vendors` finds one by its name.

Methods load what they need: a vendor is looked up also by those who only read its connector file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ros_sync.fields import Field, Kind, StoredValue

if TYPE_CHECKING:
    from ros_sync.connectors.pace import Pace, RateLimits
    from ros_sync.connectors.source import Source, Stream
    from ros_sync.connectors.webhooks import Verifier
    from ros_sync.settings import Settings

Objects = Mapping[str, Mapping[str, Field]]
"""The fields of each object that a connector file may fill."""


class MappedField(Protocol):
    """How a connector file fills one field, as far as rules need to know it."""

    @property
    def name(self) -> str:
        """The field; the company's own begin with `custom.`."""

    @property
    def values(self) -> Mapping[str, StoredValue] | None:
        """What the vendor's values become, where they are mapped."""

    @property
    def otherwise(self) -> StoredValue:
        """What all other values become."""

    @property
    def several(self) -> bool:
        """Whether it holds several options."""


class MappedObject(Protocol):
    """One canonical object that a connector file fills."""

    @property
    def object(self) -> str:
        """Its name."""

    @property
    def fields(self) -> Sequence[MappedField]:
        """The fields that are filled."""


class ConnectorFile(Protocol):
    """A connector file, read: which records of a CRM are followed, and how. Two that say the same are equal."""

    @property
    def file(self) -> Path:
        """Where it lies."""

    @property
    def vendor(self) -> str:
        """The vendor's name, as `crm:` has it."""

    @property
    def source(self) -> str:
        """The connection's name, the first half of every record's key."""

    @property
    def entries(self) -> Sequence[MappedObject]:
        """The canonical objects that it fills, one for each stream that feeds it."""

    @property
    def followed(self) -> Sequence[Stream]:
        """The streams that it asks for."""

    @property
    def given(self) -> Mapping[str, frozenset[str]]:
        """By object the fields that its batches fill."""

    @property
    def custom_kinds(self) -> Mapping[str, Mapping[str, Kind]]:
        """The kinds of the company's own properties, by object and name."""

    @property
    def positions(self) -> Mapping[tuple[str, str], str]:
        """By pipeline and stage, whether it is early, mid or late."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A property that may fill a field, by the vendor's name; `share` of the records have it filled, where known."""

    name: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that no property fills, with those that might."""

    object: str
    field: str
    candidates: Sequence[Candidate] = ()

    @property
    def name(self) -> str:
        """`deal.segment`."""
        return f"{self.object}.{self.field}"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One change of a connector file, in words: which part of it, what becomes of it, and why."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class FittedFile:
    """A connector file as it is to be: its text, what changes, and the fields that nothing fills."""

    text: str
    changes: Sequence[FileChange]
    gaps: Sequence[Gap]


class Fitting(Protocol):
    """An account that a connector file is fitted to, looked at when this was made. Fields go by `deal.segment`."""

    @property
    def refused(self) -> Sequence[str]:
        """Which parts of the account may not be looked at."""

    def fitted(self, made: Collection[str] = ()) -> FittedFile:
        """The file fitted to the account, as it is once the properties of the fields `made` are there."""

    def to_create(self, made: Iterable[str]) -> Mapping[str, str]:
        """By field of `made` the property to be created for it: one that is there and that nobody uses will do.

        PermanentError where the account has a property of that name that cannot fill the field.
        """

    def create(self, made: Iterable[str]) -> None:
        """Create the properties of these fields; PermanentError where the account refuses."""

    def filled(self, file: ConnectorFile, created: Collection[str] = ()) -> Mapping[str, frozenset[str]]:
        """By object the fields that records come with by that file, once the properties of `created` are there."""


class Vendor(Protocol):
    """A CRM's vendor: how its connector files are read, its accounts called and fitted to, its webhooks believed."""

    @property
    def name(self) -> str:
        """As in `crm:` of its connector files, `ros-sync connect NAME` and `/webhooks/NAME`."""

    def read(self, path: Path, objects: Objects, *, content: bytes | None = None) -> ConnectorFile:
        """Read a connector file; MappingError or ProblemsError for what is wrong with it."""

    def has_credentials(self, settings: Settings) -> bool:
        """Whether an account can be called."""

    def secret_files(self, settings: Settings) -> list[Path]:
        """The files beside `.env` in which it reads or keeps secrets, whether they are there or not."""

    def rate_limits(self, settings: Settings) -> RateLimits:
        """What each limit of the account allows, by its name."""

    def source(
        self,
        settings: Settings,
        file: ConnectorFile,
        pace: Pace,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        attempts: int | None = None,
    ) -> Source:
        """What follows the account by that file; `attempts` is how often a call is tried, where not as usual.

        Raises SettingsError where credentials are missing.
        """

    def unreached(self) -> str:
        """What to do where the account cannot be reached."""

    def verifier(self, settings: Settings) -> Verifier | None:
        """What tells its webhooks from forgeries; None without the secret that they are signed with."""

    def verified_by(self) -> str:
        """The setting that holds that secret."""

    def creatable(self) -> Collection[str]:
        """The fields whose properties can be created in an account, such as `deal.segment`."""

    def fitting(self, settings: Settings, file: ConnectorFile, text: str, pace: Pace) -> Fitting:
        """Look at the account, to fit the connector file of this text to it; SettingsError without credentials."""
