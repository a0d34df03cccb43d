"""What texts the fields of this company's records can hold, as far as its files and its mirror say.

For warnings about rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from ros_sync.connectors.vendor import MappedField
from ros_sync.errors import RosSyncError
from ros_sync.mirror.database import open_engine
from ros_sync.mirror.records import records_of
from ros_sync.settings import Settings
from ros_sync.workspace.mappings import connector_files, load, load_connector, mapping_files


def known_values(settings: Settings) -> dict[str, dict[str, set[str]]]:
    """The texts that fields can hold, by object and field, as far as the mapping files and the mirror name them."""
    known: dict[str, dict[str, set[str]]] = {}
    entries: list[tuple[str, Iterable[MappedField]]] = []
    for path in connector_files(settings):
        mapping = load_connector(path)
        entries += [(entry.object, entry.fields) for entry in mapping.entries]
        for pipeline, stage in mapping.positions:
            known.setdefault("deal", {}).setdefault("pipeline", set()).add(pipeline)
            known.setdefault("deal", {}).setdefault("stage", set()).add(stage)
    for path in mapping_files(settings):
        export = load(path)
        entries += [(entry.object, entry.fields) for entry in export.entries]
        for each in export.stages:
            known.setdefault("deal", {}).setdefault("pipeline", set()).add(each.pipeline)
            known.setdefault("deal", {}).setdefault("stage", set()).add(each.name)
    for name, fields in entries:
        for mapped in fields:
            texts = {value for value in (mapped.values or {}).values() if isinstance(value, str)}
            if isinstance(mapped.otherwise, str):
                texts.add(mapped.otherwise)
            known.setdefault(name, {}).setdefault(mapped.name, set()).update(texts)
    return _with_stages(known, settings)


def _with_stages(known: dict[str, dict[str, set[str]]], settings: Settings) -> dict[str, dict[str, set[str]]]:
    """What is known, and the stages and pipelines that the mirror has where there is one."""
    try:
        engine = open_engine(settings.database_url, read_only=True)
    except RosSyncError:
        return known
    try:
        with engine.connect() as connection:
            table = records_of("pipeline_stage")
            for pipeline, stage in connection.execute(select(table.c.pipeline, table.c.name)):
                deals = known.setdefault("deal", {})
                deals.setdefault("pipeline", set()).update({pipeline} - {None})
                deals.setdefault("stage", set()).update({stage} - {None})
    finally:
        engine.dispose()
    return known
