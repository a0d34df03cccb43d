"""The ledger of deletions by itself: what counts, what is forgotten, and which waves still wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection, Engine
from tests.integration.mirror_reader import mirror_of

from ros_sync import clock
from ros_sync.connectors.source import Page
from ros_sync.mirror.portions import CHUNK
from ros_sync.sync.ingest.deletions import (
    COUNTED,
    DeletionLedger,
    DeletionLimit,
    WaveState,
    confirmed,
    count_taken_over,
    decide,
    held_among,
    waves,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
TWO_A_DAY = DeletionLimit(share=0.0, at_least=3)
Open = Callable[..., DeletionLedger]


@pytest.fixture
def connection(sqlite_engine: Engine) -> Iterator[Connection]:
    with sqlite_engine.connect() as connection:
        yield connection


@pytest.fixture
def ledger(connection: Connection) -> Open:
    """Opens the ledger of a stream at a moment."""

    def opened(
        now: datetime = NOW, stream: str = "deals", limit: DeletionLimit = TWO_A_DAY, known: int = 100
    ) -> DeletionLedger:
        return DeletionLedger(connection, "hubspot", stream, now, limit, lambda: known)

    return opened


def gone(ledger: DeletionLedger, *ids: str) -> list[str]:
    """What of these may end now, where the CRM says that they were archived."""
    page = Page(ledger.stream, deleted=dict.fromkeys(ids))
    return sorted(ledger.judge(page, "list", there=ids).page.deleted)


@pytest.mark.parametrize(
    "share, at_least, ending, allowed",
    [
        (0.1, 3, 2, True),
        (0.1, 3, 3, True),
        (0.1, 3, 10, True),
        (0.1, 3, 11, False),
        (0.0, 3, 2, True),
        (0.0, 3, 3, False),
    ],
)
def test_how_many_may_end(share: float, at_least: int, ending: int, allowed: bool) -> None:
    """Fewer than a number always; from there on a share of the stream, and exactly that share too."""
    assert allowed == DeletionLimit(share, at_least).allows(ending, 100)


def test_a_day_s_deletions_count_and_older_ones_do_not(ledger: Open) -> None:
    """What was carried out a day ago counts no more; a microsecond less, and it does."""
    assert ["1", "2"] == gone(ledger(), "1", "2")
    assert [] == gone(ledger(NOW + COUNTED - MICRO), "3")
    assert ["4"] == gone(ledger(NOW + COUNTED), "4")


def test_what_counts_no_more_is_forgotten(connection: Connection, ledger: Open) -> None:
    """The ledger keeps a day's deletions of a stream and what waits in a wave, and nothing else of that stream."""
    gone(ledger(NOW, "contacts"), "1")
    gone(ledger(NOW), "1", "2")
    gone(ledger(NOW + MICRO), "3", "4", "5")  # held
    gone(ledger(NOW + COUNTED), "6")
    kept = mirror_of(connection).deletions()
    expected = [("contacts", "1"), ("deals", "3"), ("deals", "4"), ("deals", "5"), ("deals", "6")]
    assert expected == [each.pick("stream", "record_id") for each in kept]


def test_what_was_held_is_counted_with_what_follows(connection: Connection, ledger: Open) -> None:
    """One wave takes in what comes while it waits; it says what the stream held when it was opened."""
    gone(ledger(known=100), "1", "2")
    assert [] == gone(ledger(known=98), "3")
    assert [] == gone(ledger(NOW + MICRO, known=90), "4")
    (wave,) = waves(connection)
    assert (WaveState.HELD, 2, 100, NOW) == (wave.state, wave.records, wave.known, wave.opened_at)


