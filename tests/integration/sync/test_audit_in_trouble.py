"""The audit where it cannot come to its end, or finds more than it keeps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter
from tests.integration.sync.audits import Company, Make, audited, company_of, follow
from tests.integration.sync.conftest import CONTEXT, Followed

from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.audit.report import DifferenceKind


@pytest.fixture
def company(hubspot: Followed, engine: Engine, deal: Make) -> Company:
    """A small company that was followed some time ago."""
    return company_of(hubspot, engine, deal)


def test_what_cannot_be_mended_is_left_and_told(hubspot: Followed, engine: Engine, company: Company) -> None:
    """A mirror that claims to know a later state than the CRM has is not overwritten: the audit does not agree."""
    alter(engine, "contact", {"id": company.contact}, modified_at=hubspot.clock() + timedelta(days=1), name="Sy")
    repaired = audited(hubspot, engine, repair=True)
    assert ({each.kind for each in repaired.shown_left}, repaired.agrees) == (
        {DifferenceKind.MODIFIED, DifferenceKind.VALUES},
        False,
    )


def test_differences_beyond_those_kept_are_counted(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The report keeps so many differences, and counts all."""
    for _ in range(20):
        deal()
    hubspot.clock.advance(600)
    follow(hubspot, engine)
    alter(engine, "deal", name="Wrong")

    report = audited(hubspot, engine, keep=3)
    assert (len(report.shown), report.total, report.streams["deals"].differences) == (3, 20, 20)


def test_a_parked_source_is_no_agreement(hubspot: Followed, engine: Engine, company: Company) -> None:
    """The day's calls are used up, in the middle or before: the report says so and until when, and makes no call."""
    hubspot.faults.next("list", Fault("daily_limit"), times=8)
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run()
    assert (report.agrees, report.quota_exhausted_until is not None, report.total) == (False, True, 0)
    hubspot.faults.clear()
    hubspot.faults.next("search", Fault("daily_limit"), times=8)
    hubspot.clock.advance(600)
    quota_exhausted = hubspot.syncer(engine).cycle()
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run(repair=True)
    assert (report.agrees, report.quota_exhausted_until, report.call_count) == (
        False,
        quota_exhausted.quota_exhausted_until,
        0,
    )


def test_a_failing_crm_is_no_agreement(hubspot: Followed, engine: Engine, company: Company) -> None:
    """A CRM that refuses every call is trouble, in words."""
    hubspot.faults.at_random(1.0, 1, [Fault("status", status=403)])
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run()
    assert (report.agrees, bool(report.trouble)) == (False, True)


def test_a_mirror_that_was_never_filled_is_no_agreement(hubspot: Followed, engine: Engine) -> None:
    """Before the first sync there is nothing to compare, and that is said."""
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock).run()
    assert (report.agrees, "ros-sync sync" in str(report.trouble)) == (False, True)
