"""What a rule is once its file has been read: values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ros_sync.durations import Duration
from ros_sync.errors import RosSyncError, Where
from ros_sync.fields import Kind
from ros_sync.rules.given import Given
from ros_sync.rules.language import Condition, Parameters
from ros_sync.rules.template import Template


class Status(StrEnum):
    """Whether a rule speaks."""

    LIVE = "live"
    SHADOW = "shadow"
    RETIRED = "retired"


class RuleSeverity(StrEnum):
    """How grave a finding is."""

    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"


class Mode(StrEnum):
    """How somebody is told: in a message of its own, or in the day's one digest."""

    DIRECT = "direct"
    DIGEST = "digest"


class RuleAction(StrEnum):
    """What a reader can do about a finding, inside the message."""

    UPDATE_NEXT_STEP = "update_next_step"
    UPDATE_CLOSE_DATE = "update_close_date"
    UPDATE_AMOUNT = "update_amount"
    SUBMIT_CLOSING_PLAN = "submit_closing_plan"
    CONFIRM_HANDOFF = "confirm_handoff"
    ACCEPT_MQL = "accept_mql"
    REJECT_MQL = "reject_mql"
    SNOOZE = "snooze"
    NOT_USEFUL = "not_useful"


class Expectation(StrEnum):
    """What a test expects of its rule."""

    FIRES = "fires"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told, how, and how long after the alert opened (None: at once).

    `to` is `owner`, `manager`, `customer_success`, an e-mail address or a `#channel`.
    """

    to: str
    mode: Mode = Mode.DIRECT
    after: Duration | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline: from the instant in field `starts` until one of `stops`, at most `within` on `calendar`.

    `calendar` is `owner`, `company` or a calendar's name. `only_if` limits it to records with one of the values in a
    field; `since` to starts at most that long ago when the clock is first looked at.
    """

    starts: str
    stops: tuple[str, ...]
    within: Duration
    calendar: str = "owner"
    only_if: tuple[tuple[str, tuple[str, ...]], ...] = ()
    since: Duration | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test inside a rule file: at `now`, on a record with the `given` values, the rule fires or is silent.

    `now` without an offset is a time in the company's zone.
    """

    name: str
    now: datetime
    given: Mapping[str, Given]
    expect: Expectation
    where: Where


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `hold` is the file's `for`: how long it must fire before anybody is told.

    `fits` says what of it can be asked of the records of some sources, None where nothing can: see `rules.fitting`.
    """

    id: str
    title: str
    applies_to: str
    message: Template
    when: tuple[Condition, ...] = ()
    clock: Clock | None = None
    status: Status = Status.LIVE
    owner: str | None = None
    parameters: Parameters = field(default_factory=Parameters)
    hold: Duration | None = None
    severity: RuleSeverity = RuleSeverity.WARN
    inhibited_by: tuple[str, ...] = ()
    notify: tuple[Route, ...] = (Route("owner", Mode.DIGEST),)
    actions: tuple[RuleAction, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    custom: Mapping[str, Kind] = field(default_factory=dict, repr=False)
    where: Where = field(default_factory=Where)
    fits: tuple[tuple[frozenset[str], Rule | None], ...] = ()

    def fit(self, source: str) -> Rule | None:
        """What of the rule is asked of a source's records; None where it is off for them."""
        return next((rule for sources, rule in self.fits if source in sources), self)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules, those that inhibit others before those they inhibit, and the files they came from.

    They are not `complete` where there is a file of which no version can be used. Which rules it holds is not known
    then, so that the absence of a rule says nothing. `warnings` are doubts about what can be read and is probably not
    meant.
    """

    rules: tuple[Rule, ...]
    files: tuple[str, ...] = ()
    complete: bool = True
    warnings: tuple[RosSyncError, ...] = ()

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def by_id(self) -> dict[str, Rule]:
        """The rules by their id."""
        return {rule.id: rule for rule in self.rules}
