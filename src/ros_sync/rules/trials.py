"""The tests inside rule files: each is tried on the record that it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ros_sync.clock import EPOCH, zone
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.evaluate import Verdict, judge
from ros_sync.rules.given import DEFAULT_CURRENCY, given_record, moment_of
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Expectation, Rule, RuleTest
from ros_sync.rules.schema import schema_of


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
    return judge(rule, given_record(schema_of(rule.applies_to, rule.custom), test.given, moment), moment)
