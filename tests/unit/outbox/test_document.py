"""Documents and their stored form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.errors import RosSyncError
from ros_sync.outbox.document import Button, ButtonStyle, Document, Item, ItemReason, Severity

texts = st.text(max_size=20)
reasons = st.builds(ItemReason, text=texts, detail=texts, severity=st.sampled_from(Severity), done=st.booleans())
actions = st.builds(Button, id=texts, label=texts, value=texts, style=st.sampled_from(ButtonStyle))
items = st.builds(
    Item,
    heading=texts,
    lead=texts,
    reasons=st.lists(reasons, max_size=3).map(tuple),
    facts=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    link=st.none() | texts,
    done=st.booleans(),
    actions=st.lists(actions, max_size=3).map(tuple),
)
documents = st.builds(
    Document,
    title=texts,
    summary=texts,
    intro=texts,
    items=st.lists(items, max_size=3).map(tuple),
    footer=texts,
    more_waiting=st.integers(0, 3),
    more_done=st.integers(0, 3),
)


@given(documents)
def test_a_document_survives_being_stored(document: Document) -> None:
    """What goes into the database as JSON comes out as the same document."""
    assert document == Document.from_dict(json.loads(json.dumps(document.to_dict())))


@given(documents)
def test_a_stored_document_compares_equal_to_a_fresh_one(document: Document) -> None:
    """The JSON object before storing equals the one after, so that putting the same again is seen as the same."""
    assert document.to_dict() == json.loads(json.dumps(document.to_dict()))


def test_a_document_of_a_newer_program_is_refused() -> None:
    """A version this program does not know is an error that says what to do."""
    stored = {**Document("t", "s").to_dict(), "version": 2}
    with pytest.raises(RosSyncError, match=r"form 2 cannot be read.*newer ros-sync"):
        Document.from_dict(stored)


def test_a_stored_document_that_lost_a_part_is_an_error_for_people() -> None:
    """A missing key is named, and is no KeyError."""
    stored = Document("t", "s").to_dict()
    del stored["footer"]
    with pytest.raises(RosSyncError, match=r"not whole.*footer"):
        Document.from_dict(stored)


@pytest.mark.parametrize(
    "marks, done", [((), False), ((True, False), False), ((True, True), True)], ids=["empty", "mixed", "all"]
)
def test_a_document_is_done_when_all_its_items_are(marks: tuple[bool, ...], done: bool) -> None:
    """A document without items is not done: there was nothing to mend."""
    document = Document("t", "s", items=tuple(Item("deal", done=mark) for mark in marks))
    assert done == document.done


@pytest.mark.parametrize("more_waiting, done, waiting", [(0, True, 0), (1, False, 1)])
def test_what_is_left_out_of_a_document_waits_too(more_waiting: int, done: bool, waiting: int) -> None:
    """A document whose items are all done is not done where others are left out of it that wait."""
    document = Document("t", "s", items=(Item("deal", done=True),), more_waiting=more_waiting)
    assert (done, waiting) == (document.done, document.waiting)


def test_what_is_not_said_to_be_done_waits() -> None:
    """Items and reasons wait, and nothing is left out, unless a writer says so."""
    document = Document("t", "s", items=(Item("deal", reasons=(ItemReason("why"),)),))
    assert (1, False, ItemReason("why", "", "warn", done=False), document) == (
        document.waiting,
        document.done,
        document.items[0].reasons[0],
        Document.from_dict({**document.to_dict(), "more_waiting": 0, "more_done": 0}),
    )


def test_the_stored_form_of_a_document() -> None:
    """Each part stands under its name, what was not said included: stored documents are compared with fresh ones."""
    reasons = (ItemReason("why"), ItemReason("because", "in detail", Severity.CRITICAL, done=True))
    actions = (Button("snooze", "Snooze"), Button("fix", "Fix", "1", ButtonStyle.PRIMARY))
    whole = Item("Acme", "EUR 1", reasons, (("Owner", "Ann"),), "https://crm.example/1", done=True, actions=actions)
    expected = {
        "version": 1,
        "title": "t",
        "summary": "s",
        "intro": "",
        "items": [
            {"heading": "deal", "lead": "", "reasons": [], "facts": [], "link": None, "done": False, "actions": []},
            {
                "heading": "Acme",
                "lead": "EUR 1",
                "reasons": [
                    {"text": "why", "detail": "", "severity": "warn", "done": False},
                    {"text": "because", "detail": "in detail", "severity": "critical", "done": True},
                ],
                "facts": [["Owner", "Ann"]],
                "link": "https://crm.example/1",
                "done": True,
                "actions": [
                    {"id": "snooze", "label": "Snooze", "value": "", "style": "default"},
                    {"id": "fix", "label": "Fix", "value": "1", "style": "primary"},
                ],
            },
        ],
        "footer": "",
    }
    assert expected == Document("t", "s", items=(Item("deal"), whole)).to_dict()


@pytest.mark.parametrize("waiting, done", [(2, 0), (0, 2)])
def test_what_is_left_out_is_stored_where_something_is(waiting: int, done: int) -> None:
    """Both numbers are stored as soon as one of them counts anything."""
    stored = Document("t", "s", more_waiting=waiting, more_done=done).to_dict()
    assert {**Document("t", "s").to_dict(), "more_waiting": waiting, "more_done": done} == stored
