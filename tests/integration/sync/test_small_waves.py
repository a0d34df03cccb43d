"""Waves of deletions that come in other guises.

Many small ones, leads that are none any more, links that vanish first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import CONTEXT, Followed
from tests.integration.sync.test_deletion_waves import (
    POLICY,
    alive,
    archive,
    by_a_listing,
    by_ids_that_are_unknown,
    by_merges,
    by_repair,
    by_webhooks,
    decided,
    later,
    open_waves,
)
from tests.integration.sync.test_deletion_waves import syncer as syncer  # noqa: PLC0414  # a fixture
from tests.integration.sync.test_odd_answers import Between, Json, following
from tests.integration.sync.test_odd_answers import between as between  # noqa: PLC0414  # a fixture

from ros_sync import clock
from ros_sync.connectors.source import ChangeEvent
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deletions import WaveState

Make = Callable[..., str]
LEAD = "hs_lifecyclestage_lead_date"


# ---- many small ones


def test_twenty_small_waves_by_different_ways_add_up(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """One or two records at a time, by each way in turn, all within a day.

    Four of forty go, and every other one is held.
    """
    deals = [deal() for _ in range(40)]
    for _ in range(2):
        later(hubspot, syncer)
    begun = hubspot.clock()
    ways = [by_webhooks, by_a_listing, by_ids_that_are_unknown, by_repair]
    for number in range(20):
        later(hubspot, syncer, 600)
        ways[number % len(ways)](hubspot, syncer, [deals[number]])
    by_merges(hubspot, syncer, deals[20:22])
    assert (hubspot.clock() - begun).total_seconds() < 24 * 3600
    (wave,) = open_waves(engine)
    # Four of forty ended, one new one came of the merge; 16 and the two that were merged are held.
    assert (alive(engine), wave.records) == (40 - 4 + 1, 16 + 2)
    assert set(wave.ways) == {"webhook", "list", "repair", "poll"}


def test_webhooks_of_more_than_one_round_are_one_wave(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood is processed in rounds, each below the share: what was carried out in earlier ones counts."""
    monkeypatch.setattr("ros_sync.sync.follow.change_events.AT_ONCE", 2)
    deals = [deal() for _ in range(40)]
    for _ in range(2):
        later(hubspot, syncer)
    archive(hubspot, deals[:12])
    at = clock.to_micros(hubspot.clock())
    event_inbox.keep(
        engine,
        "hubspot",
        [ChangeEvent(each, "deal.deletion", "deals", each, at) for each in deals[:12]],
        hubspot.clock(),
    )
    for _ in range(6):
        syncer.process_change_events()
    assert (alive(engine), [each.records for each in open_waves(engine)]) == (36, [8])


# ---- leads that end through what their contact says


@pytest.fixture
def people(hubspot: Followed, syncer: Syncer) -> list[str]:
    """Twenty contacts that are leads; three of them may end in a day."""
    properties = {LEAD: "2026-02-01T00:00:00Z"}
    made = [hubspot.account.create("contacts", {"email": f"p{n}@mill.example", **properties}) for n in range(20)]
    for _ in range(2):
        later(hubspot, syncer)
    return made


def become(hubspot: Followed, ids: list[str], since: str) -> None:
    for each in ids:
        hubspot.account.update("contacts", each, {LEAD: since})


def leads_after(hubspot: Followed, engine: Engine, syncer: Syncer, seconds: float = 300, *, full: bool = False) -> int:
    later(hubspot, syncer, seconds, full=full)
    return alive(engine, "lead")


def test_a_few_contacts_that_are_no_leads_any_more_are_believed(
    hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str]
) -> None:
    """Two of twenty end at once."""
    become(hubspot, people[:2], "")
    assert (leads_after(hubspot, engine, syncer), open_waves(engine)) == (18, [])


@pytest.mark.parametrize("full", [False, True])
def test_leads_that_end_in_a_wave_are_held(
    hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str], *, full: bool
) -> None:
    """Six of twenty stay leads, told once; the audit calls them held and no difference."""
    become(hubspot, people[:6], "")
    hubspot.clock.advance(300)
    report = syncer.cycle(full=full)
    assert [each.what.split(":")[0] for each in report.remarks] == ["6 leads are held"]
    found = [(each.stream, each.records, each.known, each.kinds) for each in open_waves(engine, WaveState.HELD)]
    assert (alive(engine, "lead"), found) == (20, [("lead", 6, 20, {"no longer": 6})])
    become(hubspot, people[:3], "")
    assert leads_after(hubspot, engine, syncer, full=True) == 20
    assert [each.records for each in open_waves(engine, WaveState.HELD)] == [6]
    audit = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=POLICY).run(repair=True)
    assert (audit.agrees, audit.held, alive(engine, "lead")) == (True, 6, 20)


def test_a_confirmed_wave_of_leads_is_carried_out(
    hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str]
) -> None:
    """The contacts are read once more: one that is a lead again stays; the others end, and their contacts do not."""
    become(hubspot, people[:6], "")
    leads_after(hubspot, engine, syncer)
    hubspot.account.update("contacts", people[0], {LEAD: "2026-02-01T00:00:00Z"})
    wave = open_waves(engine)[0].number
    assert decided(hubspot, engine, wave, WaveState.CONFIRMED)
    assert leads_after(hubspot, engine, syncer) == 15
    assert alive(engine, "contact") == 20
    assert [(each.state, each.records, each.taken_over) for each in open_waves(engine)] == [("confirmed", 0, 6)]


