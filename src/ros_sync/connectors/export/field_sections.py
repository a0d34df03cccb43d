"""Reading the `fields` of a mapping file's entry: one line for each field, short (`name: Full Name`) or as a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ros_sync import money
from ros_sync.config_files import Node, Scalar, ScalarKind, Section
from ros_sync.connectors.base import AT_UNKNOWN_TIME, DELETED, Lookup
from ros_sync.connectors.export import dates, values
from ros_sync.connectors.export.mapping import CUSTOM, STAGE_FIELDS, Column, ColumnMapping, Style
from ros_sync.connectors.export.parsers import text_parser
from ros_sync.fields import Field, Kind, StoredValue, did_you_mean

_KEYS = (
    "column", "join", "separator", "value", "values", "otherwise", "format", "currency", "round", "percent", "missing",
    "find", "only_if", "kind", "several",
)  # fmt: skip
_KEEP = "keep"  # of `otherwise`: the cell's own text
_CUSTOM_KINDS = tuple(kind for kind in Kind if kind is not Kind.MONEY)  # money needs a currency field beside it
_JOINED_AT_LEAST = 2
_DATED = (Kind.DATE, Kind.INSTANT)

# Options that mean something for some kinds only.
_FOR_KINDS: dict[str, tuple[Kind, ...]] = {
    "format": _DATED,
    "currency": (Kind.MONEY,),
    "round": (Kind.MONEY,),
    "percent": (Kind.NUMBER,),
    "find": (Kind.TEXT,),
    "several": (Kind.TEXT,),
}


class FieldReader:
    """Reads the field lines of one entry for one canonical object, noting every problem on its section."""

    def __init__(self, name: str, objects: Mapping[str, Mapping[str, Field]], style: Style) -> None:
        self._object = name
        self._objects = objects
        self._settable = objects[name]
        self._style = style
        self._custom: dict[str, Kind] = {}  # the kinds of the company's own properties

    def read_all(self, section: Section) -> tuple[ColumnMapping, ...]:
        """Every field of the section, amounts joined with their currencies."""
        found: dict[str, ColumnMapping] = {}
        self._custom = {key: self._custom_kind(section, key) for key in section if key.startswith(CUSTOM)}
        for key in section:
            mapping = self._read(section, key)
            if mapping is not None:
                found[mapping.name] = mapping
        self._check_conditions(section, found)
        return self._with_currencies(section, found)

    def _read(self, section: Section, name: str) -> ColumnMapping | None:
        if name == "id":
            section.problem(name, "the id is not a field", "write `id:` beside `fields:`, not below it")
            return None
        custom = name.startswith(CUSTOM) and len(name) > len(CUSTOM)
        if name not in self._settable and not custom:
            message = f"{self._object} has no field {name!r} that a mapping can fill"
            section.problem(name, message, did_you_mean(name, [*self._settable, "custom.<name>"]))
            return None
        kind = Kind.TEXT if custom else self._settable[name].kind
        part = section.section(name) if section.holds_map(name) else None
        if part is not None:
            return self._from_map(name, kind, part, custom=custom)
        column = section.text(name)
        if column is None:
            return None
        return ColumnMapping(name, kind, self._style, Column(column, section.where(name, value=True)))

    @staticmethod
    def _custom_kind(section: Section, name: str) -> Kind:
        """The kind that is declared of an own property; what is wrong with it is told when it is read."""
        part = section.section(name) if section.holds_map(name) else None
        node = part.value("kind") if part is not None else None
        return Kind(node.value) if isinstance(node, Scalar) and node.value in _CUSTOM_KINDS else Kind.TEXT

    def _from_map(self, name: str, kind: Kind, part: Section, *, custom: bool) -> ColumnMapping | None:
        part.allow(*_KEYS)
        if "kind" in part:
            if custom:
                kind = Kind(part.choice("kind", _CUSTOM_KINDS) or kind)
            else:
                part.problem("kind", f"the kind of {name} is known ({kind})", "only custom fields take `kind:`")
        for option, kinds in _FOR_KINDS.items():
            if option in part and kind not in kinds:
                part.problem(option, f"{option} is for {' and '.join(kinds)} fields; {name} is of the kind {kind}")
        mapping = ColumnMapping(name, kind, self._style)
        if "missing" in part:
            mapping = replace(mapping, style=replace(self._style, missing=missing_texts(part)))
        if kind in _DATED and "format" in part:
            mapping = self._with_format(mapping, part)
        mapping = replace(
            mapping, round_off=part.flag("round"), percent=part.flag("percent"), several=part.flag("several")
        )
        if kind is Kind.MONEY and "currency" in part:
            mapping = replace(mapping, currency=self._currency(part))
        mapping = replace(mapping, find=self._find(part), only_if=self._only_if(part))
        return self._filled(mapping, part)

    def _filled(self, mapping: ColumnMapping, part: Section) -> ColumnMapping | None:
        """The mapping with its column or its constant, of which there must be one."""
        if sum(key in part for key in ("column", "join", "value")) != 1:
            part.problem(None, f"{mapping.name} needs either `column:` or `value:` (or `join:`, for several columns)")
            return None
        if "value" in part:
            return replace(mapping, constant=self._value(mapping, part, part.value("value")))
        column = column_of(part)
        if column is None:
            return None
        mapping = replace(mapping, column=column)
        if "otherwise" in part:
            if "values" not in part:
                part.problem("otherwise", "otherwise stands beside `values:`, for the values not listed there")
            mapping = self._with_otherwise(mapping, part)
        if "values" in part:
            mapping = replace(mapping, values=self._values(mapping, part))
        return mapping

    def _with_otherwise(self, mapping: ColumnMapping, part: Section) -> ColumnMapping:
        node = part.value("otherwise")
        if isinstance(node, Scalar) and node.value == _KEEP and not node.quoted:
            return replace(mapping, keeps_others=True)
        return replace(mapping, otherwise=self._value(mapping, part, node), has_otherwise=True)

    def _with_format(self, mapping: ColumnMapping, part: Section) -> ColumnMapping:
        formats = date_formats(part, "format")
        if not formats:
            return mapping
        style = replace(mapping.style.dates, formats=formats, iso=False)
        return replace(mapping, style=replace(mapping.style, dates=style))

    def _currency(self, part: Section) -> ColumnMapping | None:
        plain = ColumnMapping("currency", Kind.TEXT, self._style)
        inner = part.section("currency") if part.holds_map("currency") else None
        if inner is not None:
            inner.allow("column", "values", "otherwise")
            return self._filled(plain, inner)
        code = part.text("currency")
        if code is None or not money.is_currency(code):
            part.problem(
                "currency",
                f"{code!r} is not a currency code such as EUR",
                "for a column, write `currency: {column: …}`",
                value=True,
            )
            return None
        return replace(plain, constant=code)

    def _with_currencies(self, section: Section, found: dict[str, ColumnMapping]) -> tuple[ColumnMapping, ...]:
        """Give each amount its currency: its own, the mapped field `currency`, or the one declared for the file."""
        separate = found.get("currency")
        for name, mapping in found.items():
            if mapping.kind is not Kind.MONEY:
                continue
            default = ColumnMapping("currency", Kind.TEXT, self._style, constant=self._style.currency)
            shared = separate if name == "amount" else None
            if mapping.currency is not None and shared is not None:
                section.problem("currency", "the currency of the amount is given twice", "remove one of the two")
            currency = mapping.currency or shared or default
            if currency.column is None and currency.constant is None:
                hint = "set `currency: EUR` for the file, or `currency: {column: …}` for this field"
                section.problem(name, f"the currency of {name} is not known", hint)
            found[name] = replace(mapping, currency=currency)
        if "amount" in found and separate is not None:
            del found["currency"]  # it comes with the amount
        return tuple(found.values())

    def _find(self, part: Section) -> Lookup | None:
        if "find" not in part:
            return None
        find = part.section("find")
        if find is None:
            return None
        find.allow("object", "by")
        find.require("object", "what kind of record the value names, such as `object: owner`")
        find.require("by", "the fields that the value may be, such as `by: [email, name]`")
        name = find.choice("object", self._objects)
        if name is None:
            return None
        known = [*self._objects[name], "id"]
        by = [find.config.choice(node, known) for node in find.listed("by")]
        return Lookup(name, tuple(each for each in by if each is not None))

    def _only_if(self, part: Section) -> tuple[tuple[str, frozenset[StoredValue]], ...]:
        conditions = part.section("only_if")
        if conditions is None:
            return ()
        found = []
        for name in conditions:
            known = {each: field.kind for each, field in self._settable.items()} | self._custom
            if name not in known and not name.startswith(CUSTOM):
                conditions.problem(name, f"{self._object} has no field {name!r}", did_you_mean(name, known))
                continue
            other = ColumnMapping(name, known.get(name, Kind.TEXT), self._style)
            allowed = frozenset(self._value(other, conditions, node) for node in conditions.listed(name))
            found.append((name, allowed))
        return tuple(found)

    def _check_conditions(self, section: Section, found: Mapping[str, ColumnMapping]) -> None:
        """Note conditions on fields that are not filled, or not before the field that depends on them."""
        filled = {name for name, mapping in found.items() if not mapping.only_if} | {"pipeline"}
        if "stage" in found:
            filled |= set(STAGE_FIELDS)
            if found["stage"].only_if:
                section.problem("stage", "the stage of a deal takes no only_if")
        if "amount" in filled:
            filled.add("currency")
        for name, mapping in found.items():
            for other, _ in mapping.only_if:
                if other not in filled:
                    section.problem(
                        name, f"only_if asks for {other!r}, which is not filled before {name}", f"map {other} above it"
                    )
            filled.add(name)

    def _values(self, mapping: ColumnMapping, part: Section) -> dict[str, StoredValue]:
        inner = part.section("values")
        found: dict[str, StoredValue] = {}
        for cell in inner or ():
            assert inner is not None
            if inner.key(cell).kind in (ScalarKind.TRUTH, ScalarKind.NOTHING):
                inner.problem(cell, f"the cell's text {cell!r} must stand in quotes")
                continue
            found[cell.strip()] = self._value(mapping, inner, inner.value(cell))
        return found

    def _value(self, mapping: ColumnMapping, section: Section, node: Node | None) -> StoredValue:
        """The stored form of a value written in the mapping file; null is a missing value."""
        if node is None or node.is_missing:
            return None
        truth = isinstance(node, Scalar) and node.kind is ScalarKind.TRUTH
        if truth and (mapping.kind is Kind.BOOLEAN or mapping.name == DELETED):
            flag = section.config.flag(node)
            return flag if mapping.kind is Kind.BOOLEAN else AT_UNKNOWN_TIME if flag else None
        if truth or not isinstance(node, Scalar) or not node.value.strip():
            section.config.problem(node, f"this must be a value of the kind {mapping.kind}, and it is {node}")
            return None
        text = node.value.strip()
        # The mapping file itself is YAML: its numbers have a decimal point and its dates are ISO, whatever the export's
        # are.
        written = replace(self._style, numbers=values.YAML, dates=replace(mapping.style.dates, iso=True))
        try:
            if mapping.kind is Kind.MONEY:
                currency = mapping.currency.constant if mapping.currency else self._style.currency
                return values.read_amount(text, str(currency), values.YAML)
            value = text_parser(replace(mapping, style=written))(text)
        except ValueError as error:
            section.config.problem(node, f"{text!r} {error}")
            return None
        field = self._settable.get(mapping.name)
        wrong = field.no_option(value) if field else None
        if wrong is not None:
            section.config.problem(node, wrong, did_you_mean(text, field.options if field else ()))
        return value


def column_of(part: Section) -> Column | None:
    """The column that a map names, or the one that is joined of several; None after noting what is wrong."""
    if "join" not in part:
        name = part.text("column")
        return Column(name, part.where("column", value=True)) if name else None
    names = [(node, name) for node in part.listed("join") if (name := part.config.text(node, exact=True))]
    if len(names) < _JOINED_AT_LEAST:
        part.problem("join", "join names two columns or more", "such as `join: [First Name, Last Name]`", value=True)
        return None
    separator = part.text("separator") if "separator" in part else " "
    parts = tuple(Column(name, part.config.where(node)) for node, name in names)
    title = " + ".join(name for _, name in names)
    return Column(title, part.where("join", value=True), parts, " " if separator is None else separator)


def missing_texts(section: Section) -> frozenset[str]:
    """The texts that stand for a missing value, in small letters."""
    found = [section.config.written(node, exact=True) for node in section.listed("missing")]
    return frozenset(text.strip().casefold() for text in found if text is not None)


def date_formats(section: Section, key: str) -> tuple[str, ...]:
    """The date format at a key, or the list of them; what is no format is noted."""
    return tuple(section.config.read_each(section.listed(key), _date_format))


def _date_format(text: str) -> str:
    try:
        dates.check_format(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error
    return text
