"""The audit: mirror and CRM compared over real HTTP; every kind of difference is made, found and repaired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of, put, remove
from tests.integration.sync.audits import Company, Make, audited, company_of, follow
from tests.integration.sync.conftest import NOW, Followed

from ros_sync.sandbox.hubspot.company import Story
from ros_sync.sandbox.world import STORY_MONDAY, World
from ros_sync.sync.audit.report import AuditReport, DifferenceKind

Damage = Callable[[Engine], None]


@pytest.fixture
def company(hubspot: Followed, engine: Engine, deal: Make) -> Company:
    """A small company that was followed some time ago."""
    return company_of(hubspot, engine, deal)


def told(report: AuditReport) -> list[tuple[str, str, str, list[str]]]:
    """The differences of a report: kind, object, id, fields."""
    shown = report.shown
    return [(each.kind.value, each.object, each.id, sorted(field.name for field in each.fields)) for each in shown]


def test_a_mirror_that_followed_agrees(hubspot: Followed, engine: Engine) -> None:
    """A company's whole life, wear and tear included, leaves no difference, nor one in the change histories."""
    story = Story(hubspot.account, World(scale=0.03))
    hubspot.clock.move_to(STORY_MONDAY)
    story.advance_to(STORY_MONDAY)
    follow(hubspot, engine)
    for _ in range(3):
        hubspot.clock.advance(86_400)
        story.advance_to(hubspot.clock())
        follow(hubspot, engine)
    hubspot.clock.advance(600)
    assert hubspot.syncer(engine).cycle(full=True).trouble is None
    report = audited(hubspot, engine, history=True)
    assert (told(report), report.pending) == ([], 0)
    there = {name: len(hubspot.account.snapshot(name)) for name in ("deals", "contacts", "companies", "calls")}
    assert {name: report.streams[name].compared for name in there} == there
    assert report.streams["deals"].crm_checksum == report.streams["deals"].mirror_checksum != 0


def removed(kind: str, **where: Any) -> Damage:
    return lambda engine: remove(engine, kind, **where)


def altered(kind: str, record_id: str, **values: Any) -> Damage:
    return lambda engine: alter(engine, kind, {"id": record_id}, **values)


def added(kind: str, **values: Any) -> Damage:
    return lambda engine: put(engine, kind, **values)


# one for each kind
def damage(kind: str, company: Company) -> tuple[Damage, tuple[str, str, str, list[str]]]:  # noqa: PLR0911, PLR0912
    """What makes a difference of a kind behind the mirror's back, and what the audit must say of it."""
    deal, contact, lead = company.deal, company.contact, company.lead
    of_deal = {"stream": "deals", "record_id": deal}
    match kind:
        case "missing":
            return removed("deal", id=deal), ("missing", "deal", deal, [])
        case "missing lead":
            return removed("lead", id=lead), ("missing", "lead", lead, [])
        case "missing contact of a lead":
            return removed("contact", id=lead), ("missing", "contact", lead, [])
        case "alive":
            call = f"calls/{company.call}"
            return altered("activity", call, deleted_at=NOW), ("alive", "activity", call, [])
        case "values":
            values = {"amount_minor": 1, "close_date": None, "closing_plan": False, "next_step": "x" * 500}
            fields = ["amount_minor", "close_date", "closing_plan", "next_step"]
            return altered("deal", deal, **values), ("values", "deal", deal, fields)
        case "custom":
            custom = altered("deal", deal, custom={"team_size": 13, "kept": 1})
            return custom, ("values", "deal", deal, ["custom.team_size"])
        case "modified":
            earlier = altered("contact", contact, modified_at=NOW - timedelta(days=1))
            return earlier, ("modified", "contact", contact, ["modified_at"])
        case "link lost":
            lost = removed("link", **of_deal, to_stream="contacts")
            return lost, ("links", "deal", deal, [f"contacts {contact}"])
        case "link too many":
            other = company.other_account
            link = added("link", source="hubspot", **of_deal, to_stream="companies", to_id=other, label="", since=NOW)
            return link, ("links", "deal", deal, [f"companies {other}"])
        case "label":
            primary = removed("link", **of_deal, label="primary")
            return primary, ("links", "deal", deal, [f"companies {company.account} primary"])
        case "link field":
            return altered("deal", deal, account_id=None), ("link_fields", "deal", deal, ["account_id"])
        case "owner":
            return altered("owner", "7", email="x@y.example"), ("values", "owner", "7", ["email"])
        case "owner missing":
            return removed("owner", id="8"), ("missing", "owner", "8", [])
        case "owner gone":
            return added("owner", source="hubspot", id="99", valid_from=NOW), ("erased", "owner", "99", [])
        case _:
            gone = altered("pipeline_stage", "default/discovery", deleted_at=NOW)
            return gone, ("alive", "pipeline_stage", "default/discovery", [])


