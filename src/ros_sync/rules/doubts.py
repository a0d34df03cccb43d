"""What a rule file says that is read, and yet cannot be meant.

Values that no record has, lines that never or always hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.language import Condition, Moment, Parameters, Schema, tree
from ros_sync.rules.language.satisfiable import Domain, Question
from ros_sync.rules.object_schema import ENUMERATIONS, SHARES, WORKED_OUT

KnownValues = Mapping[str, Mapping[str, Collection[str]]]  # by object and field, what records hold as far as is known

# A line that is right today and wrong in a year must not be doubted: what is certain is so at each of these.
_MOMENTS = tuple(datetime(year, 6, 15, 12, tzinfo=UTC) for year in (1950, 2026, 2500))
_CLOSE = 0.75  # of difflib's ratio: nearer than this is a slip of the pen
_KINDS = ("open", "won", "lost")
_DERIVED = {f"is_{kind}": ("stage_kind", frozenset({kind})) for kind in _KINDS} | {
    "is_closed": ("stage_kind", frozenset({"won", "lost"}))
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubt about a condition: at which column of it (from 1), what it is, and what to do."""

    message: str
    hint: str | None = None
    column: int = 1


@dataclass(frozen=True, slots=True)
class Doubter:
    """Looks at what is read from rule files. `people` are names and e-mail addresses."""

    known: KnownValues = field(default_factory=dict)
    people: Collection[str] = ()

    def of_value(self, schema: Schema, name: str, value: str) -> Doubt | None:
        """A doubt about a text that a field is compared with, or given."""
        closed = ENUMERATIONS.get(name) if name in schema.fields else None
        if name == "owner" and (value in self.people or " " in value.strip() or "@" in value):
            return Doubt(
                (
                    f"`owner` holds the id that the CRM gives a person, and {value!r} looks like a name or an "
                    "e-mail address"
                ),
                "write the id, or ask about `segment`, `region` or `pipeline`",
            )
        if closed is not None:
            return (
                None
                if value in closed
                else Doubt(f"{name} is never {value!r}", _nearest(value, closed, all_of_them=True))
            )
        some = self.known.get(schema.name, {}).get(name, ())
        near = _nearest(value, some, all_of_them=False)
        return Doubt(f"unknown {name} {value!r}", near) if near and value not in some else None

    def of_line(self, condition: Condition, schema: Schema, then: str = "the rule can never fire") -> list[Doubt]:
        """Doubts about one condition: its values, else whether it can hold at all, and can fail at all.

        `then` is what follows where it can never hold.
        """
        found = [self._placed(doubt, condition.text, value) for doubt, value in self._values(condition, schema)]
        if found:
            return found
        if not _can_hold([condition], schema):
            return [Doubt(f"this can never be true, so {then}", _why(condition, schema))]
        if not _can_hold([condition], schema, turned=True):
            return [Doubt("this is true for every record, so you can remove it")]
        return []

    def of_lines(self, conditions: Sequence[Condition], schema: Schema) -> int | None:
        """The first line (from 0) that cannot hold together with those above it, each of which can."""
        if _can_hold(conditions, schema):
            return None
        return next(last for last in range(len(conditions)) if not _can_hold(conditions[: last + 1], schema))

    def _values(self, condition: Condition, schema: Schema) -> Iterator[tuple[Doubt, str]]:
        for node in tree.walk(condition.clause):
            match node:
                case tree.Compare("=" | "!=", tree.FieldValue(name, tree.Sort.TEXT), threshold):
                    thresholds: tuple[tree.Expression, ...] = (threshold,)
                case tree.OneOf(tree.FieldValue(name, tree.Sort.TEXT), thresholds, _):
                    pass
                case _:
                    continue
            for value in _texts(thresholds, condition.parameters):
                doubt = self.of_value(schema, name, value)
                if doubt:
                    yield doubt, value

    def _placed(self, doubt: Doubt, text: str, value: str) -> Doubt:
        places = [text.find(f"{quote}{value}{quote}") for quote in ('"', "'")]
        return Doubt(doubt.message, doubt.hint, max(places) + 1 if max(places) >= 0 else 1)


def _texts(thresholds: Sequence[tree.Expression], parameters: Parameters) -> Iterator[str]:
    for threshold in thresholds:
        values = parameters.possible(threshold.name) if isinstance(threshold, tree.ParameterValue) else ()
        if isinstance(threshold, tree.Fixed):
            values = (threshold.value,)
        yield from (value for value in values if isinstance(value, str))


def _nearest(value: str, known: Collection[str], *, all_of_them: bool) -> str | None:
    """What was meant; `all_of_them`: else, what there is."""
    folded = {each.casefold(): each for each in known}
    same = folded.get(value.casefold().strip())
    if same is not None:
        return f'text is compared exactly: write "{same}"'
    near = get_close_matches(value.casefold(), folded, n=1, cutoff=_CLOSE)
    if near:
        return f'did you mean "{folded[near[0]]}"?'
    return f"known: {', '.join(sorted(known))}" if all_of_them else None


def _can_hold(conditions: Sequence[Condition], schema: Schema, *, turned: bool = False) -> bool:
    domains = {name: Domain(values=ENUMERATIONS[name]) for name in WORKED_OUT if name in schema.fields}
    domains |= {name: Domain(least=0, most=1) for name in SHARES}
    domains |= {name: Domain(least=0) for name in schema.fields if name.endswith("_count") or name == "days_pushed"}
    clauses = [condition.clause for condition in conditions]
    return any(
        Question(environment, _moment(now, schema), domains, _DERIVED if schema.name == "deal" else {}).can_hold(
            clauses, turned=turned
        )
        for environment in _environments(conditions)
        for now in _MOMENTS
    )


def _environments(conditions: Sequence[Condition]) -> tuple[Mapping[str, tree.Constant], ...]:
    """Those of the rule: all of its lines share its parameters."""
    return conditions[0].parameters.environments if conditions else ({},)


def _why(condition: Condition, schema: Schema) -> str | None:
    """Which field can hold less than is asked of it."""
    shares = sorted(condition.fields & SHARES)
    if shares:
        return f"`{shares[0]}` runs from 0 to 1: write 0.15 for 15 %"
    enumerated = sorted(name for name in condition.fields if name in ENUMERATIONS and name in schema.fields)
    return f"`{enumerated[0]}` is one of {', '.join(sorted(ENUMERATIONS[enumerated[0]]))}" if enumerated else None


def _moment(now: datetime, schema: Schema) -> Moment:
    return Moment(now, ZoneInfo("UTC"), _WEEK, schema.home_currency or "EUR")


_WEEK = standard_calendar("UTC")
