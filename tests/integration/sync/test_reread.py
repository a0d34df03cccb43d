"""What changes in HubSpot without a modified date, and what is worked out of who is engaged with a deal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync import conftest
from tests.integration.sync.conftest import Followed

SHIPPED = Path(__file__).parents[3] / "connectors/hubspot.yaml"
MAPPED = SHIPPED.read_text().replace("# custom.hubspot_is_stalled", "custom.hubspot_is_stalled")


@pytest.fixture
def follow(hubspot: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Followed:
    """The account, followed by the shipped file with HubSpot's own "is stalled", read again every two hours."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(MAPPED.replace("# reread: 6 hours", "reread: 2 hours"))
    monkeypatch.setattr(conftest, "CONNECTOR", file)
    hubspot.account.define_property("deals", "hs_is_stalled", "bool", calculated=True)
    return hubspot


def stalled(engine: Engine) -> bool:
    return "true" in str(mirror_of(engine).deal().custom).lower()


def test_calculated_properties_are_read_again_by_their_schedule(follow: Followed, engine: Engine) -> None:
    """A poll does not see them.

    The next reading does, in one call for a hundred records, and a quiet poll makes none.
    """
    before = follow.clock() - timedelta(days=1)  # what is newer is read again anyhow, as search lags
    deal = follow.account.create("deals", {"dealname": "Looms", "hs_is_stalled": "false"}, at=before)
    follow.syncer(engine).cycle()
    follow.account.recalculate("deals", deal, {"hs_is_stalled": "true"})
    follow.clock.advance(3_600)
    follow.syncer(engine).cycle()
    unseen = stalled(engine)
    follow.clock.advance(3_700)
    follow.calls()
    follow.syncer(engine).cycle()
    first = follow.calls()["batch_read deals"]
    follow.clock.advance(120)
    follow.syncer(engine).cycle()
    assert (unseen, stalled(engine), first, follow.calls()["batch_read deals"]) == (False, True, 1, 0)


def test_what_cannot_be_read_again_is_left_to_the_listings(follow: Followed, engine: Engine) -> None:
    """A record that the CRM does not know by its id is not deleted for that.

    Only a listing looks for what has vanished.
    """
    before = follow.clock() - timedelta(days=1)
    gone, kept = (follow.account.create("deals", {"dealname": name}, at=before) for name in ("Gone", "Kept"))
    follow.syncer(engine).cycle()
    follow.account.erase("deals", gone)
    follow.account.recalculate("deals", kept, {"hs_is_stalled": "true"})
    follow.clock.advance(7_300)
    follow.syncer(engine).cycle()
    alive = mirror_of(engine).count("deal", deleted=False)
    stalled_ones = len([each for each in mirror_of(engine).deals() if "true" in str(each.custom).lower()])
    follow.syncer(engine).cycle(full=True)
    after = mirror_of(engine).count("deal", deleted=False)
    assert (2, 1, 1) == (alive, stalled_ones, after)


def test_people_engaged_and_the_last_meeting_are_worked_out(follow: Followed, engine: Engine) -> None:
    """Who called, wrote or met us about the deal counts once.

    Outbound calls, notes and meetings that did not take place do not.
    """
    account, now = follow.account, follow.clock()
    deal, quiet = (account.create("deals", {"dealname": name}) for name in ("Looms", "Quiet"))
    people = [account.create("contacts", {"email": f"{name}@buyer.example"}) for name in "abcd"]

    def happened(kind: str, days: int, who: int, **properties: str) -> str:
        at = (now - timedelta(days=days)).isoformat()
        made = account.create(kind, {"hs_timestamp": at, **properties})
        account.associate(kind, made, "deals", deal)
        account.associate(kind, made, "contacts", people[who])
        return made

    happened("emails", 9, 0, hs_email_direction="INCOMING_EMAIL")
    happened("emails", 8, 0, hs_email_direction="INCOMING_EMAIL")
    meeting = happened("meetings", 5, 1, hs_meeting_outcome="COMPLETED")
    happened("meetings", 3, 2, hs_meeting_outcome="NO_SHOW")
    happened("calls", 2, 2, hs_call_direction="OUTBOUND")
    happened("notes", 1, 3)
    follow.syncer(engine).cycle()
    first = mirror_of(engine).deal(deal).pick("contacts_engaged", "last_meeting_at")
    assert first == (2, now - timedelta(days=5))
    assert mirror_of(engine).deal(quiet).contacts_engaged is None
    account.archive("meetings", meeting)
    follow.clock.advance(300)
    follow.syncer(engine).cycle(full=True)
    assert mirror_of(engine).deal(deal).pick("contacts_engaged", "last_meeting_at") == (1, None)


def test_what_the_records_come_with_is_kept(follow: Followed, engine: Engine) -> None:
    """Which fields the source fills: those of mapped properties that are there, of links, and what is worked out."""
    follow.syncer(engine).cycle()
    fields = mirror_of(engine).filled_fields("deal")
    wanted = ("account", "contacts_engaged", "next_step", "stage_kind", "last_meeting", "custom.hubspot_is_stalled")
    there = [name in fields for name in (*wanted, "next_step_date", "handed_off")]

    assert there == [True] * len(wanted) + [False, False]
