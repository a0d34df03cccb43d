"""What jobs ask of the organisation is that of their day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ros_sync.organisation.company import Member, Organisation
from ros_sync.rules.model import RuleSet
from ros_sync.workspace.company import Company, deal_context

TUESDAY = datetime(2026, 3, 3, tzinfo=UTC)
LATER = Organisation(rates={"USD": Decimal("0.8")}, people={"b@x.example": Member("b@x.example", "Bo")})
FILE = Organisation(
    rates={"USD": Decimal("0.9")},
    people={"a@x.example": Member("a@x.example", "Ada")},
    later=((date(2026, 3, 3), LATER),),
)


def test_rates_and_people_of_an_import_are_those_of_its_day() -> None:
    """Also for a process that read the file days before."""
    found = [deal_context(FILE, at) for at in (TUESDAY - timedelta(seconds=1), TUESDAY)]
    assert [Decimal("0.9"), Decimal("0.8")] == [each.rates["USD"] for each in found]
    assert [{"a@x.example", "ada"}, {"b@x.example", "bo"}] == [each.people for each in found]


def test_a_company_of_a_day_is_that_of_a_day_already() -> None:
    """Asked again for another day it stays what it is; a file without days is not made anew."""
    company = Company(FILE, RuleSet(()))
    tuesday = company.at(TUESDAY)
    assert LATER is tuesday.organisation
    assert tuesday is tuesday.at(TUESDAY - timedelta(days=1))
