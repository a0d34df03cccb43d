"""One endpoint of HubSpot's after the other goes wrong, in every way.

Only what depends on it stops, and people are told.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of
from tests.integration.sync import conftest
from tests.integration.sync.conftest import CONTEXT, Followed

from ros_sync.connectors.hubspot.client import Persistence
from ros_sync.mirror.database import open_engine
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import CycleReport

Make = Callable[..., str]
WAYS = {
    "forbidden": Fault("status", status=403),
    "not there": Fault("status", status=404),
    "broken for ever": Fault("status", status=500),
    "a page of HTML": Fault("html"),
    "an empty object": Fault("nothing"),
}
ONCE = Persistence(attempts=2, first_seconds=0.01)
# By endpoint the streams that cannot go on without it, where they were followed before.
DEPENDS: dict[str, set[str]] = {
    "GET /account-info/v3/details": set(),
    "GET /crm/v3/owners": set(),
    "GET /crm/v3/pipelines/deals": set(),
    "GET /crm/v3/properties/emails": set(),
    "GET /crm/v3/properties/deals": set(),
    "GET /crm/v3/objects/emails": set(),
    "POST /crm/v3/objects/emails/search": {"emails"},
    "POST /crm/v3/objects/deals/search": {"deals"},
    "POST /crm/v3/objects/deals/batch/read": {"deals"},
    "POST /crm/v4/associations/emails/contacts/batch/read": set(),
    "POST /crm/v4/associations/deals/contacts/batch/read": set(),
}
# By stream the object that its records become, and the field with words in it.
SHOWN = {
    "deals": ("deal", "next_step"),
    "contacts": ("contact", "name"),
    "companies": ("account", "name"),
    "emails": ("activity", "subject"),
}


@pytest.fixture(autouse=True)
def _four_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped file with one kind of activity alone, so that a cycle takes few calls."""
    head, *streams = CONNECTOR.read_text().split("\n  - stream: ")
    kept = [each for each in streams if each.split("\n")[0] in SHOWN]
    (tmp_path / "hubspot.yaml").write_text("\n  - stream: ".join([head, *kept]))
    monkeypatch.setattr(conftest, "CONNECTOR", tmp_path / "hubspot.yaml")


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: nothing here concerns the database."""
    shutil.copy(sqlite_template, tmp_path / "ros-sync.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'ros-sync.db'}")
    yield engine
    engine.dispose()


def create(hubspot: Followed, words: str) -> dict[str, str]:
    """A new record of each stream that says these words, linked with each other."""
    account, at = hubspot.account, hubspot.clock().isoformat()
    deal = {"dealname": words, "pipeline": "default", "dealstage": "discovery", "hs_next_step": words, "amount": "5"}
    person = {"firstname": words, "email": f"{words.replace(' ', '-')}@mill.example"}
    made = {
        "companies": account.create("companies", {"name": words}),
        "contacts": account.create("contacts", person),
        "deals": account.create("deals", deal),
        "emails": account.create("emails", {"hs_email_subject": words, "hs_timestamp": at}),
    }
    account.associate("emails", made["emails"], "contacts", made["contacts"])
    account.associate("deals", made["deals"], "contacts", made["contacts"])
    account.associate("deals", made["deals"], "companies", made["companies"])
    return made


def shown(engine: Engine, made: dict[str, str], words: str) -> set[str]:
    """The streams whose record is here, with these words."""
    mirror = mirror_of(engine)
    return {stream for stream, (kind, name) in SHOWN.items() if mirror.count(kind, **{"id": made[stream], name: words})}


def told(report: CycleReport) -> str:
    return " ".join([str(report.trouble), *(each.what for each in report.problems)])


@pytest.mark.parametrize("endpoint", sorted(DEPENDS))
def test_only_what_depends_on_an_endpoint_stops(hubspot: Followed, engine: Engine, endpoint: str) -> None:
    """What was followed before goes on, in the same process and in a new one.

    When it works again, everything is caught up.
    """
    create(hubspot, "first")
    followed = Syncer(engine, hubspot.source(persistence=ONCE), CONTEXT, now=hubspot.clock)
    assert followed.cycle().trouble is None
    made = {}
    for number, (way, fault) in enumerate(WAYS.items()):
        hubspot.clock.advance(90_000)
        made[words := f"words {number}"] = create(hubspot, f"words {number}")
        hubspot.faults.always(f"{endpoint}/?$", fault)
        syncer = (
            followed if number % 2 else Syncer(engine, hubspot.source(persistence=ONCE), CONTEXT, now=hubspot.clock)
        )
        report = syncer.cycle()
        assert (way, shown(engine, made[words], words)) == (way, SHOWN.keys() - DEPENDS[endpoint])
        assert "None" != told(report), way
        hubspot.faults.clear()
    hubspot.clock.advance(7_200)
    assert syncer.cycle().trouble is None
    for words, records in made.items():
        assert (words, shown(engine, records, words)) == (words, set(SHOWN))
        assert mirror_of(engine).deal(records["deals"]).stage == "Discovery"
        assert len(mirror_of(engine).links("deals", records["deals"])) == 2
    hubspot.clock.advance(600)
    assert Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run().agrees


# Of a new workspace, which knows nothing from before.
FIRST = {
    "GET /account-info/v3/details": set[str](),
    "GET /crm/v3/owners": set[str](),
    "GET /crm/v3/pipelines/deals": {"deals"},  # names of stages are not guessed
    "GET /crm/v3/properties/emails": set[str](),
    "GET /crm/v3/properties/deals": set[str](),
    "GET /crm/v3/objects/emails": {"emails"},
}


@pytest.mark.parametrize("endpoint", sorted(FIRST))
def test_a_first_sync_reads_what_it_can(hubspot: Followed, engine: Engine, endpoint: str) -> None:
    """The others are listed, and the rest comes once it may be read."""
    made = create(hubspot, "first")
    hubspot.faults.always(f"{endpoint}/?$", WAYS["forbidden"])
    syncer = Syncer(engine, hubspot.source(persistence=ONCE), CONTEXT, now=hubspot.clock)
    report = syncer.cycle()
    assert (shown(engine, made, "first"), told(report) != "None") == (SHOWN.keys() - FIRST[endpoint], True)
    hubspot.faults.clear()
    hubspot.clock.advance(7_200)
    assert (syncer.cycle().trouble, shown(engine, made, "first")) == (None, set(SHOWN))
    assert mirror_of(engine).deal().stage == "Discovery"
    assert mirror_of(engine).deal().currency == "EUR"
    hubspot.clock.advance(600)
    assert Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run().agrees


@pytest.mark.parametrize(
    "endpoint",
    ["account-info/v3/details", "owners", "properties/emails", "objects/emails", "emails/contacts/batch/read"],
)
def test_the_audit_compares_what_it_can(hubspot: Followed, engine: Engine, endpoint: str) -> None:
    """One endpoint keeps nothing but what rests on it from being compared, and the audit says that it is not whole."""
    create(hubspot, "first")
    assert hubspot.syncer(engine).cycle().trouble is None
    hubspot.clock.advance(600)
    hubspot.faults.always(f"{endpoint}/?$", WAYS["forbidden"])
    report = Auditor(engine, hubspot.source(persistence=ONCE), CONTEXT, now=hubspot.clock).run()
    untouched = {"companies", "contacts", "deals"}
    assert ({name: report.streams[name].compared for name in untouched}, report.total) == (
        dict.fromkeys(untouched, 1),
        0,
    )


def test_an_unlisted_stream_keeps_no_other_from_being_audited(hubspot: Followed, engine: Engine) -> None:
    """What was never listed to its end is named, and the others are compared."""
    create(hubspot, "first")
    hubspot.faults.always("GET /crm/v3/objects/emails$", WAYS["forbidden"])
    hubspot.syncer(engine, source=hubspot.source(persistence=ONCE)).cycle()
    hubspot.faults.clear()
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run()
    assert (report.agrees, report.streams["deals"].compared, report.total) == (False, 1, 0)
    assert "emails: they haven't been fully read yet" in str(report.trouble)


def test_deals_whose_stages_nobody_can_tell_are_not_audited(hubspot: Followed, engine: Engine) -> None:
    """Where they are not known from before either, why is told, and the other streams are compared."""
    create(hubspot, "first")
    hubspot.syncer(engine).cycle()
    alter(engine, "source_state", {}, memory="")

    hubspot.faults.always("GET /crm/v3/pipelines/deals$", WAYS["forbidden"])
    report = Auditor(engine, hubspot.source(persistence=ONCE), CONTEXT, now=hubspot.clock).run()
    assert (report.agrees, report.total) == (False, 0)
    assert (0, 1) == (report.of("deals").compared, report.of("contacts").compared)
    assert "deals: " in str(report.trouble)


def test_doctor_names_each_part_that_is_refused(hubspot: Followed) -> None:
    """It asks for account details too, and one refusal hides no other."""
    hubspot.faults.always("GET /account-info/v3/details$", WAYS["not there"])
    hubspot.faults.always("GET /crm/v3/properties/emails$", WAYS["forbidden"])
    found = [each.what for each in hubspot.source(persistence=ONCE).examine() if each.fatal]
    assert [words.split(":")[0] for words in found] == ["account details", "properties of emails"]
