"""What an audit found, counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.sync.audit.report import SHOWN_CHARS, AuditReport, Difference, DifferenceKind, StreamAudit, shortened

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def difference(number: int, kind: DifferenceKind = DifferenceKind.VALUES, stream: str = "deals") -> Difference:
    return Difference(stream, "deal", str(number), kind)


def test_all_differences_are_counted_and_the_first_are_kept() -> None:
    """Each counts for its kind and its stream; no more are kept than there is room for."""
    report = AuditReport("hubspot", NOW, keep=2)
    for number, kind in enumerate((DifferenceKind.VALUES, DifferenceKind.MISSING, DifferenceKind.VALUES)):
        report.add(difference(number, kind))
    report.add(difference(3, stream="contacts"))
    assert (4, Counter({DifferenceKind.VALUES: 3, DifferenceKind.MISSING: 1}), ["0", "1"]) == (
        report.total,
        report.kinds,
        [each.id for each in report.shown],
    )
    assert {"deals": 3, "contacts": 1} == {name: each.differences for name, each in report.streams.items()}


def test_what_a_repair_left_is_counted_apart() -> None:
    """It counts for no stream again, and the first are kept."""
    report = AuditReport("hubspot", NOW, keep=1, repaired=True)
    report.add(difference(1))
    for number in (1, 2):
        report.add_left(difference(number, DifferenceKind.HISTORY))
    assert (1, Counter({DifferenceKind.HISTORY: 2}), ["1"], 1) == (
        report.total,
        report.left,
        [each.id for each in report.shown_left],
        report.of("deals").differences,
    )


@pytest.mark.parametrize(
    "found, left, repaired, trouble, agrees",
    [
        (0, 0, False, None, True),
        (1, 0, False, None, False),
        (1, 0, True, None, True),
        (1, 1, True, None, False),
        (0, 0, False, "refused", False),
        (1, 0, True, "refused", False),
    ],
)
def test_when_mirror_and_crm_agree(found: int, left: int, repaired: bool, trouble: str | None, agrees: bool) -> None:
    """Nothing differs, or nothing is left after a repair; and everything could be compared."""
    report = AuditReport("hubspot", NOW, repaired=repaired, trouble=trouble)
    for _ in range(found):
        report.add(difference(1))
    for _ in range(left):
        report.add_left(difference(1))
    assert agrees == report.agrees


def test_the_numbers_of_streams_add_up() -> None:
    """Records compared, not yet followed, and held are those of all streams; a stream begins at nothing."""
    report = AuditReport("hubspot", NOW)
    assert StreamAudit("deals", 0, 0, 0, 0, None, 0, 0) == report.of("deals")
    for name, numbers in (("deals", (10, 2, 1)), ("contacts", (5, 1, 3))):
        part = report.of(name)
        part.compared, part.pending, part.held = numbers
    assert (15, 3, 4) == (report.compared, report.pending, report.held)


def test_calls_and_seconds() -> None:
    """Calls of all kinds are added; before the end, it took no time."""
    report = AuditReport("hubspot", NOW, calls={"search": 2, "read": 3})
    assert (5, 0.0) == (report.call_count, report.seconds)
    report.finished_at = NOW + timedelta(seconds=90)
    assert 90.0 == report.seconds


def test_checksums_do_not_depend_on_the_order() -> None:
    """They are sums of 64 bits."""
    parts = [(2**64 - 1, 7), (2, 2**64 - 3), (5, 5)]
    sums = []
    for order in (parts, parts[::-1]):
        part = StreamAudit("deals")
        for crm, mirror in order:
            part.add_checksums(crm, mirror)
        sums.append((part.crm_checksum, part.mirror_checksum))
    assert [(6, 9), (6, 9)] == sums


@pytest.mark.parametrize(
    "stream, detail, words",
    [
        ("deal", "", "deal 1 has different values"),
        ("deals", "", "deals 1 (deal) has different values"),
        ("deals", "as of today", "deals 1 (deal) has different values (as of today)"),
    ],
)
def test_a_difference_in_words(stream: str, detail: str, words: str) -> None:
    """The object stands beside the stream where it is called otherwise."""
    assert words == str(Difference(stream, "deal", "1", DifferenceKind.VALUES, detail=detail))


def test_long_values_are_shortened() -> None:
    """What is as long as may be shown stands whole."""
    assert ("a" * SHOWN_CHARS, "a" * (SHOWN_CHARS - 1) + "…", None) == (
        shortened("a" * SHOWN_CHARS),
        shortened("a" * (SHOWN_CHARS + 1)),
        shortened(None),
    )
