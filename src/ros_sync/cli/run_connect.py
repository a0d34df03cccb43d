"""What `ros-sync connect NAME` does: look at the account, fit the file, create what is asked for, write, tell."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.vendor import Candidate, ConnectorFile, FittedFile, Fitting, Gap, Vendor
from ros_sync.errors import MappingError, ProblemsError, RosSyncError, SettingsError, Where
from ros_sync.fields import did_you_mean
from ros_sync.notifiers.plaintext import clean
from ros_sync.rules.fitting import Fit, fits
from ros_sync.rules.model import Rule, Status
from ros_sync.settings import Settings
from ros_sync.sync.ingest.derived import worked_out
from ros_sync.terminal import counted, shown
from ros_sync.workspace import shipped
from ros_sync.workspace.choices import settable
from ros_sync.workspace.company import company_of
from ros_sync.workspace.mappings import connector_files, load_connector
from ros_sync.workspace.sources import Paces
from ros_sync.workspace.vendors import display_name, vendor


@dataclass(slots=True)
class Connected:
    """What came of it."""

    vendor: str
    file: Path
    fitted: FittedFile
    before: str
    fits: list[Fit]
    refused: Sequence[str]
    created: list[str] = field(default_factory=list)
    filled_already: list[str] = field(default_factory=list)
    written: bool = False


def connect(
    invocation: Invocation, name: str, *, dry_run: bool, create_missing: bool, create: Sequence[str], as_json: bool
) -> None:
    """Fit the workspace's connector file to the account of a vendor; with `dry_run` nothing is changed anywhere."""
    its = vendor(name)
    settings = invocation.start()
    wanted = _wanted(its, create)
    path, before, file = _file(its, settings)
    account = its.fitting(settings, file, before, Paces(settings).of(its))
    rules = _rules(invocation, settings)
    fitted = account.fitted()
    made = [gap.name for gap in fitted.gaps if gap.name in wanted or (create_missing and _is_needed(gap, rules))]
    new = account.to_create(made)
    if made:
        fitted = account.fitted(made)
    losing = fits(rules, _filled(account, _fitted(its, fitted, path), list(new)))
    created = [f"{wanted} as {made_as}" for wanted, made_as in new.items()]
    done = Connected(name, path, fitted, before, losing, account.refused, created)
    done.filled_already = sorted(wanted.difference(made))
    if not dry_run:
        account.create(new)
        done.written = fitted.text != before or not path.exists()
    if done.written:
        _write(path, fitted.text)
    if as_json:
        invocation.print_json(_as_data(done, dry_run=dry_run))
    else:
        _tell(invocation, done, dry_run=dry_run)


def _wanted(its: Vendor, names: Sequence[str]) -> frozenset[str]:
    known = its.creatable()
    for name in names:
        if name not in known:
            raise SettingsError(f"can't create a property for {name!r}", hint=did_you_mean(name, known))
    return frozenset(names)


# ---- the file


def _file(its: Vendor, settings: Settings) -> tuple[Path, str, ConnectorFile]:
    """The workspace's connector file for that vendor, its text and what it says; the shipped one where there is none.

    Raises what is wrong with it: a file that cannot be read is not changed.
    """
    read = {path: load_connector(path) for path in connector_files(settings)}
    known = [path for path, file in read.items() if file.vendor == its.name]
    if len(known) > 1:
        names = ", ".join(path.name for path in known)
        words = f"multiple connector files found: {names}"
        raise MappingError(words, hint=f"keep one per {display_name(its.name)} account")
    if known:
        return known[0], known[0].read_text(encoding="utf-8"), read[known[0]]
    shipped_as = f"{its.name}.yaml"
    path = settings.connectors_folder / shipped_as
    if path.exists():
        raise MappingError(
            "this isn't a connector file, so it won't be overwritten", where=Where(file=str(path)),
            hint=f"it lacks the line `crm: {its.name}`; move it elsewhere",
        )  # fmt: skip
    text = (shipped.folder("connectors") / shipped_as).read_text(encoding="utf-8")
    return path, text, _read(its, path, text)


def _read(its: Vendor, path: Path, text: str) -> ConnectorFile:
    """What a text says as a connector file."""
    return its.read(path, settable(), content=text.encode())


def _fitted(its: Vendor, fitted: FittedFile, path: Path) -> ConnectorFile:
    """What the file is to say; MappingError where it would have a mistake: then nothing is changed anywhere."""
    try:
        return _read(its, path, fitted.text)
    except RosSyncError as error:
        problems = error.problems if isinstance(error, ProblemsError) else [error]
        words = "; ".join(each.message for each in problems)
        raise MappingError(
            f"the file can't be adapted automatically and was left unchanged: {words}",
            where=Where(file=str(path)),
            hint="remove what the account lacks by hand (`ros-sync doctor` lists it), then run this again",
        ) from error


