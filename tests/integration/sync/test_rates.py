"""Calls at the pace of the vendor's limits: many workers on one database, a HubSpot on loopback that counts them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from threading import get_ident

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of
from tests.integration.sync.calling import client_of, virtual_pace
from tests.integration.sync.conftest import NOW, Followed
from tests.unit.connectors.virtual_time import VirtualTime

from ros_sync import clock
from ros_sync.connectors.hubspot.call_limits import CALLS, SEARCH, limits_of
from ros_sync.connectors.hubspot.client import Persistence
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.pace import Pace, used_share
from ros_sync.errors import DailyLimitError, RateLimitedError, TransientError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.database import open_engine
from ros_sync.sandbox.hubspot import HubSpotServer
from ros_sync.sandbox.hubspot.account import ApiCall
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.faults import Fault, Faults
from ros_sync.sandbox.hubspot.limits import Limits, Meter
from ros_sync.sync.rates import DatabasePace

RUN_SECONDS = 20.0
PROCESS_SECONDS = 4.0
Make = Callable[..., str]
QUERY = {"filterGroups": [], "properties": ["dealname"], "limit": 1}
PROCESSES = """
import json, os, sys, time
from datetime import UTC, datetime
from threading import Thread
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.hubspot.call_limits import limits_of
from ros_sync.mirror.database import open_engine
from ros_sync.sync.rates import DatabasePace

number, database, url, token = int(sys.argv[1]), *sys.argv[2:]
print("ready", flush=True)
seconds = float(sys.stdin.readline())
children = []
while len(children) < number and (0 not in children):
    children.append(os.fork())
if 0 in children:
    class Noted(DatabasePace):
        def _note_turn(self, limit, bucket):
            turns[limit].append(bucket.at)
            super()._note_turn(limit, bucket)

    turns = {"calls": [], "search": []}
    pace = Noted(open_engine(database), "hubspot", limits_of(190, 5))
    client = HubSpotClient(PrivateAppToken(token), pace, now=lambda: datetime.now(UTC), sleep=time.sleep, api_url=url)
    end = time.monotonic() + seconds

    def plain():
        while time.monotonic() < end:
            client.pipelines("deals")

    def search():
        while time.monotonic() < end:
            client.search("deals", {"filterGroups": [], "properties": ["dealname"], "limit": 1})

    threads = [Thread(target=each) for each in (plain, plain, search)]
    for each in threads: each.start()
    for each in threads: each.join()
    line = json.dumps({"made": sum(client.counts.values()), "turns": turns})
    os.write(1, (line + "\\n").encode())  # in one piece
    os._exit(0)
