"""A HubSpot that cannot be read, followed over real HTTP, and the alerts about its deals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.client import Persistence
from ros_sync.jobs.cycle import TickReport, tick
from ros_sync.organisation.company import Organisation
from ros_sync.rules.rule_files import load as load_rules
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sync.follow.engine import Syncer
from ros_sync.workspace.company import Company

RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    message: "{name}: no next step"
  - id: unrejected
    title: Lead without an answer
    applies_to: lead
    when: [rejection_code is missing]
    message: "{name}: no answer"
"""
Ticking = Callable[[], TickReport]


@pytest.fixture
def ticking(engine: Engine, hubspot: Followed, tmp_path: Path) -> Ticking:
    """Run one tick at the present of the sandbox."""
    (tmp_path / "rules.yaml").write_text(RULES)
    company = Company(Organisation(), load_rules([tmp_path / "rules.yaml"], home_currency="EUR"))
    return lambda: tick(engine, company, hubspot.clock(), transport="console")


@pytest.fixture
def syncer(engine: Engine, hubspot: Followed) -> Syncer:
    """Follow the account, giving up soon."""
    return hubspot.syncer(engine, source=hubspot.source(persistence=Persistence(attempts=2)))


def states(engine: Engine) -> list[tuple[str, str]]:
    return [(each.headline, each.state) for each in mirror_of(engine).alerts("deal")]


def complete_at(engine: Engine) -> datetime | None:
    return next((each.complete_at for each in mirror_of(engine).records("source_state")), None)


def test_nothing_fires_until_the_back_fill_is_through(
    hubspot: Followed, engine: Engine, deal: Callable[..., str], ticking: Ticking, syncer: Syncer
) -> None:
    """The deals are here and the listing of contacts broke off: no alert. Once all is listed, there is one."""
    deal(dealname="Looms")
    hubspot.faults.at_random(1.0, 1, [Fault("status")])
    syncer.cycle()
    broken, at_first = complete_at(engine), ticking()
    hubspot.faults.clear()
    hubspot.clock.advance(60)
    syncer.cycle()
    ticking()
    assert (None, ["hubspot"]) == (broken, [standing.source for standing in at_first.stale])
    assert [("Looms", "open")] == states(engine)


def test_a_hubspot_that_cannot_be_read_keeps_its_alerts_and_catches_up(
    hubspot: Followed, engine: Engine, deal: Callable[..., str], ticking: Ticking, syncer: Syncer
) -> None:
    """Half an hour of refusals: the state of before stands, with the reason; then one cycle and one tick mend it."""
    repaired, neglected = deal(dealname="Mended"), deal(dealname="Neglected", hs_next_step="call")
    syncer.cycle()
    ticking()
    hubspot.account.update("deals", repaired, {"hs_next_step": "call"})
    hubspot.account.update("deals", neglected, {"hs_next_step": ""})
    hubspot.faults.at_random(1.0, 1, [Fault("status")])
    hubspot.clock.advance(1_800)
    syncer.cycle()
    stale = ticking()
    before = states(engine)
    hubspot.faults.clear()
    hubspot.clock.advance(60)
    syncer.cycle()
    first, second = ticking(), ticking()
    assert [("Mended", "open")] == before
    assert "hubspot was last fully read 30 min ago (09:00 UTC): " in stale.stale[0].words(stale.now)
    assert [("Mended", "resolved"), ("Neglected", "open")] == states(engine)
    assert [1, 0] == [first.alerts.opened, second.alerts.opened]


def test_a_parked_hubspot_says_when_it_goes_on(
    hubspot: Followed, deal: Callable[..., str], ticking: Ticking, syncer: Syncer
) -> None:
    """With the day's calls used up, the words hold the moment at which it is read again."""
    deal()
    syncer.cycle()
    hubspot.clock.advance(1_800)
    hubspot.faults.at_random(1.0, 1, [Fault("daily_limit")])
    syncer.cycle()
    report = ticking()
    assert "resumes automatically at" in report.stale[0].words(report.now)


def test_a_person_who_was_erased_in_hubspot_leaves_the_alert(
    hubspot: Followed, engine: Engine, ticking: Ticking, syncer: Syncer
) -> None:
    """Privacy deletion in HubSpot, learnt by the full reconciliation: the alert on the lead says nothing of them."""
    person = hubspot.account.create(
        "contacts", {"firstname": "Zelda", "lastname": "Zeta", "email": "zelda@buyer.example", "lifecyclestage": "lead"}
    )
    syncer.cycle()
    ticking()
    before = [alert.headline for alert in mirror_of(engine).alerts("lead")]
    hubspot.account.erase("contacts", person)
    hubspot.clock.advance(60)
    syncer.cycle(full=True)
    ticking()
    after = [alert.headline for alert in mirror_of(engine).alerts("lead")]

    assert (["Zelda Zeta"], ["a person who was deleted in the CRM"]) == (before, after)
