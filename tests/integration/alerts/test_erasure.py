"""A person who was erased in the CRM leaves alerts, notices and messages as well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync import clock
from ros_sync.mirror import erasure, redirects
from ros_sync.notifiers.delivery import deliver_all
from ros_sync.notifiers.slack.client import SlackClient
from ros_sync.notifiers.slack.notifier import SlackNotifier
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sync.ingest import joined_records
from ros_sync.sync.ingest.deals import DealContext

HOUR = timedelta(hours=1)
PERSON = "a person who was deleted in the CRM"
RULES = """
version: 1
rules:
  - id: unrejected
    title: Lead without an answer
    applies_to: lead
    notify: [{to: owner, mode: digest}]
    when: [rejection_code is missing]
    message: "{name} ({company}): no answer to {email}"
"""


@pytest.fixture
def desk(firm: Firm) -> Firm:
    """The company, with a rule about leads and two of them."""
    (firm.folder / "rules.yaml").write_text(RULES)
    firm.lead("1", "Zelda")
    firm.lead("2", "Yoko")
    return firm


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack in which the seller is."""
    workspace = SlackWorkspace(now=lambda: MONDAY)
    workspace.add_user("Ann Seller", "ann@example.com", "UTC")
    with SlackServer(workspace) as server:
        yield server


def erase(firm: Firm, *ids: str) -> None:
    with firm.engine.begin() as connection:
        erasure.erase(connection, "crm", "contacts", list(ids), MONDAY)


def everything(firm: Firm) -> str:
    """All that alerts, notices and outbox hold, as text."""
    return "\n".join(
        str(row).lower()
        for table in ("alert", "alert_notification", "outbox_message")
        for row in firm.rows(f"SELECT * FROM {table}")
    )


def test_nothing_is_left_of_an_erased_person(desk: Firm) -> None:
    """Neither alert nor notice nor message holds the name, the company or the address, and the alert has ended."""
    desk.tick()
    desk.delivered()
    before = "zelda" in everything(desk)
    erase(desk, "1")
    report = desk.tick(MONDAY + HOUR)
    assert (True, False, 1) == (before, "zelda" in everything(desk), report.erased)
    assert [("1", "resolved", "the person was deleted in the CRM"), ("2", "open", None)] == desk.rows(
        "SELECT record_id, state, resolution FROM alert ORDER BY record_id"
    )


def test_the_message_in_slack_loses_the_name_in_place(desk: Firm, slack: SlackServer) -> None:
    """Over real HTTP: the same message stands there, with the other lead in it, and nothing of the person."""
    client = SlackClient(slack.workspace.token, api_url=slack.api_url)
    notifier = SlackNotifier(client, desk.engine)
    desk.tick()
    deliver_all(desk.engine, [notifier], lambda: MONDAY, lambda _seconds: None)
    with_ann = slack.workspace.dm_with("ann@example.com")
    before = [str(message.blocks) for message in slack.workspace.messages(with_ann)]
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    deliver_all(desk.engine, [notifier], lambda: MONDAY + HOUR, lambda _seconds: None)
    after = [f"{message.text} {message.blocks}" for message in slack.workspace.messages(with_ann)]
    assert [(True, True, False)] == [("Zelda" in each, "Yoko" in each, PERSON in each) for each in before]
    assert [(False, True, True)] == [("Zelda" in each, "Yoko" in each, PERSON in each) for each in after]


def test_the_entry_says_what_became_of_it(desk: Firm) -> None:
    """In the digest the person's entry is done and names nobody; the other's is as it was."""
    desk.tick()
    desk.delivered()
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    ((_, document),) = desk.messages()
    assert ("1 lead needs attention", [("Yoko", False), (PERSON, True)]) == (
        document.title, [(item.heading, item.done) for item in document.items],
    )  # fmt: skip
    assert ("", (), "no action needed") == (
        document.items[1].lead, document.items[1].facts, document.items[1].reasons[0].text,
    )  # fmt: skip


def test_a_message_that_reached_nobody_is_taken_back_without_the_name(desk: Firm) -> None:
    """It is not sent, and what is kept of it does not name the person."""
    desk.lead("2", "Yoko", rejection_code="timing")
    desk.tick()
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    assert [("withdrawn",)] == desk.rows("SELECT state FROM outbox_message")
    assert "zelda" not in everything(desk)


def test_a_message_that_was_taken_back_before_stays_so(desk: Firm) -> None:
    """The lead was answered before anybody was told, and is erased later: still nobody is told."""
    desk.lead("2", "Yoko", rejection_code="timing")
    desk.tick()
    desk.lead("1", "Zelda", MONDAY + HOUR, rejection_code="timing")
    desk.tick(MONDAY + HOUR)
    before = desk.rows("SELECT state FROM outbox_message"), "zelda" in everything(desk)
    erase(desk, "1")
    desk.tick(MONDAY + 2 * HOUR)
    assert ([("withdrawn",)], True) == before
    assert ([("withdrawn",)], False) == (desk.rows("SELECT state FROM outbox_message"), "zelda" in everything(desk))


def test_an_alert_that_had_ended_keeps_its_end(desk: Firm) -> None:
    """Its words are taken away; when and why it ended stays."""
    desk.tick()
    desk.delivered()
    desk.lead("1", "Zelda", MONDAY + HOUR, rejection_code="timing")
    desk.tick(MONDAY + HOUR)
    erase(desk, "1")
    desk.tick(MONDAY + 2 * HOUR)
    assert [("no longer applies", PERSON)] == desk.rows("SELECT resolution, headline FROM alert WHERE record_id = '1'")
    assert "zelda" not in everything(desk)


