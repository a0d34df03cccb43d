"""Pushes of deals that are closed and reopened, against a small model of domain.md 2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ros_sync import clock
from ros_sync.fields import MAX_WHOLE, StoredValue
from ros_sync.sync.ingest.deals import DealContext, Moved, amounts_in_home_currency, beside_stored, computed

BEGIN = datetime(2026, 2, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CLOSED = ("won", "lost")

Step = tuple[timedelta, str]  # how long after the beginning, and a close date or a stage kind (`-`: no date)


def quarter_of(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def counted(
    steps: Sequence[Step], *, first: str | None = "2026-06-30", kind: str = "open"
) -> tuple[int, int, int, int]:
    """Pushes, fiscal pushes, pull-ins and days pushed of a deal that begins `kind` with the date `first`."""
    present: dict[str, str | None] = {"close_date": first, "stage_kind": kind}
    changes = []
    for after, value in steps:
        column = "close_date" if value[0] in "-0123456789" else "stage_kind"
        new = None if value == "-" else value
        if present[column] != new:
            changes.append(Moved(column, clock.to_micros(BEGIN + after), present[column], new))
        present[column] = new
    found = computed(
        changes,
        created_at=clock.to_micros(BEGIN),
        close_date=present["close_date"],
        stage_kind=present["stage_kind"],
        quarter_of=quarter_of,
    )
    return found.push_count, found.fiscal_push_count, found.pull_in_count, found.days_pushed


def closing(after: timedelta, day: str = "2026-03-02", kind: str = "lost") -> list[Step]:
    """The CRM sets the date with the stage."""
    return [(after, kind), (after, day)]


MINUTE = timedelta(minutes=1)
NOTHING = (0, 0, 0, 0)
AT = 29 * DAY  # 2 March
STORIES: dict[str, tuple[list[Step], tuple[int, int, int, int]]] = {
    "reopened after five minutes": (
        [*closing(AT), (AT + 5 * MINUTE, "open"), (AT + 6 * MINUTE, "2026-06-30")], NOTHING,
    ),
    "reopened after thirty days": (
        [*closing(AT), (AT + 30 * DAY, "open"), (AT + 30 * DAY + MINUTE, "2026-06-30")], NOTHING,
    ),
    "set back at the instant of reopening": (
        [*closing(AT), (AT + 30 * DAY, "2026-06-30"), (AT + 30 * DAY, "open")], NOTHING,
    ),
    "set back before it is reopened": ([*closing(AT), (AT + DAY, "2026-06-30"), (AT + 2 * DAY, "open")], NOTHING),
    "set back a week after it was reopened": (
        [*closing(AT), (AT + 3 * DAY, "open"), (AT + 10 * DAY, "2026-06-30")], NOTHING,
    ),
    "closed and reopened twice": (
        [
            *closing(AT), (AT + 5 * MINUTE, "open"), (AT + 6 * MINUTE, "2026-06-30"),
            *closing(AT + 40 * DAY, "2026-04-11", "won"), (AT + 41 * DAY, "open"), (AT + 41 * DAY, "2026-06-30"),
        ],
        NOTHING,
    ),
    "closed again before it was set back": (
        [*closing(AT), (AT + DAY, "open"), *closing(AT + 2 * DAY, "2026-03-04", "won")], NOTHING,
    ),
    "closed again, reopened, and set back then": (
        [
            *closing(AT), (AT + DAY, "open"), *closing(AT + 9 * DAY, "2026-03-11"),
            (AT + 12 * DAY, "open"), (AT + 13 * DAY, "2026-06-30"),
        ],
        NOTHING,
    ),
    "reopened and pushed": ([*closing(AT), (AT + DAY, "open"), (AT + DAY, "2026-08-31")], (1, 1, 0, 62)),
    "reopened, set back, pushed a month later": (
        [*closing(AT), (AT + DAY, "open"), (AT + DAY, "2026-06-30"), (AT + 40 * DAY, "2026-07-31")], (1, 1, 0, 31),
    ),
    "pushed, closed, reopened, set back to the pushed date": (
        [(9 * DAY, "2026-07-31"), *closing(AT), (AT + DAY, "open"), (AT + DAY, "2026-07-31")], (1, 1, 0, 31),
    ),
    "reopened with an earlier date": ([*closing(AT), (AT + DAY, "open"), (AT + DAY, "2026-05-31")], (0, 0, 1, 0)),
    "a date set while it was closed counts from the reopening": (
        [*closing(AT), (AT + DAY, "2026-08-31"), (AT + 5 * DAY, "open")], (1, 1, 0, 62),
    ),
    "edits of a closed deal": ([*closing(AT), (AT + 3 * DAY, "2026-05-04"), (AT + 9 * DAY, "2026-03-05")], NOTHING),
    "a corrected closing date that was carried over": (
        [*closing(AT), (AT + 3 * DAY, "2026-03-05"), (AT + 9 * DAY, "open"), (AT + 12 * DAY, "2026-06-30")], NOTHING,
    ),
    "set seconds before it was won": (
        [(AT, "2026-08-03"), (AT + timedelta(seconds=3), "won")], NOTHING,
    ),
    "set minutes before it was won, and reopened": (
        [(AT, "2026-03-02"), (AT + 5 * MINUTE, "won"), (AT + DAY, "open"), (AT + 3 * DAY, "2026-06-30")], NOTHING,
    ),
    "set 24 hours before it was won": ([(AT, "2026-08-03"), (AT + DAY, "won")], NOTHING),
    "set more than 24 hours before it was won": ([(AT, "2026-08-03"), (AT + DAY + MINUTE, "won")], (1, 1, 0, 34)),
    "set at the instant of closing, told in the other order": ([(AT, "2026-08-03"), (AT, "won")], NOTHING),
    "set an hour before a lost deal was reopened with it": (
        [(AT, "2026-08-31"), (AT + HOUR, "lost"), (AT + 2 * HOUR, "open")], (1, 1, 0, 62),
    ),
    "lost turned into won": ([*closing(AT), *closing(AT + 9 * DAY, "2026-08-11", "won")], NOTHING),
    "a move every twenty hours, six times": (
        [(n * 20 * HOUR, f"2026-{7 + n:02}-28") for n in range(6)], (1, 1, 0, 181),
    ),
    "closed and reopened at one instant": ([(AT, "won"), (AT, "open"), (AT + DAY, "2026-07-31")], (1, 1, 0, 31)),
    "blanked by closing": ([(AT, "lost"), (AT, "-"), (AT + DAY, "open"), (AT + 2 * DAY, "2026-06-30")], NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_a_push_is_a_move_between_dates_of_an_open_deal(name: str) -> None:
    """Closing sets no date that counts, nor does reopening set one back; what moved while open does."""
    steps, expected = STORIES[name]
    assert expected == counted(steps)


def test_a_deal_first_seen_closed_was_not_pushed_by_being_reopened() -> None:
    """Where no date of the open deal is known, the first one after reopening moves nothing, and is its first."""
    steps = [(AT + DAY, "open"), (AT + DAY, "2026-06-30")]
    assert NOTHING == counted(steps, first="2026-03-02", kind="won")


def test_moves_of_a_deal_whose_stage_never_changed_are_judged_by_its_present_stage() -> None:
    """An import without stage history: a won deal was edited while closed, an open one was pushed."""
    steps = [(AT, "2026-08-31")]
    assert [NOTHING, (1, 1, 0, 62)] == [counted(steps, kind=kind) for kind in ("won", "open")]


def model(steps: Sequence[Step], first: str, kind: str) -> int:
    """Pushes by domain.md 2, hour by hour: what an open deal's date was, less what closing brought."""
    end = max((after for after, _ in steps), default=timedelta(0)) + 3 * DAY
    hours = int(end / HOUR) + 1
    kinds, dates, told = [kind] * hours, [first] * hours, [False] * hours
    for after, value in steps:
        hour = int(after / HOUR)
        if value[0] in "0123456789":
            told[hour] = told[hour] or dates[hour] != value
            dates[hour:] = [value] * (hours - hour)
        else:
            kinds[hour:] = [value] * (hours - hour)
    shut = [each in CLOSED for each in kinds]
    plans: list[tuple[int, str]] = [] if kind in CLOSED else [(-1000, first)]
    inherited = bool(not plans)
    for hour in range(hours):
        reopened = not shut[hour] and (shut[hour - 1] if hour else kind in CLOSED)
        if not told[hour] and not reopened:
            continue
        if any(shut[hour : hour + 25]):  # closed now, or within the 24 hours to come
            inherited = True
            continue
        if told[hour] or (inherited and date.fromisoformat(dates[hour]) > (BEGIN + hour * HOUR).date() + DAY):
            plans.append((hour, dates[hour]))
        inherited = False
    moves = [plan for number, plan in enumerate(plans) if number == 0 or plan[1] != plans[number - 1][1]]
    pushes, number = 0, 0
    while number < len(moves):
        before, last = moves[number - 1][1], number
        while last + 1 < len(moves) and moves[last + 1][0] - moves[last][0] < 24:
            last += 1
        pushes += bool(number) and before[:7] < moves[last][1][:7]  # a first date moves nothing
        number = last + 1
    return pushes


