"""Cycles that must go well, for the tests of following."""

from __future__ import annotations

from collections.abc import Callable

from ros_sync.sync.follow.engine import Syncer

Make = Callable[..., str]


def cycled(syncer: Syncer) -> None:
    assert syncer.cycle().trouble is None