@pytest.mark.parametrize(
    "kind",
    ["missing", "missing lead", "missing contact of a lead", "alive", "values", "custom", "modified", "link lost",
     "link too many", "label", "link field", "owner", "owner missing", "owner gone", "stage deleted"],
)  # fmt: skip
def test_each_difference_is_found_and_mended(hubspot: Followed, engine: Engine, company: Company, kind: str) -> None:
    """What the mirror holds wrongly is told once, with its fields.

    The repair mends it, and the next audit finds nothing.
    """
    do, expected = damage(kind, company)
    do(engine)
    assert told(audited(hubspot, engine)) == [expected]
    repaired = audited(hubspot, engine, repair=True)
    assert (told(repaired), repaired.shown_left, repaired.agrees) == ([expected], [], True)
    assert told(audited(hubspot, engine, history=True)) == []


@pytest.mark.parametrize("kind", ["missing", "link lost", "link field", "values"])
def test_what_differs_is_looked_at_once_more(hubspot: Followed, engine: Engine, company: Company, kind: str) -> None:
    """Only what the mirror seems to know a later state of is looked at again and again."""
    do, expected = damage(kind, company)
    do(engine)
    hubspot.calls()
    assert told(audited(hubspot, engine)) == [expected]
    assert hubspot.calls()["batch_read deals"] == 1


def test_both_sides_are_shown_shortened(hubspot: Followed, engine: Engine, company: Company) -> None:
    """A field's difference has both values as a person reads them, long ones cut."""
    alter(engine, "deal", {"id": company.deal}, next_step="x" * 500, closing_plan=False)
    fields = {each.name: (each.crm, each.mirror) for each in audited(hubspot, engine).shown[0].fields}
    assert fields == {"next_step": (None, "x" * 59 + "…"), "closing_plan": ("true", "false")}


@pytest.mark.parametrize("kind", ["lost", "twice", "wrong"])
def test_a_change_history_is_compared_and_mended(
    hubspot: Followed, engine: Engine, company: Company, kind: str
) -> None:
    """With `history`, a change that is missing, there twice or told wrongly is found; without it nobody asks."""
    last = {"record_id": company.deal, "field": "stage", "new": "Proposal"}
    row = vars(mirror_of(engine).record("change", **last))
    del row["id"]
    damages: dict[str, Damage] = {
        "lost": lambda engine: remove(engine, "change", **last),
        "twice": lambda engine: put(engine, "change", **row),
        "wrong": lambda engine: alter(engine, "change", last, old="Negotiation"),
    }
    damages[kind](engine)
    assert told(audited(hubspot, engine)) == []
    assert told(audited(hubspot, engine, history=True)) == [("history", "deal", company.deal, ["stage"])]
    repaired = audited(hubspot, engine, history=True, repair=True)
    assert (repaired.left.total(), told(audited(hubspot, engine, history=True))) == (0, [])


def test_an_owner_whom_nobody_knows_is_no_difference(hubspot: Followed, engine: Engine, company: Company) -> None:
    """A deal of an owner that the account does not list, and of one that it lists later, says what the CRM says."""
    for name in ("98", "99"):
        hubspot.account.update("deals", company.deal, {"hubspot_owner_id": name})
        hubspot.clock.advance(600)
        follow(hubspot, engine)
    hubspot.account.add_owner("98", "z@loom.example", "Zoe", "Zwirn")
    hubspot.clock.advance(90_000)
    follow(hubspot, engine)
    assert told(audited(hubspot, engine, history=True)) == []


