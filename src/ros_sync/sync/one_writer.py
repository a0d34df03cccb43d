"""One writer at a time for each source, so that what is compared with the mirror is still true when it is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary
from zlib import crc32

from sqlalchemy import Connection, Engine, text

_WRITING = 0x726F73  # first half of the advisory lock's key: `ros`, a transaction that writes
CYCLE, CHANGE_EVENTS, WRITES = 0x726F74, 0x726F75, 0x726F76  # a cycle; processing what webhooks said; writing back
IDENTITIES = 0x726F78  # which records are one, and what they say together: of all sources
TICKS = 0x726F77  # a tick, of all sources together
_locks: WeakKeyDictionary[Engine, dict[tuple[str, int], threading.RLock]] = WeakKeyDictionary()
_guard = threading.Lock()


@contextmanager
def writing(engine: Engine, source: str) -> Iterator[Connection]:
    """A transaction in which nobody else writes records of this source.

    Threads of this process wait for a lock in memory (SQLite has one process only), processes on PostgreSQL for an
    advisory one that ends with the transaction, whatever ends it.
    """
    with _lock(engine, source, _WRITING), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:kind, :name)"), _key(_WRITING, source))
        yield connection


def hold_identities(connection: Connection) -> None:
    """Let nobody else link records or work out joined ones until this transaction ends.

    An identity spans sources, and `writing` is one source's. On SQLite there is one writer anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:kind, 0)"), {"kind": IDENTITIES})


@contextmanager
def alone(engine: Engine, source: str, kind: int) -> Iterator[bool]:
    """Whether this process and thread may do the source's CYCLE, CHANGE_EVENTS or WRITES (or TICKS) now.

    False while another one does.
    """
    lock = _lock(engine, source, kind)
    if not lock.acquire(blocking=False):
        yield False
        return
    try:
        if engine.dialect.name != "postgresql":
            yield True
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            taken = connection.scalar(text("SELECT pg_try_advisory_lock(:kind, :name)"), _key(kind, source))
            try:
                yield bool(taken)
            finally:
                if taken:
                    _give_back(connection, _key(kind, source))
    finally:
        lock.release()


def _give_back(connection: Connection, key: dict[str, int]) -> None:
    """Give a lock of the session back; where that fails, the session ends, and is not lent to anybody with the lock."""
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:kind, :name)"), key)
    except BaseException:
        connection.invalidate()
        raise


def _lock(engine: Engine, source: str, kind: int) -> threading.RLock:
    with _guard:
        return _locks.setdefault(engine, {}).setdefault((source, kind), threading.RLock())


def _key(kind: int, source: str) -> dict[str, int]:
    """The two 32-bit halves of an advisory lock's key."""
    return {"kind": kind, "name": crc32(source.encode()) - 2**31}
