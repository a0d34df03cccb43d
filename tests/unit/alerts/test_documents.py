"""The words of an alert's message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ros_sync.alerts.documents import ITEMS_KEPT, AlertLine, digest, direct
from ros_sync.outbox.document import Document, Item, ItemReason

ACME = AlertLine(
    object="deal",
    record=("crm", "1"),
    title="No next step",
    headline="Acme",
    lead="EUR 1,000",
    text="Acme (EUR 1,000): no next step",
    severity="warn",
    resolved=False,
)
DAY = "Monday, 2 March"


def deal(number: int, **changes: object) -> AlertLine:
    """Another deal with the same trouble."""
    name = f"Deal {number:03}"
    lines = replace(ACME, record=("crm", str(number)), headline=name, text=f"{name} (EUR 1,000): no next step")
    return replace(lines, **changes)  # type: ignore[arg-type]  # by name


def headings(document: Document) -> list[str]:
    """Which records the message names, in its order."""
    return [item.heading for item in document.items]


def test_a_message_about_one_record() -> None:
    """The rule's title is the message's; what its words repeat of the heading is left out."""
    item = Item("Acme", "EUR 1,000", (ItemReason("no next step", severity="warn"),))
    assert Document("No next step", "No next step: Acme", items=(item,)) == direct([ACME])


def test_a_message_about_one_record_that_was_put_right() -> None:
    """It says that it is done, and names the record still."""
    item = Item("Acme", "EUR 1,000", (ItemReason("no next step", severity="warn", done=True),), done=True)
    expected = Document("Done: No next step", "Done: No next step: Acme", items=(item,))
    assert expected == direct([replace(ACME, resolved=True)])


def test_a_message_about_records_that_a_rule_found_at_once() -> None:
    """The title counts those that wait, the notification names three of them; what is done comes last."""
    lines = [deal(1, resolved=True), *(deal(number) for number in range(2, 7))]
    document = direct(lines)
    assert (
        "No next step: 5 deals",
        "No next step: 5 deals: Deal 002, Deal 003, Deal 004 and 2 more",
        ["Deal 002", "Deal 003", "Deal 004", "Deal 005", "Deal 006", "Deal 001"],
    ) == (document.title, document.summary, headings(document))


def test_a_title_is_of_what_waits() -> None:
    """The title is that of the first alert that is still open."""
    lines = [replace(ACME, title="Done before", resolved=True), replace(ACME, title="Close date past")]
    assert "Close date past" == direct(lines).title


def test_three_names_need_no_and_more() -> None:
    """Three records are named, and nothing is said of more."""
    assert "No next step: 3 deals: Deal 001, Deal 002, Deal 003" == direct([deal(1), deal(2), deal(3)]).summary


@pytest.mark.parametrize(
    "lines, title, intro",
    [
        ([deal(1)], "1 deal needs attention", f"{DAY}."),
        ([deal(1), deal(2)], "2 deals need attention", f"{DAY}."),
        ([deal(1), deal(1, title="Close date past")], "1 deal needs attention", f"{DAY}."),
        ([deal(1), deal(2), deal(3, object="lead")], "2 deals and 1 lead need attention", f"{DAY}."),
        ([deal(1), deal(2, resolved=True)], "1 deal needs attention", f"{DAY}. 1 of 2 done."),
        ([deal(1, of_team=True)], "1 deal in your team needs attention", f"{DAY}."),
        ([deal(1, of_team=True), deal(2)], "2 deals in your team need attention", f"{DAY}."),
    ],
    ids=["one", "two", "one twice", "two kinds", "some done", "a team's", "own and team's"],
)
def test_a_digest_says_how_many_records_wait(lines: list[AlertLine], title: str, intro: str) -> None:
    """Records are counted, not alerts; and only those that still wait."""
    document = digest(lines, DAY)
    assert (title, intro) == (document.title, document.intro)


def test_a_digest_that_is_done() -> None:
    """When everything was put right the message says that and nothing more."""
    document = digest([deal(1, resolved=True)], DAY)
    assert (f"{DAY}: all done", f"{DAY}: all done", "") == (document.title, document.summary, document.intro)


def test_the_gravest_come_first() -> None:
    """What waits comes before what is done; then by gravity, the number of reasons, and name."""
    lines = [
        deal(1, resolved=True, severity="critical"),
        deal(2, severity="info"),
        deal(3),
        deal(4, severity="info"),
        deal(4, severity="critical"),
        deal(5),
        deal(5, title="Close date past"),
        deal(6, severity="unheard of"),
    ]
    expected = ["Deal 004", "Deal 005", "Deal 003", "Deal 006", "Deal 002", "Deal 001"]
    assert expected == headings(digest(lines, DAY))


def test_the_reasons_of_a_record_come_gravest_first() -> None:
    """Open ones before those that were put right, then by gravity, then by title."""
    lines = [
        deal(1, title="d", text="put right", severity="critical", resolved=True),
        deal(1, title="c", text="for information", severity="info"),
        deal(1, title="b", text="second", severity="warn"),
        deal(1, title="a", text="first", severity="unheard of"),
        deal(1, title="e", text="grave", severity="critical"),
    ]
    (item,) = digest(lines, DAY).items
    assert ["grave", "first", "second", "for information", "put right"] == [reason.text for reason in item.reasons]
    assert not item.done


def test_what_a_message_leaves_out_is_counted() -> None:
    """Of very many records, the gravest are named and the others counted: those that wait, and those that are done."""
    lines = [deal(number, resolved=number > ITEMS_KEPT + 2) for number in range(1, ITEMS_KEPT + 6)]
    document = digest(lines, DAY)
    assert (ITEMS_KEPT, 2, 3, f"{ITEMS_KEPT + 2} deals need attention", f"{DAY}. 3 of {ITEMS_KEPT + 5} done.") == (
        len(document.items),
        document.more_waiting,
        document.more_done,
        document.title,
        document.intro,
    )


def test_records_of_two_sources_are_two() -> None:
    """The same id in two CRMs is not the same record."""
    assert "2 deals need attention" == digest([deal(1), deal(1, record=("other", "1"))], DAY).title


def test_another_owner_is_told() -> None:
    """A reader who does not own the record is told who does."""
    (item,) = direct([replace(ACME, owner="Bob Seller")]).items
    assert (("Owner", "Bob Seller"),) == item.facts


@pytest.mark.parametrize(
    "text, headline, lead, said",
    [
        ("Acme (EUR 1,000): no next step", "Acme", "EUR 1,000", "no next step"),
        ("Acme: no next step", "Acme", "EUR 1,000", "no next step"),
        ("Acme (—): no next step", "Acme", "", "no next step"),
        ("Acme has no next step", "Acme", "EUR 1,000", "Acme has no next step"),
        ("Acme (EUR 2,000): no next step", "Acme", "EUR 1,000", "Acme (EUR 2,000): no next step"),
        ("No next step: Acme", "Acme", "EUR 1,000", "No next step: Acme"),
        (": no next step", "", "EUR 1,000", ": no next step"),
    ],
    ids=["name and amount", "name", "no amount", "a sentence", "another amount", "not at the beginning", "no name"],
)
def test_what_the_heading_says_is_not_said_again(text: str, headline: str, lead: str, said: str) -> None:
    """A rule's message loses the name and amount that it begins with, and nothing else."""
    (item,) = direct([replace(ACME, text=text, headline=headline, lead=lead)]).items
    assert [said] == [reason.text for reason in item.reasons]
