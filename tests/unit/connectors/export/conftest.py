"""A small set of canonical objects, and files and mappings written where a test needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.connectors.export import ExportMapping, load_mapping, read
from ros_sync.fields import Field, Kind, StoredValue

_DEAL = {
    "name": Kind.TEXT,
    "amount": Kind.MONEY,
    "currency": Kind.TEXT,
    "pipeline": Kind.TEXT,
    "stage": Kind.TEXT,
    "stage_kind": Kind.TEXT,
    "stage_position": Kind.TEXT,
    "stage_order": Kind.NUMBER,
    "probability": Kind.NUMBER,
    "close_date": Kind.DATE,
    "created": Kind.INSTANT,
    "closed": Kind.INSTANT,
    "owner": Kind.TEXT,
    "closing_plan": Kind.BOOLEAN,
    "contacts_engaged": Kind.NUMBER,
    "modified": Kind.INSTANT,
    "deleted": Kind.INSTANT,
}
_OWNER = {"name": Kind.TEXT, "email": Kind.TEXT, "active": Kind.BOOLEAN, "role": Kind.TEXT}
OBJECTS = {
    "deal": {name: Field(name, kind) for name, kind in _DEAL.items()},
    "owner": {name: Field(name, kind) for name, kind in _OWNER.items()},
}


@dataclass(frozen=True, slots=True)
class Result:
    """All that was read of a file."""

    batches: list[Batch]

    @property
    def records(self) -> list[dict[str, StoredValue]]:
        """Each row as a dictionary."""
        return [
            dict(zip(batch.columns, row, strict=True))
            for batch in self.batches
            for row in zip(*batch.columns.values(), strict=True)
        ]

    @property
    def quarantined(self) -> list[Quarantined]:
        """Every row quarantined."""
        return [each for batch in self.batches for each in batch.quarantined]

    @property
    def lines(self) -> list[int]:
        """Where each row begins."""
        return [line for batch in self.batches for line in batch.lines]

    def column(self, field: str) -> list[StoredValue]:
        """The values of one field."""
        return [record[field] for record in self.records]


@pytest.fixture
def stages() -> str:
    """The `stages:` of one pipeline."""
    return """
stages:
  default:
    - {name: Qualification, kind: open, position: early, probability: 15%}
    - {name: Proposal, kind: open, position: mid, probability: 0.5}
    - {name: Closed Won, kind: won}
    - {name: Closed Lost, kind: lost}
"""


@pytest.fixture
def mapping_of(tmp_path: Path) -> Callable[[str], ExportMapping]:
    """Load a mapping file with this text."""

    def load(text: str) -> ExportMapping:
        path = tmp_path / "crm.yaml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path, OBJECTS)

    return load


@pytest.fixture
def read_file(tmp_path: Path, mapping_of: Callable[[str], ExportMapping]) -> Callable[..., Result]:
    """Read content (text as UTF-8, or bytes) as deals, with these lines under `fields:` and these at the top."""

    def read_it(
        content: str | bytes,
        fields: str = "name: Name",
        *,
        top: str = "",
        name: str = "deals.csv",
        record_id: str = "Id",
        entry: str = "",
    ) -> Result:
        lines = "".join(f"      {line}\n" for line in fields.splitlines())
        mapping = mapping_of(
            f"version: 1\nsource: crm\n{top}\nfiles:\n  - object: deal\n    id: {record_id}\n{entry}    "
            f"fields:\n{lines}"
        )
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Result(list(read(path, mapping.entries[0])))

    return read_it
