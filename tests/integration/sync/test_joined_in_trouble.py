"""Joined records when other things happen: rates change, identities end, people are erased, two CRMs write at once."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.test_joined_records import everything
from tests.integration.sync.two_crms import CONTEXT, H, S, at, changes, linked, records, unlinked, write

from ros_sync import clock
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import erase
from ros_sync.mirror.identities import FORGOTTEN, IdentityError
from ros_sync.mirror.store import Upsert
from ros_sync.sync.ingest.joined_records import follow_merges, followed_by_joined, link, rebuild
from ros_sync.sync.ingest.restating import restate_amounts
from ros_sync.sync.one_writer import writing

X = ("export", "x1")
ON_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


def test_restated_rates_reach_joined_deals(engine: Engine) -> None:
    """What the member is worth now, the joined deal is worth as well, as a movement of the currency."""
    before, after = (replace(CONTEXT, rates={"USD": Decimal(rate)}) for rate in ("0.9", "0.8"))
    restate_amounts(engine, before, at(-1))
    with engine.begin() as connection:
        write(connection, "deal", H, 0, amount_minor=1000, currency="USD", amount_home_minor=900)
        write(connection, "deal", S, 0, name="Loom")
        linked(connection, "deal", S, H, hours=1)
    restate_amounts(engine, after, at(2))
    with engine.connect() as connection:
        assert 800 == records(connection, "deal")[S]["amount_home_minor"]
        assert [(S, "amount_home_minor", "900", "800")] == [each[:4] for each in changes(connection, "deal")]


@pytest.mark.parametrize("third", [False, True], ids=["the identity ends", "two are left"])
def test_a_past_that_was_counted_stays(engine: Engine, third: bool) -> None:
    """What a joined deal had been pushed by then does not depend on what became of the identity since."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, stage_kind="open", close_date="2026-03-10")
        for key in (S, X):
            write(connection, "deal", key, 0, name="Loom")
        linked(connection, "deal", S, H, *([X] if third else []), hours=1)
        write(connection, "deal", H, 2, close_date="2026-06-10")
        write(connection, "deal", H, 30, name="Loom II")
        before = records(connection, "deal", 25)[S]
        unlinked(connection, "deal", H, hours=50)
        after = records(connection, "deal", 25)[S]
    assert (1, date(2026, 6, 10)) == (before["push_count"], before["close_date"])
    assert before == after


def test_the_past_knows_owners_by_who_was_one_then(engine: Engine) -> None:
    """Owners that are no longer one, or became one later, change nothing of the time before."""
    with engine.begin() as connection:
        for source, number in (("hubspot", "7"), ("salesforce", "005A")):
            write(connection, "owner", (source, number), 0, name="Ann", email="ann@example.com")
        write(connection, "deal", H, 0, owner_id="7")
        write(connection, "deal", S, 0, name="Loom")
        linked(connection, "deal", S, H, hours=1)
        linked(connection, "owner", ("salesforce", "005A"), ("hubspot", "7"), hours=2)
        unlinked(connection, "owner", ("hubspot", "7"), hours=4)
        seen = [
            (row["owner_id"], row["owner_named"])
            for row in (records(connection, "deal", hours)[S] for hours in (1.5, 3, 5))
        ]
    assert [(None, "ann@example.com"), ("005A", None), (None, "ann@example.com")] == seen


def test_an_owner_is_called_as_they_are_called_now(engine: Engine) -> None:
    """Whoever owns a record of another CRM is named in the joined one; their new address is there at once."""
    with engine.begin() as connection:
        write(connection, "owner", ("hubspot", "7"), 0, email="old@example.com")
        write(connection, "deal", H, 0, owner_id="7")
        write(connection, "deal", S, 0, name="Loom")
        linked(connection, "deal", S, H, hours=1)
        write(connection, "owner", ("hubspot", "7"), 2, email="new@example.com")
        assert "new@example.com" == records(connection, "deal")[S]["owner_named"]


def test_what_names_a_merged_record_names_the_one_it_went_into(engine: Engine) -> None:
    """A joined deal has the account that takes the merged one's place."""
    with engine.begin() as connection:
        for key in (("hubspot", "ha"), ("hubspot", "hb"), ("salesforce", "sa")):
            write(connection, "account", key, 0, name="Acme")
        linked(connection, "account", ("hubspot", "ha"), ("salesforce", "sa"), hours=1)
        write(connection, "deal", H, 0, name="Loom")
        write(connection, "deal", S, 0, account_id="sa")
        linked(connection, "deal", H, S, hours=1)
        before = records(connection, "deal")[H]["account_id"]
        with followed_by_joined(connection, CONTEXT):
            follow_merges(connection, "account", "hubspot", {"ha": "hb"}, at(3))
        assert ("ha", "hb") == (before, records(connection, "deal")[H]["account_id"])


def test_nothing_names_an_erased_person(engine: Engine) -> None:
    """A joined activity with them loses their id, and the reason why they were linked goes with them."""
    with engine.begin() as connection:
        for key in (H, S, X):
            write(connection, "contact", key, 0, name=key[0])
        for member, reason in ((H, "both are hedwig@example.com"), (X, "the same number")):
            link(connection, "contact", S, [member], at(1), CONTEXT, reason=reason, by="a test")
        write(connection, "activity", ("hubspot", "ha"), 0, subject="Hello", contact_id="h1")
        write(connection, "activity", ("salesforce", "sa"), 0, subject=None)
        linked(connection, "activity", ("salesforce", "sa"), ("hubspot", "ha"), hours=1)
        before = records(connection, "activity")["salesforce", "sa"]
        with followed_by_joined(connection, CONTEXT):
            erase(connection, "hubspot", "contacts", ["h1"], at(4))
        after = records(connection, "activity")["salesforce", "sa"]
        words = " ".join(everything(connection))
        left = mirror_of(connection).records("record_identity")
    assert ("s1", "Hello") == (before["contact_id"], before["subject"])
    assert (None, None) == (after["contact_id"], after["subject"])
    assert "hedwig@" not in words
    assert {FORGOTTEN} == {each.reason for each in left if each.object == "contact"}


