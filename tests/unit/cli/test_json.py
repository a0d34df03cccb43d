"""What `--json` prints is JSON, whatever a report holds."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from ros_sync.cli import run_audit, run_import, run_quarantine, run_sync, run_tick
from ros_sync.cli.invocation import Invocation
from ros_sync.errors import Where
from ros_sync.jobs.cycle import TickReport
from ros_sync.notifiers.delivery import DeliveryCounts
from ros_sync.outbox.store import OutboxCounts
from ros_sync.plain_data import data_of
from ros_sync.status.figures import Survey
from ros_sync.sync.audit.report import AuditReport
from ros_sync.sync.ingest.imports import ImportReport
from ros_sync.sync.ingest.reports import CycleReport

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ODD = 'Müller\x1b\x9b\udcff,"\u2028'


@dataclasses.dataclass
class Everything:
    """One of each kind of value that a report may hold."""

    names: Counter[str]
    pairs: Counter[tuple[str, int]]
    odd: object


@pytest.mark.parametrize(
    "value,expected",
    [
        (Everything(Counter({"a": 2}), Counter({("b", 1): 3}), None),
         {"names": {"a": 2}, "pairs": {"b 1": 3}, "odd": None}),
        ({None: 1, 7: 2, date(2026, 3, 2): 3}, {"None": 1, "7": 2, "2026-03-02": 3}),
        ([NOON, date(2026, 3, 2), Decimal("1.50"), Path("x")],
         ["2026-03-02T12:00:00+00:00", "2026-03-02", "1.50", "x"]),
        ([float("nan"), float("inf"), 1.5, True, 2**70], [None, None, 1.5, True, 2**70]),
        ({"set": {"b", "a"}, "where": Where("f", 1)},
         {"set": ["a", "b"], "where": {"file": "f", "line": 1, "column": None, "key": None, "record": None}}),
        (ODD, ODD),
    ],
)  # fmt: skip
def test_every_kind_of_value_is_printed_as_json(
    value: object, expected: object, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Counters, keys that are no texts, instants, numbers that JSON does not know, halves of surrogate pairs."""
    Invocation().print_json(value)
    printed = capsysbinary.readouterr().out
    assert (expected, False) == (
        json.loads(printed),
        b"\x9b" in printed.replace("\udcff".encode(errors="replace"), b""),
    )


def full(kind: Any, depth: int = 0) -> Any:  # noqa: PLR0911  # one line for each kind of type
    """A value of that type with something in every part of it, odd where it can be."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return full(next(each for each in arguments if each is not type(None)), depth)
    if origin is typing.Literal:
        return arguments[0]
    if kind is Any or kind is object or isinstance(kind, typing.TypeVar):
        return {"x": [1, ODD]}
    if origin is tuple:
        return tuple(full(each, depth) for each in arguments if each is not ...)
    if origin is Counter:
        return Counter({full(arguments[0], depth): 2})
    if origin is not None and issubclass(origin, Mapping):
        return {full(arguments[0], depth): full(arguments[1], depth)}
    if origin is not None and issubclass(origin, Sequence | set | frozenset):
        return (set if issubclass(origin, set | frozenset) else list)([full(arguments[0], depth)])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    plain = {str: ODD, int: 3, float: 0.5, bool: True, datetime: NOON, date: NOON.date(), timedelta: timedelta(1),
             Path: Path(ODD), Decimal: Decimal("1.5")}  # fmt: skip
    if kind in plain:
        return plain[kind]
    hints = typing.get_type_hints(kind)
    if issubclass(kind, tuple):
        return kind(*(full(hint, depth + 1) for hint in hints.values()))
    return kind(**{each.name: full(hints[each.name], depth + 1) for each in dataclasses.fields(kind) if each.init})


REPORTS: dict[str, Callable[[], Any]] = {
    "import": lambda: run_import.as_data(full(ImportReport)),
    "sync": lambda: run_sync.as_data(full(CycleReport), []),
    "audit": lambda: run_audit.as_data(full(AuditReport)),
    "tick": lambda: run_tick.as_data(full(TickReport), full(DeliveryCounts), full(OutboxCounts), ["why"]),
    "status": lambda: full(Survey),
    "quarantine": lambda: [full(run_quarantine.UnreadRow)],
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_with_something_in_every_part_is_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command's report may hold is told by `--json`, and read again it is what was told."""
    told = REPORTS[name]()
    Invocation().print_json(told)
    assert data_of(told) == json.loads(capsys.readouterr().out)
