"""Of a stale source nothing is concluded: its alerts keep their last state, and everything else goes on."""

from __future__ import annotations

from datetime import timedelta

import structlog
from tests.integration.alerts.conftest import MONDAY, Firm

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def alerts(firm: Firm) -> list[tuple[str, str, str]]:
    return firm.rows("SELECT source, record_id, state FROM alert ORDER BY source, record_id, id")


def test_a_stale_source_opens_and_resolves_nothing_and_another_goes_on(firm: Firm) -> None:
    """In both, one deal is mended and one neglected; only in the fresh source that has consequences."""
    for source in ("crm", "other"):
        firm.read(MONDAY, source=source)
        firm.deal("1", source=source)
        firm.deal("2", source=source, next_step="call")
    firm.tick()
    later = MONDAY + HOUR
    for source in ("crm", "other"):
        firm.deal("1", later, source=source, next_step="call")
        firm.deal("2", later, source=source)
    firm.read(later, source="other")
    report = firm.tick(later)
    expected = [("crm", "1", "open"), ("other", "1", "resolved"), ("other", "2", "open")]
    assert (expected, {"crm": 1}) == (alerts(firm), report.alerts.kept)


def test_nothing_fires_on_half_a_mirror(firm: Firm) -> None:
    """A source whose back-fill has not come to its end is stale, whatever is there of it."""
    firm.read(None)
    firm.deal("1")
    report = firm.tick()
    assert ([], ["crm"]) == (alerts(firm), [standing.source for standing in report.stale])


def test_what_comes_by_import_is_never_stale(firm: Firm) -> None:
    """A source of which no cycle is known is as of its export."""
    firm.deal("1")
    firm.tick(MONDAY + 300 * DAY)
    assert [("crm", "1", "open")] == alerts(firm)


def test_a_source_that_is_fresh_again_catches_up_once(firm: Firm) -> None:
    """What was mended and what was neglected meanwhile is resolved and opened by the first tick, and by no other."""
    firm.read(MONDAY)
    firm.deal("1")
    firm.tick()
    at = MONDAY + HOUR
    firm.deal("1", at, next_step="call")
    firm.deal("2", at)
    firm.tick(at)
    firm.read(at + MINUTE)
    first, second = firm.tick(at + 2 * MINUTE), firm.tick(at + 3 * MINUTE)
    assert [("crm", "1", "resolved"), ("crm", "2", "open")] == alerts(firm)
    assert ((1, 1), (0, 0)) == tuple((report.alerts.opened, report.alerts.resolved) for report in (first, second))


def test_a_tick_over_a_stale_source_writes_nothing(firm: Firm) -> None:
    """Whatever has changed there, not one statement that writes reaches the database."""
    firm.read(MONDAY)
    firm.deal("1")
    firm.deal("2", next_step="call")
    firm.tick()
    firm.deal("1", MONDAY + HOUR, next_step="call")
    firm.deal("2", MONDAY + HOUR, owner_id="b")
    assert [] == firm.writes(MONDAY + HOUR)


def test_what_is_held_does_not_open_on_a_stale_source(firm: Firm) -> None:
    """Two days pass, of which nothing was read: the alert stays pending; read again, it opens if it still fires."""
    firm.rules(more="for: 2 days")
    firm.read(MONDAY)
    firm.deal("1")
    firm.deal("2")
    firm.tick()
    firm.tick(MONDAY + 3 * DAY)
    held = alerts(firm)
    firm.deal("2", MONDAY + 3 * DAY, next_step="call")
    firm.read(MONDAY + 3 * DAY)
    firm.tick(MONDAY + 3 * DAY)
    assert [("crm", "1", "pending"), ("crm", "2", "pending")] == held
    assert [("crm", "1", "open"), ("crm", "2", "resolved")] == alerts(firm)


def test_the_manager_is_told_nothing_of_a_stale_source(firm: Firm) -> None:
    """The route to her comes due while nothing is read: she hears of it once it is read again, and once only."""
    firm.rules(more="notify: [{to: owner}, {to: manager, after: 2 days}]")
    firm.read(MONDAY)
    firm.deal("1")
    firm.tick()
    firm.tick(MONDAY + 3 * DAY)
    before = [recipient for recipient, _ in firm.messages()]
    firm.read(MONDAY + 3 * DAY)
    firm.tick(MONDAY + 3 * DAY)
    firm.tick(MONDAY + 3 * DAY + MINUTE)
    assert ["ann@example.com"] == before
    assert ["ann@example.com", "meg@example.com"] == [recipient for recipient, _ in firm.messages()]


def test_a_record_of_a_stale_source_changes_hands_when_it_is_fresh(firm: Firm) -> None:
    """The new owner that a broken-off cycle wrote is believed once the cycle was complete, in composed messages too."""
    firm.rules(more="notify: [{to: owner, mode: digest}]")
    for source in ("crm", "other"):
        firm.read(MONDAY, source=source)
        firm.deal(f"1 {source}", source=source)
    firm.tick()
    firm.delivered()
    later = MONDAY + HOUR
    firm.deal("1 crm", later, owner_id="b")
    firm.deal("1 other", later, source="other", next_step="call")
    firm.read(later, source="other")
    firm.tick(later)
    ((_, document),) = firm.messages()
    firm.read(later)
    firm.tick(later + MINUTE)
    assert [("Deal 1 crm", False), ("Deal 1 other", True)] == [(item.heading, item.done) for item in document.items]
    assert ("bob@example.com", ["Deal 1 crm"]) == firm.told()[-1]


def test_a_retired_rule_ends_its_alerts_on_a_stale_source_too(firm: Firm) -> None:
    """That is RevOps' word, for which nothing has to be read."""
    firm.read(MONDAY)
    firm.deal("1")
    firm.tick()
    firm.rules(more="status: retired")
    firm.tick(MONDAY + DAY)
    assert [("resolved", "rule retired")] == firm.rows("SELECT state, resolution FROM alert")


def test_the_log_names_what_is_stale(firm: Firm) -> None:
    """The line of the tick says which source, since when, and how many alerts keep their state."""
    firm.read(MONDAY)
    firm.deal("1")
    firm.tick()
    with structlog.testing.capture_logs() as lines:
        firm.tick(MONDAY + HOUR)
    assert [({"crm": MONDAY.isoformat()}, 1)] == [(line["stale"], line["kept"]) for line in lines]
