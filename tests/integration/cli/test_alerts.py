from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync.alerts.tables import Alert, AlertNotice

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Clears the screen, sets the window's title, and rings; once in seven bits, once in eight; then turns the text round.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b2J\u202e[bold]Harbour[/bold]"


@pytest.fixture
def hostile_alert(engine: Engine) -> None:
    """Open an alert whose every text comes from a CRM that means harm."""
    with Session(engine) as session:
        session.add(
            Alert(
                id=1,
                rule_id=f"r{HOSTILE}",
                object="deal",
                source=f"s{HOSTILE}",
                record_id=f"i{HOSTILE}",
                episode=1,
                state="resolved",
                severity="warn",
                since_at=NOON,
                resolved_at=NOON,
                resolution=f"e{HOSTILE}",
                headline=f"h{HOSTILE}",
                lead=f"l{HOSTILE}",
                text=f"t{HOSTILE}",
                seen=[{"words": f"w{HOSTILE}"}],
            )
        )
        session.flush()
        notice = {"recipient": f"p{HOSTILE}", "reason": f"y{HOSTILE}", "text": f"t{HOSTILE}"}
        session.add(AlertNotice(alert_id=1, route="1", told_at=NOON, **notice))
        session.commit()


@pytest.mark.usefixtures("hostile_alert")
@pytest.mark.parametrize("arguments", [("alerts", "list", "--resolved"), ("alerts", "why", "1")])
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_no_text_of_the_crm_steers_the_terminal(
    command: Callable[..., str], arguments: tuple[str, ...], as_json: tuple[str, ...]
) -> None:
    """Control characters of a name do not reach the screen, its other characters do, brackets included."""
    printed = command(*arguments, *as_json)
    controls = {character for character in printed if unicodedata.category(character) == "Cc"} - {"\n"}
    assert (set(), True) == (controls, "[bold]Harbour[/bold]" in printed)


@pytest.mark.usefixtures("hostile_alert")
def test_no_text_of_the_crm_turns_its_neighbours_round(command: Callable[..., str]) -> None:
    """Direction overrides are left out too."""
    assert "\u202e" not in command("alerts", "why", "1")
