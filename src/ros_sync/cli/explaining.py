"""Why alerts are there: worked out when somebody asks, by the rule and the values that it fired on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ros_sync.alerts.reading import explained
from ros_sync.cli.company import company_of
from ros_sync.rules.fitting import filled, fitted
from ros_sync.settings import Settings
from ros_sync.sla.owners import directory


def explain_alerts(connection: Connection, settings: Settings, alerts: Sequence[dict[str, Any]]) -> None:
    """Put into each alert's `seen` what each line of its rule saw when it fired, and take out the values behind it."""
    if any(alert["facts"] is not None for alert in alerts):
        company = company_of(settings)
        people = directory(connection, company.organisation)
        rules = {rule.id: rule for rule in fitted(company.rules, filled(connection))}
        for alert in alerts:
            moment = company.moment(alert["since_at"])
            alert["seen"] = explained(alert, rules.get(alert["rule_id"]), people, moment)
    for alert in alerts:
        del alert["facts"]
