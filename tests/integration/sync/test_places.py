"""How far streams have been followed, kept from one process to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from ros_sync.connectors.source import Window
from ros_sync.sync.stream_state import Place, cursor, read_places, save_cursor, save_place, save_state, state_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PLACE = Place(
    backfill=Window(0, 9, "p1"),
    poll=Window(1, 2),
    settled=Window(3, 4, "p3"),
    polled_until=NOW,
    complete_until=NOW - timedelta(hours=1),
    mark="m",
    properties=frozenset({"amount", "dealstage"}),
)


def test_a_place_is_found_again(engine: Engine) -> None:
    """All of it, and as it was kept last.

    That of another stream, and of the same stream of another source, is its own.
    """
    other = Place(polled_until=NOW)
    with engine.begin() as connection:
        for source, stream, place in (
            ("one", "deals", PLACE),
            ("one", "contacts", other),
            ("two", "deals", other),
            ("one", "deals", replace(PLACE, backfill=None, poll=None)),
        ):
            save_place(connection, source, stream, place, NOW)
        found = {source: read_places(connection, source) for source in ("one", "two", "three")}
    expected = {
        "one": {"deals": replace(PLACE, backfill=None, poll=None), "contacts": other},
        "two": {"deals": other},
        "three": {},
    }
    assert expected == found


def test_what_is_no_place_is_left_alone(engine: Engine) -> None:
    """An import's cursor, what is remembered of the account, and what a later version wrote are no places."""
    with engine.begin() as connection:
        for name, value in (("deal", ""), ("account", "{}"), ("list", "[1]"), ("later", '{"phase": "other"}')):
            save_cursor(connection, "one", name, NOW, value=value)
        save_cursor(connection, "two", "deal", NOW, value="2")
        assert ({}, "", "2", None) == (
            read_places(connection, "one"),
            (cursor(connection, "one", "deal") or {})["value"],
            (cursor(connection, "two", "deal") or {})["value"],
            cursor(connection, "two", "account"),
        )


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
