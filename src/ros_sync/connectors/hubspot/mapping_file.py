"""Reading a HubSpot connector file.

Every mistake in it is found at once, with its place and what was probably meant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from ros_sync import money
from ros_sync.config_files import ConfigFile, Node, Scalar, ScalarKind, Section
from ros_sync.connectors.hubspot.mapping import (
    CUSTOM,
    NAME,
    VALUE,
    FieldMapping,
    HubSpotMapping,
    ObjectMapping,
    StreamMapping,
    modified_property,
)
from ros_sync.durations import Duration
from ros_sync.errors import MappingError
from ros_sync.fields import Field, Kind, StoredValue, did_you_mean

VERSION = 1
SHORTEST_REREAD = timedelta(hours=1)  # ours: 100,000 records take 1,000 calls
STREAMS = ("deals", "contacts", "companies", "calls", "emails", "meetings", "notes", "tasks")
POSITIONS = ("early", "mid", "late")
_FIELD_KEYS = (
    "property",
    "join",
    "value",
    "values",
    "otherwise",
    "currency",
    "only_if",
    "kind",
    "link",
    "label",
    "several",
)
_OWN_KINDS = tuple(kind for kind in Kind if kind is not Kind.MONEY)

Objects = Mapping[str, Mapping[str, Field]]


def load_hubspot(path: Path, objects: Objects, *, content: bytes | None = None) -> HubSpotMapping:
    """Read a connector file against the canonical objects and the fields of each that a connector may fill.

    Raises ProblemsError holding one MappingError for each problem, in reading order, with file:line:column and key.
    """
    config = ConfigFile(path, MappingError, content=content)
    node = config.root()
    mapping = HubSpotMapping(path, "", ())
    if node is not None:
        mapping = _mapping(Section(config, node), path, objects)
    config.close()
    return mapping


def _mapping(root: Section, path: Path, objects: Objects) -> HubSpotMapping:
    root.allow("version", "source", "crm", "currency", "stages", "objects")
    if root.require("version", f"begin the file with `version: {VERSION}`"):
        root.config.version(root.value("version"), VERSION)
    root.require("source", "the name of the connection, such as `source: hubspot`")
    root.require("crm", "which CRM the file is for: `crm: hubspot`")
    root.choice("crm", (NAME,))
    currency = root.text("currency")
    if currency is not None and not money.is_currency(currency):
        root.problem("currency", f"{currency!r} is not a currency code of three letters such as EUR", value=True)
    root.require("objects", "the list of what is followed, each with its stream, object and fields")
    streams: dict[str, StreamMapping] = {}
    for section in root.sections("objects"):
        stream = _stream(section, objects, streams)
        if stream is not None:
            streams[stream.name] = stream
    return HubSpotMapping(path, root.text("source") or "", tuple(streams.values()), currency, _positions(root))


def _positions(root: Section) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    stages = root.section("stages") if "stages" in root else None
    for pipeline in stages or ():
        assert stages is not None
        part = stages.section(pipeline)
        if part is None:
            continue
        part.allow(*POSITIONS)
        for position in part:
            for node in part.listed(position):
                name = part.config.text(node)
                if name is not None:
                    found[pipeline, name] = position
    return found


def _stream(section: Section, objects: Objects, known: Mapping[str, StreamMapping]) -> StreamMapping | None:
    section.allow("stream", "object", "modified", "fields", "track", "links", "only_if_known", "write", "reread")
    section.require("stream", "what HubSpot calls these records, such as `stream: deals`")
    section.require("object", "what they are here, such as `object: deal`")
    section.require("fields", "lines of `field: property`")
    name, object_name = section.choice("stream", STREAMS), section.choice("object", objects)
    part = section.section("fields")
    if name is None or object_name is None or part is None:
        return None
    fields = _Fields(object_name, objects[object_name]).read_all(part)
    only_if_known = tuple(text for node in section.listed("only_if_known") if (text := section.config.text(node)))
    unread = set(part) - {mapping.name for mapping in fields}
    entry = ObjectMapping(object_name, fields, only_if_known, _writes(section, fields, unread))
    first = known.get(name)
    if first is not None:
        for key in ("modified", "track", "links", "reread"):
            if key in section:
                section.problem(key, f"{key} stands at the first entry of {name}", "remove it here")
        return replace(first, objects=(*first.objects, entry))
    modified = section.text("modified") or modified_property(name)
    links = tuple(text for node in section.listed("links") if (text := section.config.choice(node, STREAMS)))
    track = _track(section, fields)
    _check_links(section, fields, links)
    return StreamMapping(name, modified, (entry,), track, links, _reread(section))


def _reread(section: Section) -> Duration | None:
    """How often all records of the stream are read again."""
    text = section.text("reread")
    if text is None:
        return None
    try:
        every = Duration.parse(text)
    except ValueError as error:
        section.problem("reread", str(error), "such as `reread: 6 hours`", value=True)
        return None
    if every.unit.is_business or every.delta < SHORTEST_REREAD:
        words = f"all records of a stream cannot be read again every {every}"
        section.problem("reread", words, "write 1 hour or more, such as `reread: 6 hours`", value=True)
        return None
    return every


def _track(section: Section, fields: tuple[FieldMapping, ...]) -> tuple[str, ...]:
    mapped = {mapping.name for mapping in fields if mapping.from_property}
    found = (section.config.choice(node, mapped) for node in section.listed("track"))
    names = [name for name in found if name is not None]
    if "stage" in names and "pipeline" in mapped and "pipeline" not in names:
        names.append("pipeline")
    if "close_date" in names and "closed" in mapped and "closed" not in names:
        names.append("closed")
    return tuple(names)


def _check_links(section: Section, fields: tuple[FieldMapping, ...], links: tuple[str, ...]) -> None:
    for mapping in fields:
        if mapping.link and mapping.link[0] not in links:
            section.config.problems.append(
                MappingError(
                    f"{mapping.name} follows from links with {mapping.link[0]}, which are not read",
                    where=mapping.where,
                    hint=f"add {mapping.link[0]} to `links:`",
                )
            )


def _writes(section: Section, fields: tuple[FieldMapping, ...], unread: Collection[str]) -> dict[str, dict[str, str]]:
    """By field the properties that a write sets. `unread` are keys of `fields:` of which a problem is told already."""
    part = section.section("write") if "write" in section else None
    mapped = {mapping.name: mapping for mapping in fields}
    writes: dict[str, dict[str, str]] = {}
    for name in part or ():
        assert part is not None
        if name not in mapped:
            if not get_close_matches(name, unread):  # else that key is this field, mistyped
                part.problem(name, f"{name} is not mapped above", did_you_mean(name, mapped))
            continue
        node = part.value(name)
        if node is None or node.is_missing:
            source = mapped[name].from_property
            if source is None:
                part.problem(name, f"{name} comes from no single property", "say which: `{property: value}`")
            else:
                writes[name] = {source: VALUE}
            continue
        inner = part.section(name)
        if inner is not None:
            writes[name] = {key: inner.text(key) or "" for key in inner}
    return writes


class _Fields:
    """Reads the field lines of one entry, noting every problem on its section."""

    def __init__(self, name: str, settable: Mapping[str, Field]) -> None:
        self._object = name
        self._settable = settable

    def read_all(self, section: Section) -> tuple[FieldMapping, ...]:
        found: dict[str, FieldMapping] = {}
        for name in section:
            mapping = self._read(section, name)
            if mapping is not None:
                found[name] = mapping
        self._check_conditions(section, found)
        return tuple(found.values())

    def _read(self, section: Section, name: str) -> FieldMapping | None:
        own = name.startswith(CUSTOM) and len(name) > len(CUSTOM)
        if name == "id" or (name not in self._settable and not own):
            message = f"{self._object} has no field {name!r} that a connector can fill"
            section.problem(name, message, did_you_mean(name, [*self._settable, "custom.<name>"]))
            return None
        kind = Kind.TEXT if own else self._settable[name].kind
        where = section.where(name, value=True)
        part = section.section(name) if section.holds_map(name) else None
        if part is not None:
            return self._from_map(FieldMapping(name, kind, where), part, own=own)
        text = section.text(name)
        return None if text is None else FieldMapping(name, kind, where, from_property=text)

    def _from_map(self, mapping: FieldMapping, part: Section, *, own: bool) -> FieldMapping | None:
        part.allow(*_FIELD_KEYS)
        if "kind" in part:
            if own:
                mapping = replace(mapping, kind=Kind(part.choice("kind", _OWN_KINDS) or mapping.kind))
            else:
                part.problem(
                    "kind", f"the kind of {mapping.name} is known ({mapping.kind})", "only custom fields take it"
                )
        if "several" in part:
            if mapping.kind is not Kind.TEXT or "property" not in part:
                words = f"several is for texts of one property; {mapping.name} is of the kind {mapping.kind}"
                part.problem("several", words)
            mapping = replace(mapping, several=part.flag("several"))
        ways = [key for key in ("property", "join", "value", "link") if key in part]
        if len(ways) != 1:
            part.problem(None, f"{mapping.name} needs one of `property:`, `join:`, `value:` and `link:`")
            return None
        mapping = replace(mapping, only_if=self._only_if(part))
        if "link" in part:
            stream = part.choice("link", STREAMS)
            return replace(mapping, link=(stream, part.text("label"))) if stream else None
        if "join" in part:
            names = (part.config.text(node) for node in part.listed("join"))
            return replace(mapping, join=tuple(name for name in names if name))
        if "value" in part:
            return replace(mapping, constant=self._value(mapping, part, part.value("value")))
        return self._from_property(replace(mapping, from_property=part.text("property")), part)

    def _from_property(self, mapping: FieldMapping, part: Section) -> FieldMapping:
        if "values" in part:
            inner = part.section("values")
            values = {key: self._value(mapping, inner, inner.value(key)) for key in inner} if inner else {}
            mapping = replace(mapping, values=values)
        if "otherwise" in part:
            if "values" not in part:
                part.problem("otherwise", "otherwise stands beside `values:`, for the values not listed there")
            otherwise = self._value(mapping, part, part.value("otherwise"))
            mapping = replace(mapping, otherwise=otherwise, has_otherwise=True)
        if "currency" in part:
            mapping = self._with_currency(mapping, part)
        return mapping

    @staticmethod
    def _with_currency(mapping: FieldMapping, part: Section) -> FieldMapping:
        if mapping.kind is not Kind.MONEY:
            part.problem("currency", f"currency is for amounts; {mapping.name} is of the kind {mapping.kind}")
            return mapping
        if part.holds_map("currency"):
            inner = part.section("currency")
            assert inner is not None
            inner.allow("property")
            inner.require("property", "the property that holds the currency's code")
            return replace(mapping, currency_property=inner.text("property"))
        code = part.text("currency")
        if code is None or not money.is_currency(code):
            hint = "for a property, write `currency: {property: …}`"
            part.problem("currency", f"{code!r} is not a currency code such as EUR", hint, value=True)
            return mapping
        return replace(mapping, currency=code)

    def _only_if(self, part: Section) -> tuple[tuple[str, frozenset[StoredValue]], ...]:
        conditions = part.section("only_if") if "only_if" in part else None
        found = []
        for name in conditions or ():
            assert conditions is not None
            if name not in self._settable:
                conditions.problem(name, f"{self._object} has no field {name!r}", did_you_mean(name, self._settable))
                continue
            other = FieldMapping(name, self._settable[name].kind, conditions.where(name))
            allowed = frozenset(self._value(other, conditions, node) for node in conditions.listed(name))
            found.append((name, allowed))
        return tuple(found)

    @staticmethod
    def _check_conditions(section: Section, found: Mapping[str, FieldMapping]) -> None:
        """Note conditions on fields that are not filled before the field that depends on them."""
        filled: set[str] = set()
        for name, mapping in found.items():
            for other, _ in mapping.only_if:
                if other not in filled:
                    section.problem(
                        name, f"only_if asks for {other!r}, which is not filled before {name}", f"map {other} above it"
                    )
            filled.add(name)
            if name == "stage":
                filled.update(("stage_kind", "stage_position", "stage_order", "probability", "pipeline"))

    def _value(self, mapping: FieldMapping, part: Section, node: Node | None) -> StoredValue:
        """A value of the file in stored form."""
        if not isinstance(node, Scalar) or node.is_missing:
            return None
        if mapping.kind is Kind.BOOLEAN:
            if node.kind is not ScalarKind.TRUTH:
                part.config.problem(node, f"{mapping.name} is true or false", "write true or false, without quotes")
                return None
            return node.value.lower() == "true"
        if mapping.kind is Kind.NUMBER:
            try:
                return float(node.value)
            except ValueError:
                part.config.problem(node, f"{mapping.name} is a number, and {node.value!r} is none")
                return None
        text = part.config.text(node)
        field = self._settable.get(mapping.name)
        wrong = field.no_option(text) if field else None
        if wrong is not None:
            part.config.problem(node, wrong, did_you_mean(str(text), field.options if field else ()))
        return text
