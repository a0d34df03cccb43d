"""The story's Mondays: what the shipped rules will find is believable, and changes within the week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache

import pytest

from ros_sync.sandbox.world import STORY_MONDAY, WEEK_LATER, World, WorldState
from ros_sync.sandbox.world.awkward import AWKWARD_DEALS, HOSTILE_NAME, LONGEST_NAME
from ros_sync.sandbox.world.events import Change, Row
from ros_sync.sandbox.world.pipelines import PIPELINES

_ORDER = {
    stage.name: place for stages in PIPELINES.values() for place, stage in enumerate(stages) if stage.kind == "open"
}
Finder = Callable[[World, datetime], set[str]]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def open_deals(state: WorldState) -> dict[str, Row]:
    return {id_: deal for id_, deal in state.deals.items() if deal.get("closed") is None}


def instant(row: Row, field: str) -> datetime | None:
    value = row.get(field)
    assert value is None or isinstance(value, datetime)
    return value


@cache
def deal_changes(world: World, at: datetime) -> tuple[Change, ...]:
    return tuple(change for change in world.changes(at) if change.object == "deal")


@cache
def stalled(world: World, at: datetime) -> set[str]:
    deals = open_deals(world.state(at))
    return {
        id_ for id_, deal in deals.items() if (instant(deal, "last_buyer_activity") or at) < at - timedelta(days=14)
    }


@cache
def without_next_step(world: World, at: datetime) -> set[str]:
    deals = open_deals(world.state(at))
    return {id_ for id_, deal in deals.items() if not deal.get("next_step") or not deal.get("next_step_date")}


@cache
def pushed_twice(world: World, at: datetime) -> set[str]:
    pushes: Counter[str] = Counter()
    for change in deal_changes(world, at):
        if change.field == "close_date" and isinstance(change.old, date) and isinstance(change.new, date):
            pushes[change.id] += change.new.replace(day=1) > change.old.replace(day=1)
    return {id_ for id_ in open_deals(world.state(at)) if pushes[id_] > 1}


@cache
def not_advanced(world: World, at: datetime) -> set[str]:
    advanced: dict[str, datetime] = {}
    for change in deal_changes(world, at):
        if change.field != "stage":
            continue
        if change.old is None or _ORDER.get(str(change.new), -1) > _ORDER.get(str(change.old), 99):
            advanced[change.id] = change.at
    return {id_ for id_ in open_deals(world.state(at)) if advanced[id_] < at - timedelta(days=90)}


@cache
def without_handoff(world: World, at: datetime) -> set[str]:
    won = {stage.name for stages in PIPELINES.values() for stage in stages if stage.kind == "won"}
    return {
        id_
        for id_, deal in world.state(at).deals.items()
        if deal["stage"] in won
        and deal.get("handed_off") is None
        and (instant(deal, "closed") or at) < at - timedelta(hours=48)
    }


@cache
def overdue_mqls(world: World, at: datetime) -> set[str]:
    return {
        id_
        for id_, lead in world.state(at).leads.items()
        if (instant(lead, "became_mql") or at) < at - timedelta(days=5)
        and lead.get("accepted") is None
        and not (lead.get("rejected") and lead.get("rejection_code"))
    }


@pytest.mark.parametrize(
    "object_name,least,most",
    [
        ("owner", 51, 51),
        ("account", 600, 600),
        ("deal", 1_900, 2_300),
        ("lead", 1_400, 1_600),
        ("activity", 10_000, 18_000),
    ],
)
def test_the_company_has_its_size(world: World, object_name: str, least: int, most: int) -> None:
    """On the story's Monday there are about 2,000 deals, 1,500 leads and 15,000 activities."""
    assert least <= len(world.state().rows[object_name]) <= most


@pytest.mark.parametrize(
    "find,least,most",
    [(stalled, 60, 120), (without_next_step, 50, 110), (pushed_twice, 45, 110), (not_advanced, 15, 60)],
)
def test_a_believable_share_of_the_open_deals_is_in_trouble(world: World, find: Finder, least: int, most: int) -> None:
    """Of some 700 open deals each rule concerns about a tenth, the 90 days about a twentieth."""
    assert 650 <= len(open_deals(world.state())) <= 850
    assert least <= len(find(world, STORY_MONDAY)) <= most


@pytest.mark.parametrize("find,least,most", [(without_handoff, 3, 20), (overdue_mqls, 24, 80)])
def test_a_few_handoffs_and_some_dozen_mqls_are_overdue(world: World, find: Finder, least: int, most: int) -> None:
    """The two rules of time have something to say too, but not much."""
    assert least <= len(find(world, STORY_MONDAY)) <= most


@pytest.mark.parametrize(
    "find", [stalled, without_next_step, pushed_twice, not_advanced, without_handoff, overdue_mqls]
)
def test_within_a_week_some_problems_are_mended_and_some_are_new(world: World, find: Finder) -> None:
    """Between the two Mondays each rule's findings go and come."""
    before, after = find(world, STORY_MONDAY), find(world, WEEK_LATER)

    assert (bool(before - after), bool(after - before)) == (True, True)


def test_the_awkward_deals_are_there(world: World) -> None:
    """Every awkward record is in the CRM on the story's Monday, with its own values."""
    by_name = {deal["name"]: deal for deal in world.state().deals.values()}

    wrong = [
        (awkward, field)
        for awkward in AWKWARD_DEALS
        for field, value in awkward.fields.items()
        if by_name[awkward.fields["name"]][field] != value
    ]

    assert wrong == []


def test_the_hostile_deal_is_open_and_has_no_next_step(world: World) -> None:
    """So that its name reaches Slack in an alert."""
    deals = open_deals(world.state())

    assert [deal.get("next_step") for deal in deals.values() if deal["name"] == HOSTILE_NAME] == [None]


def test_the_longest_name_is_as_long_as_a_crm_allows(world: World) -> None:
    """One name fills the 255 characters."""
    assert max(len(str(deal["name"])) for deal in world.state().deals.values()) == LONGEST_NAME


def test_somebody_who_left_still_owns_open_deals(world: World) -> None:
    """Some deals of inactive users were handed over to nobody."""
    state = world.state()
    inactive = {id_ for id_, owner in state.owners.items() if not owner["active"]}

    assert any(deal["owner"] in inactive for deal in open_deals(state).values())


@pytest.mark.parametrize("kind", ["reopened", "owner_changed", "amount_changed", "next_step_cleared", "handed_off"])
def test_the_rarer_things_happen_too(world: World, kind: str) -> None:
    """Re-opened deals, new owners, changed amounts, forgotten next steps and handoffs are part of the history."""
    assert sum(event.kind == kind for event in world.events()) > 5


def test_some_close_dates_are_pulled_in(world: World) -> None:
    """Not every moved close date is a push."""
    moves = [
        change
        for change in deal_changes(world, STORY_MONDAY)
        if change.field == "close_date" and isinstance(change.old, date) and isinstance(change.new, date)
    ]
    closing = {(change.id, change.at) for change in deal_changes(world, STORY_MONDAY) if change.field == "closed"}

    # both are dates, see above
    assert any(move.new < move.old for move in moves if (move.id, move.at) not in closing)  # type: ignore[operator]
