"""A tick is written in portions.

Cut off at any statement, the next one goes on, and nobody gets half a message or two.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync import clock
from ros_sync.alerts import lifecycle
from ros_sync.mirror import portions
from ros_sync.mirror.columns import METADATA

MINUTE = timedelta(minutes=1)
RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    notify: [{{to: owner, mode: digest}}, {{to: manager, mode: digest}}]
    message: "{{name}} ({{amount}}): no next step"
  - id: small
    title: A small deal
    applies_to: deal
    when: [is_open, amount_home < 2000]
    notify: [{{to: owner, mode: direct}}]
    message: "{{name}} is worth {{amount}}"
  - id: late
    title: Won and not handed over
    applies_to: deal
    clock: {{starts: closed, stops: [handed_off], within: 48 hours, only_if: {{stage_kind: [won]}}}}
    message: "{{name}}: not handed over"
"""


class Killed(BaseException):  # no error: nothing may catch it
    """Stands for a kill: the transaction that is open is lost, what was committed stays."""


@contextmanager
def killed_at(engine: Engine, number: int) -> Iterator[None]:
    """Cut off what is done at the `number`th statement that writes, or commit."""
    written = itertools.count(1)

    def strike(*_: object) -> None:
        if next(written) == number:
            raise Killed

    def statement(_c: object, _k: object, text: str, *_: object) -> None:
        if text.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            strike()

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", strike)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", strike)


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handful of records be many portions."""
    monkeypatch.setattr(portions, "PORTION", 2)
    monkeypatch.setattr(lifecycle, "LOOK", 4)


def story(firm: Firm) -> None:
    """Five deals of two sellers, one of them won and never handed over."""
    firm.rules(RULES)
    for number in range(1, 5):
        firm.deal(str(number), owner_id="a" if number % 3 else "b", amount_home_minor=number * 50_000)
    firm.deal("5", stage_kind="won", closed_at=clock.to_micros(MONDAY - timedelta(days=5)))


def wipe(firm: Firm) -> None:
    """Begin anew, without making a database anew."""
    with firm.engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    firm.hire()


def outcome(firm: Firm) -> dict[str, list[Any]]:
    """What stands in the database, without what depends on when or in how many portions it was written."""
    return {
        "alerts": firm.rows("SELECT rule_id, record_id, state, episode FROM alert ORDER BY 1, 2, 4"),
        "told": firm.rows(
            "SELECT rule_id, record_id, route, recipient FROM alert_notification JOIN alert ON alert.id = alert_id "
            "ORDER BY 1, 2, 3"
        ),
        "said": sorted(
            (recipient, item.heading, reason.text, reason.done)
            for recipient, document in firm.messages()
            for item in document.items
            for reason in item.reasons
        ),
        "due": firm.rows("SELECT count(*) FROM message_due"),
        "clocks": firm.rows("SELECT record_id, state FROM sla_clock ORDER BY 1"),
    }


@pytest.mark.usefixtures("small_portions")
def test_a_tick_that_is_killed_anywhere_is_gone_on_with(firm: Firm) -> None:
    """At every statement once: the next tick leaves what one whole tick leaves."""
    story(firm)
    firm.tick()
    firm.tick(MONDAY + MINUTE)
    whole = outcome(firm)
    reached = 0
    for number in itertools.count(1):
        wipe(firm)
        story(firm)
        try:
            with killed_at(firm.engine, number):
                firm.tick()
        except Killed:
            reached = number
        messages = firm.messages()
        firm.tick(MONDAY + MINUTE)
        assert whole == outcome(firm), f"killed at statement {number}"
        assert messages == [each for each in firm.messages() if each in messages], "half a message was there"
        if reached < number:
            break
    assert reached > 20, "the story has that many places"


@pytest.mark.usefixtures("small_portions")
def test_nobody_is_told_before_everything_is_decided(firm: Firm) -> None:
    """The first message is put when the last rule was looked at."""
    story(firm)
    written: list[str] = []

    def note(_c: object, _k: object, text: str, *_: object) -> None:
        written.append(text)

    event.listen(firm.engine, "before_cursor_execute", note)
    firm.tick()
    event.remove(firm.engine, "before_cursor_execute", note)
    put = [place for place, text in enumerate(written) if text.startswith("INSERT INTO outbox_message")]
    opened = [
        place for place, text in enumerate(written) if text.startswith(("INSERT INTO alert ", "INSERT INTO alert_n"))
    ]
    assert max(opened) < min(put)


@pytest.mark.usefixtures("small_portions")
def test_a_message_that_was_due_and_came_to_nothing_is_not_sent(firm: Firm) -> None:
    """Decided, cut off before it was composed, and fixed meanwhile: nobody hears of it."""
    firm.rules(RULES)
    firm.deal("1", amount_home_minor=50_000)

    def fail(_c: object, _k: object, text: str, *_: object) -> None:
        if text.startswith("INSERT INTO outbox_message"):
            raise Killed

    event.listen(firm.engine, "before_cursor_execute", fail)
    with pytest.raises(Killed):
        firm.tick()
    event.remove(firm.engine, "before_cursor_execute", fail)
    firm.deal("1", MONDAY + MINUTE, next_step="demo", amount_home_minor=900_000)
    firm.tick(MONDAY + MINUTE)
    assert ([], [(0,)]) == (firm.messages(), firm.rows("SELECT count(*) FROM message_due"))


DIGESTS = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    notify: [{{to: owner, mode: digest}}, {{to: manager, mode: digest}}]
    message: "{{name}}: no next step"
"""
EIGHT = MONDAY.replace(hour=8) + timedelta(days=1)


def said(firm: Firm) -> list[tuple[str, str]]:
    """Who is told of which record, as often as they are."""
    return sorted((recipient, heading) for recipient, headings in firm.told() for heading in headings)


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize("killed,delivered", [(EIGHT, True), (EIGHT - MINUTE, False)], ids=["at eight", "before eight"])
def test_a_kill_around_eight_loses_and_doubles_nothing(firm: Firm, killed: datetime, *, delivered: bool) -> None:
    """Where the day of digests changes between deciding and composing, everybody is told of each record once.

    In Monday's digest, which may not have gone out yet, and in one more.
    """

    def night() -> None:
        firm.rules(DIGESTS)
        firm.deal("0")
        firm.tick()  # Monday's digest
        if delivered:
            firm.delivered()
        for number in range(1, 4):
            firm.deal(str(number), EIGHT - timedelta(hours=3), owner_id="a" if number % 2 else "b")

    reached = 0
    for number in itertools.count(1):
        wipe(firm)
        night()
        try:
            with killed_at(firm.engine, number):
                firm.tick(killed)
        except Killed:
            reached = number
        firm.tick(EIGHT + MINUTE)
        owners = {"0": "ann", "1": "ann", "2": "bob", "3": "ann"}
        expected = sorted(
            (f"{who}@example.com", f"Deal {deal}") for deal, owner in owners.items() for who in (owner, "meg")
        )
        assert said(firm) == expected, f"killed at statement {number}"
        assert firm.rows("SELECT count(*) FROM message_due") == [(0,)]
        digests = Counter(recipient for recipient, _ in firm.messages())
        assert max(digests.values()) <= 2, f"killed at statement {number}"
        if reached < number:
            break
    assert reached > 10, "the story has that many places"
