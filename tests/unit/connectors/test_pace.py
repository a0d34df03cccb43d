from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.connectors.virtual_time import VirtualTime

from ros_sync.connectors.buckets import MAX_PAUSE_SECONDS, Allowance, Bucket, rate, refused, reserved
from ros_sync.connectors.hubspot.call_limits import CALLS, SEARCH, limits_of
from ros_sync.connectors.pace import PATIENCE_SECONDS, BucketPace, MemoryBucketStore, MemoryPace, Use, used_share
from ros_sync.errors import RateLimitedError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EXACT = 1e-6


def paced(time: VirtualTime, calls: int | None = 100, searches: int | None = 5) -> MemoryPace:
    return MemoryPace(limits_of(calls, searches), monotonic=time.now, sleep=time.sleep)


def most_in_a_window(moments: list[float], seconds: float) -> int:
    most, window = 0, deque[float]()
    for at in sorted(moments):
        while window and window[0] <= at - seconds + EXACT:
            window.popleft()
        window.append(at)
        most = max(most, len(window))
    return most


@dataclass
class Run:
    """What workers did: the moments of their calls, pauses as (from, until), and limits as (from, maximum)."""

    calls: list[float] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def allowed(self, since: float, until: float) -> int:
        """The most that was allowed at any moment of a stretch."""
        before = [maximum for at, maximum in self.limits if at <= since]
        return max([before[-1], *(maximum for at, maximum in self.limits if since < at < until)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    maximum=st.integers(1, 60),
    workers=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    refusals=st.lists(st.floats(0, 45), max_size=3),
    learnt=st.lists(st.integers(1, 60), max_size=3),
)
def test_no_window_holds_more_than_the_limit(
    maximum: int, workers: int, seed: int, refusals: list[float], learnt: list[int]
) -> None:
    """Whatever workers ask for, whatever is refused and learnt: no rolling window holds too many, no call is early."""
    random = Random(seed)
    slack = min(Allowance(each, 10.0).late_seconds for each in (maximum, *learnt))
    time = VirtualTime(lambda: random.uniform(0, slack) if random.random() < 0.5 else 0.0)
    pace = paced(time, calls=maximum)
    run = Run(limits=[(time.now(), maximum)])

    def work(number: int) -> None:
        mine = Random(seed + number)
        for _ in range(25):
            if mine.random() < 0.2:
                time.sleep(mine.uniform(0, 4))
            pace.take(CALLS)
            run.calls.append(time.now())
            if mine.random() < 0.05 and refusals:
                seconds = refusals.pop()
                run.pauses.append((time.now(), time.now() + seconds))
                pace.slow_down(CALLS, seconds)
            if mine.random() < 0.05 and learnt:
                run.limits.append((time.now(), learnt.pop()))
                pace.learn(CALLS, maximum=run.limits[-1][1], interval_seconds=10.0)

    time.run([partial(work, number) for number in range(workers)])
    early = [
        (at, since, until) for at in run.calls for since, until in run.pauses if since + EXACT < at < until - EXACT
    ]
    assert early == []
    crowded = []
    for begin in run.calls:
        held = sum(1 for at in run.calls if begin <= at < begin + 10 - EXACT)
        if held > run.allowed(begin - EXACT, begin + 10):
            crowded.append((begin, held, run.allowed(begin - EXACT, begin + 10)))
    assert crowded == []


@pytest.mark.parametrize("maximum, seconds", [(5, 1.0), (4, 1.0), (50, 10.0), (100, 10.0), (190, 10.0), (250, 10.0)])
def test_under_load_95_of_100_allowed_calls_are_made(maximum: int, seconds: float) -> None:
    """Workers that ask all the time get at least 95 % of what the limit allows, and never more in any window."""
    time = VirtualTime()
    limit = SEARCH if seconds == 1 else CALLS
    pace = paced(time, **{"searches" if seconds == 1 else "calls": maximum})
    end, made = time.now() + 60, list[float]()

    def work() -> None:
        while True:
            pace.take(limit)
            if time.now() >= end:
                return
            made.append(time.now())

    time.run([work] * 4)
    assert len(made) >= 0.95 * maximum * 60 / seconds
    assert most_in_a_window(made, seconds) <= maximum


@settings(max_examples=40, deadline=None)
@given(lives=st.lists(st.floats(0, 15), min_size=1, max_size=8))
def test_a_process_that_takes_over_keeps_the_limit_of_the_one_before(lives: list[float]) -> None:
    """Killed at any moment and started again, processes that know nothing of each other never exceed the limit."""
    time, made = VirtualTime(), list[float]()
    for seconds in lives:
        pace, end = paced(time, calls=20), time.now() + seconds
        time.sleep(seconds / 2)  # a bucket that has filled
        while True:
            pace.take(CALLS)
            if time.now() >= end:
                break
            made.append(time.now())
    assert most_in_a_window(made, 10.0) <= 20


def test_a_refusal_stops_everybody_and_no_other_limit() -> None:
    """Whoever waits for a turn when another is refused waits for the pause as well.

    Searches go on, and the other way round.
    """
    for refused_limit, other in ((CALLS, SEARCH), (SEARCH, CALLS)):
        time = VirtualTime()
        pace = paced(time)
        began, calls = time.now(), dict[str, list[float]]()

        def ask(limit: str, time: VirtualTime = time, pace: MemoryPace = pace, calls: Any = calls) -> None:
            for _ in range(3):
                pace.take(limit)
                calls.setdefault(limit, []).append(time.now())

        def refuse(time: VirtualTime = time, pace: MemoryPace = pace, limit: str = refused_limit) -> None:
            time.sleep(0.05)
            pace.slow_down(limit, 10)

        # run in this very turn
        time.run([refuse, *([lambda: ask(refused_limit)] * 4), lambda: ask(other)])  # noqa: B023
        assert min(calls[refused_limit]) == pytest.approx(began + 10.05)
        assert max(calls[other]) < began + 1


def test_each_refusal_makes_calls_fewer_and_time_makes_them_more() -> None:
    """Refused repeatedly, calls become fewer; those under way together count as one; in time all is as before."""
    allowance = Allowance(100, 10.0)
    bucket, rates = Bucket(at=0.0), [allowance.per_second]
    for now in (0.0, 10.1, 20.2):
        bucket = refused(refused(bucket, allowance, now, 10), allowance, now + 0.01, 10)
        rates.append(rate(bucket, allowance, now + 10.01))
    assert sorted(rates, reverse=True) == rates
    assert rates[3] == pytest.approx(allowance.per_second * 0.7**3, rel=0.02)
    assert rate(bucket, allowance, 31 + allowance.recovery_seconds) == allowance.per_second


def test_a_pause_is_never_longer_than_an_hour() -> None:
    """A clock that was put back, or a mistaken number, does not stop a limit for days."""
    allowance = Allowance(100, 10.0)
    assert refused(Bucket(at=0.0), allowance, 0.0, 10**9).not_before == MAX_PAUSE_SECONDS
    assert reserved(Bucket(at=90_000.0, not_before=90_000.0), allowance, 0.0).at < 3


def test_a_call_whose_turn_is_too_far_away_is_given_up() -> None:
    """Nobody waits for an hour: the caller is told, and no turn is lost to it."""
    time = VirtualTime()
    pace = paced(time)
    pace.slow_down(CALLS, 1_800)
    with pytest.raises(RateLimitedError):
        pace.take(CALLS)
    time.sleep(1_800)
    before = time.now()
    pace.take(CALLS)
    assert time.now() == pytest.approx(before)


def test_a_turn_at_the_end_of_patience_is_waited_for() -> None:
    """Ten minutes are waited for, and nothing longer; who is told so is told how long it would have taken."""
    time = VirtualTime()
    pace = paced(time, searches=None)
    began = time.now()
    pace.slow_down(SEARCH, PATIENCE_SECONDS)
    pace.take(SEARCH)
    assert time.now() == began + PATIENCE_SECONDS
    pace.slow_down(SEARCH, PATIENCE_SECONDS + 0.5)
    with pytest.raises(RateLimitedError, match="no room for a call in 10 minutes") as refusal:
        pace.take(SEARCH)
    assert refusal.value.retry_after_seconds == PATIENCE_SECONDS + 0.5


def test_a_turn_that_was_missed_is_not_taken() -> None:
    """A thread that wakes much too late asks for another turn: its call would fall into others' window."""
    time = VirtualTime()
    late = [3.0]
    pace = MemoryPace(
        limits_of(10, 5), monotonic=time.now, sleep=lambda seconds: time.sleep(seconds + (late.pop() if late else 0))
    )
    pace.take(CALLS)
    spacing = 1 / Allowance(10, 10.0).per_second
    assert time.now() == pytest.approx(1_000 + spacing + 3)  # at once, as a token has come meanwhile
    assert (pace.use[CALLS].calls, pace._store.read(CALLS).used) == (1, 2)


def test_a_thread_that_always_wakes_late_gets_its_turn() -> None:
    """Three turns may be missed; the fourth is taken, however late it is."""
    time = VirtualTime(lambda: 3.0)
    pace = paced(time, calls=1)
    pace.take(CALLS)
    assert (1, 4) == (pace.use[CALLS].calls, pace._store.read(CALLS).used)


def test_what_was_waited_adds_up() -> None:
    """The time that calls waited for their turns is told, that of those that waited for a pause included."""
    time = VirtualTime()
    pace = paced(time)
    began = time.now()
    pace.slow_down(CALLS, 10)
    pace.take(CALLS)
    pace.take(CALLS)
    pace.take(SEARCH)
    assert pace.waited_seconds == pytest.approx(time.now() - began)
    assert pace.waited_seconds > 10


def test_a_pause_is_looked_for_once_a_look_before_the_turn() -> None:
    """Where a look at the books takes a while, as one at a database does.

    One sleep until then, and one for the rest.
    """
    time, slept = VirtualTime(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    store = MemoryBucketStore(time.now)
    store.lead_seconds = 0.25
    pace = BucketPace(limits_of(100, 5), store, sleep=sleep)
    pace.slow_down(SEARCH, 10)
    pace.take(SEARCH)
    assert [9.75, 0.25] == pytest.approx(slept)


@pytest.mark.parametrize(
    "maximum, interval_seconds, expected",
    [(190, 10.0, (19.0, 10.0)), (1, 10.0, (0.1, 10.0)), (5, 1.0, (5.0, 1.0)), (0, 10.0, None), (100, 0.0, None)],
)
def test_a_limit_is_as_the_vendor_tells_it(
    maximum: int, interval_seconds: float, expected: tuple[float, float] | None
) -> None:
    """What the vendor says that it allows holds from then on, and what makes no sense does not."""
    pace = paced(VirtualTime())
    pace.learn(CALLS, maximum=maximum, interval_seconds=interval_seconds)
    use = pace.use[CALLS]
    assert (expected or (10.0, 10.0)) == (use.per_second, use.interval_seconds)


def test_a_limit_that_is_not_paced_stays_so() -> None:
    """Where no pace is wanted, what the vendor tells changes nothing."""
    pace = paced(VirtualTime(), searches=None)
    pace.learn(SEARCH, maximum=5, interval_seconds=1.0)
    assert [CALLS] == list(pace.use)


def test_other_apps_are_left_their_part() -> None:
    """Where others make half of the account's calls, ours become fewer by what the answers say, not by refusals."""
    time = VirtualTime()
    pace = paced(time)
    window, ours, refusals = deque[float](), list[float](), list[float]()
    end = time.now() + 120

    def count(*, mine: bool) -> int | None:
        while window and window[0] <= time.now() - 10:
            window.popleft()
        if len(window) >= 100:
            if mine:
                refusals.append(time.now())
            return None
        window.append(time.now())
        return 100 - len(window)

    def others() -> None:
        while time.now() < end:
            time.sleep(0.2)
            count(mine=False)

    def work() -> None:
        while time.now() < end:
            pace.take(CALLS)
            remaining = count(mine=True)
            if remaining is None:
                pace.slow_down(CALLS, 10)
                continue
            ours.append(time.now())
            pace.learn(CALLS, maximum=100, interval_seconds=10.0, remaining=remaining)

    time.run([others, work, work])
    assert len(refusals) <= 3
    assert len(ours) >= 0.8 * 50 * 12  # of what the others leave


@pytest.mark.parametrize(
    "seconds, others, is_slower",
    [(9.5, 50, False), (10.0, 50, True), (30.0, 50, True), (10.0, 8, False), (10.0, 9, True)],
)
def test_others_are_counted_once_a_whole_window_of_ours_is_known(seconds: float, others: int, is_slower: bool) -> None:
    """What others use is the limit less ours of the last window, where it is more than two countings may differ by.

    Before a window has passed, nobody knows ours. 8 of 100 calls are within the difference: 5 % and a burst of 3.
    """
    time = VirtualTime()
    pace = paced(time)
    pace.take(CALLS)
    first = pace._store.read(CALLS).at
    time.sleep(first + seconds - time.now())
    pace.learn(CALLS, maximum=100, interval_seconds=10.0, remaining=100 - others)
    allowance = Allowance(100, 10.0)
    expected = allowance.left_by(others) if is_slower else allowance.per_second
    assert rate(pace._store.read(CALLS), allowance, time.now()) == pytest.approx(expected)


@pytest.mark.parametrize("remaining, is_slower", [(91, True), (92, False)])
def test_a_window_that_begins_between_two_turns_has_its_share_of_them(remaining: int, is_slower: bool) -> None:
    """One call, and three 20 s later: the last 10 s hold a quarter of the three when they began 5 s before them.

    So of 100 calls less 91 that remain 8.25 are others', which is more than two countings may differ by.
    """
    time = VirtualTime()
    pace = paced(time)
    pace.take(CALLS)
    time.sleep(20)
    for _ in range(3):
        pace.take(CALLS)
    time.sleep(5)
    allowance = Allowance(100, 10.0)
    pace.learn(CALLS, maximum=100, interval_seconds=10.0, remaining=remaining)
    assert is_slower == (rate(pace._store.read(CALLS), allowance, time.now()) < allowance.per_second)


def test_the_share_that_was_used() -> None:
    """The share is that of the limit used most, over the seconds given, and at least over one window."""
    before = {CALLS: Use(100, 10.0, 10.0), SEARCH: Use(0, 5.0, 1.0)}
    after = {CALLS: Use(182, 10.0, 10.0), SEARCH: Use(10, 5.0, 1.0)}
    assert used_share(before, after, 20.0) == pytest.approx(0.41)
    assert used_share({}, {SEARCH: Use(1, 5.0, 1.0)}, 0.1) == pytest.approx(0.2)
    assert used_share({}, {CALLS: Use(250, 10.0, 10.0)}, 20.0) == 1.0
    assert used_share(after, after, 20.0) is None


def test_the_later_of_two_moments_parks() -> None:
    """A worker that was told an earlier moment does not let the others call before the later one."""
    pace = paced(VirtualTime())
    pace.exhaust_quota(NOW + timedelta(hours=2))
    pace.exhaust_quota(NOW)
    assert pace.quota_exhausted_until == NOW + timedelta(hours=2)