def test_a_wave_tells_of_its_own_records_alone(connection: Connection, ledger: Open) -> None:
    """How many of which kind, by which way, and the first few by name."""
    for stream, first in (("deals", 10), ("contacts", 20)):
        numbers = count(first)
        opened = ledger(stream=stream)
        page = Page(stream, deleted={str(next(numbers)): clock.to_micros(NOW)}, merged={str(next(numbers)): "9"})
        page.gone += [str(next(numbers)) for _ in range(4)]
        opened.judge(page, "poll", there=[*page.deleted, *page.merged, *page.gone])
    told = {wave.stream: wave for wave in waves(connection, source="hubspot")}
    assert {"archived": 1, "merged": 1, "gone": 4} == told["deals"].kinds
    assert ({"poll": 6}, ["10", "11", "12", "13", "14"]) == (told["deals"].ways, told["deals"].examples)
    assert (6, ["20", "21", "22", "23", "24"]) == (told["contacts"].records, told["contacts"].examples)


def test_waves_are_of_their_source_and_in_their_state(connection: Connection, ledger: Open) -> None:
    gone(ledger(), "1", "2", "3")
    (wave,) = waves(connection, WaveState.HELD, source="hubspot")
    assert ([], []) == (waves(connection, WaveState.REJECTED), waves(connection, source="salesforce"))
    assert [wave] == waves(connection)


def test_a_wave_ends_with_the_last_of_its_records(connection: Connection, ledger: Open) -> None:
    """Records that are there again leave it, of however many statements; a wave without any is withdrawn."""
    ids = [str(number) for number in range(CHUNK + 1)]
    gone(ledger(), *ids)
    ledger().void(ids[:-1])
    (left,) = waves(connection)
    ledger(NOW + MICRO).void([*ids, "none of it"])
    (ended,) = waves(connection)
    assert (WaveState.HELD, 1, None) == (left.state, left.records, left.decided_at)
    assert (WaveState.WITHDRAWN, 0, NOW + MICRO) == (ended.state, ended.records, ended.decided_at)


def test_a_decided_wave_is_not_withdrawn(connection: Connection, ledger: Open) -> None:
    """What a person decided stays what they decided, also where the records are there again."""
    gone(ledger(), "1", "2", "3")
    (wave,) = waves(connection)
    assert decide(connection, wave.number, WaveState.REJECTED, "ada@loom.example", NOW)
    assert not decide(connection, wave.number, WaveState.CONFIRMED, "bo@loom.example", NOW)
    ledger().void(["1", "2", "3"])
    (after,) = waves(connection)
    assert (WaveState.REJECTED, "ada@loom.example", 0) == (after.state, after.decided_by, after.records)


def test_what_was_rejected_is_held_until_something_new_is_told(connection: Connection, ledger: Open) -> None:
    """A later instant of the deletion is new where it lies after the decision.

    An earlier one, and the same again, are not.
    """
    ids = ("1", "2", "3")
    at = clock.to_micros(NOW)
    opened = ledger()
    opened.judge(Page("deals", deleted=dict.fromkeys(ids, at)), "list", there=ids)
    (wave,) = waves(connection)
    decide(connection, wave.number, WaveState.REJECTED, "ada@loom.example", NOW + 2 * MICRO)
    deleted: dict[str, int | None] = {"1": at, "2": at + 2, "3": at + 3}
    judged = ledger(NOW + 3 * MICRO).judge(Page("deals", deleted=deleted), "list", there=ids)
    assert {"3": at + 3} == judged.page.deleted


def test_confirmed_waves_are_told_until_they_are_dealt_with(connection: Connection, ledger: Open) -> None:
    """Many records at once are dealt with, and leave the ledger; how many were taken over adds up."""
    ids = [f"{number:04}" for number in range(2 * CHUNK + 1)]
    gone(ledger(), *ids)
    (wave,) = waves(connection)
    assert [] == list(confirmed(connection, "hubspot"))
    decide(connection, wave.number, WaveState.CONFIRMED, "ada@loom.example", NOW)
    assert [(wave.number, "deals", ids)] == list(confirmed(connection, "hubspot"))
    assert [] == list(confirmed(connection, "salesforce"))
    assert dict.fromkeys(ids, wave.number) == held_among(connection, "hubspot", "deals", ids)
    assert ids == gone(ledger(), *ids)
    for more in (2, 3):
        count_taken_over(connection, wave.number, more)
    assert ([], {}) == (list(confirmed(connection, "hubspot")), held_among(connection, "hubspot", "deals", ids))
    assert [5] == [each.taken_over for each in waves(connection)]
