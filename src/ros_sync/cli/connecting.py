"""What `ros-sync connect hubspot` does: ask the account, work out the file, create what is asked for, write, tell."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from ros_sync.cli import shipped
from ros_sync.cli.company import company_of, connector_files, load_connector
from ros_sync.cli.invocation import Invocation, counted, shown
from ros_sync.cli.sources import client_of
from ros_sync.connectors.hubspot.candidates import NOT_MADE, WANTED, Candidate, Wanted, candidates
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.connecting import Plan, fit, unused
from ros_sync.connectors.hubspot.definitions import Definitions, read_pipelines, read_properties
from ros_sync.connectors.hubspot.mapping import OBJECT_ID, HubSpotMapping
from ros_sync.connectors.hubspot.records import filled_fields
from ros_sync.errors import (
    AuthExpiredError,
    MappingError,
    PermanentError,
    ProblemsError,
    RosSyncError,
    SettingsError,
    Where,
)
from ros_sync.fields import did_you_mean
from ros_sync.notifiers.plaintext import clean
from ros_sync.rules.fitting import Fit, fits
from ros_sync.rules.model import Rule, Status
from ros_sync.settings import Settings
from ros_sync.sync.ingest.derived import worked_out

FILE = "hubspot.yaml"
STREAMS = {"account": "companies", "lead": "contacts", "deal": "deals"}
GROUPS = {
    "companies": "companyinformation",
    "contacts": "contactinformation",
    "deals": "dealinformation",
}  # HubSpot, "Properties": the groups of its own
SHOWN_CANDIDATES = 3


@dataclass(slots=True)
class Connected:
    """What came of it."""

    file: Path
    plan: Plan
    before: str
    fits: list[Fit]
    refused: list[str]
    created: list[str] = field(default_factory=list)
    filled_already: list[str] = field(default_factory=list)
    written: bool = False


def hubspot(
    invocation: Invocation, *, dry_run: bool, create_missing: bool, create: Sequence[str], as_json: bool
) -> None:
    """Fit the workspace's connector file to the account; with `dry_run` nothing is changed anywhere."""
    settings = invocation.start()
    wished = _wished(create)
    file, before, mapping = _file(settings)
    client = client_of(settings)
    definitions, refused = _ask(client, mapping)
    found = _candidates(client, mapping, definitions)
    rules = _rules(invocation, settings)
    plan = fit(before, definitions, found)
    made = [each for each in plan.missing if each in wished or (create_missing and _is_needed(each, rules))]
    new = [each for each in made if unused(found.get(each, ())) is None]  # one that nobody uses yet is there already
    if made:
        _refuse_taken(new, definitions)
        plan = fit(before, definitions, found, made)
    losing = fits(rules, _filled(_fitted(plan, file), _with_made(definitions, new)))
    done = Connected(file, plan, before, losing, refused, [f"{each.name} as {each.property}" for each in new])
    done.filled_already = sorted(each.name for each in wished - set(made))
    if not dry_run:
        _create(client, new)
        done.written = plan.text != before or not file.exists()
    if done.written:
        _write(file, plan.text)
    if as_json:
        invocation.print_json(_as_data(done, dry_run=dry_run))
    else:
        _tell(invocation, done, dry_run=dry_run)


# ---- the file


def _file(settings: Settings) -> tuple[Path, str, HubSpotMapping]:
    """The workspace's connector file, its text and what it says; the shipped one where there is none yet.

    Raises what is wrong with it: a file that cannot be read is not changed.
    """
    known = connector_files(settings)
    if len(known) > 1:
        names = ", ".join(path.name for path in known)
        raise MappingError(f"several connector files are here: {names}", hint="keep one for each account of HubSpot")
    if known:
        mapping = load_connector(known[0])
        return known[0], known[0].read_text(encoding="utf-8"), mapping
    path = settings.connectors_folder / FILE
    if path.exists():
        raise MappingError(
            "this file is not a connector file, so it is not written over", where=Where(file=str(path)),
            hint="it lacks the line `crm: hubspot`; move it away",
        )  # fmt: skip
    text = (shipped.folder("connectors") / FILE).read_text(encoding="utf-8")
    return path, text, _read(text)