for _ in range(number): os.wait()
"""


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(sqlite_template, tmp_path / "rates.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'rates.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    engine = open_engine(postgresql_url)
    yield engine
    engine.dispose()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def is_search(call: ApiCall) -> bool:
    return call.kind == "search"


def most_in_a_window(moments: list[float], seconds: float) -> int:
    most, window = 0, deque[float]()
    for at in sorted(moments):
        while window and window[0] <= at - seconds:
            window.popleft()
        window.append(at)
        most = max(most, len(window))
    return most


def assert_all_used(calls: list[ApiCall]) -> None:
    """No call was refused, and the limits were used up but for a twentieth."""
    assert Counter(call.status for call in calls) == Counter({200: len(calls)})
    for moments, maximum, seconds in (
        ([call.seconds for call in calls if not is_search(call)], 190, 10.0),
        ([call.seconds for call in calls if is_search(call)], 5, 1.0),
    ):
        allowed = (moments[-1] - moments[0]) * maximum / seconds
        assert (len(moments) - 1) / allowed >= 0.95
        assert most_in_a_window(moments, seconds) <= maximum


def test_what_is_allowed_is_used_and_nothing_is_refused(hubspot: Followed, sqlite_engine: Engine) -> None:
    """Threads on SQLite use 95 % of the account's limits, while somebody else holds the database's write lock.

    HubSpot counts calls as they arrive, so a machine that is slow with some of them alone may be refused. Here sandbox
    and pace go by one clock, which stands still while a call is under way.
    """
    time_line = VirtualTime()
    hubspot.account.meter = Meter(Limits.like_hubspot(), "Europe/Berlin", clock=time_line.now)
    pace = DatabasePace(sqlite_engine, "hubspot", limits_of(190, 5), sleep=time_line.sleep, monotonic=time_line.now)
    client = client_of(hubspot, pace, sleep=time_line.sleep)
    end = time_line.now() + RUN_SECONDS

    def call_on(call: Callable[[], object]) -> None:
        while time_line.now() < end:
            call()

    plain, search = partial(client.pipelines, "deals"), partial(client.search, "deals", QUERY)
    with sqlite_engine.begin() as connection:
        alter(connection, "rate_bucket", used=0)
        time_line.run([partial(call_on, call) for call in (plain, plain, search, search)])
    assert_all_used(hubspot.account.calls)
    assert used_share({}, client.use, RUN_SECONDS) == pytest.approx(0.96, abs=0.02)


@pytest.mark.postgresql
def test_processes_share_what_is_allowed(hubspot: Followed, postgresql_engine: Engine) -> None:
    """Turns given to three processes on PostgreSQL are those of one limit: each has its part, none is lost.

    When a call arrives is the machine's affair; when it may be made is decided by the database, and is looked at here.
    """
    made, turns = run_processes(hubspot.url, hubspot.account.token, postgresql_engine)
    assert (len(made), sum(made)) == (3, len(hubspot.account.calls))
    assert min(made) > 0.1 * sum(made)  # nobody is left out
    for limit, maximum, seconds in ((CALLS, 190, 10.0), (SEARCH, 5, 1.0)):
        moments = turns[limit]
        assert most_in_a_window(moments, seconds) <= maximum
        assert mirror_of(postgresql_engine).record("rate_bucket", name=limit).used == len(moments)


def run_processes(url: str, token: str, engine: Engine) -> tuple[list[int], dict[str, list[float]]]:
    """Let three processes call as much as they may; the calls that each made, and the turns that they were given."""
    command = [sys.executable, "-c", PROCESSES, "3", url_of(engine), url, token]
    made: list[int] = []
    turns: dict[str, list[float]] = {CALLS: [], SEARCH: []}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as processes:
        assert processes.stdout is not None
        assert processes.stdout.readline() == "ready\n"
        for line in processes.communicate(f"{PROCESS_SECONDS}\n", timeout=120)[0].splitlines():
            told = json.loads(line)
            made.append(told["made"])
            for limit, moments in told["turns"].items():
                turns[limit] += moments
    return made, turns


def early_calls(calls: list[ApiCall], seconds: Callable[[ApiCall], float]) -> list[tuple[ApiCall, ApiCall]]:
    """The refusals, each with a call that came before the refusal's time was over.

    That is its own repetition, and any other call against the same limit but those that were under way together with
    it: the sandbox's clock stands still then, as it moves only while somebody waits.
    """
    early = []
    for number, refusal in enumerate(calls):
        if refusal.status != 429:
            continue
        end = refusal.at + timedelta(seconds=seconds(refusal)) - timedelta(microseconds=10)  # clocks in seconds round
        later = calls[number + 1 :]
        again = next((call for call in later if (call.method, call.path) == (refusal.method, refusal.path)), None)
        others = [call for call in later if is_search(call) == is_search(refusal) and refusal.at < call.at]
        early += [(refusal, call) for call in (again, *others) if call is not None and call.at < end]
    return early


@pytest.mark.parametrize(
    "kinds, fault, seconds",
    [(("search", "describe"), "rate_limit_secondly", 1.0), (("list", "batch_read"), "rate_limit_ten_secondly", 10.0)],
)
def test_a_storm_of_refusals_loses_nothing(
    hubspot: Followed, engine: Engine, deal: Make, kinds: tuple[str, ...], fault: str, seconds: float
) -> None:
    """Refused fifteen times in a row, far more often than failures are tried again.

    Each waits its time, all is there.
    """
    made = [deal() for _ in range(40)]
    syncer = hubspot.syncer(engine, source=source_of(hubspot, virtual_pace(hubspot)))
    for kind in kinds:
        hubspot.faults.next(kind, Fault(fault), times=15)
    report = syncer.cycle()
    assert report.trouble is None
    hubspot.clock.advance(600)
    for each in made:
        hubspot.account.update("deals", each, {"amount": "77"})
    hubspot.clock.advance(60)
    report = syncer.cycle()
    assert report.trouble is None
    assert hubspot.faults.happened[fault] == 30
    assert early_calls(hubspot.account.calls, lambda _refusal: seconds) == []
    held = [each.id for each in mirror_of(engine).deals(amount_minor=7_700)]
    assert sorted(held) == sorted(made)


def test_a_limit_that_others_have_used_up_is_waited_for(hubspot: Followed) -> None:
    """Other apps take all that the account allows, with and without Retry-After: no call is early, each is answered."""
    meter = hubspot.account.meter = Meter(Limits(20, 2), "Europe/Berlin", clock=lambda: hubspot.clock().timestamp())
    numbers = count()

    class Busy(Faults):
        """Before every third call of ours, as many of others as are allowed."""

        def take(self, kind: str, object_type: str) -> Fault | None:
            while next(numbers) % 3 == 0:
                with suppress(HubSpotError):
                    while True:
                        meter.count(search=kind == "search", now=hubspot.clock())
            return super().take(kind, object_type)

    with HubSpotServer(hubspot.account, faults=Busy()) as server:
        hubspot.url = server.url
        client = client_of(hubspot, virtual_pace(hubspot, limits_of(20, 2)))
        answers = [
            call("deals") for _ in range(12) for call in (client.pipelines, lambda kind: client.search(kind, QUERY))
        ]
    assert len(answers) == 24
    refusals = [call for call in hubspot.account.calls if call.status == 429]
    assert {call.policy for call in refusals} == {"SECONDLY", "TEN_SECONDLY_ROLLING"}
    windows = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
    assert early_calls(hubspot.account.calls, lambda refusal: windows[str(refusal.policy)]) == []


def test_refusals_are_no_failures(hubspot: Followed) -> None:
    """Between refusals a call may fail as often as ever: the one does not use up the patience for the other."""
    client = client_of(hubspot, virtual_pace(hubspot), persistence=Persistence(attempts=3))
    for _ in range(2):
        hubspot.faults.next("describe", Fault("rate_limit_secondly"), times=10)
        hubspot.faults.next("describe", Fault("status", status=503))
    assert client.pipelines("deals")["results"] != []
    hubspot.faults.next("describe", Fault("status", status=503), times=3)
    with pytest.raises(TransientError):
        client.pipelines("deals")


def test_a_storm_without_end_is_given_up_after_ten_minutes(hubspot: Followed) -> None:
    """The call ends with the refusal, so that the cycle can say so and go on later; it does not wait for ever."""
    client, began = client_of(hubspot, virtual_pace(hubspot)), hubspot.clock()
    hubspot.faults.next("describe", Fault("rate_limit_ten_secondly"), times=1_000)
    with pytest.raises(RateLimitedError):
        client.pipelines("deals")
    waited = hubspot.clock() - began
    assert timedelta(minutes=9) < waited <= timedelta(minutes=11)
    assert hubspot.faults.happened["rate_limit_ten_secondly"] == len(hubspot.account.calls)


def test_a_refused_creation_is_made_once(hubspot: Followed) -> None:
    """A limit's refusal is certain: the record was not created, so it is created when its time has come, and once."""
    client = client_of(hubspot, virtual_pace(hubspot))
    hubspot.faults.next("write", Fault("rate_limit_ten_secondly"), times=3)
    client.create("notes", {"properties": {"hs_note_body": "called", "hs_timestamp": "1772442000000"}})
    assert [record["hs_note_body"] for record in hubspot.account.snapshot("notes").values()] == ["called"]
    assert early_calls(hubspot.account.calls, lambda _refusal: 10.0) == []


