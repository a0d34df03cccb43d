"""Following HubSpot: the sandbox over real HTTP, the official client, both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import NOW, Followed

from ros_sync.mirror.database import open_engine
from ros_sync.organisation.fiscal import FiscalYear
from ros_sync.sandbox.hubspot.company import Story
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.world import STORY_MONDAY, WEEK_LATER, World
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.reports import CycleReport
from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]
STREAMS = ("deals", "contacts", "companies", "calls", "emails", "meetings", "notes", "tasks")


def ok(report: CycleReport) -> CycleReport:
    assert report.trouble is None
    return report


def test_a_deal_comes_with_everything_that_the_connector_file_maps(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """Stage and pipeline by label, money in minor units, days as days, the owner by id, the account by association."""
    made = deal(amount="1234.5", hs_next_step="Call\x00 Jane ", closing_plan="true", team_size="12")
    company = hubspot.account.create("companies", {"name": "Mill"})
    hubspot.account.associate("deals", made, "companies", company, label="Primary")
    ok(hubspot.syncer(engine).cycle())
    held = mirror_of(engine).deal(made)
    assert held.pick("stage", "pipeline", "stage_kind", "stage_position", "stage_order", "amount_minor") == (
        "Discovery", "Sales", "open", "early", 2, 123450,
    )  # fmt: skip
    assert held.pick("close_date", "owner_id", "account_id", "next_step", "closing_plan", "custom") == (
        date(2026, 3, 31), "7", company, "Call Jane", True, {"team_size": 12},
    )  # fmt: skip


@ON_SQLITE
def test_twelve_thousand_deals_on_one_millisecond(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A bulk edit of more records than a query can page is read whole, each once, in at most 61 searches."""
    ids = [deal() for _ in range(12_000)]
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.clock.advance(3600)
    hubspot.account.move_bulk("deals", ids, {"hs_next_step": "moved"}, at=hubspot.clock())
    hubspot.clock.advance(60)
    hubspot.calls()
    report = ok(syncer.cycle())
    assert (report.of("deals").read, report.of("deals").updated) == (12_000, 12_000)
    assert hubspot.calls()["search deals"] <= 61
    assert mirror_of(engine).count("deal", next_step="moved") == 12_000


