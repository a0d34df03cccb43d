"""What webhooks say is kept, and processed by reading what it is about: as few calls as possible, nothing lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import NOW, Followed

from ros_sync.connectors.source import ChangeEvent, Page, Stream
from ros_sync.errors import DailyLimitError
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer

Make = Callable[..., str]


def event(kind: str, record_id: str, number: int = 1, **more: object) -> dict[str, object]:
    return {"eventId": number, "subscriptionId": 9, "subscriptionType": kind, "objectId": int(record_id), **more}


def received(hubspot: Followed, engine: Engine, *events: dict[str, object]) -> int:
    found, _ = hubspot.source().change_events(orjson.dumps(events))
    return event_inbox.keep(engine, "hubspot", found, hubspot.clock())


def synced(hubspot: Followed, engine: Engine) -> Syncer:
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)
    hubspot.calls()
    return syncer


def test_an_event_is_kept_once_however_often_it_is_sent(hubspot: Followed, engine: Engine) -> None:
    """HubSpot sends events again; the second time nothing is stored."""
    told = event("deal.deletion", "11", occurredAt=1_772_000_000_000)
    assert [received(hubspot, engine, told), received(hubspot, engine, told, told)] == [1, 0]


def test_a_change_is_read_at_once_and_once(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Two hundred events about three deals cost one call, and the mirror has what was changed."""
    made = [deal() for _ in range(3)]
    syncer = synced(hubspot, engine)
    for each in made:
        hubspot.account.update("deals", each, {"amount": "77"})
    at = int(hubspot.clock().timestamp() * 1000)
    events = [event("deal.propertyChange", made[n % 3], n, propertyName="amount", occurredAt=at) for n in range(200)]
    received(hubspot, engine, *events)
    syncer.process_change_events()
    calls = hubspot.calls()
    assert calls == Counter({"batch_read deals": 2})  # the records, and the history of a tracked property
    assert {each.amount_minor for each in mirror_of(engine).deals()} == {7_700}
    assert mirror_of(engine).change_events(processed_at=None) == []