def test_a_refusal_seen_by_one_worker_stops_all(hubspot: Followed, engine: Engine) -> None:
    """Six threads, in two processes' paces where there are several: during the pause none of them searches.

    Others call.
    """
    shared = engine.dialect.name == "postgresql"
    waiting: set[int] = set()  # threads that waited for longer than it takes to give a turn

    def sleep(seconds: float) -> None:
        if seconds > 0.1:
            waiting.add(get_ident())
        time.sleep(seconds)

    def others() -> int:
        for _ in range(10):
            clients[0].pipelines("deals")
        return get_ident()

    paces = [DatabasePace(engine, "hubspot", limits_of(None, 5), sleep=sleep) for _ in range(2 if shared else 1)]
    clients = [client_of(hubspot, pace, sleep=time.sleep) for pace in paces]
    hubspot.faults.next("search", Fault("rate_limit_secondly"))
    with ThreadPoolExecutor(7) as searching, ThreadPoolExecutor(1) as pool:
        plain = pool.submit(others)
        searches = [searching.submit(clients[number % len(clients)].search, "deals", QUERY) for number in range(6)]
        assert plain.result() not in waiting
        assert [len(each.result()["results"]) for each in searches] == [0] * 6
    assert waiting, "the searches waited"
    calls = [call for call in hubspot.account.calls if is_search(call)]
    refused_at = next(call.seconds for call in calls if call.status == 429)
    under_way = 0.2  # seconds between two searches: one may be on its way when the refusal comes
    assert [call for call in calls if refused_at + under_way < call.seconds < refused_at + 1] == []
    assert Counter(call.status for call in calls) == Counter({200: 6, 429: 1})


