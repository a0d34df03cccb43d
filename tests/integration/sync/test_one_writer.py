"""One writer at a time, whatever becomes of the one before."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from tests.integration.sync.kills import killed_at

from ros_sync.sync.one_writer import CYCLE, alone


def test_a_lock_that_cannot_be_given_back_ends_with_its_session(engine: Engine) -> None:
    """A connection that was lost at that moment is not lent again with the lock: another process may have it."""
    with suppress(OperationalError), killed_at(engine, 0, "pg_advisory_unlock"), alone(engine, "crm", CYCLE) as mine:
        assert mine
    other = create_engine(engine.url)
    with alone(other, "crm", CYCLE) as theirs:
        assert theirs
    other.dispose()
