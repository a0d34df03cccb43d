"""`ros-sync deletions` in a workspace that follows a HubSpot on loopback."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine
from tests.integration.cli.conftest import Followed
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of


@pytest.fixture(autouse=True)
def _held(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of five deals are archived, and one in two may be deleted in a day."""
    monkeypatch.setenv("ROS_SYNC_SYNC__DELETION_SHARE", "0.5")
    monkeypatch.setenv("ROS_SYNC_SYNC__DELETION_AT_LEAST", "2")
    for each in followed.deals[:3]:
        followed.account.archive("deals", each)
    code, out, _ = followed.run("sync", "--full")
    assert (code, "3 deals are held" in out) == (0, True), out


def alive(engine: Engine) -> int:
    return mirror_of(engine).count("deal", deleted=False)


def test_what_is_held_is_shown_wherever_people_look(followed: Followed, engine: Engine) -> None:
    """`deletions`, `status`, `doctor` and the audit tell of it; the deals stay."""
    code, out, _ = followed.run("deletions")
    assert (code, "3 of 5 deals of hubspot: 3 archived, such as" in out, "confirm WAVE" in out) == (0, True, True), out
    code, out, _ = followed.run("deletions", "--json")
    [wave] = json.loads(out)
    assert (wave["number"], wave["state"], wave["records"], wave["ways"]) == (1, "held", 3, {"list": 3})
    code, out, _ = followed.run("status")
    assert ("Held deletions (3)" in out, "wave 1: 3 of 5 deals" in out) == (True, True), out
    code, out, _ = followed.run("doctor")
    assert "3 deals are held" in out, out
    code, out, _ = followed.run("sync", "audit")
    assert (code, "3 records held" in out, "No differences." in out, alive(engine)) == (0, True, True, 5), out


def test_confirming_deletes_with_the_next_sync(followed: Followed, engine: Engine) -> None:
    """Who decided is kept, and a wave is decided once."""
    code, out, _ = followed.run("deletions", "confirm", "1", "--by", "Ada@Loom.example")
    assert (code, out.startswith("Confirmed: 3 records")) == (0, True), out
    assert followed.run("sync")[0] == 0
    assert alive(engine) == 2
    code, out, error = followed.run("deletions", "reject", "1")
    assert (code, "wave 1 isn't held; it is confirmed by ada@loom.example (" in error) == (1, True), error
    code, out, _ = followed.run("deletions")
    assert (code, out) == (0, "No deletions are held.\n")
    code, out, _ = followed.run("deletions", "--all")
    assert (code, "confirmed by ada@loom.example (" in out, "3 processed" in out) == (0, True, True), out


def test_rejecting_keeps_them(followed: Followed, engine: Engine) -> None:
    """Nobody is asked again about the same."""
    code, out, _ = followed.run("deletions", "reject", "1")
    assert (code, out) == (0, "Rejected: 3 records of the deals stay.\n")
    code, out, _ = followed.run("sync", "--full")
    assert (code, "are held" in out, alive(engine)) == (0, False, 5), out


@ON_SQLITE
def test_a_wave_that_there_is_not_is_said(followed: Followed) -> None:
    """By its number, with what to do."""
    code, _, error = followed.run("deletions", "confirm", "7")
    assert (code, "wave 7 not found" in error, "run `ros-sync deletions`" in error) == (1, True, True), error
