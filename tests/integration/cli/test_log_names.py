"""The jobs of `serve` meet every kind of fault; nobody's name, address or deal is in what they log."""

from __future__ import annotations

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tests.integration.mirror_reader import remove, table_of

from ros_sync import clock, logs
from ros_sync.connectors.hubspot.failures import failure
from ros_sync.jobs.planned import planned_jobs
from ros_sync.jobs.schedule import Job, Schedule
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.world import names
from ros_sync.settings import LogSettings, load
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.following import Following

REPOSITORY = Path(__file__).parents[3]
PEOPLE = [
    (names.FIRST_NAMES[number % len(names.FIRST_NAMES)], names.LAST_NAMES[number % len(names.LAST_NAMES)])
    for number in range(max(len(names.FIRST_NAMES), len(names.LAST_NAMES)))
]
SECRETS = {*names.FIRST_NAMES, *names.LAST_NAMES, *names.COMPANY_STEMS, "@buyer.example", "@loom.example", "Weaver"}
KEPT = ("contact", "lead", "deal", "account", "activity", "owner", "alert", "outbox_message")
KINDS = ("status", "drop_before", "drop_after", "broken_json", "html", "nothing")


class Running:
    """A workspace whose jobs are run by hand, and what they log."""

    def __init__(self, engine: Engine, folder: Path, stream: io.StringIO) -> None:
        self.engine = engine
        self.stream = stream
        settings = load(folder)
        configuration = Configuration(settings, engine)
        self.jobs = planned_jobs(settings, engine, Following(settings, engine, configuration), configuration)
        self.schedule = Schedule(self.jobs)

    def once(self) -> None:
        """Run each job."""
        for job in self.jobs:
            self.schedule.run_once(job)

    def logged(self) -> str:
        """What they logged, which is something; nobody's name is in it."""
        found = self.stream.getvalue()
        assert [] == sorted(each for each in SECRETS if each in found)
        return found


@pytest.fixture
def running(followed: Any, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Give the jobs of a workspace with the shipped rules, a Slack that does not answer, and a CRM full of people."""
    shutil.copytree(REPOSITORY / "rules", tmp_path / "rules")
    (tmp_path / "rules/organisation.yaml").write_text(
        "version: 1\ncompany: {name: Loom, currency: EUR, timezone: UTC, fallback: ada@loom.example}\n"
        "people:\n  - {email: ada@loom.example, name: Ada Weaver}\n"
    )
    monkeypatch.setenv("ROS_SYNC_SLACK__TOKEN", "xoxb-1-not-a-token")
    monkeypatch.setenv("ROS_SYNC_SLACK__API_URL", "http://127.0.0.1:9/")
    account, past = followed.account, clock.now()
    account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    for number, (first, last) in enumerate(PEOPLE):
        contact = {"firstname": first, "lastname": last, "email": f"p{number}@buyer.example", "lifecyclestage": last}
        account.create("contacts", contact, at=past)
        stem = names.COMPANY_STEMS[number % len(names.COMPANY_STEMS)]
        account.create("companies", {"name": f"{stem} {last}", "numberofemployees": first}, at=past)
        deal = {"dealname": f"{stem} for {first} {last}", "pipeline": "default", "dealstage": "discovery",
                "amount": f"about {last}", "hubspot_owner_id": "7", "closedate": first}  # fmt: skip
        account.create("deals", deal if number % 2 else deal | {"amount": "1000", "closedate": ""}, at=past)
    monkeypatch.setattr(Following, "_pause", lambda _self, _seconds: None)
    stream = io.StringIO()
    caps = {name: logging.getLogger(name).level for name in logs._CAPS}
    logs.configure(LogSettings(level="info", format="json"), stream=stream)
    yield Running(engine, tmp_path, stream)
    for name, cap in caps.items():
        logging.getLogger(name).setLevel(cap)


def refuse_rows(engine: Engine) -> None:
    """Let the database refuse every row from now on, as a damaged or foreign one may.

    PostgreSQL then quotes them whole.
    """
    with engine.begin() as connection:
        for table in map(table_of, KEPT):
            if engine.dialect.name == "postgresql":
                connection.execute(text(f'ALTER TABLE "{table}" ADD CONSTRAINT never_{table} CHECK (false) NOT VALID'))
                continue
            for what in ("INSERT", "UPDATE"):
                connection.execute(
                    text(
                        f"CREATE TRIGGER never_{table}_{what} BEFORE {what} ON {table}"
                        " BEGIN SELECT RAISE(ABORT, 'refused'); END"
                    )
                )


def test_a_database_that_refuses_rows(running: Running, engine: Engine) -> None:
    """The log has the kind of error and its place; neither what was bound nor PostgreSQL's details."""
    refuse_rows(engine)
    running.once()
    assert "IntegrityError" in running.logged() or "CheckViolation" in running.logged()


def test_a_tick_and_a_delivery_that_cannot_be_written_down(running: Running, engine: Engine) -> None:
    """What is in the mirror and in messages already does not come out either; nor where Slack is away."""
    running.once()
    assert "message_not_delivered" in running.logged()
    refuse_rows(engine)
    remove(engine, "alert_notification")
    running.once()
    running.logged()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_crm_that_fails_in_every_way(running: Running, followed: Any) -> None:
    """Answers broken off, of another kind, empty or refused: told by stream and kind."""
    followed.faults.at_random(0.85, 5, [Fault(kind) for kind in KINDS])
    for _ in range(3):
        running.once()
    assert "stream_failed" in running.logged()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_files_of_revops_that_name_people_wrongly(running: Running, tmp_path: Path) -> None:
    """The file, the line and the kind of mistake are logged, the person is not."""
    last = names.LAST_NAMES[0]
    (tmp_path / "rules/organisation.yaml").write_text(
        "version: 1\ncompany: {name: Loom, currency: EUR, timezone: UTC}\n"
        f"people:\n  - {{email: {last}, name: Ada Weaver, manager: {last}@loom.example}}\n"
    )
    running.once()
    assert "config_file_broken" in running.logged()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_import_of_bad_rows(running: Running, command: Callable[..., str], tmp_path: Path) -> None:
    """What the person at the terminal is shown is not logged as well."""
    shutil.copy(REPOSITORY / "connectors/export.yaml", tmp_path / "connectors/export.yaml")
    rows = "\n".join(f"{number},{first} {last},not {last},{first}" for number, (first, last) in enumerate(PEOPLE))
    (tmp_path / "deals.csv").write_text(f"Deal ID,Deal Name,Amount,Close Date\n{rows}\n")
    printed = command("import", "deals.csv", "--mapping", "connectors/export.yaml")
    log = "\n".join(line for line in printed.splitlines() if line.startswith("{"))
    assert [] == sorted(each for each in SECRETS if each in log)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
def test_a_refusal_of_the_crm_that_quotes_a_customer(status: int) -> None:
    """HubSpot's words are told to people in quotation marks, and the log leaves them out."""
    first, last = PEOPLE[12]
    body = f'{{"category": "VALIDATION_ERROR", "message": "“{first}” \\"{last}\\" is not one of: {last}"}}'.encode()
    error = failure(status, body, {}, "a search of contacts", now=clock.now(), time_zone=None)
    stream = io.StringIO()
    logs.configure(LogSettings(level="info", format="json"), stream=stream)

    def fail(_now: object) -> None:
        raise error

    job = Job("sync", 60, fail)
    Schedule([job]).run_once(job)
    assert ("job_failed" in stream.getvalue(), first in stream.getvalue(), last in stream.getvalue()) == (
        True,
        False,
        False,
    )
