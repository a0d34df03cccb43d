"""The reference of the sandbox's control names every order and fault, and its examples are orders that are taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from tests.integration.sandbox.hubspot.conftest import Sandbox

from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, Limits
from ros_sync.sandbox.hubspot.company import Story
from ros_sync.sandbox.hubspot.control import Control
from ros_sync.sandbox.hubspot.faults import FaultKind, Faults
from ros_sync.sandbox.hubspot.webhooks import DeliveryPlan
from ros_sync.sandbox.world import STORY_MONDAY, World

REFERENCE = (Path(__file__).parents[4] / "docs/reference/sandbox.md").read_text()
SECTIONS = dict(re.findall(r"^## `([a-z-]+)`\n(.*?)(?=^## |\Z)", REFERENCE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def control() -> Iterator[Control]:
    clock = SandboxClock(STORY_MONDAY)
    account = HubSpotAccount(now=clock)
    story = Story(account, World(7, scale=0.05))
    story.advance_to(clock())
    made = Control(account, Faults(), clock, story)
    yield made
    made.send_webhooks({})


def test_every_order_has_a_section(control: Control) -> None:
    """The reference has a section for each order that there is, and for no other."""
    assert sorted(SECTIONS) == sorted(control.orders())


@pytest.mark.parametrize("name", SECTIONS)
def test_examples_are_taken(sandbox: Sandbox, control: Control, name: str) -> None:
    """Each line of JSON in an order's section is an order that works, one after the other."""
    (examples,) = re.findall(r"```json\n(.*?)```", SECTIONS[name], flags=re.DOTALL)
    told = examples.replace("http://127.0.0.1:8767", sandbox.url)  # which refuses webhooks for good
    answers = [control.orders()[name](json.loads(line)) for line in told.splitlines()]
    assert [answer for answer in answers if answer is None] == []


def test_every_fault_is_in_the_table() -> None:
    """The kinds of faults in the table are those that there are."""
    assert sorted(re.findall(r"^\| `(\w+)` \|", SECTIONS["faults"], flags=re.MULTILINE)) == sorted(FaultKind)


@pytest.mark.parametrize("section, kind", [("webhooks", DeliveryPlan), ("settings", Limits)])
def test_every_key_is_named(section: str, kind: type) -> None:
    """A plan of deliveries and the limits are shown with all of their keys."""
    assert [each.name for each in fields(kind) if f'"{each.name}"' not in SECTIONS[section]] == []
