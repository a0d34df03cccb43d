"""Asking what alerts there are, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from ros_sync.alerts.grouping import outbox_table
from ros_sync.alerts.lifecycle import alert_table, moment_of, notification_table
from ros_sync.alerts.tables import AlertState
from ros_sync.organisation.people import Directory
from ros_sync.rules.facts import explain_facts
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Rule


def listed(
    connection: Connection, *, rule: str | None, person: str | None, resolved: bool, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Alerts as plain values, newest first and at most `limit`, and how many there are in all.

    `person` is the key (e-mail) of somebody who was told.
    """
    state = alert_table.c.state == AlertState.RESOLVED if resolved else alert_table.c.state != AlertState.RESOLVED
    query = select(alert_table).where(state)
    if rule is not None:
        query = query.where(alert_table.c.rule_id == rule)
    if person is not None:
        told = select(notification_table.c.alert_id).where(notification_table.c.recipient == person.lower())
        query = query.where(alert_table.c.id.in_(told))
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    rows = connection.execute(query.order_by(alert_table.c.id.desc()).limit(limit)).mappings()
    return [dict(row) for row in rows], total


def rules_with_alerts(connection: Connection) -> set[str]:
    """The rules that alerts are of, ended ones among them: a rule that was deleted still has its past."""
    return set(connection.execute(select(alert_table.c.rule_id).distinct()).scalars())


def explained(
    alert: Mapping[str, Any], rule: Rule | None, directory: Directory, moment: Moment
) -> list[dict[str, Any]]:
    """What each line of an alert's rule saw when it fired: text, whether it holds, and what it saw in words.

    It is worked out from the values that were kept with the alert; `moment` is that of the company, at whatever
    instant. Empty where nothing was kept, as with a person who was erased, or where the rule is not known any more.
    """
    if alert["facts"] is None or rule is None:
        return list(alert["seen"])
    owner = alert["owner"]
    at = moment_of(rule, alert["source"], owner, directory, replace(moment, now=alert["since_at"]))
    verdict = explain_facts(rule, alert["source"], alert["facts"], at)
    return [{"text": line.text, "holds": line.holds, "words": line.words} for line in verdict.lines]


def one(connection: Connection, alert_id: int) -> dict[str, Any] | None:
    """One alert with the notices of it and how far their messages came; None where there is none of that number."""
    row = connection.execute(select(alert_table).where(alert_table.c.id == alert_id)).mappings().first()
    if row is None:
        return None
    message = outbox_table.c.key == notification_table.c.message_key
    query = (
        select(
            notification_table, outbox_table.c.state.label("delivery"), outbox_table.c.reason.label("delivery_reason")
        )
        .join_from(notification_table, outbox_table, message, isouter=True)
        .where(notification_table.c.alert_id == alert_id)
        .order_by(notification_table.c.notified_at)
    )
    return {**row, "notifications": [dict(notification) for notification in connection.execute(query).mappings()]}
