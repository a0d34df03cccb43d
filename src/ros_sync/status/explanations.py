"""Why alerts are there: worked out when somebody asks, by the rule of then and the values that it fired on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection

from ros_sync.alerts.queries import explained
from ros_sync.errors import RosSyncError
from ros_sync.rules.fitting import filled, fitted
from ros_sync.rules.model import RuleSet
from ros_sync.settings import Settings
from ros_sync.sla.owners import directory
from ros_sync.workspace.company import Company, company_of
from ros_sync.workspace.past import company_at

OF_THEN, OF_NOW, AS_KEPT = "the rule of then", "the rule as it is now", "what was kept"


def explain_alerts(connection: Connection, settings: Settings, alerts: Sequence[dict[str, Any]]) -> None:
    """Put into each alert's `seen` what each line of its rule saw when it fired, and take out the values behind it.

    `explained_by` says by which rule: that of then, or, where it is not known, the one that is in the files now.
    """

    @cache
    def then(at: datetime) -> Company | None:
        past = company_at(connection, at)
        return None if past is None else Company(past.organisation, RuleSet(tuple(past.rules.values())))

    @cache
    def now() -> Company | None:
        try:
            return company_of(settings)
        except RosSyncError:
            return None

    known = filled(connection)
    for alert in alerts:
        alert["explained_by"] = AS_KEPT
        ways = () if alert["facts"] is None else ((then(alert["since_at"]), OF_THEN), (now(), OF_NOW))
        for company, by in ways:
            rule = company.rules.by_id.get(alert["rule_id"]) if company else None
            if company is not None and rule is not None:
                company = company.at(alert["since_at"])  # noqa: PLW2901  # as it was on that day
                people = directory(connection, company.organisation)
                moment = company.moment(alert["since_at"])
                alert["seen"] = explained(alert, fitted([rule], known)[0], people, moment)
                alert["explained_by"] = by
                break
        del alert["facts"]
