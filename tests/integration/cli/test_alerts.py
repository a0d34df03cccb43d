from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from tests.integration.databases import ON_SQLITE

from ros_sync.alerts.tables import Alert, AlertNotification

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
        notification = {"recipient": f"p{HOSTILE}", "reason": f"y{HOSTILE}", "text": f"t{HOSTILE}"}
        session.add(AlertNotification(alert_id=1, route="1", notified_at=NOON, **notification))
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


@ON_SQLITE
@pytest.mark.usefixtures("hostile_alert")
def test_no_text_of_the_crm_turns_its_neighbours_round(command: Callable[..., str]) -> None:
    """Direction overrides are left out too."""
    assert "\u202e" not in command("alerts", "why", "1")


@ON_SQLITE
@pytest.mark.usefixtures("hostile_alert")
def test_a_rule_that_nobody_knows_is_said(command: Callable[..., str], tmp_path: Path) -> None:
    """An empty list would look like good news: a mistyped rule is told, with what was probably meant."""
    shutil.copytree(Path(__file__).parents[3] / "rules", tmp_path / "rules")
    printed = command("alerts", "list", "--rule", "stalld")
    assert ("unknown rule 'stalld'" in printed, "did you mean 'stalled'?" in printed) == (True, True)


@pytest.mark.usefixtures("hostile_alert")
def test_a_rule_that_is_known_has_a_list(command: Callable[..., str], tmp_path: Path) -> None:
    """A rule of a file that found nothing, and one that has alerts and no file any more, are listed as ever."""
    shutil.copytree(Path(__file__).parents[3] / "rules", tmp_path / "rules")
    printed = [command("alerts", "list", "--rule", rule, "--resolved") for rule in ("stalled", f"r{HOSTILE}")]
    assert [True, True] == [f"{number} alert" in shown for number, shown in zip((0, 1), printed, strict=True)]
