"""How the jobs are doing, as it is written down and read by others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from ros_sync.jobs.health import JobState
from ros_sync.jobs.health_table import HealthTable, JobStanding, standings, troubles
from ros_sync.jobs.run_failures import Failure

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TICK = JobState(5 * MINUTE, True, last_good_at=NOON - MINUTE, last_run_at=NOON - MINUTE)
REFUSED = Failure("AuthExpiredError", "Slack rejected the token (invalid_auth)", "refused")
DELIVER = JobState(MINUTE / 3, last_run_at=NOON, failures_in_a_row=4, failure=REFUSED)


def read(engine: Engine) -> list[JobStanding]:
    with engine.connect() as connection:
        return standings(connection)


def test_what_is_written_is_read(engine: Engine) -> None:
    """Each job is a row, the vital one first; written again it is the same row."""
    health_table = HealthTable(engine)
    for at in (NOON - MINUTE, NOON):
        health_table.write({"deliver": DELIVER, "tick": TICK}, at)
    tick = JobStanding("tick", 300.0, True, NOON - MINUTE, NOON - MINUTE, None, 0, None, NOON)
    deliver = JobStanding("deliver", 20.0, False, None, NOON, None, 4, REFUSED.words, NOON)
    assert [tick, deliver] == read(engine)


def test_a_failing_job_is_told_with_its_reason(engine: Engine) -> None:
    """Whoever looks from outside reads why a job fails; one that does well says nothing."""
    HealthTable(engine).write({"deliver": DELIVER, "tick": TICK}, NOON)
    assert [f"deliver has failed 4 times in a row: {REFUSED.words}"] == troubles(read(engine), NOON)


def test_a_job_that_is_gone_is_forgotten(engine: Engine) -> None:
    """A process that follows no CRM any more leaves no job that would seem to stand still."""
    health_table = HealthTable(engine)
    health_table.write({"sync": DELIVER, "tick": TICK}, NOON)
    health_table.begin(["tick"])
    assert ["tick"] == [each.name for each in read(engine)]


def test_silence_is_told(engine: Engine) -> None:
    """Rows that are minutes old say that the process is gone or cannot write; one that was stopped says nothing."""
    health_table = HealthTable(engine)
    health_table.write({"tick": TICK}, NOON)
    before = troubles(read(engine), NOON + 4 * MINUTE)
    health_table.stopped(NOON + MINUTE)
    assert ([True], []) == (
        ["hasn't reported for 4 minutes" in words for words in before],
        troubles(read(engine), NOON + 60 * MINUTE),
    )


def test_a_job_that_stands_still_is_told(engine: Engine) -> None:
    """A job whose last good run lies three intervals before it was noted is late.

    One that is under way may take its time.
    """
    late = replace(TICK, last_good_at=NOON - 16 * MINUTE)
    HealthTable(engine).write({"tick": late, "sync": replace(late, running_since=NOON - 15 * MINUTE)}, NOON)
    assert ["tick last succeeded 16 minutes before its last report"] == troubles(read(engine), NOON)


def test_a_clock_that_was_set_back_makes_nobody_silent(engine: Engine) -> None:
    """Rows from before the clock was set back lie ahead: that is no silence."""
    HealthTable(engine).write({"tick": TICK}, NOON)
    assert [] == troubles(read(engine), NOON - 180 * MINUTE)
