"""The organisation of a tick is that of its day: what is entered ahead takes effect by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.integration.alerts.conftest import MONDAY, Firm
from tests.integration.mirror_reader import mirror_of

from ros_sync import clock
from ros_sync.jobs import cycle

DAY = timedelta(days=1)
ORGANISATION = """
version: 1
company: {name: Test, currency: EUR, timezone: America/New_York, fallback: revops@example.com}
rates: {USD: [{rate: "0.9"}, {rate: "0.8", since: 2026-03-03}]}
teams:
  - {name: North, manager: meg@example.com}
  - {name: South, manager: sue@example.com}
people:
  - {email: meg@example.com, name: Meg Manager}
  - {email: sue@example.com, name: Sue Manager}
  - {email: revops@example.com, name: Rev Ops}
  - {email: ann@example.com, name: Ann Seller, team: North}
  - {email: ann@example.com, since: 2026-03-03, team: South}
"""


@pytest.fixture
def moved(firm: Firm) -> Firm:
    """A company whose seller changes team on Tuesday, as her manager is told of each deal."""
    (firm.folder / "organisation.yaml").write_text(ORGANISATION)
    firm.rules(more="notify: [{to: manager}]")
    return firm


def test_a_person_changes_team_on_the_companys_tuesday(moved: Firm) -> None:
    """It is Tuesday in London already, and Monday still in New York; then it is Tuesday there too."""
    for number, hours in enumerate((0, 19.5, 20.5)):  # 04:00, 23:30, 00:30 in New York
        moved.deal(str(number))
        moved.tick(MONDAY + timedelta(hours=hours))
    found = [(recipient, heading) for recipient, headings in moved.told() for heading in headings]
    told = {heading.split(" (")[0]: recipient for recipient, heading in found}
    expected = {"Deal 0": "meg@example.com", "Deal 1": "meg@example.com", "Deal 2": "sue@example.com"}
    assert expected == told


def test_nothing_is_read_for_each_record(moved: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick over many deals reads no file."""
    company = moved.company()
    for number in range(50):
        moved.deal(str(number))
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("a file was opened"))
    cycle.tick(moved.engine, company, MONDAY + DAY, transport="slack")
    assert 50 == mirror_of(moved.engine).count("alert")


def test_a_rate_changes_on_its_day(moved: Firm) -> None:
    """The first tick of Tuesday restates what deals in dollars are worth, and says so; the next has nothing to do."""
    moved.deal("1", currency="USD", amount_home_minor=90_000)
    reports = [moved.tick(at).restated for at in (MONDAY, MONDAY + DAY, MONDAY + DAY, MONDAY + 2 * DAY)]
    assert ([0, 1, 0, 0], 80_000) == (reports, mirror_of(moved.engine).deal("1").amount_home_minor)
    assert [] == moved.writes(MONDAY + 2 * DAY)
    (change,) = mirror_of(moved.engine).changes("deal", "1", "amount_home_minor")
    assert (MONDAY + DAY, "currency") == change.pick("at", "cause")


def test_a_tick_of_a_moment_ahead_of_the_clock_restates_nothing(moved: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rates will be is not written to records before the day has come."""
    moved.deal("1", currency="USD", amount_home_minor=90_000)
    moved.tick(MONDAY)
    monkeypatch.setattr(clock, "now", lambda: MONDAY + DAY / 2)
    assert 0 == moved.tick(MONDAY + DAY).restated
    assert 90_000 == mirror_of(moved.engine).deal("1").amount_home_minor
    assert {"USD": Decimal("0.8")} == moved.company().at(MONDAY + DAY).organisation.rates
