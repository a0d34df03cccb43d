"""A rule that fails stops itself alone, by name; what fails because of the database ends the tick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import FromClause, Select, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session
from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync.alerts.lifecycle import RuleCounts
from ros_sync.alerts.rule_failures import failed_rules
from ros_sync.errors import RosSyncError
from ros_sync.rules import evaluate
from ros_sync.rules.language import Condition, Moment
from ros_sync.rules.language import sql as compiled
from ros_sync.rules.model import Rule

DAY = timedelta(days=1)
RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    message: "no next step"
  - id: pushed
    title: Pushed
    applies_to: deal
    when: [is_open, push_count >= 2]
    message: "pushed"
"""


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[None]:
    """Let the condition on pushes fail when it is compiled."""
    whole = Condition.to_sql

    def to_sql(self: Condition, columns: compiled.Columns, moment: Moment) -> object:
        if "push_count" in self.text:
            raise error
        return whole(self, columns, moment)

    with monkeypatch.context() as patch:
        patch.setattr(Condition, "to_sql", to_sql)
        yield


def failures(firm: Firm) -> list[tuple[str, str]]:
    with Session(firm.engine) as session:
        return [(failed.rule_id, failed.reason) for failed in failed_rules(session)]


def test_a_rule_that_fails_stops_itself_and_no_other(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alerts keep their last state, the other rule goes on, and what failed is known by name and reason."""
    firm.rules(RULES)
    firm.deal("1", push_count=3)
    firm.tick()
    firm.deal("1", MONDAY + DAY, push_count=0)
    firm.deal("2", MONDAY + DAY)
    with failing(monkeypatch, OverflowError("int too large, said Ann")):
        report = firm.tick(MONDAY + DAY)
    assert (1, {"pushed": "it could not be evaluated: OverflowError"}) == (report.alerts.opened, report.alerts.failed)
    assert [RuleCounts("no-step", opened=1, open=2), RuleCounts("pushed", open=1)] == report.alerts.rules
    assert [("open",)] == firm.rows("SELECT state FROM alert WHERE rule_id = 'pushed'")
    assert [("pushed", "it could not be evaluated: OverflowError")] == failures(firm)


def test_a_rule_that_works_again_goes_on_where_it_was(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next tick resolves what ended meanwhile, and the failure is forgotten."""
    firm.rules(RULES)
    firm.deal("1", push_count=3, next_step="call")
    firm.tick()
    with failing(monkeypatch, OverflowError()):
        firm.tick(MONDAY + DAY)
    firm.deal("1", MONDAY + DAY, push_count=0, next_step="call")
    firm.tick(MONDAY + 2 * DAY)
    assert ([("resolved",)], []) == (firm.rows("SELECT state FROM alert"), failures(firm))


def test_a_failure_that_stays_is_written_once(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick in which it fails as before writes nothing."""
    firm.rules(RULES)
    with failing(monkeypatch, OverflowError()):
        firm.tick()
        assert [] == firm.writes(MONDAY + DAY)


def test_what_the_database_refuses_of_one_rule_is_that_rule_s(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that the database cannot work out: by name, without what it stumbled over."""
    whole = evaluate.findings

    def findings(rule: Rule, selectable: FromClause, moment: Moment) -> Select[tuple[str, str]]:
        query = whole(rule, selectable, moment)
        if rule.id != "pushed":
            return query
        from sqlalchemy import BigInteger, cast, func, literal  # noqa: PLC0415

        too_large = (
            func.abs(literal(-(2**63), BigInteger)) if firm.engine.dialect.name == "sqlite" else cast("Ann", BigInteger)
        )
        return query.where(too_large > 0)

    monkeypatch.setattr("ros_sync.alerts.lifecycle.findings", findings)
    firm.rules(RULES)
    firm.deal("1", push_count=3)
    report = firm.tick()
    assert ["pushed"] == list(report.alerts.failed)
    assert (1, False) == (report.alerts.opened, "Ann" in report.alerts.failed["pushed"])


def test_a_database_that_is_the_trouble_ends_the_tick(firm: Firm) -> None:
    """A lost connection is no rule's fault: nothing is noted against one."""
    firm.deal("1")

    def fail(_c: object, _k: object, text: str, *_: object) -> None:
        if "FROM deal" in text:
            raise OperationalError(text, None, Exception("the server closed the connection"))

    event.listen(firm.engine, "before_cursor_execute", fail)
    with pytest.raises(DBAPIError):
        firm.tick()
    event.remove(firm.engine, "before_cursor_execute", fail)
    assert [] == failures(firm)


# ---- a message


def test_a_message_that_cannot_be_composed_holds_up_no_other(firm: Firm) -> None:
    """The others are brought up to date, the tick says what is left, and a later one composes it."""
    firm.rules(RULES)
    firm.deal("1")
    firm.deal("2", owner_id="b")
    firm.tick()
    firm.delivered()
    before = {recipient: document.done for recipient, document in firm.messages()}
    for deal, owner in (("1", "a"), ("2", "b")):
        firm.deal(deal, MONDAY + DAY, owner_id=owner, next_step="call")
    keys = dict(firm.rows("SELECT recipient, message_key FROM alert_notification"))
    firm.write(f"""INSERT INTO message_due VALUES ('{keys["ann@example.com"]}', '{{"pager": "7"}}', NULL)""")
    with pytest.raises(RosSyncError, match="1 of 2 messages couldn't be created: it could not be evaluated: TypeError"):
        firm.tick(MONDAY + DAY)
    half = {recipient: document.done for recipient, document in firm.messages()}
    firm.write("UPDATE message_due SET address = NULL")
    firm.tick(MONDAY + DAY)
    after = {recipient: document.done for recipient, document in firm.messages()}
    assert {"ann@example.com": False, "bob@example.com": False} == before
    assert {"ann@example.com": False, "bob@example.com": True} == half
    assert {"ann@example.com": True, "bob@example.com": True} == after
