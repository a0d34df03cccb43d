"""Which version of each rule file is used, beside an organisation and connectors that fit the rules, and one another.

An edit is put on hold, and what was in force before goes on, where

- the file cannot be used by itself;
- its rules clash with those of files that were there before it;
- it is of the organisation or a connector, and rules that nobody touched cannot be used with it (their calendar is
  gone).

So what is used was in force together before, or fits together now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ros_sync.errors import RosSyncError, Where
from ros_sync.mirror.config_versions import Role
from ros_sync.organisation.company import Organisation
from ros_sync.rules.model import Rule, RuleSet
from ros_sync.rules.object_schema import CustomKinds
from ros_sync.rules.rule_files import ordered, read_file, together
from ros_sync.workspace.choices import (
    Chosen,
    Read,
    Readings,
    choose,
    choose_connectors,
    choose_organisation,
    custom_kinds_in,
    last_good,
    organisation_in,
    several_in,
)
from ros_sync.workspace.files import ERRORS, File, of_role

_Held = Mapping[str, RosSyncError]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is used of all files. Without a usable `organisation` there are no rules."""

    organisation: Chosen | None
    connectors: list[Chosen]
    rules: list[Chosen]
    rule_set: RuleSet

    @property
    def all(self) -> list[Chosen]:
        """What is used of every file."""
        return [*([self.organisation] if self.organisation else []), *self.connectors, *self.rules]


def decide(files: Sequence[File], readings: Readings) -> Choice:
    """Choose among the files as they are and as they were last in force."""
    readings.begin()
    best: Choice | None = None
    held: dict[str, RosSyncError] = {}
    for which in _holds(files):
        choice = _decide(files, readings, {path: error for path, error in held.items() if path in which})
        lost = _lost(choice)
        if best is None or len(lost) < len(_lost(best)):
            best = choice
        if not lost:
            break
        if not which:  # with every edit: what does not fit is what the edits are put on hold for
            held = {file.path: _not_yet(file, lost[0]) for file in files if _is_context_edit(file)}
    assert best is not None
    return best


def _holds(files: Sequence[File]) -> Iterator[frozenset[str]]:
    """Which edits to try without, the fewest first: none, the organisation's, the connectors', both."""
    organisation = frozenset(file.path for file in of_role(list(files), Role.ORGANISATION) if _is_context_edit(file))
    connectors = frozenset(file.path for file in of_role(list(files), Role.CONNECTOR) if _is_context_edit(file))
    seen = set()
    for which in (frozenset[str](), organisation, connectors, organisation | connectors):
        if which not in seen:
            seen.add(which)
            yield which


def _is_context_edit(file: File) -> bool:
    return file.role is not Role.RULES and file.kept is not None and file.is_edited


def _lost(choice: Choice) -> list[Chosen]:
    """The rule files of which something was in force before, and of which nothing can be used."""
    return [each for each in choice.rules if each.text is None and each.file.kept is not None]


def _not_yet(file: File, lost: Chosen) -> RosSyncError:
    problem = lost.problem
    place = problem.where if problem is not None and problem.where is not None else Where()
    at = ":".join(str(part) for part in (lost.file.path, place.line) if part is not None)
    words = problem.message if problem is not None else "it can't be used"
    return ERRORS[file.role](
        f"this change isn't in use yet because {at} doesn't match it: {words}",
        where=Where(file=str(file.place)),
        hint="change that file as well, or undo this change",
    )


def _decide(files: Sequence[File], readings: Readings, held: _Held) -> Choice:
    organisation = choose_organisation(files, readings, _first(held, files, Role.ORGANISATION))
    connectors = choose_connectors(of_role(list(files), Role.CONNECTOR), readings, held)
    if organisation is not None and organisation.text is None:
        return Choice(organisation, connectors, [], RuleSet((), complete=False))
    read = _rule_reader(readings, organisation_in(organisation), custom_kinds_in(connectors), several_in(connectors))
    rules = {file.path: choose(file, read) for file in of_role(list(files), Role.RULES)}
    unique = _settle(rules, read)
    used = [path for path, each in rules.items() if each.text is not None]
    complete = len(used) == len(rules)
    return Choice(organisation, connectors, list(rules.values()), ordered(unique, used, complete=complete))