def _write(file: Path, text: str) -> None:
    """Put the file in place at once, with the rights that it had."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        if file.exists():
            new.chmod(file.stat().st_mode & 0o777)
        new.replace(file)
    except OSError as error:
        raise MappingError(f"can't write the file: {error.strerror}", where=Where(file=str(file))) from error


# ---- what it means for the rules


def _is_needed(gap: Gap, rules: Sequence[Rule]) -> bool:
    return any(gap.field in each.fields for each in fits(rules, {gap.object: frozenset()}))


def _rules(invocation: Invocation, settings: Settings) -> list[Rule]:
    """The rules that are not retired; none, with a word, where the files cannot be read."""
    try:
        return [rule for rule in company_of(settings).rules if rule.status is not Status.RETIRED]
    except RosSyncError as error:
        invocation.err.print(f"[yellow]Can't read the rules, so they aren't covered here: {shown(str(error))}[/yellow]")
        return []


def _filled(account: Fitting, file: ConnectorFile, created: Sequence[str]) -> Mapping[str, frozenset[str]]:
    derived = worked_out(file.followed, file.given)
    filled = account.filled(file, created)
    return {name: fields | derived.get(name, frozenset()) for name, fields in filled.items()}


# ---- telling


def _as_data(done: Connected, *, dry_run: bool) -> dict[str, Any]:
    return {
        "file": str(done.file),
        "dry_run": dry_run,
        "written": done.written,
        "steps": [{"where": step.where, "what": step.what} for step in done.fitted.changes],
        "created": done.created,
        "filled_already": done.filled_already,
        "missing": {
            gap.name: [{"property": each.name, "filled": each.share} for each in gap.candidates]
            for gap in done.fitted.gaps
        },
        "rules": [{"rule": each.rule_id, "off": each.off, "fields": list(each.fields)} for each in done.fits],
        "refused": done.refused,
        "diff": _diff(done),
    }


def _diff(done: Connected) -> list[str]:
    return list(
        difflib.unified_diff(
            done.before.splitlines(), done.fitted.text.splitlines(), "current", "adapted", lineterm="", n=1
        )
    )


def _tell(invocation: Invocation, done: Connected, *, dry_run: bool) -> None:
    def line(words: str, style: str = "") -> None:
        indent = words[: len(words) - len(words.lstrip())]
        invocation.out.print(Text(indent + clean(words), style), soft_wrap=True)

    for words in done.refused:
        line(f"Can't read this part of the account, so it stays unchanged: {words}", "red")
    for step in done.fitted.changes:
        line(f"{step.where}: {step.what}")
    for name in done.created:
        line(f"{'would be created' if dry_run else 'created'} in {display_name(done.vendor)}: {name}", "green")
    for name in done.filled_already:
        line(f"{name}: already filled, nothing created")
    _tell_missing(done, line)
    if dry_run:
        for each in _diff(done):
            sign, words = each[:1], each[1:]
            indent = words[: len(words) - len(words.lstrip())]
            style = {"+": "green", "-": "red"}.get(sign, "dim")
            invocation.out.print(Text(f"{sign}{indent}{clean(words)}", style), soft_wrap=True)
        line("\nDry run: nothing was changed. Run again without --dry-run to apply.")
    elif done.written:
        line(f"\n✓ {done.file} matches the account. Next: run `ros-sync doctor`, then `ros-sync sync`.", "green")
    else:
        line(f"\n✓ {done.file} already matches the account; nothing was changed.", "green")


def _tell_missing(done: Connected, line: Callable[[str, str], None]) -> None:
    """Each field that nothing fills, with what might, and which rules lose something by it."""
    if not done.fitted.gaps:
        return
    line(f"\n{counted(len(done.fitted.gaps), 'field')} without a property:", "")
    for gap in done.fitted.gaps:
        line(f"  {gap.name}{_maybe(gap.candidates)}{_loss(gap, done.fits)}", "")
    words = "Create one with `--create OBJECT.FIELD`, or all that your rules need with `--create-missing`.\n"
    line(words, "dim")


def _maybe(found: Sequence[Candidate]) -> str:
    names = [each.name + ("" if each.share is None else f", {each.share:.0%} filled") for each in found]
    return f" (candidates: {'; '.join(names)}; add the right one to the file)" if names else ""


def _loss(gap: Gap, losing: Sequence[Fit]) -> str:
    words = [
        f"{each.rule_id} is off" if each.off else f"{each.rule_id} works without it"
        for each in losing
        if each.object == gap.object and gap.field in each.fields
    ]
    return f": {', '.join(words)}" if words else ""
