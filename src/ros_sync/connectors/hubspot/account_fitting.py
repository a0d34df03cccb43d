"""An account of HubSpot that a connector file is fitted to: asked what it has, and given the properties it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ros_sync.connectors.hubspot.candidates import WANTED, PropertyCandidate, Wanted, candidates
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.connecting import fit, unused
from ros_sync.connectors.hubspot.definitions import Definitions, read_pipelines, read_properties
from ros_sync.connectors.hubspot.mapping import OBJECT_ID, HubSpotMapping
from ros_sync.connectors.hubspot.records import filled_fields
from ros_sync.connectors.vendor import Candidate, ConnectorFile, FileChange, FittedFile, Gap
from ros_sync.errors import AuthExpiredError, PermanentError

STREAMS = {"account": "companies", "lead": "contacts", "deal": "deals"}
GROUPS = {
    "companies": "companyinformation",
    "contacts": "contactinformation",
    "deals": "dealinformation",
}  # HubSpot, "Properties": the groups of its own
MOST_CANDIDATES = 3  # of one field


class AccountFitting:
    """What one account has, and a connector file of `text` fitted to it (`connectors.vendor.Fitting`)."""

    def __init__(self, client: HubSpotClient, mapping: HubSpotMapping, text: str) -> None:
        self._client = client
        self._text = text
        self._definitions, self._refused = _ask(client, mapping)
        self._found = _candidates(client, mapping, self._definitions)

    @property
    def refused(self) -> list[str]:
        """Which parts of the account may not be looked at."""
        return self._refused

    def fitted(self, made: Collection[str] = ()) -> FittedFile:
        """The file fitted to the account, as it is once the properties of `made` are there."""
        plan = fit(self._text, self._definitions, self._found, _wanted(made))
        changes = [FileChange(step.where, step.what) for step in plan.steps]
        gaps = [
            Gap(wanted.object, wanted.field, [Candidate(each.definition.name, each.share) for each in found])
            for wanted, found in plan.missing.items()
        ]
        return FittedFile(plan.text, changes, gaps)

    def to_create(self, made: Iterable[str]) -> dict[str, str]:
        """By field of `made` the property to be created, as none of that name is there that nobody uses."""
        new = [each for each in _wanted(made) if unused(self._found.get(each, ())) is None]
        for wanted in new:
            stream = STREAMS[wanted.object]
            there = self._definitions.properties.get(stream, {}).get(wanted.property)
            if there is not None:
                raise PermanentError(
                    f"{stream} have a property {wanted.property} of the type {there.type} already, and {wanted.name} "
                    f"needs one of the type {' or '.join(wanted.types)}",
                    hint="set another property in the connector file by hand",
                )
        return {each.name: each.property for each in new}

    def create(self, made: Iterable[str]) -> None:
        """Create the properties. One that is there all the same, as an earlier run was cut off, will do."""
        for wanted in _wanted(made):
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
                self._client.create_property(stream, body)
            except PermanentError as error:
                if wanted.property in read_properties(self._client.properties(stream)):
                    continue
                scope = f"crm.schemas.{stream}.write"
                raise PermanentError(
                    f"HubSpot couldn't create the property {wanted.property} of {stream}: {error.message}",
                    where=error.where,
                    hint=f"creating it needs the scope {scope}; the connector file was not changed",
                ) from error

    def filled(self, file: ConnectorFile, created: Collection[str] = ()) -> Mapping[str, frozenset[str]]:
        """By object the fields that records come with by that file, once the properties of `created` are there."""
        assert isinstance(file, HubSpotMapping), file
        return filled_fields(file, _with_made(self._definitions, _wanted(created)))


def _wanted(names: Iterable[str]) -> list[Wanted]:
    known = {each.name: each for each in WANTED}
    return [known[name] for name in names]


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
        raise PermanentError("can't read anything in the account", hint=refused[0] if refused else None)
    return definitions, list(dict.fromkeys(refused))


def _candidates(
    client: HubSpotClient, mapping: HubSpotMapping, definitions: Definitions
) -> dict[Wanted, list[PropertyCandidate]]:
    """By field the properties that may fill it, each with the share of records in which it is filled."""
    found: dict[Wanted, list[PropertyCandidate]] = {}
    totals: dict[str, int] = {}
    for wanted in WANTED:
        stream = STREAMS[wanted.object]
        entries = [entry for each in mapping.streams if each.name == stream for entry in each.objects]
        taken = {
            name for entry in entries if entry.object == wanted.object for each in entry.fields
            if each.name != wanted.field for name in each.properties
        }  # fmt: skip
        there = definitions.properties.get(stream, {})
        for each in candidates(wanted, there.values(), taken)[:MOST_CANDIDATES]:
            found.setdefault(wanted, []).append(_with_share(client, stream, each, totals))
    return found


def _with_share(
    client: HubSpotClient, stream: str, candidate: PropertyCandidate, totals: dict[str, int]
) -> PropertyCandidate:
    """The candidate with the share of records that have it filled; without where search is refused."""
    try:
        if stream not in totals:
            totals[stream] = _count(client, stream)
        if not totals[stream]:
            return candidate
        filled = _count(client, stream, candidate.definition.name)
    except PermanentError:
        return candidate
    return PropertyCandidate(candidate.definition, candidate.sureness, min(1.0, filled / totals[stream]))


def _count(client: HubSpotClient, stream: str, having: str = OBJECT_ID) -> int:
    """How many records have a property filled, as far as search knows."""
    filters = [{"propertyName": having, "operator": "HAS_PROPERTY"}]
    query = {"filterGroups": [{"filters": filters}], "properties": [OBJECT_ID], "limit": 1}
    return int(client.search(stream, query).get("total") or 0)


def _options(wanted: Wanted) -> tuple[str, ...]:
    return ("true", "false") if wanted.type == "bool" else wanted.options


def _with_made(definitions: Definitions, made: Collection[Wanted]) -> Definitions:
    """The definitions as they are once the properties are there."""
    properties: dict[str, Any] = {name: dict(there) for name, there in definitions.properties.items()}
    for wanted in made:
        told = {"results": [{"name": wanted.property, "type": wanted.type, "label": wanted.label}]}
        properties[STREAMS[wanted.object]] |= read_properties(told)
    return Definitions(properties=properties, stages=definitions.stages, pipelines=definitions.pipelines)