def test_what_the_mirror_knows_already_costs_no_call(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A late event about a state that a poll has read, and one about a property that is not mapped, are free."""
    made = deal()
    syncer = synced(hubspot, engine)
    earlier = int((hubspot.clock() - timedelta(hours=1)).timestamp() * 1000)
    received(
        hubspot,
        engine,
        event("deal.propertyChange", made, 1, propertyName="amount", occurredAt=earlier),
        event("deal.propertyChange", made, 2, propertyName="hs_analytics_num_visits", occurredAt=earlier + 10**9),
    )
    syncer.process_change_events()
    assert hubspot.calls() == Counter()


def test_deletion_restore_merge_and_erasure_arrive_by_event(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What no poll can see is seen at once where HubSpot tells of it."""
    archived, first, other = deal(), deal(), deal()
    person = hubspot.account.create("contacts", {"firstname": "Quirina", "email": "quirina@mill.example"})
    syncer = synced(hubspot, engine)
    hubspot.account.archive("deals", archived)
    new = hubspot.account.merge("deals", first, other)
    hubspot.account.erase("contacts", person)
    received(
        hubspot,
        engine,
        event("deal.deletion", archived),
        event("deal.merge", first, newObjectId=int(new), primaryObjectId=int(first), mergedObjectIds=[int(other)]),
        event("contact.privacyDeletion", person),
    )
    syncer.process_change_events()
    assert mirror_of(engine).count("deal", id=(archived, first, other), deleted=True) == 3
    assert mirror_of(engine).count("redirect", new_id=new) == 2
    assert mirror_of(engine).count("contact") == 0
    hubspot.account.restore("deals", archived)
    received(hubspot, engine, event("deal.restore", archived))
    syncer.process_change_events()
    assert mirror_of(engine).count("deal", id=archived, deleted=False) == 1


def test_a_changed_association_is_read_on_its_event(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """An association moves no modified date: the event has the links read, and the account of the deal follows."""
    made, mill = deal(), hubspot.account.create("companies", {"name": "Mill"})
    syncer = synced(hubspot, engine)
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")
    told = {
        "eventId": 5, "subscriptionType": "deal.associationChange", "fromObjectId": int(made), "toObjectId": int(mill),
        "associationType": "DEAL_TO_COMPANY",
    }  # fmt: skip
    received(hubspot, engine, told)
    syncer.process_change_events()
    assert hubspot.calls() == Counter({"associations deals": 2})
    assert mirror_of(engine).deal().account_id == mill


def test_links_follow_from_both_sides(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What is read from the deal's side is known from the contact's, and a merge takes the links along."""
    first, other = deal(), deal()
    person = hubspot.account.create(
        "contacts", {"email": "jo@mill.example", "hs_lifecyclestage_lead_date": "2026-02-01T00:00:00Z"}
    )
    syncer = synced(hubspot, engine)
    hubspot.account.associate("deals", first, "contacts", person)
    received(
        hubspot,
        engine,
        {
            "eventId": 1,
            "subscriptionType": "deal.associationChange",
            "fromObjectId": int(first),
            "toObjectId": int(person),
        },
    )
    syncer.process_change_events()
    assert mirror_of(engine).lead().deal_id == first
    new = hubspot.account.merge("deals", first, other)
    received(hubspot, engine, event("deal.merge", first, newObjectId=int(new), mergedObjectIds=[int(other)]))
    syncer.process_change_events()
    assert mirror_of(engine).lead().deal_id == new
    hubspot.account.archive("deals", new)
    received(hubspot, engine, event("deal.deletion", new, 2))
    syncer.process_change_events()
    assert mirror_of(engine).lead().deal_id is None
    hubspot.account.restore("deals", new)
    received(hubspot, engine, event("deal.restore", new, 3))
    syncer.process_change_events()
    assert mirror_of(engine).lead().deal_id == new


def test_hints_wait_where_the_crm_cannot_be_read(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A day's limit parks the source: the change events stay, and are processed when it goes on."""
    made = deal()
    syncer = synced(hubspot, engine)
    hubspot.account.archive("deals", made)
    received(hubspot, engine, event("deal.deletion", made))
    hubspot.faults.next("batch_read", Fault("daily_limit"))
    with pytest.raises(DailyLimitError):
        syncer.process_change_events()
    hubspot.calls()
    assert (syncer.process_change_events(), hubspot.calls()) == (None, Counter())
    hubspot.clock.advance(86_400)
    syncer.process_change_events()
    assert mirror_of(engine).count("deal", deleted=True) == 1


def test_old_hints_are_forgotten(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Hints that were processed days ago go; those of today stay, so that a repetition is recognised."""
    made = deal()
    syncer = synced(hubspot, engine)
    for number in range(3):
        received(hubspot, engine, event("deal.deletion", made, number))
        syncer.process_change_events()
        hubspot.clock.advance(2 * 86_400)
    assert mirror_of(engine).count("change_event") == 2


def test_strangers_are_kept_out(hubspot: Followed) -> None:
    """Entries that are no events, or about what is not followed, are counted and no change events."""
    body = json.dumps([1, "x", None, {}, {"subscriptionType": "deal.deletion"}, event("ticket.deletion", "5"),
                         event("deal.deletion", "7"), {"subscriptionType": "deal.deletion", "objectId": "no number"},
                         {"subscriptionType": "deal.deletion", "objectId": 10**40}]).encode()  # fmt: skip
    found, others = hubspot.source().change_events(body)
    assert ([(each.kind, each.record_id) for each in found], others) == ([("deal.deletion", "7")], 8)
    assert isinstance(found[0], ChangeEvent)


def test_hints_of_a_stream_that_cannot_be_read_wait(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A scope is missing for a while: what was told meanwhile, a privacy deletion too, is read when it is back."""
    person, company = (
        hubspot.account.create("contacts", {"firstname": "Quirina"}),
        hubspot.account.create("companies", {}),
    )
    made = deal(dealstage="closedwon")
    syncer = synced(hubspot, engine)
    hubspot.account.tokens.limit_scopes(tuple(scope for scope in SCOPES if "contacts.read" not in scope))
    hubspot.account.erase("contacts", person)
    hubspot.account.associate("deals", made, "companies", company)
    received(
        hubspot, engine,
        event("contact.privacyDeletion", person),
        event("deal.associationChange", made, 2, fromObjectId=int(made), toObjectId=int(company)),
    )  # fmt: skip
    syncer.process_change_events()
    assert mirror_of(engine).deal().account_id == company
    assert mirror_of(engine).count("contact") == 1
    hubspot.calls()
    syncer.process_change_events()
    assert hubspot.calls() == Counter()
    hubspot.account.tokens.limit_scopes(SCOPES)
    hubspot.clock.advance(301)
    syncer.process_change_events()
    assert mirror_of(engine).count("contact") == 0


def test_hints_that_nobody_can_work_off_are_given_up(hubspot: Followed, engine: Engine) -> None:
    """After two weeks they are done, with what kept them from being read."""
    person = hubspot.account.create("contacts", {"firstname": "Quirina"})
    syncer = synced(hubspot, engine)
    hubspot.account.tokens.limit_scopes(tuple(scope for scope in SCOPES if "contacts.read" not in scope))
    received(hubspot, engine, event("contact.merge", person))
    for days, outcome in ((0, None), (13, None), (15, "allow")):
        hubspot.clock.move_to(NOW + timedelta(days=days, minutes=10))
        syncer.process_change_events()
        found = mirror_of(engine).record("change_event").outcome
        assert found is None if outcome is None else outcome in str(found)


def test_a_mistake_about_one_stream_holds_no_other_up(
    hubspot: Followed, engine: Engine, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that nobody thought of: the deals' change events wait, the contact's is processed."""
    made, person = deal(), hubspot.account.create("contacts", {"firstname": "Quirina"})
    syncer = synced(hubspot, engine)
    read = syncer.source.read

    def odd(stream: Stream, ids: Sequence[str]) -> Page:
        if stream.name == "deals":
            raise ZeroDivisionError
        return read(stream, ids)

    monkeypatch.setattr(syncer.source, "read", odd)
    hubspot.account.archive("contacts", person)
    received(hubspot, engine, event("deal.merge", made), event("contact.deletion", person, 2))
    syncer.process_change_events()
    waiting = mirror_of(engine).change_events(processed_at=None)
    assert (len(waiting), mirror_of(engine).count("contact", deleted=False)) == (1, 0)
