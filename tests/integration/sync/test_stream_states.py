"""How far streams have been followed, kept from one process to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from tests.integration.mirror_reader import put

from ros_sync.connectors.source import Window
from ros_sync.sync.stream_state import (
    StreamState,
    derivation_of,
    imported_until,
    read_stream_states,
    save_derivation,
    save_imported,
    save_scan,
    save_state,
    save_stream_state,
    scan_of,
    state_of,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STATE = StreamState(
    backfill=Window(0, 9, "p1"),
    poll=Window(1, 2),
    sweep=Window(3, 4, "p3"),
    cursor=NOW,
    watermark=NOW - timedelta(hours=1),
    fingerprint="m",
    properties=frozenset({"amount", "dealstage"}),
)


def test_a_state_is_found_again(engine: Engine) -> None:
    """All of it, and as it was kept last.

    That of another stream, and of the same stream of another source, is its own.
    """
    other = StreamState(cursor=NOW)
    with engine.begin() as connection:
        for source, stream, state in (
            ("one", "deals", STATE),
            ("one", "contacts", other),
            ("two", "deals", other),
            ("one", "deals", replace(STATE, backfill=None, poll=None)),
        ):
            save_stream_state(connection, source, stream, state, NOW)
        found = {source: read_stream_states(connection, source) for source in ("one", "two", "three")}
    expected = {
        "one": {"deals": replace(STATE, backfill=None, poll=None), "contacts": other},
        "two": {"deals": other},
        "three": {},
    }
    assert expected == found


def test_what_is_not_a_state_is_left_alone(engine: Engine) -> None:
    """How far an object was imported, and what a later version wrote, are not states of streams."""
    with engine.begin() as connection:
        save_imported(connection, "one", "deal", NOW, NOW)
        save_imported(connection, "one", "deal", NOW - timedelta(days=1), NOW)  # an older export does not take it back
        save_imported(connection, "two", "deal", NOW + timedelta(days=1), NOW)
    for name, value in (("account", "{}"), ("list", "[1]"), ("later", '{"phase": "other"}')):
        put(engine, "stream_state", source="one", stream=name, progress=value, updated_at=NOW)
    with engine.connect() as connection:
        assert ({}, {"deal": NOW}, {"deal": NOW + timedelta(days=1)}) == (
            read_stream_states(connection, "one"),
            imported_until(connection, "one"),
            imported_until(connection, "two"),
        )


def test_scans_and_derivations_have_states_of_their_own(engine: Engine) -> None:
    """By source, stream and kind; what was not done yet has none."""
    with engine.begin() as connection:
        save_scan(connection, "one", "deals", "deletions", NOW, listed_at=NOW)
        save_scan(connection, "one", "deals", "reread", NOW + timedelta(hours=1))
        save_derivation(connection, "one", "activities", NOW)
        save_derivation(connection, "", "slips", NOW, basis="2 01")
        scans = [scan_of(connection, "one", "deals", each) for each in ("deletions", "reread")]
        assert [(NOW, NOW), (NOW + timedelta(hours=1), None)] == [
            (each["updated_at"], each["listed_at"]) for each in scans if each is not None
        ]
        assert (None, None) == (
            scan_of(connection, "two", "deals", "reread"),
            derivation_of(connection, "one", "slips"),
        )
        assert ["", "2 01"] == [
            (derivation_of(connection, source, what) or {})["basis"]
            for source, what in (("one", "activities"), ("", "slips"))
        ]


def test_the_state_of_a_source_is_its_own(engine: Engine) -> None:
    """What was not said again stays; of a source that was never followed only the name is known."""
    with engine.begin() as connection:
        save_state(connection, "one", NOW, described_at=NOW)
        save_state(connection, "two", NOW)
        save_state(connection, "one", NOW, complete_at=NOW + timedelta(hours=1))
        one, two = state_of(connection, "one"), state_of(connection, "two")
        assert ((NOW, NOW + timedelta(hours=1)), (None, None), {"source": "three"}) == (
            (one["described_at"], one["complete_at"]),
            (two["described_at"], two["complete_at"]),
            state_of(connection, "three"),
        )
