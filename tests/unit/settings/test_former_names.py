from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.settings.complaints import complaint

from ros_sync.settings import load

Workspace = Callable[..., Path]


@pytest.mark.parametrize(
    "toml, env, where, said",
    [
        ("[sync]\nhints_seconds = 7", None, "ros-sync.toml:2, sync.hints_seconds", "is now called sync.events_seconds"),
        (
            "",
            "ROS_SYNC_SYNC__HINTS_SECONDS=7",
            ".env:1, ROS_SYNC_SYNC__HINTS_SECONDS",
            "is now called ROS_SYNC_SYNC__EVENTS_SECONDS",
        ),
    ],
)
def test_a_former_name_is_read_with_a_word_about_todays(
    workspace: Workspace, toml: str, env: str | None, where: str, said: str
) -> None:
    """A workspace of the version before works; where the key stands, and what it is called now."""
    folder = workspace(toml, env)
    settings = load(folder)
    assert 7 == settings.sync.events_seconds
    assert [True] == [note.removeprefix(f"{folder}/").startswith(where) and said in note for note in settings.notes]


def test_a_former_name_of_a_variable_is_read(workspace: Workspace) -> None:
    """It overrides the file, whichever name the file has it by."""
    settings = load(workspace("[sync]\nevents_seconds = 3", SYNC__HINTS_SECONDS="7"))
    assert (7, 1) == (settings.sync.events_seconds, len(settings.notes))


def test_a_key_under_both_names_is_refused(workspace: Workspace) -> None:
    """One of the two would be ignored without a word. A value that cannot be is told at the name that stands there."""
    said = complaint(workspace("[sync]\nhints_seconds = 7\nevents_seconds = 8"))
    assert "ros-sync.toml:2, sync.hints_seconds: sync.events_seconds is set twice" in said
    assert "ros-sync.toml:2" in complaint(workspace("[sync]\nhints_seconds = 0"))