def test_who_is_still_there_knows_better(engine: Engine) -> None:
    """A leader that was deleted in its CRM is asked last; the change to the other's values is there."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, stage="Qualify", amount_minor=5, currency="EUR")
        write(connection, "deal", S, 0, stage="Propose", amount_minor=7, currency="EUR")
        linked(connection, "deal", S, H, hours=1)
        write(connection, "deal", S, 2, deleted_at=clock.to_micros(at(2)))
        write(connection, "deal", H, 3, stage="Won", amount_minor=9)
        deal = records(connection, "deal")[S]
        stages = [each[2:4] for each in changes(connection, "deal", "stage")]
    assert ("Won", 9, None) == (deal["stage"], deal["amount_minor"], deal["deleted_at"])
    assert [("Propose", "Qualify"), ("Qualify", "Won")] == stages


def test_a_record_that_was_only_touched_is_as_new_as_it_is(engine: Engine) -> None:
    """The CRM's modified instant moves without a new state, and the joined record's with it."""
    with engine.begin() as connection:
        for key in (H, S):
            write(connection, "deal", key, 0, name="Loom", modified_at=clock.to_micros(at(0)))
        linked(connection, "deal", S, H, hours=1)
        write(connection, "deal", H, 5, name="Loom", modified_at=clock.to_micros(at(5)))
        assert at(5) == records(connection, "deal")[S]["modified_at"]


def test_a_system_of_record_counts_before_the_leader(engine: Engine) -> None:
    """It is the company's, and holds with every write."""
    context = replace(CONTEXT, systems_of_record={"deal": {"name": "hubspot"}})
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="by HubSpot", segment="SMB")
        write(connection, "deal", S, 0, name="by Salesforce", segment="Enterprise")
        linked(connection, "deal", S, H, hours=1)
        rebuild(connection, [("deal", S)], context)
        deal = records(connection, "deal")[S]
    assert ("by HubSpot", "Enterprise") == (deal["name"], deal["segment"])


def test_what_is_not_there_cannot_be_linked(engine: Engine) -> None:
    """A record that the mirror does not hold is named."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="Loom")
        with pytest.raises(IdentityError, match="salesforce nowhere is not in the mirror"):
            linked(connection, "deal", ("salesforce", "nowhere"), H, hours=1)


def test_nobody_is_of_two_at_one_moment(engine: Engine) -> None:
    """A record that was one with another until five is linked from then on, and not before."""
    with engine.begin() as connection:
        for key in (H, S, X):
            write(connection, "deal", key, 0, name=key[0])
        linked(connection, "deal", S, H, hours=1)
        unlinked(connection, "deal", H, hours=5)
        with pytest.raises(IdentityError, match="until 2026-03-02 14:00:00 UTC"):
            linked(connection, "deal", X, H, hours=3)
        linked(connection, "deal", X, H, hours=5)


def _written(engine: Engine, source: str, record_id: str, hours: float, column: str, value: str, begun: threading.Event,
             let_go: threading.Event) -> None:  # fmt: skip
    """Write a column of a deal as a page does, and commit once the other one is at it."""
    with writing(engine, source) as connection, followed_by_joined(connection, CONTEXT):
        upsert = Upsert(connection, objects()["deal"], source, ("id", column), run_id=None)
        upsert.write([(record_id, value)], clock.to_micros(at(hours)))
        begun.set()
        let_go.wait(20)


@ON_POSTGRESQL
def test_two_crms_that_write_at_once_lose_nothing(engine: Engine) -> None:
    """Each works the joined record out, one after the other, with what the other has written."""
    with engine.begin() as connection:
        for key in (H, S):
            write(connection, "deal", key, 0, name="Loom")
        linked(connection, "deal", S, H, hours=1)
    one, other, go = threading.Event(), threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=_written, args=(engine, *H, 2, "next_step", "Call", one, go)),
        threading.Thread(target=_written, args=(engine, *S, 3, "segment", "SMB", other, go)),
    ]
    for thread in threads:
        thread.start()
    assert one.wait(20)
    assert other.wait(20)
    go.set()
    for thread in threads:
        thread.join(20)
    with engine.connect() as connection:
        deal = records(connection, "deal")[S]
    assert ("Call", "SMB") == (deal["next_step"], deal["segment"])


@ON_POSTGRESQL
def test_a_link_that_is_made_while_a_member_is_written_has_what_was_written(engine: Engine) -> None:
    """Whichever of the two commits first."""
    with engine.begin() as connection:
        for key in (H, S):
            write(connection, "deal", key, 0, name="Loom")
    begun, go = threading.Event(), threading.Event()
    writer = threading.Thread(target=_written, args=(engine, *H, 2, "next_step", "Call", begun, go))
    writer.start()
    assert begun.wait(20)

    def join_them() -> None:
        with engine.begin() as connection:
            linked(connection, "deal", S, H, hours=3)
            time.sleep(0.2)

    linker = threading.Thread(target=join_them)
    linker.start()
    go.set()
    for thread in (linker, writer):
        thread.join(20)
    with engine.connect() as connection:
        assert "Call" == records(connection, "deal")[S]["next_step"]
