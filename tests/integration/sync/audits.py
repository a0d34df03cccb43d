"""A company that was followed, and audits of it, for the tests of the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from tests.integration.sync.conftest import CONTEXT, NOW, Followed

from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.audit.report import AuditReport

Make = Callable[..., str]


@dataclass
class Company:
    """A small company that was followed: a deal with a past, its account, a contact who is a lead, and a call."""

    deal: str
    account: str
    other_account: str
    contact: str
    lead: str
    call: str


def company_of(hubspot: Followed, engine: Engine, deal: Make) -> Company:
    """Make the company, and follow it so long ago that no poll will read it again."""
    account = hubspot.account
    made = deal(team_size="12", closing_plan="true")
    mill = account.create("companies", {"name": "Mill"})
    other = account.create("companies", {"name": "Weir"})
    contact = account.create("contacts", {"firstname": "Cy", "email": "cy@mill.example"})
    lead = account.create("contacts", {"firstname": "Di", "email": "di@mill.example", "lifecyclestage": "lead"})
    call = account.create("calls", {"hs_call_title": "Hello", "hs_timestamp": "2026-03-01T10:00:00Z"})
    account.associate("deals", made, "companies", mill, label="Primary")
    account.associate("deals", made, "contacts", contact)
    account.associate("contacts", lead, "companies", mill, label="Primary")
    account.associate("calls", call, "deals", made)
    for minutes, stage in ((10, "evaluation"), (20, "proposal")):
        account.update("deals", made, {"dealstage": stage}, at=NOW + timedelta(minutes=minutes))
    hubspot.clock.advance(3600)
    follow(hubspot, engine)
    hubspot.clock.advance(600)
    follow(hubspot, engine)
    return Company(made, mill, other, contact, lead, call)


def follow(hubspot: Followed, engine: Engine) -> None:
    """One cycle, which must be well."""
    assert hubspot.syncer(engine).cycle().trouble is None


def audited(
    hubspot: Followed, engine: Engine, *, source: HubSpotSource | None = None, repair: bool = False, **more: Any
) -> AuditReport:
    """An audit that came to its end."""
    report = Auditor(engine, source or hubspot.source(), CONTEXT, now=hubspot.clock, **more).run(repair=repair)
    assert report.trouble is None
    return report
