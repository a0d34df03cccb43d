"""The tests inside rule files: each is tried on the record that it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from ros_sync.clock import EPOCH, MICROSECOND, zone
from ros_sync.durations import Duration
from ros_sync.fields import PythonValue
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.evaluate import LineSeen, Verdict, judge
from ros_sync.rules.given import DEFAULT_CURRENCY, given_record, moment_of
from ros_sync.rules.language import Moment, tree, wording
from ros_sync.rules.model import Expectation, Rule, RuleTest
from ros_sync.rules.object_schema import schema_of

_LOOKS = 200  # between the beginning and the end of what a `for` asks for


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What became of one test: whether the rule did as expected, and what each of its lines saw."""

    rule_id: str
    test: RuleTest
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether the rule did as the test expects."""
        return self.verdict.fires is (self.test.expect is Expectation.FIRES)

    @property
    def words(self) -> str:
        """What happened, for a person: one line, and for a failed test one more for each line of the rule."""
        did = "fires" if self.verdict.fires else "is silent"
        if self.passed:
            return f"{self.rule_id}: {self.test.name}: {did}"
        wanted = "to fire" if self.test.expect is Expectation.FIRES else "to be silent"
        told = [f"{self.rule_id}: {self.test.name}: {did}, and was expected {wanted}"]
        told += [f"  {'holds' if line.holds else 'fails'}  {line.text}: {line.words}" for line in self.verdict.lines]
        return "\n".join(told)


def plain_week(timezone: str = "UTC", home_currency: str = DEFAULT_CURRENCY) -> Moment:
    """What tests are tried in: the company's zone and currency, Monday to Friday from 9 to 17 without holidays.

    So a test means the same whatever the company's holidays are. Its instant is replaced by each test's `now`.
    """
    return Moment(EPOCH, zone(timezone), standard_calendar(timezone), home_currency)


def run_tests(rules: Iterable[Rule], company: Moment | None = None) -> list[TrialOutcome]:
    """Try every test of the rules; `company` gives zone, calendar and currency (default: a plain week in UTC)."""
    surroundings = company or plain_week()
    return [TrialOutcome(rule.id, test, _try(rule, test, surroundings)) for rule in rules for test in rule.tests]


def _try(rule: Rule, test: RuleTest, company: Moment) -> Verdict:
    moment = moment_of(test.now, company)
    schema = schema_of(rule.applies_to, rule.custom)
    record = given_record(schema, test.given, moment)
    verdict = judge(rule, record, moment)
    if rule.hold is None or rule.hold.count == 0 or not verdict.fires:
        return verdict
    line = _held(rule, rule.hold, record, moment)
    return Verdict(line.holds, (*verdict.lines, line))


def _held(rule: Rule, hold: Duration, record: Mapping[str, PythonValue], moment: Moment) -> LineSeen:
    """Whether the rule has fired on the record, as it is now, all the time that its `for` asks for.

    It is looked at where its answer may change: at both ends, at each midnight, around each instant of the record that
    a duration of the rule reaches, and every so often between them. Before it was created, there was no record.
    """
    begins = moment.shift(moment.now, hold, -1)
    created = record.get("created")
    text = f"for {hold}"
    if isinstance(created, datetime) and created > begins:
        return LineSeen(
            text, holds=False, words=f"created {wording.with_age(created, moment)}, and must hold for {hold}"
        )
    for at in sorted(_turning_points(rule, record, begins, moment), reverse=True):
        then = moment_of(at, moment)
        if not judge(rule, record, then).fires:
            ago = wording.with_age(at, moment)
            return LineSeen(text, holds=False, words=f"did not hold on {ago}, and must hold for {hold}")
    return LineSeen(text, holds=True, words=f"has held for {hold}")


def _turning_points(
    rule: Rule, record: Mapping[str, PythonValue], begins: datetime, moment: Moment
) -> Iterator[datetime]:
    yield begins
    step = max((moment.now - begins) / _LOOKS, timedelta(minutes=1))
    yield from takewhile(lambda at: at < moment.now, (begins + number * step for number in range(_LOOKS)))
    day = moment.day_of(begins)
    while (day := day + timedelta(days=1)) <= moment.today:
        yield moment.start_of(day)
    for value in record.values():
        if isinstance(value, datetime):
            reached = (moment.shift(value, span, sign) for span in _spans(rule) for sign in (1, -1))
            for at in (value, *reached):
                yield from (near for near in (at - MICROSECOND, at, at + MICROSECOND) if begins <= near < moment.now)


def _spans(rule: Rule) -> set[Duration]:
    """Every duration that the rule can ask about."""
    spans = {rule.clock.within} if rule.clock else set()
    for condition in rule.when:
        spans |= {
            node.value
            for node in tree.walk(condition.clause)
            if isinstance(node, tree.Fixed) and isinstance(node.value, Duration)
        }
    spans |= {
        value for values in rule.parameters.environments for value in values.values() if isinstance(value, Duration)
    }
    return spans
