from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session
from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync.alerts.lifecycle import reconcile_alerts
from ros_sync.organisation.file import load as load_organisation
from ros_sync.rules.model import RuleSet
from ros_sync.sla.owners import directory as directory_of
from ros_sync.workspace.company import Company


def test_a_rule_that_cannot_be_read_ends_no_alert(firm: Firm) -> None:
    """Where a file cannot be used at all, alerts of rules that are not there keep their state.

    Where all are, they end.
    """
    firm.deal("1")
    firm.tick()
    company = Company(load_organisation(firm.folder / "organisation.yaml"), RuleSet((), complete=False))
    ended = []
    for complete in (False, True):
        moment = company.moment(MONDAY + timedelta(hours=1))
        with Session(firm.engine) as session:
            directory = directory_of(session, company.organisation)
            ended.append(reconcile_alerts(session, (), directory, moment, complete=complete).resolved)
    assert [0, 1] == ended
