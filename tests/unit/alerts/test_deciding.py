"""Who is newly told of an alert by a route."""

from __future__ import annotations

import pytest

from ros_sync.alerts.deciding import NOBODY, Decision, decide
from ros_sync.organisation.routing import Recipient

CHANNEL = Recipient(None, "#sales", "addressed to #sales")
LOST = Recipient(None, None, "nobody here has the e-mail x@example.com")


@pytest.mark.parametrize(
    "recipient, told, expected",
    [
        (CHANNEL, {}, Decision("#sales", "addressed to #sales", needs_message=True)),
        (CHANNEL, {"owner": {"#sales"}}, None),
        (CHANNEL, {"manager": {"#sales"}}, Decision("#sales", "addressed to #sales; already notified")),
        (CHANNEL, {"owner": {NOBODY}}, Decision("#sales", "addressed to #sales", needs_message=True, found=True)),
        (LOST, {}, Decision(NOBODY, LOST.reason)),
        (LOST, {"owner": {NOBODY}}, None),
    ],
    ids=["new", "told by this route", "told by another", "found after all", "nobody", "nobody again"],
)
def test_a_person_is_told_once_and_nobody_is_noted_once(
    recipient: Recipient, told: dict[str, set[str]], expected: Decision | None
) -> None:
    """Nobody hears of an alert twice.

    Who knows by another route gets no message, and a route without anybody is noted.
    """
    assert expected == decide("owner", recipient, told)
