"""On which records a rule fires, and why: in the database for all of them, in Python for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, or_, select, tuple_

from ros_sync.fields import PythonValue
from ros_sync.money import Money
from ros_sync.rules.language import Moment, wording
from ros_sync.rules.model import Clock, Rule
from ros_sync.rules.record_fields import Columns, record_of
from ros_sync.sla.clock_definitions import ClockDefinition, Overdue, first_stop
from ros_sync.sla.clocks import breached

Record = Mapping[str, PythonValue]


@dataclass(frozen=True, slots=True)
class LineSeen:
    """One line of a rule on one record: its text, whether it holds, and what it saw in words."""

    text: str
    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule fires on a record, and what each of its lines saw."""

    fires: bool
    lines: tuple[LineSeen, ...]

    @property
    def words(self) -> str:
        """The lines in words: those that hold where it fires, else those that do not."""
        return "; ".join(line.words for line in self.lines if line.holds is self.fires)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as it is told: the record's name, what leads (its amount or company), and the message."""

    headline: str
    lead: str
    text: str


def clock_definition(rule: Rule) -> ClockDefinition | None:
    """The rule's clock as the `sla` package runs it; None where it has none."""
    clock = rule.clock
    if clock is None:
        return None
    return ClockDefinition(
        id=rule.id,
        object=rule.applies_to,
        starts=clock.starts,
        stops=clock.stops,
        within=clock.within,
        calendar=clock.calendar,
        only_if=clock.only_if,
        since=clock.since,
    )


def clock_definitions(rules: Iterable[Rule]) -> list[ClockDefinition]:
    """The clocks of the rules that have one."""
    return [definition for rule in rules if (definition := clock_definition(rule)) is not None]


def findings(rule: Rule, selectable: FromClause, moment: Moment) -> Select[tuple[str, str]]:
    """The (source, id) of the records on which the rule fires at `moment`; never of deleted ones.

    `selectable` is the object's table or anything with the same columns, such as a past state. A rule with a clock
    fires where the stored due instant has passed, and its `when` lines hold.
    """
    record = selectable.c
    columns = Columns(rule.applies_to, selectable, rule.custom)
    asked = [condition.to_sql(columns, moment) for condition in rule.when]
    if rule.fits:
        asked = [_by_source(rule, columns, record.source, moment)]
    query = select(record.source, record.id).where(record.deleted_at.is_(None), *asked)
    definition = clock_definition(rule)
    if definition is None:
        return query
    return query.where(tuple_(record.source, record.id).in_(breached(definition, moment.now)))


def _by_source(rule: Rule, columns: Columns, source: ColumnElement[str], moment: Moment) -> ColumnElement[bool]:
    """The lines that are asked of the records of each source: not all of them fill every field (`rules.fitting`)."""

    def lines(fit: Rule) -> list[ColumnElement[bool]]:
        return [condition.to_sql(columns, moment) for condition in fit.when]

    special = [name for sources, _ in rule.fits for name in sources]
    ways = [and_(source.not_in(special), *lines(rule))]
    ways += [and_(source.in_(sorted(sources)), *lines(fit)) for sources, fit in rule.fits if fit is not None]
    return or_(*ways)


def explain(rule: Rule, row: Mapping[Any, Any], moment: Moment) -> Verdict:
    """Why the rule fires, or does not, on a row of its object's table (values by column name).

    The clock of a rule is worked out on `moment.timeline`, so pass a moment with the calendar of the record's owner.
    """
    asked = rule.fit(str(row["source"]))
    if asked is None:
        return Verdict(False, (LineSeen(rule.title, False, "off: no data for a field it needs"),))
    verdict = judge(asked, record_of(rule.applies_to, row, rule.custom), moment)
    return Verdict(verdict.fires and row.get("deleted_at") is None, verdict.lines)


def describe(rule: Rule, row: Mapping[Any, Any], moment: Moment) -> Finding:
    """What is told about a row of the object's table on which the rule fires."""
    record = record_of(rule.applies_to, row, rule.custom)
    return Finding(
        headline=str(record.get("name") or f"{rule.applies_to} {row['id']}"),
        lead=_lead(record, moment),
        text=rule.message.render(record, moment),
    )


def judge(rule: Rule, record: Record, moment: Moment, late: Overdue | None = None) -> Verdict:
    """Look at one record, every line and the clock.

    The record tells of the clock of its present owner. That the team's, which runs on over a re-assignment, is `late`,
    only the stored one tells.
    """
    lines = []
    for condition in rule.when:
        seen = condition.explain(record, moment)
        lines.append(LineSeen(seen.text, seen.holds, seen.words))
    if rule.clock is not None:
        lines.append(_clock_line(rule.clock, record, moment, late))
    return Verdict(all(line.holds for line in lines), tuple(lines))


def _clock_line(clock: Clock, record: Record, moment: Moment, late: Overdue | None) -> LineSeen:
    stops = " or ".join(wording.field_name(stop) for stop in clock.stops)
    text = f"{clock.within} from {wording.field_name(clock.starts)} to {stops}"
    holds, words = _overdue(clock, record, moment, stops)
    if late is not None and not holds:
        since = wording.with_age(late.started_at, moment)
        holds, words = True, f"running since {since}, whoever had it: {stops} was due within {clock.within}"
    return LineSeen(text, holds, words)


def _overdue(clock: Clock, record: Record, moment: Moment, stops: str) -> tuple[bool, str]:
    """Whether the deadline has passed with nothing done, in words too."""
    started = record.get(clock.starts)
    name = wording.field_name(clock.starts)
    if not isinstance(started, datetime) or started > moment.now:
        return False, f"{name} is {'missing' if started is None else 'still to come'}, so no clock runs"
    for field, values in clock.only_if:
        if record.get(field) not in values:
            return False, f"no clock runs, as {wording.field_name(field)} is not {' or '.join(values)}"
    if clock.since is not None and started < moment.shift(moment.now, clock.since, -1):
        return False, f"{name} {wording.with_age(started, moment)}: longer ago than {clock.since}"
    stopped = first_stop((_instant(record, stop) for stop in clock.stops), moment.now)
    if stopped is not None:
        return False, f"{stops} {wording.with_age(stopped, moment)}"
    due = moment.shift(started, clock.within, 1)
    verb = "was due" if due <= moment.now else "is due"
    return due <= moment.now, f"{name} {wording.with_age(started, moment)}: {stops} {verb} within {clock.within}"


def _instant(record: Record, field: str) -> datetime | None:
    value = record.get(field)
    return value if isinstance(value, datetime) else None


def _lead(record: Record, moment: Moment) -> str:
    amount, currency = record.get("amount"), record.get("currency")
    if isinstance(amount, int):
        return str(Money(amount, str(currency or moment.home_currency)))
    return str(record.get("company") or "")