def _first(held: _Held, files: Sequence[File], role: Role) -> RosSyncError | None:
    return next((held[file.path] for file in files if file.role is role and file.path in held), None)


def _rule_reader(
    readings: Readings,
    organisation: Organisation,
    kinds: Mapping[str, CustomKinds],
    several: Mapping[str, frozenset[str]],
) -> Read:
    options = tuple(sorted((name, *sorted(fields)) for name, fields in several.items()))
    context = (organisation.home_currency, frozenset(organisation.calendars), repr(sorted(kinds.items())), options)

    def from_text(path: Path, content: bytes) -> tuple[list[Rule], list[RosSyncError]]:
        return read_file(
            path,
            content,
            custom=kinds,
            several=several,
            home_currency=organisation.home_currency,
            calendars=organisation.calendars,
        )

    def read(path: Path, content: bytes) -> tuple[Any, list[RosSyncError]]:
        return readings.once(context, path, content, from_text)

    return read


def _settle(chosen: dict[str, Chosen], read: Read) -> dict[str, Rule]:
    """Take back edits until nothing is wrong between the files; the rules by id.

    What is wrong is laid to the edits: of two rules with one id, to the file that did not have it before. Where a file
    that nobody touched names an inhibitor that was removed elsewhere, its rule goes on without it, and that is told.
    """
    lenient: dict[str, Rule] = {}
    had: dict[str, frozenset[str]] | None = None
    while True:
        unique, clashes = _together(chosen, lenient, had or {})
        if not clashes:
            return unique
        if had is None:  # asked for only now: reading the versions before costs as much as reading the files
            had = {path: _rule_ids(each.file, read) for path, each in chosen.items()}
            unique, clashes = _together(chosen, lenient, had)
        _settle_one(clashes[0], unique, chosen, lenient, read)


def _together(
    chosen: Mapping[str, Chosen], lenient: Mapping[str, Rule], had: Mapping[str, frozenset[str]]
) -> tuple[dict[str, Rule], list[RosSyncError]]:
    """The rules by id and what is wrong between them; of two with one id, the newcomer is the second."""
    placed = [(each, rule) for each in chosen.values() for rule in (each.value or ())]
    placed.sort(key=lambda pair: (pair[1].id not in had.get(pair[0].file.path, ()), pair[0].is_new, pair[0].file.path))
    return together([lenient.get(rule.id, rule) for _, rule in placed])


def _rule_ids(file: File, read: Read) -> frozenset[str]:
    """The ids of the rules that were last in force out of a file."""
    rules = read(file.place, file.kept)[0] if file.kept is not None else None
    return frozenset(rule.id for rule in rules or ())


def _settle_one(
    clash: RosSyncError,
    unique: Mapping[str, Rule],
    chosen: dict[str, Chosen],
    lenient: dict[str, Rule],
    read: Read,
) -> None:
    """Take back one edit, or where nothing was edited let a rule go on without what is wrong."""
    where = clash.where or Where()
    own = next(each for each in chosen.values() if str(each.file.place) == where.file)
    rule = unique[str(where.key)]
    is_twice = (rule.where.file, rule.where.line) != (where.file, where.line)
    bad = () if is_twice else _bad_inhibitors(rule, unique)
    is_ring = not is_twice and not bad
    guilty = own
    if is_ring and not own.is_new:  # whichever edit closed it: the last one
        guilty = next((each for each in reversed(chosen.values()) if each.is_new), own)
    if guilty.is_new:
        chosen[guilty.file.path] = last_good(guilty.file, read, clash)
        return
    value = [each for each in own.value if each.where != where] if is_twice else own.value
    chosen[own.file.path] = replace(own, value=value, problem=own.problem or clash)
    if not is_twice:
        left = () if is_ring else tuple(name for name in rule.inhibited_by if name not in bad)
        lenient[rule.id] = replace(rule, inhibited_by=left)


def _bad_inhibitors(rule: Rule, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The inhibitors that are not there, or apply to other records."""
    return tuple(name for name in rule.inhibited_by if name not in rules or rules[name].applies_to != rule.applies_to)