def test_the_next_process_keeps_the_pause(engine: Engine) -> None:
    """Started again during a pause, a process makes no call before its end; another limit is free."""
    before = DatabasePace(engine, "hubspot", limits_of(100, 5))
    before.slow_down(SEARCH, 1.0)
    began = time.monotonic()
    after = DatabasePace(engine, "hubspot", limits_of(100, 5))
    after.take(CALLS)
    free = time.monotonic()
    after.take(SEARCH)
    assert free < began + 0.9
    assert time.monotonic() >= began + 0.95


def test_a_note_that_cannot_be_written_is_written_later(sqlite_engine: Engine) -> None:
    """On SQLite a pause is kept in memory while somebody else writes, without waiting, and noted with a later call."""
    pace = DatabasePace(sqlite_engine, "hubspot", limits_of(1_000, 5))
    with sqlite_engine.begin() as connection:
        alter(connection, "rate_bucket", used=0)
        began = time.monotonic()
        pace.slow_down(SEARCH, 60.0)
        pace.take(CALLS)
        assert time.monotonic() - began < 1
    assert mirror_of(sqlite_engine).rate_buckets() == []
    pace.take(CALLS)
    paused = mirror_of(sqlite_engine).record("rate_bucket", name=SEARCH)
    assert paused.not_before > clock.now() + timedelta(seconds=50)


def test_a_day_s_limit_stops_every_worker_until_midnight(hubspot: Followed, engine: Engine) -> None:
    """One worker is refused; no other one calls before the account's midnight, nor one started later.

    Then all go on.
    """
    first, second = (client_of(hubspot, DatabasePace(engine, "hubspot", limits_of(None, None))) for _ in range(2))
    first.time_zone = "America/New_York"
    hubspot.faults.next("describe", Fault("daily_limit"))
    with pytest.raises(DailyLimitError) as caught:
        first.pipelines("deals")
    midnight = datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert caught.value.resume_at == midnight
    workers = [first, client_of(hubspot, DatabasePace(engine, "hubspot", limits_of(None, None)))]
    if engine.dialect.name == "postgresql":
        workers.append(second)
    hubspot.account.calls.clear()
    for at in (NOW, midnight - timedelta(microseconds=1)):
        hubspot.clock.move_to(at)
        for worker in workers:
            with pytest.raises(DailyLimitError, match="resumes automatically"):
                worker.search("deals", QUERY)
    assert hubspot.account.calls == []
    hubspot.clock.move_to(midnight)
    for worker in workers:
        worker.search("deals", QUERY)
    assert len(hubspot.account.calls) == len(workers)


def test_a_day_s_limit_in_the_middle_of_a_back_fill_loses_nothing(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """The source parks with a clear status and goes on after midnight where it stopped, until everything is there."""
    made = [deal() for _ in range(130)]
    meter = hubspot.account.meter = Meter(Limits(daily=25), "Europe/Berlin")
    syncer = hubspot.syncer(engine, source=source_of(hubspot, virtual_pace(hubspot)))
    midnight = datetime(2026, 3, 2, 23, tzinfo=UTC)  # in Berlin
    report = syncer.cycle()
    assert (report.quota_exhausted_until, report.trouble) == (
        midnight,
        "HubSpot's daily API limit is used up",
    )
    state = mirror_of(engine).source_state()
    assert state.pick("quota_exhausted_until", "trouble") == (midnight, report.trouble)
    calls = len(hubspot.account.calls)
    hubspot.clock.move_to(midnight - timedelta(seconds=1))
    assert syncer.cycle().quota_exhausted_until == midnight
    assert len(hubspot.account.calls) == calls
    hubspot.clock.move_to(midnight)
    meter.limits = Limits(daily=500)
    report = syncer.cycle()
    assert (report.quota_exhausted_until, report.trouble) == (None, None)
    assert mirror_of(engine).count("deal") == len(made)


def source_of(hubspot: Followed, pace: Pace) -> HubSpotSource:
    """A source whose waits move the sandbox's clock."""
    mapping = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
    return HubSpotSource(mapping, client_of(hubspot, pace), now=hubspot.clock)
