"""Connections that are lost in the middle of something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from tests.integration.mirror_reader import table_of

PAST = f'"{table_of("deal_version")}"'  # names the first thing that is written of a deal


@contextmanager
def killed_at(engine: Engine, statement: int, having: str = "") -> Iterator[None]:
    """The connection is lost at one statement, counted from 0, of those that have these words."""
    left = statement

    def lose(*call: Any) -> None:
        nonlocal left
        left -= having in call[2]
        if left < 0:
            raise OperationalError("killed", None, RuntimeError())

    event.listen(engine, "before_cursor_execute", lose)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", lose)
