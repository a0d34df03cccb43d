"""Writing back while another process is at it, while no call is allowed, and what the company has of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync import conftest
from tests.integration.sync.conftest import Followed
from tests.integration.sync.writing_back import write

from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.one_writer import WRITES, alone
from ros_sync.sync.write_back.requests import execute

Make = Callable[..., str]


def test_a_wish_is_left_to_whoever_is_writing(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """It is kept, and nothing is said of it yet; the next turn carries it out."""
    syncer, made = hubspot.syncer(sqlite_engine), deal()
    syncer.cycle()
    held, done = threading.Event(), threading.Event()

    def write_something_else() -> None:
        with alone(sqlite_engine, "hubspot", WRITES):
            held.set()
            done.wait(60)

    other = threading.Thread(target=write_something_else)
    other.start()
    held.wait(60)
    outcome = write(syncer, made, {"next_step": "Wait"})
    none = syncer.execute_writes()
    done.set()
    other.join()
    (later,) = syncer.execute_writes()
    assert ("open", "", []) == (outcome.state, outcome.words, none)
    assert (outcome.number, "done", "written") == (later.number, later.state, later.words)


def test_what_became_of_a_wish_is_told_to_who_asks_again(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """A write-back request that another process has carried out meanwhile is not carried out again."""
    syncer, made = hubspot.syncer(sqlite_engine), deal()
    syncer.cycle()
    number = write(syncer, made, {"next_step": "Wait"}).number
    again = syncer._execute(lambda: execute(syncer.following, number))
    assert (number, "done", "written") == (again.number, again.state, again.words)
    assert len(hubspot.account.snapshot("notes")) == 1


def test_the_day_s_limit_is_told_of_the_source(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """Whoever asks why nothing moves is told: the limit, and until when."""
    syncer, made = hubspot.syncer(sqlite_engine), deal()
    syncer.cycle()
    hubspot.faults.next("write", Fault("daily_limit"))
    assert write(syncer, made, {"next_step": "Wait"}).state == "open"
    assert "daily API limit" in str(mirror_of(sqlite_engine).source_state().trouble)
    assert mirror_of(sqlite_engine).source_state().quota_exhausted_until is not None


@pytest.fixture
def own(hubspot: Followed, sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Syncer:
    """An engine by a file that lets the number of people be written, a property of the company's own."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(CONNECTOR.read_text().replace("      next_step:\n", "      next_step:\n      custom.team_size:\n"))
    monkeypatch.setattr(conftest, "CONNECTOR", file)
    return hubspot.syncer(sqlite_engine)


@pytest.mark.parametrize("before", [{}, {"team_size": "12"}], ids=["empty", "a number"])
def test_a_property_of_the_company_s_own_is_written(
    hubspot: Followed, own: Syncer, deal: Make, before: dict[str, str]
) -> None:
    """Over what the mirror shows; over something else it is a conflict."""
    made = deal(**before)
    own.cycle()
    outcome = write(own, made, {"custom.team_size": 20})
    assert ("done", "20") == (outcome.state, hubspot.account.snapshot("deals")[made]["team_size"])
    hubspot.account.update("deals", made, {"team_size": "30"})
    outcome = write(own, made, {"custom.team_size": 40})
    assert ("conflict", {"custom.team_size": 30}) == (outcome.state, outcome.found)
