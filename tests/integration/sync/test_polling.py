"""How a poll groups what it reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed

from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]
SEARCHED = 200  # records of a page of search


@pytest.mark.parametrize("rows, groups", [(5_000, 1), (SEARCHED + 1, 2), (SEARCHED, 3), (1, 3)])
def test_histories_are_asked_for_group_by_group(
    hubspot: Followed, sqlite_engine: Engine, deal: Make, rows: int, groups: int
) -> None:
    """As soon as a group has all its records it is written, with the histories of these in one call."""
    ids = [deal() for _ in range(2 * SEARCHED + 1)]
    syncer = hubspot.syncer(sqlite_engine, policy=SyncPolicy(group_rows=rows))
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(600)
    for state, each in enumerate(ids):  # one deal of each page gets another amount, which is tracked
        hubspot.account.update("deals", each, {"amount": "5"} if state % SEARCHED == 0 else {"hs_next_step": "again"})
    hubspot.clock.advance(10)
    hubspot.calls()
    assert syncer.cycle().trouble is None
    calls = hubspot.calls()
    assert (3, groups) == (calls["search deals"], calls["batch_read deals"])
    assert mirror_of(sqlite_engine).count("deal", amount_minor=500) == 3
