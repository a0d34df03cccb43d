"""What every connector hands to the sync engine.

Records travel in batches of rows, all values in stored form (`ros_sync.fields`), so that a batch can be compared
with the mirror and written to it without touching each value again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ros_sync.fields import StoredValue

BATCH_ROWS = 5_000  # rows a batch: large enough for the database's bulk calls, small enough for flat memory

DELETED = "deleted"  # the field of every object that says when a record was deleted
AT_UNKNOWN_TIME = -1  # in it: deleted, and nobody says when; whoever stores it knows the moment since when it is true


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field whose values name a record of another object by something else than its id.

    `by` are field names of that object (`id` included), tried in order: an owner by `("email", "name")`.
    """

    object: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read. `line` counts from 1 and is where the row begins; `column` is the file's.

    Of a CRM's API: `file` is the stream, `line` is 0, and `record` the record's id.
    """

    file: str
    line: int
    column: str | None
    value: str | None
    reason: str
    record: str | None = None

    def __str__(self) -> str:
        """`deals.csv:12, column 'Amount': '1.234,56': why`; of a CRM's API `deals 4711, column ...`."""
        row = f"{self.file} {self.record}" if self.record is not None else f"{self.file}:{self.line}"
        place = row + (f", column {self.column!r}" if self.column else "")
        return f"{place}: {self.value!r}: {self.reason}" if self.value is not None else f"{place}: {self.reason}"


@dataclass(slots=True)
class Batch:
    """Rows of one object out of one file or page, column by column.

    `columns` are by canonical field name, all of one length; `id` is always there. Money fields hold minor units. A
    `custom` column, where there is one, holds JSON objects as text with sorted keys; of `custom_names` it says
    everything, so that one of them that is not in it is missing. `partial`: records of a page may belong to the object
    without being in it. `lines` says where each row begins. Values of a field in `lookups` are references still to be
    resolved. `position` (bytes or records read so far) is for progress alone. `notes` are what a person should know of
    the file; `headings` what it calls the fields.
    """

    object: str
    origin: str
    columns: dict[str, list[StoredValue]]
    lines: list[int]
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    position: int = 0
    notes: list[str] = field(default_factory=list)
    headings: Mapping[str, str] = field(default_factory=dict)
    custom_names: frozenset[str] = frozenset()
    partial: bool = False

    @property
    def rows_read(self) -> int:
        """How many rows of the file this batch stands for."""
        return len(self.lines) + len(self.quarantined)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline as the mapping file declares it. `order` counts from 1; `probability` is 0 to 1."""

    pipeline: str
    name: str
    order: int
    kind: str
    position: str | None
    probability: float | None
    exit_criteria: str | None = None