def test_a_rejected_wave_of_leads_stays(hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str]) -> None:
    """They stay leads while the CRM says the same of them; one that was a lead again in between counts anew."""
    become(hubspot, people[:6], "")
    leads_after(hubspot, engine, syncer)
    decided(hubspot, engine, open_waves(engine)[0].number, WaveState.REJECTED)
    for each in people[:6]:
        hubspot.account.update("contacts", each, {"firstname": "Jo"})
    assert [leads_after(hubspot, engine, syncer, full=full) for full in (False, True)] == [20, 20]
    become(hubspot, people[:1], "2026-02-01T00:00:00Z")
    assert leads_after(hubspot, engine, syncer) == 20
    become(hubspot, people[:1], "")
    assert leads_after(hubspot, engine, syncer) == 19


def test_leads_that_are_leads_again_wait_no_more(
    hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str]
) -> None:
    """The mistake was put right in the CRM: the wave is withdrawn by itself."""
    become(hubspot, people[:6], "")
    leads_after(hubspot, engine, syncer)
    become(hubspot, people[:6], "2026-02-01T00:00:00Z")
    assert leads_after(hubspot, engine, syncer) == 20
    assert [(each.state, each.records) for each in open_waves(engine)] == [("withdrawn", 0)]


def test_leads_and_contacts_that_are_deleted_are_one_wave_of_contacts(
    hubspot: Followed, engine: Engine, syncer: Syncer, people: list[str]
) -> None:
    """Nobody is asked twice about a contact that is gone."""
    for each in people[:6]:
        hubspot.account.archive("contacts", each)
    later(hubspot, syncer)
    assert [(each.stream, each.records) for each in open_waves(engine)] == [("contacts", 6)]
    assert alive(engine, "lead") == 20


# ---- links


def links(engine: Engine) -> int:
    """How many contacts deals are linked with."""
    return len(mirror_of(engine).links("deals", to_stream="contacts"))


@pytest.mark.parametrize("way", ["upkeep", "webhooks"])
def test_links_with_records_that_turn_out_to_be_held_are_kept(
    hubspot: Followed, engine: Engine, deal: Make, way: str
) -> None:
    """The links of deals are read before anything tells of the contacts that were archived.

    The CRM names them no more.
    """
    seldom = replace(POLICY, deletion_scan_seconds=30 * 86_400, links_seconds=3_600)
    syncer = Syncer(engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=seldom)
    people = [hubspot.account.create("contacts", {"email": f"p{n}@mill.example"}) for n in range(20)]
    deals = [deal() for _ in range(6)]
    for each, person in zip(deals, people, strict=False):
        hubspot.account.associate("deals", each, "contacts", person)
    later(hubspot, syncer, 60)
    assert links(engine) == 6
    for person in people[:6]:
        hubspot.account.archive("contacts", person)
    if way == "upkeep":
        later(hubspot, syncer, 7_200)
    else:
        at = clock.to_micros(hubspot.clock())
        events = [ChangeEvent(f"l{each}", "deal.associationChange", "deals", each, at) for each in deals]
        event_inbox.keep(engine, "hubspot", events, hubspot.clock())
        syncer.process_change_events()
    found = [(each.stream, each.records) for each in open_waves(engine, WaveState.HELD)]
    assert (links(engine), found) == (6, [("contacts", 6)])


def test_links_that_were_taken_away_end(hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make) -> None:
    """The other side is there, so the link is not."""
    made, person = deal(), hubspot.account.create("contacts", {"email": "p@mill.example"})
    hubspot.account.associate("deals", made, "contacts", person)
    later(hubspot, syncer)
    assert links(engine) == 1
    hubspot.account.dissociate("deals", made, "contacts", person)
    later(hubspot, syncer)
    assert (links(engine), alive(engine, "contact")) == (0, 1)


# ---- claims


@pytest.mark.parametrize("before", ["never seen", "archived"])
def test_a_false_claim_of_a_merge_leaves_no_redirect(
    hubspot: Followed, engine: Engine, deal: Make, between: Between, before: str
) -> None:
    """A record says that another one went into it, which the mirror does not hold (any more).

    That one is asked, too.
    """
    first = deal()
    other = deal() if before == "archived" else ""
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    if before == "archived":
        hubspot.account.archive("deals", other)
        hubspot.clock.advance(90_000)
        assert syncer.cycle().trouble is None
        assert alive(engine) == 1
        hubspot.account.restore("deals", other)
    other = other or deal()

    def claiming(called: str, body: Json) -> Any:
        if "/objects/deals" in called and "results" in body:
            if called.endswith("/search"):
                body["results"] = [each for each in body["results"] if each["id"] != other]
            for each in body["results"]:
                if each["id"] == first:
                    each["properties"]["hs_merged_object_ids"] = other
        return body

    between.answer = claiming
    hubspot.account.update("deals", first, {"amount": "3"})
    hubspot.clock.advance(60)
    assert syncer.cycle().trouble is None
    assert mirror_of(engine).redirects() == []

    between.answer = lambda _path, body: body
    hubspot.account.update("deals", other, {"amount": "4"})
    hubspot.clock.advance(60)
    assert syncer.cycle().trouble is None
    assert alive(engine) == 2