@pytest.mark.parametrize("what", ["archived", "merged", "erased"])
def test_what_is_no_more_is_told_apart(hubspot: Followed, engine: Engine, company: Company, what: str) -> None:
    """Archived, merged and erased in the CRM, and not noticed here yet: each by its name, and mended."""
    contact = company.contact
    expected: list[tuple[str, str, str, list[str]]]
    if what == "archived":
        hubspot.account.archive("contacts", contact)
        expected = [("archived", "contact", contact, [])]
    elif what == "merged":
        hubspot.account.merge("contacts", contact, company.lead)
        expected = [("merged", "contact", each, []) for each in (contact, company.lead)]
    else:
        hubspot.account.erase("contacts", contact)
        expected = [("erased", "contact", contact, [])]
    hubspot.clock.advance(300)
    follow(hubspot, engine)
    for each in ("contact", "lead"):  # as if the poll had not noticed
        alter(engine, each, deleted_at=None)
    remove(engine, "redirect")
    found = told(audited(hubspot, engine))
    assert [each for each in found if each[0] == what] == expected
    repaired = audited(hubspot, engine, repair=True)
    assert (repaired.shown_left, told(audited(hubspot, engine))) == ([], [])


def test_what_is_not_followed_yet_is_no_difference(
    hubspot: Followed, engine: Engine, company: Company, deal: Make
) -> None:
    """Created, changed, archived and merged since the last poll: counted apart."""
    hubspot.clock.advance(300)
    other = hubspot.account.create("contacts", {"firstname": "Ed"})
    hubspot.account.update("deals", company.deal, {"amount": "5", "dealstage": "negotiation"})
    deal()
    hubspot.account.archive("calls", company.call)
    hubspot.account.merge("contacts", company.contact, other)
    hubspot.clock.advance(5)
    report = audited(hubspot, engine, history=True)
    assert {each.kind for each in report.shown} <= {DifferenceKind.LINKS}  # an association bears no date
    assert {name: each.pending for name, each in report.streams.items() if each.pending} == {
        "deals": 2, "contacts": 3, "calls": 1,
    }  # fmt: skip
    hubspot.clock.advance(86_400)
    follow(hubspot, engine)
    report = audited(hubspot, engine, history=True)
    assert (told(report), report.pending) == ([], 0)


def test_search_that_lags_raises_no_alarm(hubspot: Followed, engine: Engine, company: Company) -> None:
    """What search did not tell the last poll is within its overlap.

    The next poll reads it, and it is pending until then.
    """
    hubspot.account.search_lag_seconds = 60
    hubspot.clock.advance(300)
    hubspot.account.update("deals", company.deal, {"amount": "5"})
    hubspot.clock.advance(10)
    follow(hubspot, engine)
    report = audited(hubspot, engine)
    assert (told(report), report.pending) == ([], 1)
    hubspot.clock.advance(60)
    follow(hubspot, engine)
    report = audited(hubspot, engine)
    assert (told(report), report.pending) == ([], 0)


