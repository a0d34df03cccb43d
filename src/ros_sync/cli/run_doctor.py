"""What `ros-sync doctor` does: each source's account examined, then the installation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from ros_sync import clock
from ros_sync.cli.installation import examine
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.losing import MAP, connect, exports_losing, losing_of, show_losing
from ros_sync.cli.problems import show_problems
from ros_sync.connectors.source import Problem
from ros_sync.errors import RosSyncError, SettingsError, TransientError
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.settings import Settings
from ros_sync.sync.ingest.deletions import WaveState, held_problem, waves
from ros_sync.terminal import counted, shown
from ros_sync.workspace.mappings import connector_files, load_connector
from ros_sync.workspace.sources import (
    Connection,
    Paces,
    connections_of,
    refuse_unreadable,
)

if TYPE_CHECKING:
    from ros_sync.rules.fitting import Fit

SOMEBODY_WAITS = 2  # attempts: somebody waits for an answer, and can ask again; a sync goes on trying through an outage


def doctor(invocation: Invocation, *, as_json: bool) -> None:
    """Look at each source's account and at the installation; exit code 1 where something keeps it from working."""
    settings = invocation.start()
    findings: dict[str, list[Problem]] = {}
    ahead: dict[str, timedelta] = {}
    losing: dict[str, Sequence[Fit]] = {}
    refuse_unreadable(settings)
    connections = _examined(settings, findings)
    vendors = {name: name for name in findings}  # of the findings, by source
    for each in connections:
        source = each.source
        vendors[source.name] = each.vendor.name
        try:
            findings[source.name] = source.examine()
            ahead[source.name] = source.present - clock.now()
            losing[source.name] = losing_of(settings, source)
        except RosSyncError as error:
            hint = error.hint or (
                each.vendor.unreached() if isinstance(error, TransientError) else "fix this and run it again"
            )
            findings[source.name] = [Problem(error.message, hint, fatal=True)]
        findings[source.name] += held_problems(settings, source.name)
    followed = len(findings)
    for name, lost in exports_losing(settings, findings).items():
        findings[name], losing[name] = [], lost
    findings |= examine(settings, clock.now(), crm_ahead=ahead)
    if as_json:
        invocation.print_json({name: [data_of(each) for each in problems] for name, problems in findings.items()})
    else:
        for name, problems in findings.items():
            wrong = sum(not problem.notice for problem in problems)
            words = counted(wrong, "thing") + " to fix" if wrong else "nothing to fix"
            invocation.out.print(f"[bold]{shown(name)}[/bold]: {words}", highlight=False)
            show_problems(invocation, problems)
            show_losing(invocation, losing.get(name, []), connect(vendors[name]) if name in vendors else MAP)
        if not followed:
            invocation.out.print("No CRM is synced over its API: no connector file found.")
    if any(problem.fatal for problems in findings.values() for problem in problems):
        sys.exit(1)


def _examined(settings: Settings, findings: dict[str, list[Problem]]) -> list[Connection]:
    """The sources to look at; of one without credentials that is the finding, and the others are looked at."""
    found: list[Connection] = []
    paces = Paces(settings)
    for file in map(load_connector, connector_files(settings)):
        try:
            found += connections_of(settings, pace=paces.of, attempts=SOMEBODY_WAITS, files=[file])
        except SettingsError as error:
            findings[file.vendor] = [Problem(error.message, error.hint or "check the settings", fatal=True)]
    return found


def held_problems(settings: Settings, source: str) -> list[Problem]:
    """The deletions of a source that wait for a person; none where there is no database yet."""
    try:
        engine = open_engine(settings.database_url, read_only=True)
    except RosSyncError:  # that there is none, or that it is to be upgraded, is another finding
        return []
    try:
        with engine.connect() as connection:
            held = waves(connection, WaveState.HELD, source=source)
            return [held_problem(each.stream, each.records, each.number) for each in held]
    finally:
        engine.dispose()
