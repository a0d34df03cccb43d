"""What RevOps configured, and since when.

Each version of each file that could be used, and the files that cannot be used now. A version is kept when it comes
into force, and never changed. So the last good one goes on while its file is broken, also after a restart, and what was
in force on a past day can be asked for. Paths are relative to the workspace, with `/`. Files that hold secrets
(`ros-sync.toml`, `.env`) are no configuration in this sense and are never kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Index, Integer, Select, delete, func, insert, inspect, select

from ros_sync.mirror.columns import Instant, key, needed, numbered, optional, table

if TYPE_CHECKING:
    from sqlmodel import Session  # loading it costs more than most commands do


class Role(StrEnum):
    """What a file is to the program."""

    ORGANISATION = "organisation"
    CONNECTOR = "connector"  # connector files and mapping files of exports
    RULES = "rules"


CONFIG_VERSION = table(
    "config_version",
    "One version of one file, from when on it was in force.",
    numbered(),
    needed("path", doc="relative to the workspace, with `/`"),
    needed("number", Integer, doc="1 for the file's first version, and so on"),
    needed("role", doc="organisation, connector or rules"),
    optional("text", doc="None: the file was removed on purpose"),
    needed("effective_from", Instant, doc="never before that of the version before it"),
    needed("seen_at", Instant, doc="when it was first read, by this machine's clock"),
    Index("uq_config_version_number", "path", "number", unique=True),
)

CONFIG_PROBLEM = table(
    "config_problem",
    "A file that cannot be used as it is, and which version of it goes on meanwhile.",
    key("path"),
    optional("line", Integer),
    optional("column", Integer),
    needed("message"),
    optional("hint"),
    needed("since", Instant, doc="when the file was first seen to be broken"),
    optional("in_use_from", Instant, doc="from when on the version in use is in force; None: nothing of it is used"),
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one file; `text` is None where the file was removed on purpose."""

    path: str
    number: int
    role: Role
    text: str | None
    effective_from: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that cannot be used as it is, at the first place that is wrong.

    `version_in_use_from`: since when the version has been in force that goes on meanwhile; None where there is none.
    """

    path: str
    line: int | None
    column: int | None
    message: str
    hint: str | None
    since: datetime
    version_in_use_from: datetime | None

    @property
    def where(self) -> str:
        """`path:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    @property
    def reason(self) -> str:
        """Which file cannot be used and what goes on, without anything that it says."""
        if self.version_in_use_from is None:
            return f"{self.where} cannot be used, and no version of it is in use"
        return f"{self.where} cannot be used; the version of {self.version_in_use_from:%Y-%m-%d %H:%M} UTC is in use"


_COLUMNS = [CONFIG_VERSION.c[name] for name in Version.__dataclass_fields__]


def latest(on: Connection | Session) -> dict[str, Version]:
    """The newest version of every file by path, removed ones among them."""
    newest = (
        select(CONFIG_VERSION.c.path, func.max(CONFIG_VERSION.c.number).label("number"))
        .group_by(CONFIG_VERSION.c.path)
        .subquery()
    )
    same = (CONFIG_VERSION.c.path == newest.c.path) & (CONFIG_VERSION.c.number == newest.c.number)
    return {version.path: version for version in _versions(on, select(*_COLUMNS).join(newest, same))}


def in_force(on: Connection | Session, at: datetime, role: Role | None = None) -> dict[str, Version]:
    """The version of every file that was in force at `at`, by path; files that did not exist then are left out.

    Before its first version nothing is known of a file: that one is from when ros-sync first read it.
    """
    query = (
        select(*_COLUMNS)
        .where(CONFIG_VERSION.c.effective_from <= at)
        .order_by(CONFIG_VERSION.c.path, CONFIG_VERSION.c.number)
    )
    if role is not None:
        query = query.where(CONFIG_VERSION.c.role == role)
    found = {version.path: version for version in _versions(on, query)}
    return {path: version for path, version in found.items() if version.text is not None}


def version_in_force(on: Connection | Session, path: str, at: datetime) -> Version | None:
    """The version of one file that was in force at `at`; None where it did not exist then, as far as is known."""
    query = select(*_COLUMNS).where(CONFIG_VERSION.c.path == path, CONFIG_VERSION.c.effective_from <= at)
    found = _versions(on, query.order_by(CONFIG_VERSION.c.number.desc()).limit(1))
    return found[0] if found and found[0].text is not None else None


def first_effective(on: Connection | Session, role: Role | None = None) -> datetime | None:
    """From when on the first versions that are known (of one role) were in force; None where none is."""
    first = select(func.min(CONFIG_VERSION.c.effective_from))
    return on.execute(first if role is None else first.where(CONFIG_VERSION.c.role == role)).scalar()


def history(on: Connection | Session, path: str) -> list[Version]:
    """Every version of one file, the oldest first."""
    return _versions(on, select(*_COLUMNS).where(CONFIG_VERSION.c.path == path).order_by(CONFIG_VERSION.c.number))


def keep(
    connection: Connection,
    texts: Mapping[str, tuple[Role, str | None]],
    known: Mapping[str, Version],
    seen_at: datetime,
) -> dict[str, Version]:
    """Keep the versions that came into force, by path; `known` are the newest so far. The caller owns the transaction.

    A clock that was put back puts no version before the one that it follows.
    """
    kept = {}
    for path, (role, text) in texts.items():
        before = known.get(path)
        if before is not None and before.text == text:
            continue  # another process was quicker
        effective_from = seen_at if before is None else max(seen_at, before.effective_from)
        number = 1 if before is None else before.number + 1
        kept[path] = Version(path, number, role, text, effective_from, seen_at)
    if kept:
        names = Version.__dataclass_fields__
        connection.execute(
            insert(CONFIG_VERSION), [{name: getattr(each, name) for name in names} for each in kept.values()]
        )
    return kept


def note_broken(connection: Connection, broken: Iterable[BrokenFile]) -> None:
    """Let these be the files that cannot be used, and no others. The caller owns the transaction."""
    connection.execute(delete(CONFIG_PROBLEM))
    rows = [
        {
            "path": each.path,
            "line": each.line,
            "column": each.column,
            "message": each.message,
            "hint": each.hint,
            "since": each.since,
            "in_use_from": each.version_in_use_from,
        }
        for each in broken
    ]
    if rows:
        connection.execute(insert(CONFIG_PROBLEM), rows)


def broken_files(on: Engine | Connection | Session) -> list[BrokenFile]:
    """The files that could not be used when they were last read, by path; none where the table is not there yet."""
    if isinstance(on, Engine):
        with on.connect() as connection:
            return broken_files(connection)
    connection = on if isinstance(on, Connection) else on.connection()
    if not inspect(connection).has_table(CONFIG_PROBLEM.name):
        return []
    columns = ("path", "line", "column", "message", "hint", "since", "in_use_from")
    query = select(*(CONFIG_PROBLEM.c[name] for name in columns)).order_by(CONFIG_PROBLEM.c.path)
    return [BrokenFile(*row) for row in connection.execute(query)]


def _versions(on: Connection | Session, query: Select[Any]) -> list[Version]:
    rows = on.execute(query)
    return [
        Version(path, number, Role(role), text, effective_from, seen_at)
        for path, number, role, text, effective_from, seen_at in rows
    ]