DATES = [f"2026-{month:02}-{day:02}" for month in range(1, 9) for day in (3, 27)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5, 20, 23, 24, 25, 30, 72, 400]).map(lambda hours: hours * HOUR),
        st.sampled_from([*DATES, "open", "open", "open", "won", "lost", "lost"]),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=150)
@given(STEPS, st.sampled_from(DATES), st.sampled_from(["open", "won", "lost"]))
def test_pushes_are_those_of_the_model(gaps: Sequence[Step], first: str, kind: str) -> None:
    """Whatever is closed, reopened, edited and moved, at whatever distance, pushes are those of the definition."""
    at, steps = timedelta(0), []
    for gap, value in gaps:
        at += gap
        steps.append((at, value))
    assert model(steps, first, kind) == counted(steps, first=first, kind=kind)[0]


def test_amounts_are_turned_into_the_company_s_currency() -> None:
    """None where the amount or its currency is missing, where there is no rate, and where no column could hold it."""
    context = DealContext("EUR", {"USD": Decimal("0.92")}, quarter_of)
    amounts: list[StoredValue] = [10_000, None, 5, 7, 3, MAX_WHOLE, MAX_WHOLE + 1, -MAX_WHOLE - 1, 200]
    currencies: list[StoredValue] = ["USD", "USD", None, "EUR", "CHF", "EUR", "EUR", "EUR", "USD"]
    expected = [9_200, None, None, 7, None, MAX_WHOLE, None, None, 184]
    assert expected == amounts_in_home_currency(amounts, currencies, context)