def test_changes_while_it_runs_raise_no_alarm(
    hubspot: Followed, engine: Engine, company: Company, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that change after the audit began, before they are listed and again before they are read by id."""
    source = hubspot.source()
    describe, read = source.describe, source.read

    def meanwhile(*_: Any) -> None:
        hubspot.clock.advance(1)
        hubspot.account.update("deals", company.deal, {"amount": str(hubspot.clock().timestamp())})
        hubspot.account.update("contacts", company.lead, {"jobtitle": "Boss", "firstname": str(hubspot.clock())})
        deal()

    def described() -> Any:
        found = describe()
        meanwhile()
        hubspot.account.archive("contacts", company.contact)
        return found

    def read_by_id(*arguments: Any) -> Any:
        meanwhile()
        return read(*arguments)

    monkeypatch.setattr(source, "describe", described)
    monkeypatch.setattr(source, "read", read_by_id)
    report = audited(hubspot, engine, source=source, history=True)
    assert {each.kind for each in report.shown} <= {DifferenceKind.LINKS}
    assert report.pending > 0


def test_what_is_followed_while_it_runs_is_no_difference(
    hubspot: Followed, engine: Engine, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll between listing and reading by id, and one between reading the CRM and the mirror.

    Both sides agree again.
    """
    hubspot.clock.advance(300)
    hubspot.account.update("deals", company.deal, {"amount": "5"})
    source = hubspot.source()
    read = source.read

    def read_and_followed(*arguments: Any) -> Any:
        page = read(*arguments)
        if hubspot.account.snapshot("deals")[company.deal]["amount"] != "6":
            hubspot.clock.advance(10)
            hubspot.account.update("deals", company.deal, {"amount": "6"})
            hubspot.clock.advance(10)
            follow(hubspot, engine)
        return page

    monkeypatch.setattr(source, "read", read_and_followed)
    report = audited(hubspot, engine, source=source)
    assert (told(report), report.pending) == ([], 0)


def test_a_merge_moves_the_links_of_others_before_they_are_mended(
    hubspot: Followed, engine: Engine, company: Company, deal: Make
) -> None:
    """Deals that were merged unnoticed: one repair mends them and the associations of their contacts and calls."""
    other = deal(dealname="Looms again")
    hubspot.account.associate("deals", other, "companies", company.account, label="Primary")
    hubspot.clock.advance(600)
    follow(hubspot, engine)
    new = hubspot.account.merge("deals", company.deal, other)
    hubspot.clock.advance(600)
    repaired = audited(hubspot, engine, repair=True)
    assert repaired.pending > 0  # the merge itself is younger than the last poll
    follow(hubspot, engine)
    hubspot.clock.advance(600)
    repaired = audited(hubspot, engine, repair=True)
    assert (repaired.shown_left, told(audited(hubspot, engine))) == ([], [])
    assert mirror_of(engine).activity(f"calls/{company.call}").deal_id == new


def test_a_property_that_is_not_shown_is_not_compared(hubspot: Followed, engine: Engine, company: Company) -> None:
    """What the account hides keeps here what was known of it, and is not a difference."""
    alter(engine, "deal", {"id": company.deal}, next_step="kept")
    assert told(audited(hubspot, engine)) == [("values", "deal", company.deal, ["next_step"])]
    hubspot.account.hide_property("deals", "hs_next_step")
    assert told(audited(hubspot, engine)) == []


def test_a_person_who_is_no_lead_any_more_is_told(hubspot: Followed, engine: Engine, company: Company) -> None:
    """A lead here whose person is none in the CRM is a difference, once the change is followed."""
    put(engine, "lead", source="hubspot", id=company.contact, valid_from=NOW, name="Cy")
    assert told(audited(hubspot, engine)) == [("no_longer", "lead", company.contact, [])]
    hubspot.clock.advance(600)
    hubspot.account.update("contacts", company.contact, {"firstname": "Cyd"})
    report = audited(hubspot, engine)
    assert (told(report), report.pending) == ([], 1)


def test_a_repair_keeps_the_past(hubspot: Followed, engine: Engine, company: Company) -> None:
    """What is mended is a change like any other: done twice, it writes nothing the second time."""
    alter(engine, "deal", {"id": company.deal}, name="Wrong")
    audited(hubspot, engine, repair=True)
    counted, mirror = ("deal", "deal_version", "change", "run"), mirror_of(engine)
    before = [mirror.count(kind) for kind in counted]
    assert [each.pick("old", "new") for each in mirror.changes(name="name")] == [("Wrong", "Looms")]
    audited(hubspot, engine, repair=True)
    assert before == [mirror.count(kind) for kind in counted]


def test_many_persons_at_once_are_not_erased(hubspot: Followed, engine: Engine) -> None:
    """Where most persons can no longer be read, a permission may be missing.

    The repair holds them, says so, and erases nobody.
    """
    people = [hubspot.account.create("contacts", {"firstname": f"P{number}"}) for number in range(60)]
    hubspot.clock.advance(600)
    follow(hubspot, engine)
    for each in people:
        hubspot.account.erase("contacts", each)
    repaired = audited(hubspot, engine, repair=True)
    assert (repaired.left[DifferenceKind.ERASED], repaired.held, len(repaired.notes)) == (0, 60, 1)
    assert mirror_of(engine).count("contact") == 60
