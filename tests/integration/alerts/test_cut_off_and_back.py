"""A message that was decided in a tick that was cut off, and is over before it was ever put."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.integration.alerts.conftest import MONDAY, Firm
from tests.integration.alerts.test_portions import Killed

from ros_sync.alerts import notifications

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("mode", ["direct", "digest"])
def test_a_record_comes_back_to_somebody_who_was_never_told(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Decided, cut off, gone to somebody else, and back: its first owner is told then."""
    firm.rules(more=f"notify: [{{to: owner, mode: {mode}}}]")
    firm.deal("1")
    with monkeypatch.context() as patch:

        def killed(*_: object, **__: object) -> int:
            raise Killed

        patch.setattr(notifications, "compose_due", killed)
        with pytest.raises(Killed):
            firm.tick()
    firm.deal("1", MONDAY + MINUTE, owner_id="b")
    firm.tick(MONDAY + MINUTE)
    firm.deal("1", MONDAY + 2 * MINUTE, owner_id="a")
    firm.tick(MONDAY + 2 * MINUTE)
    assert ("ann@example.com", ["Deal 1"]) in firm.told()