@pytest.mark.parametrize(
    "present, reopened, expected",
    [("open", True, "2026-06-30"), ("won", False, "2026-01-31"), ("open", False, "2026-01-31")],
    ids=["reopened", "never open", "always open"],
)
def test_the_first_close_date_is_the_first_as_an_open_deal(present: str, reopened: bool, expected: str) -> None:
    """Where a deal was closed to begin with, it is the one that it got afterwards.

    Where it was never open, the first of all.
    """
    changes = [Moved("stage_kind", clock.to_micros(BEGIN), "won", "open")] if reopened else []
    changes.append(Moved("close_date", clock.to_micros(BEGIN + 2 * DAY), "2026-01-31", "2026-06-30"))
    found = computed(
        changes,
        created_at=clock.to_micros(BEGIN - DAY),
        close_date="2026-06-30",
        stage_kind=present,
        quarter_of=quarter_of,
    )
    assert expected == found.first_close_date


@pytest.mark.parametrize(
    "old, new, advanced",
    [("1", "2", True), ("2", "2", False), ("2", "1", False), (None, "2", False), ("1", None, False)],
    ids=["to a later stage", "to one of the same order", "back", "from no known order", "to no known order"],
)
def test_only_a_later_stage_advances_a_deal(old: str | None, new: str | None, advanced: bool) -> None:
    """Where the deal was never seen to advance, what is stored of its last advance stands."""
    at, stored = clock.to_micros(BEGIN), clock.to_micros(BEGIN - DAY)
    changes = [Moved("stage", at, "Discovery", "Proposal"), Moved("stage_order", at, old, new)]
    columns = computed(changes, created_at=None, close_date=None, stage_kind="open", quarter_of=quarter_of)
    found = beside_stored(columns, changes, entered_at=None, advanced_at=stored, entry_is_given=False)
    assert (at if advanced else stored) == found.advanced_at
