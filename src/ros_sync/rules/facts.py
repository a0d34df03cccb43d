"""What a rule reads of a record.

Which columns, and the values that it fired on, kept so that it can be explained later. Explaining costs more than
evaluating, and most findings are never asked about. So a finding keeps the values that its rule read, in stored form,
and the explanation is worked out when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ros_sync import clock
from ros_sync.fields import Field, Kind, StoredValue, from_stored, to_stored
from ros_sync.mirror import catalogue
from ros_sync.rules.evaluate import Record, Verdict, judge
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Rule
from ros_sync.rules.object_schema import CUSTOM
from ros_sync.rules.record_fields import custom_value, derived_values, fields_behind
from ros_sync.sla.clock_definitions import Overdue

_ALWAYS = ("source", "id", "deleted_at", "owner_id", "owner_named")
_CLOCK = "(clock)"  # no field is called so
_LEADING = ("name", "amount", "currency", "company")  # what headline and lead are made of


def columns_read(rule: Rule) -> list[str]:
    """The columns of the object's table that a finding of the rule is told and explained by."""
    entry = catalogue.objects()[rule.applies_to]
    told = [stored for name in rule.message.fields for stored in fields_behind(rule.applies_to, name)]
    wanted = [*explained_fields(rule), *told, *_LEADING]
    columns = {entry.columns[name] for name in wanted if name in entry.columns}
    if any(name.startswith(CUSTOM) for name in wanted):
        columns.add("custom")
    present = entry.column_names
    return [*(name for name in _ALWAYS if name in present), *sorted(columns.difference(_ALWAYS))]


def explained_fields(rule: Rule) -> list[str]:
    """The stored fields that the rule's lines and its clock read."""
    read = {field for condition in rule.when for field in condition.fields}
    if rule.clock is not None:
        read.update((rule.clock.starts, *rule.clock.stops, *(field for field, _ in rule.clock.only_if)))
    stored = {behind for field in read for behind in fields_behind(rule.applies_to, field)}
    entry = catalogue.objects()[rule.applies_to]
    if "currency" in entry.fields and any(_kind(rule, entry.fields, name) is Kind.MONEY for name in stored):
        stored.add("currency")
    return sorted(stored)


def facts_of(
    rule: Rule, row: Mapping[str, Any], fields: Iterable[str], late: Overdue | None = None
) -> dict[str, StoredValue | list[int]]:
    """The values of `fields` (as `explained_fields` names them) in a row, in stored form; missing ones are left out.

    `late` is the stored clock by which the record is late: kept as its two instants.
    """
    entry = catalogue.objects()[rule.applies_to]
    facts: dict[str, StoredValue | list[int]] = {}
    if late is not None:
        facts[_CLOCK] = [clock.to_micros(late.started_at), clock.to_micros(late.due_at)]
    for name in fields:
        if name.startswith(CUSTOM):
            value = (row.get("custom") or {}).get(name.removeprefix(CUSTOM))
        else:
            value = to_stored(entry.fields[name].kind, row[entry.columns[name]])
        if value is not None:
            facts[name] = value
    return facts


def explain_facts(rule: Rule, source: str, facts: Mapping[str, Any], moment: Moment) -> Verdict:
    """What each line of the rule saw in the values that it fired on, as it is asked of the records of `source`."""
    late = Overdue(*map(clock.from_micros, facts[_CLOCK])) if _CLOCK in facts else None
    return judge(rule.fit(source) or rule, _record(rule, facts), moment, late)


def _record(rule: Rule, facts: Mapping[str, Any]) -> Record:
    entry = catalogue.objects()[rule.applies_to]
    record = {}
    for name, value in facts.items():
        if name.startswith(CUSTOM):
            kind = rule.custom.get(name.removeprefix(CUSTOM))
            record[name] = custom_value(value, kind) if kind is not None else None
        elif name in entry.fields:
            record[name] = from_stored(entry.fields[name].kind, value)
    return {**record, **derived_values(rule.applies_to, record)}


def _kind(rule: Rule, fields: Mapping[str, Field], name: str) -> Kind | None:
    if name.startswith(CUSTOM):
        return rule.custom.get(name.removeprefix(CUSTOM))
    return fields[name].kind if name in fields else None
