"""Webhooks of a vendor reach every source that follows its account."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.workspace.conftest import Place

from ros_sync.settings import load
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.following import Following

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BODY = json.dumps([{"eventId": 1, "subscriptionType": "deal.deletion", "objectId": 123}, {"eventId": 2}]).encode()


@pytest.fixture
def following(place: Place, engine: Engine) -> Following:
    """Two connector files of one account, and the secret of its webhooks."""
    place.connector("one.yaml", source="one")
    place.connector("two.yaml", source="two")
    Path(place.folder / ".env").write_text(
        "ROS_SYNC_HUBSPOT__TOKEN=pat-na1-secret\nROS_SYNC_HUBSPOT__CLIENT_SECRET=a-secret\n"
    )
    settings = load(place.folder)
    return Following(settings, engine, Configuration(settings, engine))


def test_each_source_of_the_vendor_is_told(following: Following, engine: Engine) -> None:
    """Not the first alone; what is told again is not kept again, and what says nothing to any is counted once."""
    receiver = dict(following.receivers())["hubspot"]
    events = receiver.read(BODY)
    assert (len(events), events.others, receiver.keep(events), receiver.keep(events)) == (2, 1, 2, 0)
    assert {"one": 1, "two": 1} == Counter(each.source for each in mirror_of(engine).change_events())