def test_no_call_is_wasted(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """1,000 changed deals, 100 of them in a tracked property, cost seven calls.

    An idle poll costs one for each stream.
    """
    ids = [deal() for _ in range(1_000)]
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.clock.advance(600)
    for place, each in enumerate(ids):
        change = {"hs_next_step": "again"} | ({"amount": "5"} if place < 100 else {})
        hubspot.account.update("deals", each, change)
    hubspot.clock.advance(10)
    hubspot.calls()
    ok(syncer.cycle())
    calls = hubspot.calls()
    assert Counter({name: n for name, n in calls.items() if name.endswith("deals")}) == Counter(
        {"search deals": 5, "batch_read deals": 2}
    )
    hubspot.clock.advance(600)
    ok(syncer.cycle())  # reads the overlap once more
    hubspot.clock.advance(600)
    hubspot.calls()
    ok(syncer.cycle())
    assert hubspot.calls() == Counter({f"search {stream}": 1 for stream in STREAMS})


def test_doing_it_again_changes_nothing(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Neither a poll of the same stretch nor a whole listing writes a row that is there already."""
    for _ in range(30):
        made = deal()
        hubspot.account.update("deals", made, {"dealstage": "proposal"}, at=NOW + timedelta(minutes=1))
    hubspot.clock.advance(300)
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    before = [mirror_of(engine).count(kind) for kind in ("deal", "deal_version", "change")]
    hubspot.clock.advance(30)
    ok(syncer.cycle())
    ok(syncer.cycle(full=True))
    assert [mirror_of(engine).count(kind) for kind in ("deal", "deal_version", "change")] == before


def test_a_new_deals_past_is_told_of_its_stage_and_not_of_what_the_stage_says(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """How early a stage is and how likely it is won is known by the stage.

    No change of its own, also of a first insert.
    """
    made = deal()
    hubspot.account.update("deals", made, {"dealstage": "proposal"}, at=NOW + timedelta(minutes=1))
    hubspot.clock.advance(300)
    ok(hubspot.syncer(engine).cycle())
    changed = {change.field for change in mirror_of(engine).changes(record_id=made)}
    assert "stage" in changed
    assert not {"stage_position", "probability"} & changed


def test_an_archived_deal_is_deleted_here_and_restored_with_it(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Archiving moves no modified date: the daily list finds it, and its absence from the list finds a restore."""
    made = deal()
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.account.archive("deals", made)
    at = hubspot.clock()
    hubspot.clock.advance(86_400)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(made).deleted_at == at
    hubspot.account.restore("deals", made)
    hubspot.clock.advance(86_400)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(made).deleted_at is None


def test_merged_deals_lead_to_the_new_one(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The new record has the history of the first; the old ones end, and are known to be it."""
    first, other = deal(), deal(dealname="Looms again")
    hubspot.account.update("deals", first, {"dealstage": "proposal"}, at=NOW + timedelta(hours=1))
    hubspot.clock.advance(7_200)
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    new = hubspot.account.merge("deals", first, other)
    hubspot.clock.advance(60)
    ok(syncer.cycle(full=True))
    mirror = mirror_of(engine)
    expected = ("Proposal", NOW + timedelta(hours=1), None)
    assert mirror.deal(new).pick("stage", "stage_entered_at", "deleted_at") == expected
    led = [each.pick("old_id", "new_id") for each in mirror.redirects("deal")]
    assert sorted(led) == sorted([(first, new), (other, new)])
    assert [mirror.deal(each).deleted_at is not None for each in (first, other)] == [True, True]


def test_an_erased_person_is_nowhere_any_more(hubspot: Followed, engine: Engine) -> None:
    """A privacy deletion in HubSpot leaves no name and no address in any table, and nothing brings them back."""
    person = hubspot.account.create(
        "contacts",
        {"firstname": "Quirina", "lastname": "Quux", "email": "quirina@mill.example", "lifecyclestage": "lead"},
    )
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.account.update("contacts", person, {"email": "quirina.quux@mill.example"}, at=NOW + timedelta(minutes=5))
    hubspot.clock.advance(600)
    ok(syncer.cycle())
    hubspot.account.erase("contacts", person)
    hubspot.clock.advance(600)
    ok(syncer.cycle(full=True))
    kinds = ("contact", "contact_version", "lead", "lead_version", "change", "quarantined", "link")
    assert [kind for kind in kinds if "uirina" in str(mirror_of(engine).records(kind))] == []


def test_a_lagging_search_brings_nothing_back(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Search may still tell of a deal that was archived a moment ago; it stays deleted."""
    made = deal()
    syncer = hubspot.syncer(engine, policy=SyncPolicy(deletion_scan_seconds=1))
    ok(syncer.cycle())
    hubspot.account.search_lag_seconds = 60
    hubspot.clock.advance(100)
    hubspot.account.update("deals", made, {"amount": "7"})
    hubspot.clock.advance(61)
    hubspot.account.archive("deals", made)
    ok(syncer.cycle())
    hubspot.clock.advance(5)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(made).deleted_at is not None


def test_a_write_that_search_learns_of_late_is_not_lost(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What search did not tell at the first poll, it tells within the overlap."""
    made = deal()
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.account.search_lag_seconds = 50
    hubspot.clock.advance(300)
    hubspot.account.update("deals", made, {"amount": "7"})
    hubspot.clock.advance(10)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(made).amount_minor == 100_000
    hubspot.clock.advance(60)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(made).amount_minor == 700


def test_a_day_s_limit_parks_the_source_and_ends_by_itself(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """No call is made until the account's midnight; the status says why; then it goes on without anybody's doing."""
    deal()
    syncer = hubspot.syncer(engine)
    hubspot.faults.next("list", Fault("daily_limit"), times=8)
    report = syncer.cycle()
    midnight = datetime(2026, 3, 2, 23, tzinfo=UTC)  # in Berlin, where the account is
    assert report.quota_exhausted_until == midnight
    hubspot.calls()
    hubspot.clock.advance(3_600)
    assert syncer.cycle().quota_exhausted_until == midnight
    assert hubspot.calls() == Counter()
    hubspot.clock.move_to(midnight + timedelta(minutes=1))
    hubspot.faults.clear()
    ok(syncer.cycle())
    assert mirror_of(engine).count("deal") == 1


@ON_SQLITE
@pytest.mark.parametrize(
    "kind", ["status", "drop_before", "drop_after", "broken_json", "slow", "rate_limit_ten_secondly"]
)
def test_a_call_that_fails_is_made_again(hubspot: Followed, engine: Engine, deal: Make, kind: str) -> None:
    """Whatever goes wrong once with a call, nothing is missing afterwards."""
    made = [deal() for _ in range(120)]
    for call in ("list", "describe", "associations"):
        hubspot.faults.next(call, Fault(kind, seconds=0.01), times=2)
    ok(hubspot.syncer(engine).cycle())
    assert mirror_of(engine).count("deal") == len(made)


def test_a_property_that_disappears_is_reported_and_loses_nothing(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """Without a property everything else is still read, and the account's problems name it."""
    made = deal(hs_next_step="kept")
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.account.remove_property("deals", "team_size")
    hubspot.clock.advance(86_400)
    hubspot.account.update("deals", made, {"amount": "9"})
    report = ok(syncer.cycle())
    assert [problem.property for problem in report.problems] == ["team_size"]
    assert mirror_of(engine).deal(made).amount_minor == 900


def test_polled_and_back_filled_mirrors_agree(hubspot: Followed, engine: Engine, tmp_path: Any) -> None:
    """Push counts, stage entries and past states from HubSpot's history equal those of a mirror that always polled."""
    world = World(scale=0.03)
    story = Story(hubspot.account, world, with_wear=False)
    followed = hubspot
    followed.clock.move_to(STORY_MONDAY)
    story.advance_to(STORY_MONDAY)
    syncer = followed.syncer(engine)
    ok(syncer.cycle())
    at = STORY_MONDAY
    while at < WEEK_LATER:
        at += timedelta(hours=29)
        followed.clock.move_to(at)
        story.advance_to(at)
        ok(syncer.cycle())
    late = open_engine(f"sqlite:///{tmp_path / 'late.db'}")
    ok(followed.syncer(late).cycle())
    names = ("id", "stage", "stage_entered_at", "push_count", "fiscal_push_count", "pull_in_count", "days_pushed",
             "first_close_date", "stage_days_before", "amount_minor", "close_date", "owner_id",
             "last_activity_at")  # fmt: skip
    tracked = ("id", "stage", "stage_kind", "amount_minor", "close_date", "forecast_category", "owner_id")
    one, two = mirror_of(engine), mirror_of(late)
    assert [each.pick(*names) for each in one.deals()] == [each.pick(*names) for each in two.deals()]
    for days in (1, 3, 30, 90):
        then = at - timedelta(days=days)
        polled, back_filled = ([each.pick(*tracked) for each in mirror.as_of(then, "deal")] for mirror in (one, two))
        assert polled == back_filled
    late.dispose()


def test_who_was_a_lead_no_more_is_none_after_a_restore(hubspot: Followed, engine: Engine) -> None:
    """Archived and restored, a contact is what its own record says it is."""
    mql, lead = "hs_lifecyclestage_marketingqualifiedlead_date", "hs_lifecyclestage_lead_date"
    person = hubspot.account.create("contacts", {"email": "a@mill.example", mql: "2026-03-01T00:00:00Z"})
    other = hubspot.account.create("contacts", {"email": "b@mill.example", mql: "2026-03-01T00:00:00Z"})
    syncer = hubspot.syncer(engine)
    ok(syncer.cycle())
    hubspot.clock.advance(60)
    hubspot.account.update("contacts", person, {mql: "", lead: ""})
    ok(syncer.cycle())
    for happens in (hubspot.account.archive, hubspot.account.restore):
        for each in (person, other):
            happens("contacts", each)
        hubspot.clock.advance(90_000)
        ok(syncer.cycle())
    alive = [lead.id for lead in mirror_of(engine).leads(deleted=False)]
    assert (alive, mirror_of(engine).count("contact", deleted=False)) == ([other], 2)


@pytest.mark.parametrize(
    "properties",
    [{"closedate": "9999-12-31T00:00:00Z"}, {"closedate": "0001-01-15T00:00:00Z"}, {"amount": "90000000000000000"}],
)
def test_a_deal_beyond_what_can_be_counted_keeps_no_other_away(
    hubspot: Followed, engine: Engine, deal: Make, properties: dict[str, str]
) -> None:
    """Never as a close date, and an amount that no column holds in the company's own currency."""
    quarter_of = partial(_quarter, FiscalYear(2))
    context = DealContext("EUR", {"GBP": Decimal("1.17")}, quarter_of)
    odd, other = deal(deal_currency_code="GBP"), deal()
    syncer = Syncer(engine, hubspot.source(), context, now=hubspot.clock)
    ok(syncer.cycle())
    hubspot.clock.advance(60)
    hubspot.account.update("deals", odd, properties)
    hubspot.account.update("deals", other, {"hs_next_step": "Call"})
    hubspot.clock.advance(60)
    ok(syncer.cycle())
    assert mirror_of(engine).deal(other).next_step == "Call"
    assert mirror_of(engine).deal(odd).amount_minor == int(properties.get("amount", "1000")) * 100


def _quarter(fiscal: FiscalYear, day: date) -> date:
    return fiscal.quarter_of(day).start