def _read(text: str) -> HubSpotMapping:
    """What a text says as a connector file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        return load_connector(path)


def _fitted(plan: Plan, file: Path) -> HubSpotMapping:
    """What the file is to say; MappingError where it would have a mistake: then nothing is changed anywhere."""
    try:
        return _read(plan.text)
    except RosSyncError as error:
        problems = error.problems if isinstance(error, ProblemsError) else [error]
        raise MappingError(
            f"the file cannot be fitted by itself, and was left as it is: {'; '.join(each.message for each in problems)}",
            where=Where(file=str(file)),
            hint="take what the account lacks out by hand (`ros-sync doctor` lists it), and run this again",
        ) from error


def _refuse_taken(made: Sequence[Wanted], definitions: Definitions) -> None:
    """Raise where the account has a property of that name that cannot fill the field."""
    for wanted in made:
        there = definitions.properties.get(STREAMS[wanted.object], {}).get(wanted.property)
        if there is not None:
            raise PermanentError(
                f"{STREAMS[wanted.object]} have a property {wanted.property} of the type {there.type} already, and {wanted.name} "
                f"needs one of the type {' or '.join(wanted.types)}",
                hint="write another property into the connector file by hand",
            )


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
        raise MappingError(f"the file cannot be written: {error.strerror}", where=Where(file=str(file))) from error


# ---- the account


def _ask(client: HubSpotClient, mapping: HubSpotMapping) -> tuple[Definitions, list[str]]:
    """What the account has, and which parts of it may not be looked at."""
    definitions, refused = Definitions(currency=mapping.currency), []
    for stream in mapping.streams:
        try:
            definitions.properties[stream.name] = read_properties(client.properties(stream.name))
        except AuthExpiredError:
            raise
        except PermanentError as error:
            refused.append(str(error))
    try:
        read_pipelines(client.pipelines("deals"), mapping, definitions)
    except AuthExpiredError:
        raise
    except PermanentError as error:
        refused.append(str(error))
    if not definitions.properties:
        raise PermanentError("nothing of the account can be looked at", hint=refused[0] if refused else None)
    return definitions, list(dict.fromkeys(refused))


def _candidates(
    client: HubSpotClient, mapping: HubSpotMapping, definitions: Definitions
) -> dict[Wanted, list[Candidate]]:
    """By field the properties that may fill it, each with the share of records in which it is filled."""
    found: dict[Wanted, list[Candidate]] = {}
    totals: dict[str, int] = {}
    for wanted in WANTED:
        stream = STREAMS[wanted.object]
        entries = [entry for each in mapping.streams if each.name == stream for entry in each.objects]
        taken = {
            name for entry in entries if entry.object == wanted.object for each in entry.fields
            if each.name != wanted.field for name in each.properties
        }  # fmt: skip
        there = definitions.properties.get(stream, {})
        for each in candidates(wanted, there.values(), taken)[:SHOWN_CANDIDATES]:
            found.setdefault(wanted, []).append(_with_share(client, stream, each, totals))
    return found


def _with_share(client: HubSpotClient, stream: str, candidate: Candidate, totals: dict[str, int]) -> Candidate:
    """The candidate with the share of records in which it is filled; without, where search is refused or there are none."""
    try:
        if stream not in totals:
            totals[stream] = _count(client, stream)
        if not totals[stream]:
            return candidate
        filled = _count(client, stream, candidate.definition.name)
    except PermanentError:
        return candidate
    return Candidate(candidate.definition, candidate.sureness, min(1.0, filled / totals[stream]))


def _count(client: HubSpotClient, stream: str, having: str = OBJECT_ID) -> int:
    """How many records have a property filled, as far as search knows."""
    filters = [{"propertyName": having, "operator": "HAS_PROPERTY"}]
    query = {"filterGroups": [{"filters": filters}], "properties": [OBJECT_ID], "limit": 1}
    return int(client.search(stream, query).get("total") or 0)


def _wished(names: Sequence[str]) -> frozenset[Wanted]:
    known = {each.name: each for each in WANTED if each.name not in NOT_MADE}
    for name in names:
        if name not in known:
            raise SettingsError(f"no property can be created for {name!r}", hint=did_you_mean(name, known))
    return frozenset(known[name] for name in names)


def _is_needed(wanted: Wanted, rules: Sequence[Rule]) -> bool:
    return any(wanted.field in each.fields for each in fits(rules, {wanted.object: frozenset()}))


def _create(client: HubSpotClient, made: Sequence[Wanted]) -> None:
    """Create the properties. One that is there all the same, as an earlier run was cut off, will do."""
    for wanted in made:
        stream = STREAMS[wanted.object]
        body = {
            "name": wanted.property,
            "label": wanted.label,
            "type": wanted.type,
            "fieldType": wanted.field_type,
            "groupName": GROUPS[stream],
            "options": [
                {"label": option, "value": option, "displayOrder": place, "hidden": False}
                for place, option in enumerate(_options(wanted))
            ],
        }
        try:
            client.create_property(stream, body)
        except PermanentError as error:
            if wanted.property in read_properties(client.properties(stream)):
                continue
            scope = f"crm.schemas.{stream}.write"
            raise PermanentError(
                f"HubSpot does not create the property {wanted.property} of {stream}: {error.message}",
                where=error.where,
                hint=f"creating it needs the scope {scope}; the connector file was not changed",
            ) from error


def _options(wanted: Wanted) -> tuple[str, ...]:
    return ("true", "false") if wanted.type == "bool" else wanted.options


# ---- what it means for the rules


def _rules(invocation: Invocation, settings: Settings) -> list[Rule]:
    """The rules that are not retired; none, with a word, where the files cannot be read."""
    try:
        return [rule for rule in company_of(settings).rules if rule.status is not Status.RETIRED]
    except RosSyncError as error:
        invocation.err.print(
            f"[yellow]The rules cannot be read, so nothing is said of them: {shown(str(error))}[/yellow]"
        )
        return []


def _with_made(definitions: Definitions, made: Collection[Wanted]) -> Definitions:
    """The definitions as they are once the properties are there."""
    properties: dict[str, Any] = {name: dict(there) for name, there in definitions.properties.items()}
    for wanted in made:
        told = {"results": [{"name": wanted.property, "type": wanted.type, "label": wanted.label}]}
        properties[STREAMS[wanted.object]] |= read_properties(told)
    return Definitions(properties=properties, stages=definitions.stages, pipelines=definitions.pipelines)


def _filled(mapping: HubSpotMapping, definitions: Definitions) -> Mapping[str, frozenset[str]]:
    derived = worked_out([stream.stream for stream in mapping.streams], mapping.given)
    filled = filled_fields(mapping, definitions)
    return {name: fields | derived.get(name, frozenset()) for name, fields in filled.items()}


# ---- telling


def _as_data(done: Connected, *, dry_run: bool) -> dict[str, Any]:
    return {
        "file": str(done.file),
        "dry_run": dry_run,
        "written": done.written,
        "steps": [{"where": step.where, "what": step.what} for step in done.plan.steps],
        "created": done.created,
        "filled_already": done.filled_already,
        "missing": {
            wanted.name: [{"property": each.definition.name, "filled": each.share} for each in found]
            for wanted, found in done.plan.missing.items()
        },
        "rules": [{"rule": each.rule_id, "off": each.off, "fields": list(each.fields)} for each in done.fits],
        "refused": done.refused,
        "diff": _diff(done),
    }


def _diff(done: Connected) -> list[str]:
    return list(
        difflib.unified_diff(
            done.before.splitlines(), done.plan.text.splitlines(), "as it is", "as it fits", lineterm="", n=1
        )
    )


def _tell(invocation: Invocation, done: Connected, *, dry_run: bool) -> None:
    def line(words: str, style: str = "") -> None:
        indent = words[: len(words) - len(words.lstrip())]
        invocation.out.print(Text(indent + clean(words), style), soft_wrap=True)

    for words in done.refused:
        line(f"This part of the account cannot be looked at, and stays as it is: {words}", "red")
    for step in done.plan.steps:
        line(f"{step.where}: {step.what}")
    for name in done.created:
        line(f"{'would be created' if dry_run else 'created'} in HubSpot: {name}", "green")
    for name in done.filled_already:
        line(f"{name}: nothing was created, as something fills it")
    _tell_missing(done, line)
    if dry_run:
        for each in _diff(done):
            sign, words = each[:1], each[1:]
            indent = words[: len(words) - len(words.lstrip())]
            style = {"+": "green", "-": "red"}.get(sign, "dim")
            invocation.out.print(Text(f"{sign}{indent}{clean(words)}", style), soft_wrap=True)
        line("\nNothing was changed. Without --dry-run it is.")
    elif done.written:
        line(f"\n✓ {done.file} fits the account. Next: `ros-sync doctor`, then `ros-sync sync`.", "green")
    else:
        line(f"\n✓ {done.file} fits the account already; nothing was changed.", "green")


def _tell_missing(done: Connected, line: Callable[[str, str], None]) -> None:
    """Each field that nothing fills, with what might, and which rules lose something by it."""
    if not done.plan.missing:
        return
    line(f"\n{counted(len(done.plan.missing), 'field')} that no property fills:", "")
    for wanted, found in done.plan.missing.items():
        line(f"  {wanted.name}{_maybe(found)}{_loss(wanted, done.fits)}", "")
    words = "Create one with `--create OBJECT.FIELD`, or those that your rules need with `--create-missing`.\n"
    line(words, "dim")


def _maybe(found: Sequence[Candidate]) -> str:
    names = [
        each.definition.name + ("" if each.share is None else f", filled in {each.share:.0%}")
        for each in found[:SHOWN_CANDIDATES]
    ]
    return f" (perhaps {'; '.join(names)}: write it into the file if so)" if names else ""


def _loss(wanted: Wanted, losing: Sequence[Fit]) -> str:
    words = [
        f"{each.rule_id} is off" if each.off else f"{each.rule_id} does without it"
        for each in losing
        if each.object == wanted.object and wanted.field in each.fields
    ]
    return f": {', '.join(words)}" if words else ""
