"""Keys that had another name in an earlier version: still read, with a word about today's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ros_sync.errors import SettingsError
from ros_sync.settings.origins import Origins, variable_of

FORMER_NAMES = {"sync.hints_seconds": "sync.events_seconds"}  # by the former `section.key`: today's

Value = TypeVar("Value")


def with_names_of_today(origins: Origins) -> tuple[Origins, list[SettingsError], list[SettingsError]]:
    """What was read, under today's names; what to tell of each former name that was found; and what cannot be.

    A key that is set under both names, within one file or among the variables, cannot be: one of them would be ignored.
    """
    notes: list[SettingsError] = []
    problems: list[SettingsError] = []
    for former, today in FORMER_NAMES.items():
        old, new = variable_of(former), variable_of(today)
        section, _, name = former.partition(".")
        said = origins.document.get(section)
        entries: dict[str, object] = said if isinstance(said, dict) else {}
        in_file = name in entries
        for found, both, called, called_now in (
            (in_file, in_file and today.partition(".")[2] in entries, former, today),
            (old in origins.env_values, new in origins.env_values, old, new),
            (old in origins.environment, new in origins.environment, old, new),
        ):
            if found and both:
                words = f"{called_now} is set twice: {called} is its former name"
                problems.append(SettingsError(words, where=origins.where(former), hint=f"keep {called_now}"))
            elif found:
                notes.append(
                    SettingsError(
                        f"this is now called {called_now}",
                        where=origins.where(former),
                        hint="the former name still works; rename it when you next edit your settings",
                    )
                )
        if in_file:
            document = {**origins.document, section: _renamed(entries, {name: today.partition(".")[2]})}
            origins = replace(origins, document=document, toml_lines=_renamed(origins.toml_lines, {former: today}))
        variables = {old: new}
        origins = replace(
            origins,
            env_values=_renamed(origins.env_values, variables),
            env_lines=_renamed(origins.env_lines, variables),
            environment=_renamed(origins.environment, variables),
        )
    return origins, notes, problems


def _renamed(values: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    return {names.get(name, name): value for name, value in values.items()}
