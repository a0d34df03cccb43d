"""People who ask for changes, and what happens around a write, for the tests of writing back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Engine
from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.fields import StoredValue
from ros_sync.organisation.company import Member, Organisation
from ros_sync.organisation.people import Directory
from ros_sync.sla.owners import directory as directory_of
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.write_back.requests import Outcome, WriteBackRequest

Make = Callable[..., str]
Call = Callable[[], object]
ADA, BO, CEM, REVOPS = "ada@loom.example", "bo@loom.example", "cem@loom.example", "rita@loom.example"
PEOPLE = {
    ADA: Member(email=ADA, manager=CEM),
    CEM: Member(email=CEM, name="Cem"),
    REVOPS: Member(email=REVOPS, name="Rita", role="RevOps"),
}


def people(engine: Engine) -> Directory:
    with engine.connect() as connection:
        return directory_of(connection, Organisation(people=PEOPLE))


def write(
    syncer: Syncer,
    record_id: str,
    changes: Mapping[str, StoredValue],
    *,
    by: str = ADA,
    name: str = "deal",
    **more: StoredValue,
) -> Outcome:
    return syncer.write(WriteBackRequest(name, record_id, changes, by, more or None), people(syncer.engine))


def instead_of_the_next(monkeypatch: pytest.MonkeyPatch, method: str, happens: Callable[[Call], object]) -> None:
    """Let something happen instead of the client's next call of that method.

    It is given the call, to make it or not.
    """
    original = getattr(HubSpotClient, method)

    def replaced(client: HubSpotClient, *arguments: object) -> object:
        monkeypatch.setattr(HubSpotClient, method, original)
        return happens(lambda: original(client, *arguments))

    monkeypatch.setattr(HubSpotClient, method, replaced)


def said(hubspot: Followed, record_id: str) -> list[str | None]:
    """Every next step that the deal ever had, oldest first."""
    return [each.value for each in hubspot.account.history_of("deals", record_id, "hs_next_step")]


def before_that(hubspot: Followed, record_id: str, *steps: tuple[str, str]) -> None:
    """Give the deal next steps (what, and by which kind of source) an hour apart."""
    for step, source in steps:
        hubspot.clock.advance(3_600)
        hubspot.account.update("deals", record_id, {"hs_next_step": step}, source=source)
    hubspot.clock.advance(3_600)


def after_the_next(monkeypatch: pytest.MonkeyPatch, method: str, happens: Call) -> None:
    """Let something happen once the client's next call of that method was made and answered."""

    def made_first(call: Call) -> object:
        answer = call()
        happens()
        return answer

    instead_of_the_next(monkeypatch, method, made_first)
