"""Persons who are erased in the CRM: what goes with them, and that nobody is erased on suspicion."""

from __future__ import annotations

from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed
from tests.integration.sync.cycles import Make, cycled

from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.policy import SyncPolicy


def nearly_all_erased(hubspot: Followed, syncer: Syncer) -> list[str]:
    """Contacts that were read, and then erased in HubSpot but for the last one: more at once than is believed."""
    people = [
        hubspot.account.create("contacts", {"email": f"p{n}@mill.example"})
        for n in range(SyncPolicy().deletion_at_least + 2)
    ]
    cycled(syncer)
    for person in people[:-1]:
        hubspot.account.erase("contacts", person)
    hubspot.clock.advance(60)
    return people


def test_many_persons_at_once_are_not_erased_on_suspicion(hubspot: Followed, engine: Engine) -> None:
    """A permission that was taken away looks like a mass erasure: nothing is destroyed, and somebody is told."""
    syncer = hubspot.syncer(engine)
    people = nearly_all_erased(hubspot, syncer)
    report = syncer.cycle(full=True)
    assert ["are held" in each.what for each in report.remarks] == [True]
    assert mirror_of(engine).count("contact", deleted=False) == len(people)


def test_the_daily_look_erases_nobody_on_suspicion_either(hubspot: Followed, engine: Engine) -> None:
    """Who is held stays, however often they cannot be read; a single one who is archived is believed."""
    syncer = hubspot.syncer(engine)
    people = nearly_all_erased(hubspot, syncer)
    syncer.cycle(full=True)
    for _ in range(3):
        hubspot.clock.advance(90_000)
        cycled(syncer)
    assert mirror_of(engine).count("contact") == len(people)
    last = people[-1]
    hubspot.account.archive("contacts", last)
    hubspot.clock.advance(90_000)
    cycled(syncer)
    assert mirror_of(engine).count("contact", deleted=True) == 1


def test_what_was_said_with_an_erased_person_stays_away(hubspot: Followed, engine: Engine) -> None:
    """A listing that brings the call again brings no subject, and the audit calls that no difference."""
    person = hubspot.account.create("contacts", {"firstname": "Quirina", "email": "q@mill.example"})
    call = hubspot.account.create(
        "calls", {"hs_call_title": "Quirina on looms", "hs_timestamp": "2026-03-01T09:00:00Z"}
    )
    hubspot.account.associate("calls", call, "contacts", person)
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    assert mirror_of(engine).activity().subject == "Quirina on looms"
    hubspot.account.erase("contacts", person)
    for _ in range(2):
        hubspot.clock.advance(60)
        assert syncer.cycle(full=True).trouble is None
    assert mirror_of(engine).activity().subject is None
    report = Auditor(engine, hubspot.source(), syncer.context, now=hubspot.clock).run()
    assert (report.trouble, list(report.shown)) == (None, [])


def test_what_was_said_with_a_person_among_others_goes_with_them(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """An e-mail names its first contact.

    When the second one is erased, its subject goes, and no listing brings it back.
    """
    made = deal()
    first, second = (
        hubspot.account.create("contacts", {"email": f"{name}@mill.example"}) for name in ("anna", "boris")
    )
    email = hubspot.account.create(
        "emails", {"hs_email_subject": "Boris is ill", "hs_timestamp": "2026-03-01T09:00:00Z"}
    )
    for to, record_id in (("deals", made), ("contacts", first), ("contacts", second)):
        hubspot.account.associate("emails", email, to, record_id)
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    assert mirror_of(engine).activity().subject == "Boris is ill"
    hubspot.account.erase("contacts", second)
    for _ in range(2):
        hubspot.clock.advance(60)
        assert syncer.cycle(full=True).trouble is None
    assert mirror_of(engine).activity().subject is None
    assert mirror_of(engine).activity().contact_id == first
    report = Auditor(engine, hubspot.source(), syncer.context, now=hubspot.clock).run()
    assert (report.trouble, list(report.shown)) == (None, [])


def test_the_records_of_an_erased_person_go_with_them(hubspot: Followed, engine: Engine) -> None:
    """A contact that was merged into the erased one told of the same person."""
    first, other = (
        hubspot.account.create("contacts", {"firstname": "Quirina", "email": f"{n}@mill.example"}) for n in "ab"
    )
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    new = hubspot.account.merge("contacts", first, other)
    cycled(syncer)
    hubspot.clock.advance(60)
    hubspot.account.erase("contacts", new)
    assert syncer.cycle(full=True).trouble is None
    assert [mirror_of(engine).count(kind) for kind in ("contact", "contact_version")] == [0, 0]
    assert mirror_of(engine).changes("contact") == []
