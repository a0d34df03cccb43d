"""Rule files to rules: everything that is wrong in all of the files is told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ros_sync.config_files import in_reading_order
from ros_sync.errors import ProblemsError, RosSyncError, RuleError, Where
from ros_sync.fields import did_you_mean
from ros_sync.organisation.file_name import ORGANISATION_FILE, is_nearly_organisation
from ros_sync.rules import vocabulary
from ros_sync.rules.doubts import Doubter
from ros_sync.rules.model import Rule, RuleSet
from ros_sync.rules.object_schema import CustomKinds
from ros_sync.rules.rule_config import RuleConfigFile
from ros_sync.rules.rule_reader import RuleReader

VERSION = 1


def load(
    paths: Iterable[Path],
    *,
    custom: Mapping[str, CustomKinds] | None = None,
    several: Mapping[str, Collection[str]] | None = None,
    home_currency: str | None = None,
    calendars: Collection[str] | None = None,
    doubter: Doubter | None = None,
) -> RuleSet:
    """Read rule files, and folders of them; rules that inhibit others come first.

    `custom` holds the kinds of the company's own properties by object, `several` the fields that hold several options,
    as the mapping files declare them. Without
    `home_currency` and `calendars`, what a rule says about them is not checked here. Only with a `doubter` are there
    warnings. Raises ProblemsError with every problem in reading order, each at file, line and column, and the warnings
    beside them.
    """
    problems: list[RosSyncError] = []
    files = rule_files(paths, problems)
    warnings: list[RosSyncError] = []
    rules: list[Rule] = []
    for file in files:
        found, wrong = read_file(
            file,
            custom=custom,
            several=several,
            home_currency=home_currency,
            calendars=calendars,
            doubter=doubter,
            warnings=warnings,
        )
        rules += found
        problems += wrong
    unique, clashes = together(rules)
    problems += clashes
    if problems:
        raise ProblemsError(in_reading_order(problems), warnings=in_reading_order(warnings))
    return replace(ordered(unique, files), warnings=tuple(in_reading_order(warnings)))


def read_file(  # what is known around the file
    path: Path,
    content: bytes | None = None,
    *,
    custom: Mapping[str, CustomKinds] | None = None,
    several: Mapping[str, Collection[str]] | None = None,
    home_currency: str | None = None,
    calendars: Collection[str] | None = None,
    doubter: Doubter | None = None,
    warnings: list[RosSyncError] | None = None,
) -> tuple[list[Rule], list[RosSyncError]]:
    """Read one rule file by itself: its rules, less those that cannot be used, and its problems.

    `content` is what it holds, where that was read already; `warnings` takes what a `doubter` says; for the rest see
    `load`.
    """
    config = RuleConfigFile(path, content)
    rules = _read_file(config, RuleReader(config, custom or {}, several or {}, home_currency, calendars, doubter))
    if warnings is not None:
        warnings += config.warnings
    return rules, config.problems


def together(rules: Iterable[Rule]) -> tuple[dict[str, Rule], list[RosSyncError]]:
    """The rules of all files by id, the first of each, and what is wrong between them."""
    problems: list[RosSyncError] = []
    unique = _unique(rules, problems)
    _check_inhibitions(unique, problems)
    return unique, problems


def ordered(rules: Mapping[str, Rule], files: Iterable[Path | str], *, complete: bool = True) -> RuleSet:
    """Make one set of rules between which nothing is wrong."""
    return RuleSet(tuple(_inhibitors_first(rules)), tuple(str(file) for file in files), complete)


def is_rule_file(path: Path) -> bool:
    """Whether a file in the folder of rules is one, by its name; what begins with a dot is an editor's own."""
    if path.suffix not in (".yaml", ".yml") or path.name.startswith("."):
        return False
    return path.name != ORGANISATION_FILE and not is_nearly_organisation(path.name)


def rule_files(paths: Iterable[Path], problems: list[RosSyncError]) -> list[Path]:
    """The rule files among the paths and in the folders among them, in order of names."""
    files: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        found = sorted(file for file in path.iterdir() if is_rule_file(file))
        if not found:
            hint = "rule files end in .yaml; `ros-sync init` lays some out"
            problems.append(RuleError("there is no rule file in this folder", where=Where(str(path)), hint=hint))
        files.update(dict.fromkeys(found))
    return list(files)


def _read_file(config: RuleConfigFile, reader: RuleReader) -> list[Rule]:
    entries = config.words(config.root(), vocabulary.FILE)
    config.version(entries.get("version"), VERSION)
    rules = (reader.rule(node) for node in config.items(entries.get("rules")))
    return [rule for rule in rules if rule is not None]


def _unique(rules: Iterable[Rule], problems: list[RosSyncError]) -> dict[str, Rule]:
    unique: dict[str, Rule] = {}
    for rule in rules:
        first = unique.setdefault(rule.id, rule)
        if first is not rule:
            hint = f"the first is at {first.where}; give one of them another id"
            problems.append(RuleError(f"there are two rules {rule.id!r}", where=rule.where, hint=hint))
    return unique


def _check_inhibitions(rules: Mapping[str, Rule], problems: list[RosSyncError]) -> None:
    for rule in rules.values():
        for inhibitor in rule.inhibited_by:
            other = rules.get(inhibitor)
            if other is None:
                message = f"inhibited_by names {inhibitor!r}, and there is no such rule"
                problems.append(RuleError(message, where=rule.where, hint=did_you_mean(inhibitor, rules)))
            elif other.applies_to != rule.applies_to:
                message = f"{inhibitor!r} applies to a {other.applies_to}, and this rule to a {rule.applies_to}"
                problems.append(RuleError(message, where=rule.where, hint="a rule is inhibited on the same record"))
    ring = _ring(rules)
    if ring:
        message = f"these rules inhibit each other in a ring: {' <- '.join((*ring, ring[0]))}"
        problems.append(RuleError(message, where=rules[ring[0]].where, hint="remove one of the inhibited_by"))


def _ring(rules: Mapping[str, Rule]) -> list[str]:
    """The ids of the first ring of inhibitions.

    What is left when rules without inhibitors are taken away, again and again.
    """
    left = {rule.id: {name for name in rule.inhibited_by if name in rules} for rule in rules.values()}
    while free := [name for name, inhibitors in left.items() if not inhibitors & left.keys()]:
        for name in free:
            del left[name]
    if not left:
        return []
    trail = [next(iter(left))]
    while (following := min(left[trail[-1]] & left.keys())) not in trail:
        trail.append(following)
    return trail[trail.index(following) :]


def _inhibitors_first(rules: Mapping[str, Rule]) -> list[Rule]:
    """The rules in the order of the files, but each after those that inhibit it."""
    ordered: dict[str, Rule] = {}
    waiting = dict(rules)
    while waiting:
        for name in [name for name, rule in waiting.items() if ordered.keys() >= set(rule.inhibited_by)]:
            ordered[name] = waiting.pop(name)
    return list(ordered.values())