def test_a_person_who_was_merged_into_an_erased_one_goes_with_them(desk: Firm) -> None:
    """Zelda was found to be Yoko before Yoko was erased: what was said of Zelda was said of the same person."""
    desk.tick()
    desk.delivered()
    with desk.engine.begin() as connection:
        redirects.redirect(connection, "crm", "lead", {"1": "2"}, MONDAY)
    erase(desk, "2")
    desk.tick(MONDAY + HOUR)
    assert (False, False) == ("zelda" in everything(desk), "yoko" in everything(desk))


def test_who_was_merged_is_found_by_whom_they_were_merged_into(desk: Firm) -> None:
    """Also where nothing but the merge says of Zelda that she was erased with Yoko."""
    desk.tick()
    desk.delivered()
    with desk.engine.begin() as connection:
        redirects.redirect(connection, "crm", "lead", {"1": "2"}, MONDAY)
        redirects.erased(connection, "crm", "lead", ["2"], MONDAY)
    desk.tick(MONDAY + HOUR)
    assert (False, False) == ("zelda" in everything(desk), "yoko" in everything(desk))


def test_it_is_done_once(desk: Firm) -> None:
    """The tick after it finds nothing to do and writes nothing."""
    desk.tick()
    desk.delivered()
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    desk.delivered()
    assert [] == desk.writes(MONDAY + 2 * HOUR)


def test_privacy_does_not_wait_for_a_source_to_be_read(desk: Firm) -> None:
    """The name goes from alerts of a stale source too, and the other alert of it keeps its state."""
    desk.read(MONDAY)
    desk.tick()
    desk.delivered()
    erase(desk, "1")
    desk.lead("2", "Yoko", MONDAY + HOUR, rejection_code="timing")
    desk.tick(MONDAY + HOUR)
    assert "zelda" not in everything(desk)
    assert [("resolved",), ("open",)] == desk.rows("SELECT state FROM alert ORDER BY record_id")


def test_an_export_that_still_holds_the_person_opens_nothing(desk: Firm) -> None:
    """The row comes back by an import, the alert does not."""
    desk.tick()
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    desk.lead("1", "Zelda", MONDAY + HOUR)
    again = desk.tick(MONDAY + 2 * HOUR)
    assert (0, False) == (again.alerts.opened, "zelda" in everything(desk))


def test_another_record_of_that_number_is_left_alone(desk: Firm) -> None:
    """A deal with the erased person's number is another record."""
    (desk.folder / "rules.yaml").write_text(
        RULES.replace("applies_to: lead", "applies_to: deal")
        .replace("rejection_code is missing", "next_step is missing")
        .replace(" ({company}): no answer to {email}", ": no step")
    )
    desk.deal("1", created_at=clock.to_micros(MONDAY))
    desk.tick()
    erase(desk, "1")
    desk.tick(MONDAY + HOUR)
    assert [("open", "Deal 1")] == desk.rows("SELECT state, headline FROM alert")


def test_whoever_was_merged_into_an_erased_person_raises_no_alert(desk: Firm) -> None:
    """An export may hold both still: neither the erased person nor who was merged into them is asked about."""
    desk.lead("3", "Xenia")
    desk.lead("4", "Walt")
    with desk.engine.begin() as connection:
        redirects.redirect(connection, "crm", "lead", {"3": "1", "4": "2"}, MONDAY)
        redirects.erased(connection, "crm", "lead", ["1"], MONDAY)
    desk.tick()
    assert [("2",), ("4",)] == desk.rows("SELECT record_id FROM alert ORDER BY record_id")


def test_a_person_of_another_crm_with_that_number_raises_an_alert(desk: Firm) -> None:
    """And so does one whose number an erased contact, which is no lead, has in the same CRM."""
    desk.lead("1", "Zoe", source="other")
    with desk.engine.begin() as connection:
        redirects.erased(connection, "crm", "lead", ["1"], MONDAY)
        redirects.erased(connection, "crm", "contact", ["2"], MONDAY)
    desk.tick()
    assert [("crm", "2"), ("other", "1")] == desk.rows("SELECT source, record_id FROM alert ORDER BY source")


@pytest.mark.parametrize("erased", ["other", "crm"], ids=["the other member", "the leader"])
def test_what_was_said_of_a_leader_goes_with_a_member_that_is_erased(desk: Firm, erased: str) -> None:
    """An alert on a joined lead is its leader's: an erased person leaves it and its messages, whoever they were.

    What is left of the leader raises an alert of its own, without a word of theirs.
    """
    context = DealContext("EUR", {}, lambda day: day)
    desk.lead("1", "Zelda", email=None)
    zimmer = {"company": "Zimmer & Sons", "email": "zelda@zimmer.example"}
    desk.lead(
        "9", "Zelda Zimmer", MONDAY - HOUR, source="other", owner_id=None, owner_named="ann@example.com", **zimmer
    )
    with desk.engine.begin() as connection:
        joined_records.link(
            connection, "lead", ("crm", "1"), [("other", "9")], MONDAY - HOUR, context, reason="e-mail", by="a test"
        )
    desk.tick()
    desk.delivered()
    before = everything(desk)
    with desk.engine.begin() as connection:
        erasure.erase(connection, erased, "contacts", ["9" if erased == "other" else "1"], MONDAY)
    report = desk.tick(MONDAY + HOUR)
    after = everything(desk)
    assert ("zelda@zimmer.example" in before, report.erased) == (True, 1)
    if erased == "other":
        assert ("zimmer" in after, "zelda" in after) == (False, True)
    states = desk.rows("SELECT source, record_id, state FROM alert WHERE record_id IN ('1', '9') ORDER BY id")
    own = ("crm", "1") if erased == "other" else ("other", "9")
    assert [("crm", "1", "resolved"), (*own, "open")] == states
