"""Rules fitted to what each source fills: nobody is told of a field that no property of theirs fills.

A field that is mapped and empty is missing, and a rule may ask for that. One that nothing fills says nothing about a
record: no part of a condition that reads it holds, neither by itself nor turned round by `not`. So
`next_step is missing or next_step_date is missing` asks for the next step alone where no date is mapped, and a line
that has nothing else to go by never holds: the rule is off for the records of that source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from ros_sync.mirror import catalogue
from ros_sync.mirror.bookkeeping import FILLED_FIELDS
from ros_sync.rules.language import Condition
from ros_sync.rules.model import Clock, Rule
from ros_sync.rules.object_schema import CUSTOM
from ros_sync.rules.record_fields import ANSWERS

# What a field follows from, where the mapping does not fill it itself: it is filled with any of these.
_FOLLOWS: dict[str, dict[str, tuple[str, ...]]] = {
    "deal": {
        **dict.fromkeys(("is_open", "is_won", "is_lost", "is_closed"), ("stage_kind", "stage")),
        **dict.fromkeys(("stage_kind", "stage_position", "stage_order", "probability"), ("stage",)),
        **dict.fromkeys(("stage_entered", "stage_entry_known", "stage_days_before", "advanced"), ("stage",)),
        **dict.fromkeys(("first_close_date", "push_count", "fiscal_push_count", "pull_in_count"), ("close_date",)),
        **dict.fromkeys(("days_pushed", "net_slip_days"), ("close_date",)),
        **dict.fromkeys(("amount_home", "currency"), ("amount",)),
        "account_name": ("account",),
    },
    "lead": {"is_open": ANSWERS},
}


@dataclass(frozen=True, slots=True)
class Fit:
    """What becomes of a rule for the records of one source.

    Whether it is off, and which of its fields nothing fills.
    """

    rule_id: str
    object: str
    fields: tuple[str, ...]
    off: bool


def filled(connection: Connection) -> dict[str, dict[str, frozenset[str]]]:
    """By source and object the fields that its records come with, where that is known."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for source, name, fields in connection.execute(
        select(FILLED_FIELDS.c.source, FILLED_FIELDS.c.object, FILLED_FIELDS.c.fields)
    ):
        found.setdefault(source, {})[name] = frozenset(fields)
    return found


def fitted(rules: Iterable[Rule], known: Mapping[str, Mapping[str, Collection[str]]]) -> list[Rule]:
    """The rules, each with what of it is asked of the records of each source; `known` is what `filled` gives."""
    return [_with_fits(rule, known) for rule in rules]


def fits(rules: Iterable[Rule], there: Mapping[str, Collection[str]]) -> list[Fit]:
    """What becomes of rules for a source that fills these fields, by object; those that lose nothing are left out."""
    found = []
    for rule in rules:
        lacking = _lacking(rule, there)
        if lacking:
            found.append(Fit(rule.id, rule.applies_to, tuple(sorted(lacking)), fit(rule, lacking) is None))
    return found


def _with_fits(rule: Rule, known: Mapping[str, Mapping[str, Collection[str]]]) -> Rule:
    sources: dict[frozenset[str], set[str]] = {}
    for source, there in known.items():
        lacking = _lacking(rule, there)
        if lacking:
            sources.setdefault(lacking, set()).add(source)
    return replace(rule, fits=tuple((frozenset(names), fit(rule, lacking)) for lacking, names in sources.items()))


def _lacking(rule: Rule, there: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The fields that a rule reads and a source does not fill.

    Of an object that it does not feed it fills none, and has no records.
    """
    if rule.applies_to not in there:
        return frozenset()
    own, follows = there[rule.applies_to], _FOLLOWS.get(rule.applies_to, {})
    known = catalogue.objects()[rule.applies_to].fields.keys() | follows.keys()
    read = {name for name in _read(rule) if name in known or name.startswith(CUSTOM)}
    return frozenset(name for name in read if name not in own and not set(follows.get(name, ())) & set(own))


def _read(rule: Rule) -> set[str]:
    """Every field that decides whether the rule fires, or by which values."""
    names = {name for condition in rule.when for name in condition.fields}
    if rule.clock is not None:
        names |= {rule.clock.starts, *rule.clock.stops, *(name for name, _ in rule.clock.only_if)}
    return names


def fit(rule: Rule, lacking: Collection[str]) -> Rule | None:
    """The rule without what nothing fills; None where it can never fire then."""
    when: list[Condition] = []
    for condition in rule.when:
        left = condition.without(lacking)
        if left is None:
            return None
        when.append(left)
    if rule.clock is not None and not _can_run(rule.clock, lacking):
        return None
    return replace(rule, when=tuple(when), fits=())


def _can_run(clock: Clock, lacking: Collection[str]) -> bool:
    """Whether the clock can start, and something can stop it."""
    needed: Sequence[str] = (clock.starts, *(name for name, _ in clock.only_if))
    return not set(needed) & set(lacking) and not set(clock.stops) <= set(lacking)
