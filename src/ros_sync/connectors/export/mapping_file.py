"""Reading a mapping file: every mistake in it is found at once, with its place and what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from ros_sync import clock, money
from ros_sync.config_files import ConfigFile, Scalar, Section
from ros_sync.connectors.base import Stage
from ros_sync.connectors.export import values
from ros_sync.connectors.export.field_sections import FieldReader, column_of, date_formats, missing_texts
from ros_sync.connectors.export.mapping import CSV, JSON_LINES, Column, ColumnMapping, ExportMapping, FileEntry, Style
from ros_sync.errors import MappingError
from ros_sync.fields import Field, Kind, did_you_mean

VERSION = 1
STAGE_KINDS = ("open", "won", "lost")
STAGE_POSITIONS = ("early", "mid", "late")
DEFAULT_PIPELINE = "default"

_STYLE_KEYS = ("timezone", "currency", "number", "dates", "encoding", "delimiter", "missing")
_THOUSANDS = (",", ".", " ", "'")
_CERTAIN = {"won": 1.0, "lost": 0.0}  # the chance of a deal that is decided

Objects = Mapping[str, Mapping[str, Field]]


def load_mapping(path: Path, objects: Objects, *, content: bytes | None = None) -> ExportMapping:
    """Read a mapping file against the canonical objects and the fields of each that a mapping may fill.

    Raises ProblemsError holding one MappingError for each problem, in reading order, with file:line:column and key.
    """
    config = ConfigFile(path, MappingError, content=content)
    node = config.root()
    mapping = _mapping(Section(config, node), path, objects) if node is not None else ExportMapping(path, "", (), ())
    config.close()
    return mapping


def _mapping(root: Section, path: Path, objects: Objects) -> ExportMapping:
    root.allow("version", "source", *_STYLE_KEYS, "stages", "files")
    if root.require("version", f"begin the file with `version: {VERSION}`"):
        root.config.version(root.value("version"), VERSION)
    root.require("source", "the name of the connection, such as `source: crm`")
    source = root.text("source") or ""
    style, pipelines = _style(root, Style()), _pipelines(root)
    root.require("files", "the list of export files and how each is read")
    entries = [_entry(section, source, style, pipelines, objects) for section in root.sections("files")]
    stages = tuple(stage for pipeline in pipelines.values() for stage in pipeline)
    return ExportMapping(path, source, tuple(entry for entry in entries if entry is not None), stages)


def _style(section: Section, outer: Style) -> Style:
    """The style that `section` declares; what it does not name is as in `outer`."""
    style = replace(outer, dates=replace(outer.dates, zone=_zone(section, outer.dates.zone)))
    if "number" in section:
        style = replace(style, numbers=_numbers(section))
    if "dates" in section:
        style = replace(style, dates=replace(style.dates, formats=date_formats(section, "dates")))
    if (currency := section.text("currency")) is not None:
        if not money.is_currency(currency):
            section.problem("currency", f"{currency!r} is not a currency code of three letters such as EUR", value=True)
        style = replace(style, currency=currency)
    if (encoding := section.text("encoding")) is not None:
        if not _is_encoding(encoding):
            hint = "such as utf-8, cp1252, utf-16"
            section.problem("encoding", f"there is no text encoding {encoding!r}", hint, value=True)
        style = replace(style, encoding=encoding.lower())
    if (delimiter := section.text("delimiter")) is not None:
        if len(delimiter) != 1 or delimiter in '"\r\n':
            section.problem("delimiter", f"{delimiter!r} is not one character", r'such as ";" or "\t"', value=True)
        style = replace(style, delimiter=delimiter)
    if "missing" in section:
        style = replace(style, missing=missing_texts(section))
    return style


def _zone(section: Section, default: ZoneInfo | None) -> ZoneInfo | None:
    name = section.text("timezone")
    try:
        return default if name is None else clock.zone(name)
    except ValueError as error:
        section.problem("timezone", str(error), value=True)
        return default


def _numbers(section: Section) -> values.NumberStyle:
    number = section.section("number")
    if number is None:
        return values.ENGLISH
    number.allow("decimal", "thousands")
    decimal = number.choice("decimal", (".", ",")) or "."
    thousands: str | None = "," if decimal == "." else "."
    if "thousands" in number:
        given = number.value("thousands")
        none = isinstance(given, Scalar) and (given.is_missing or given.value == "")
        thousands = None if none else number.choice("thousands", _THOUSANDS)
    if thousands == decimal:
        number.problem("thousands", "the decimal sign and the sign between thousands are the same", value=True)
    return values.NumberStyle(decimal, thousands, declared=True)


def _is_encoding(name: str) -> bool:
    try:
        b"a".decode(name)
    except UnicodeDecodeError:
        return True  # it is one, and one byte is not enough for it
    except LookupError:
        return False
    return True


def _pipelines(root: Section) -> dict[str, tuple[Stage, ...]]:
    if "stages" not in root:
        return {}
    section = root.section("stages")
    return {pipeline: _stages(section, pipeline) for pipeline in section} if section is not None else {}


def _stages(section: Section, pipeline: str) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for order, part in enumerate(section.sections(pipeline), start=1):
        part.allow("name", "kind", "position", "probability", "exit_criteria")
        part.require("name", "the stage as the CRM names it, as in `{name: Proposal, kind: open}`")
        part.require("kind", f"one of {', '.join(STAGE_KINDS)}")
        name = part.text("name")
        kind = part.choice("kind", STAGE_KINDS)
        position = part.choice("position", STAGE_POSITIONS)
        if any(stage.name == name for stage in stages):
            part.problem("name", f"the stage {name!r} stands twice in the pipeline {pipeline!r}", value=True)
        if name is not None and kind is not None:
            probability = _probability(part, _CERTAIN.get(kind))
            stages.append(Stage(pipeline, name, order, kind, position, probability, part.text("exit_criteria")))
    return tuple(stages)


def _probability(part: Section, default: float | None) -> float | None:
    text = part.text("probability")
    if text is None:
        return default
    try:
        share = float(values.read_number(text, values.YAML))
    except ValueError as error:
        part.problem("probability", f"{text!r} {error}", value=True)
        return default
    if not 0 <= share <= 1:
        part.problem("probability", f"{text!r} is not between 0 and 1", f"did you mean {text}%?", value=True)
    return share


def _entry(
    section: Section, source: str, outer: Style, pipelines: Mapping[str, tuple[Stage, ...]], objects: Objects
) -> FileEntry | None:
    section.allow("file", "format", "sheet", "object", "id", "fields", *_STYLE_KEYS)
    style = _style(section, outer)
    section.require("object", "what the rows of this file are, such as `object: deal`")
    name = section.choice("object", objects)
    id_column = _id(section, style)
    section.require("fields", "lines of `field: column`")
    part = section.section("fields")
    if part is None or name is None:
        return None
    fields = FieldReader(name, objects, style).read_all(part)
    default = _default_pipeline(pipelines)
    _check_stages(part, fields, pipelines, default)
    if id_column is None:
        return None
    return FileEntry(
        source=source,
        object=name,
        pattern=section.text("file"),
        declared_format=section.choice("format", (CSV, JSON_LINES)),
        style=style,
        id=id_column,
        fields=fields,
        pipelines=pipelines if "stage_kind" in objects[name] and "stage" in objects[name] else {},
        default_pipeline=default,
        settable=frozenset(objects[name]),
        where=section.where(),
        sheet=section.text("sheet"),
    )


def _id(section: Section, style: Style) -> ColumnMapping | None:
    section.require("id", "the column that holds the record's id, such as `id: Record ID`")
    inner = section.section("id") if section.holds_map("id") else None
    if inner is None:
        name = section.text("id")
        column = Column(name, section.where("id", value=True)) if name else None
    else:
        inner.allow("column", "join", "separator")
        if "join" not in inner:
            inner.require("column", "the column that holds the record's id")
        column = column_of(inner)
    return ColumnMapping("id", Kind.TEXT, style, column) if column else None


def _default_pipeline(pipelines: Mapping[str, tuple[Stage, ...]]) -> str | None:
    if DEFAULT_PIPELINE in pipelines:
        return DEFAULT_PIPELINE
    return next(iter(pipelines)) if len(pipelines) == 1 else None


def _check_stages(
    part: Section, fields: tuple[ColumnMapping, ...], pipelines: Mapping[str, tuple[Stage, ...]], default: str | None
) -> None:
    """Note where rows could not be told open from won and lost, or the pipeline of a stage not be known."""
    mapped = {mapping.name: mapping for mapping in fields}
    if "stage" not in mapped:
        return
    if not pipelines and "stage_kind" not in mapped:
        part.problem(
            "stage",
            "no stages are declared, so open deals cannot be told from won and lost ones",
            "list them under `stages:`, each with its name and kind, or map stage_kind",
        )
    pipeline = mapped.get("pipeline")
    if pipelines and default is None and pipeline is None:
        names = ", ".join(pipelines)
        part.problem("stage", f"stages are declared for several pipelines ({names})", "map the field pipeline")
    if pipelines and pipeline is not None and pipeline.column is None and pipeline.constant not in pipelines:
        hint = did_you_mean(str(pipeline.constant or ""), pipelines)
        part.problem("pipeline", f"no stages are declared for the pipeline {pipeline.constant!r}", hint, value=True)
