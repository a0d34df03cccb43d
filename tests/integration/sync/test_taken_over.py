"""HubSpot's 200 is no proof: what it did not take over is told as such, without a note.

Over real HTTP; nothing here concerns the database.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed
from tests.integration.sync.test_odd_answers import Between, Json, following
from tests.integration.sync.test_odd_answers import between as between  # noqa: PLC0414  # a fixture
from tests.integration.sync.writing_back import after_the_next, instead_of_the_next, write

from ros_sync.connectors.hubspot import record_write
from ros_sync.errors import TransientError
from ros_sync.fields import StoredValue
from ros_sync.mirror.database import open_engine
from ros_sync.sandbox.hubspot.taking_over import Automation, Does
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer

Make = Callable[..., str]


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(sqlite_template, tmp_path / "ros-sync.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'ros-sync.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def syncer(hubspot: Followed, engine: Engine) -> Syncer:
    return hubspot.syncer(engine)


def notes(hubspot: Followed) -> list[str | None]:
    return [each["hs_note_body"] for each in hubspot.account.snapshot("notes").values()]


def agree(hubspot: Followed, syncer: Syncer) -> bool:
    return Auditor(syncer.engine, hubspot.source(), syncer.context, now=hubspot.clock).run().agrees


def order(hubspot: Followed, name: str, does: Does, value: str | None = None) -> None:
    hubspot.account.automations.order("deals", name, Automation(does, value))


def test_a_lifecycle_stage_that_would_move_backwards_is_not_written(
    hubspot: Followed, engine: Engine, syncer: Syncer
) -> None:
    """A customer is not accepted as a sales qualified lead: HubSpot answers 200 and leaves the customer."""
    lead = hubspot.account.create(
        "contacts",
        {
            "firstname": "Jo",
            "email": "jo@mill.example",
            "hubspot_owner_id": "7",
            "lifecyclestage": "marketingqualifiedlead",
        },
    )
    hubspot.account.update("contacts", lead, {"lifecyclestage": "customer"})
    syncer.cycle()
    hubspot.clock.advance(60)
    at = int(hubspot.clock().timestamp()) * 1_000_000
    outcome = write(syncer, lead, {"accepted": at}, name="lead")
    assert outcome.state == "refused"
    assert "reported success, but it didn't take effect: " in outcome.words
    assert "HubSpot left it unchanged" in outcome.words
    assert (notes(hubspot), hubspot.account.snapshot("contacts")[lead]["lifecyclestage"]) == ([], "customer")
    assert mirror_of(engine).lead().lifecycle_stage == "Customer"
    assert agree(hubspot, syncer)


@pytest.mark.parametrize("does", list(Does))
def test_a_value_that_does_not_stay_is_told(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, does: Does
) -> None:
    """Ignored, set back or changed by a workflow: refused, with what HubSpot says now, and the mirror says the same."""
    made = deal(hs_next_step="Call")
    syncer.cycle()
    hubspot.clock.advance(60)
    order(hubspot, "hs_next_step", does, "Ask legal")
    outcome = write(syncer, made, {"next_step": "Send the offer"})
    now = "Ask legal" if does is Does.SET else "Call"
    why = "HubSpot left it unchanged" if does is Does.IGNORE else "immediately changed again (automation platform)"
    assert (outcome.state, notes(hubspot)) == ("refused", [])
    assert f"next step is “{now}”" in outcome.words
    assert why in outcome.words
    assert mirror_of(engine).deal().next_step == now
    assert agree(hubspot, syncer)


def test_what_was_taken_over_in_part_is_told_in_part(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """Two fields were asked for and one was kept: the note tells of that one alone."""
    made = deal(hs_next_step="Call")
    syncer.cycle()
    hubspot.clock.advance(60)
    order(hubspot, "amount", Does.IGNORE)
    outcome = write(syncer, made, {"next_step": "Send the offer", "amount": 500_000})
    assert (outcome.state, outcome.found) == ("partly", {"amount": 100_000})
    assert "amount is EUR 1,000: HubSpot left it unchanged" in outcome.words
    assert "next step" not in outcome.words
    [note] = notes(hubspot)
    assert note is not None
    assert ("Send the offer" in note, "amount" in note) == (True, False)
    assert mirror_of(engine).deal().pick("next_step", "amount_minor") == ("Send the offer", 100_000)


@pytest.mark.parametrize("name", ["hs_lastmodifieddate", "createdate"])
def test_a_read_only_property_is_refused_by_name(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """HubSpot refuses it with 400, and the words name the property."""
    made = deal()
    syncer.cycle()
    wanted = {name: "2026-01-01T00:00:00Z"}
    monkeypatch.setattr(record_write, "to_properties", lambda *_, **__: wanted)
    outcome = write(syncer, made, {"next_step": "Send the offer"})
    assert outcome.state == "refused"
    assert f'\\"{name}\\" is a read only property' in outcome.words


SPELLINGS: list[tuple[str, StoredValue, Callable[[str], object]]] = [
    ("amount", 250_050, lambda _: "2500.500"),
    ("amount", 250_000, lambda _: "2.5E3"),
    ("amount", 250_000, lambda _: 2500),
    ("close_date", "2026-05-31", lambda _: "2026-05-31"),
    ("close_date", "2026-05-31", lambda _: "1780185600000"),
    ("close_date", "2026-05-31", lambda _: "2026-05-31T00:00:00+00:00"),
    ("next_step_date", "2026-05-31", lambda _: "1780185600000"),
    ("next_step_date", "2026-05-31", lambda _: "2026-05-31T00:00:00.000Z"),
    ("next_step", " Call\r\nJane ", lambda _: "Call\nJane"),
]
PROPERTIES = {
    "amount": "amount",
    "close_date": "closedate",
    "next_step_date": "next_step_date",
    "next_step": "hs_next_step",
}


@pytest.mark.parametrize("field, value, spelling", SPELLINGS)
def test_however_hubspot_spells_it_it_was_taken_over(
    hubspot: Followed,
    engine: Engine,
    deal: Make,
    between: Between,
    field: str,
    value: StoredValue,
    spelling: Callable[[str], object],
) -> None:
    """Numbers, days, instants and texts are compared by what they mean."""
    made = deal()
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)

    written: list[str] = []

    def answer(called: str, body: Json) -> Json:
        if called.endswith(f"/objects/deals/{made}"):
            written.append(called)
        for each in body.get("results", ()) if "/objects/deals" in called and written else ():
            held = each["properties"].get(PROPERTIES[field])
            each["properties"][PROPERTIES[field]] = spelling(held) if held else held
            for entry in (each.get("propertiesWithHistory") or {}).get(PROPERTIES[field], ())[:1]:
                entry["value"] = str(spelling(entry["value"]))
        return body

    between.answer = answer
    assert write(syncer, made, {field: value}).state == "done"
    assert len(notes(hubspot)) == 1


def test_a_person_s_later_change_is_no_refusal(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the write is lost, somebody changes the value an hour later, and then it is tried again.

    It was written.
    """
    made = deal(hs_next_step="Call")
    syncer.cycle()
    hubspot.clock.advance(60)

    def fail() -> object:
        raise TransientError("it broke")

    after_the_next(monkeypatch, "update", lambda: instead_of_the_next(monkeypatch, "batch_read", lambda _call: fail()))
    assert write(syncer, made, {"next_step": "Send the offer"}).state == "open"
    hubspot.clock.advance(3_600)
    hubspot.account.update("deals", made, {"hs_next_step": "They signed"}, by="7")
    [outcome] = syncer.execute_writes()
    assert (outcome.state, len(notes(hubspot))) == ("done", 1)
    assert mirror_of(engine).deal().next_step == "They signed"
