"""What `ros-sync doctor` looks at beside the CRM's account.

Slack, the database, the disk, clocks, files, and the jobs.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sqlalchemy import Connection, func, select
from sqlmodel import col

from ros_sync import clock
from ros_sync.alerts.freshness import followed
from ros_sync.alerts.rule_failures import failed_rules
from ros_sync.connectors.source import Problem
from ros_sync.errors import ProblemsError, RosSyncError, TransientError
from ros_sync.jobs.health_table import standings, troubles
from ros_sync.jobs.surroundings import free_bytes, short_of_room
from ros_sync.mirror.bookkeeping import SYNC_RUN
from ros_sync.mirror.database import open_engine
from ros_sync.mirror.troubles import trouble_of
from ros_sync.notifiers.slack.access import ADD_SCOPE, SCOPES, VITAL_SCOPES
from ros_sync.outbox.store import DUE_STATES
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.settings import Settings
from ros_sync.workspace.company import company_of
from ros_sync.workspace.near_misses import near_misses
from ros_sync.workspace.secret_files import readable_by_others, secret_files
from ros_sync.workspace.ways_out import slack_client

CLOCK_MAY_DIFFER = timedelta(seconds=60)  # signatures and tokens are refused from about five minutes on
SECRET_AGE = timedelta(days=180)  # as vendors ask for their tokens: at least every six months
IMPORT_AGE = timedelta(days=8)  # a weekly export that did not come
WAITS_LONG = timedelta(hours=24)
UNREACHED = "check that this machine can reach it (network, proxy, firewall), then run this again"

Findings = dict[str, list[Problem]]


def examine(settings: Settings, now: datetime, *, crm_ahead: dict[str, timedelta]) -> Findings:
    """What is to be fixed, by what was looked at; `crm_ahead` is by how much each CRM's clock is ahead of ours."""
    ahead = dict(crm_ahead)
    findings: Findings = {"slack": [], "database": [], "jobs": [], "rules": [], "disk": [], "clock": [], "files": []}
    with _told(findings["slack"]):
        findings["slack"] += _slack(settings, ahead)
    with _told(findings["database"]):
        findings["database"] += _database(settings, now, findings["jobs"], findings["rules"])
    findings["disk"] += _disk(settings)
    findings["clock"] += [_wrong_clock(name, by) for name, by in ahead.items() if abs(by) > CLOCK_MAY_DIFFER]
    if settings.rules_folder.is_dir():
        with _told(findings["files"]):
            company_of(settings)
    findings["files"] += [*_names(settings), *_rights(settings), *_ages(settings, now)]
    return findings


@contextmanager
def _told(findings: list[Problem]) -> Iterator[None]:
    """Turn what is raised into a finding, so that the rest is looked at all the same."""
    try:
        yield
    except ProblemsError as error:
        findings += [_problem(each) for each in error.problems]
    except RosSyncError as error:
        findings.append(_problem(error))
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        findings.append(Problem(trouble.message, trouble.hint or "", fatal=True))


def _problem(error: RosSyncError) -> Problem:
    place = f"{error.where}: " if error.where and str(error.where) else ""
    otherwise = UNREACHED if isinstance(error, TransientError) else "fix this and run it again"
    return Problem(f"{place}{error.message}", error.hint or otherwise, fatal=True)


def _slack(settings: Settings, ahead: dict[str, timedelta]) -> Iterator[Problem]:
    client = slack_client(settings)
    if client is None:
        yield Problem(
            "no Slack token is set: messages are printed where `serve` or `tick` runs instead of going to Slack",
            "set ROS_SYNC_SLACK__TOKEN in .env (docs/how-to/connect-slack.md)",
        )
        return
    asked_at = clock.now()
    found = client.examine()
    with suppress(TypeError, ValueError):
        ahead["Slack"] = parsedate_to_datetime(found.date or "") - asked_at
    for scope, without in SCOPES.items():
        if found.scopes is not None and scope not in found.scopes:
            yield Problem(f"the Slack app lacks the scope {scope}: {without}", ADD_SCOPE, fatal=scope in VITAL_SCOPES)


def _database(settings: Settings, now: datetime, jobs: list[Problem], rules: list[Problem]) -> Iterator[Problem]:
    """What the database says; how the jobs are doing goes to `jobs`, and what is wrong with rules to `rules`."""
    file = settings.database_file
    if file is not None and not file.exists():
        return  # nothing was read yet
    engine = open_engine(settings.database_url, read_only=True)
    try:
        with engine.connect() as connection:
            jobs += [
                Problem(words, "check the log of `ros-sync serve`", fatal=False)
                for words in troubles(standings(connection), now)
            ]
            jobs += [
                Problem(
                    f"{words}: {each.trouble}", "run `ros-sync status` to see how far it is up to date", fatal=False
                )
                for each in followed(connection)
                if (words := each.hampered())
            ]
            rules += [
                Problem(each.words, "fix the rule, or set its status to retired", fatal=False)
                for each in failed_rules(connection)
            ]
            yield from _waiting(connection, now)
            yield from _old_imports(connection, now)
    finally:
        engine.dispose()


def _waiting(connection: Connection, now: datetime) -> Iterator[Problem]:
    """Messages that have been on their way for a day, with why."""
    since = func.min(col(OutboxMessage.created_at))
    query = (
        select(col(OutboxMessage.reason), func.count(), since)
        .where(col(OutboxMessage.state).in_(DUE_STATES), col(OutboxMessage.not_before) <= now)
        .group_by(col(OutboxMessage.reason))
    )
    for reason, number, oldest in connection.execute(query):
        if reason is not None or now - oldest > WAITS_LONG:
            messages = "1 message is waiting" if number == 1 else f"{number:,} messages are waiting"
            yield Problem(
                f"{messages} to be sent: {reason or 'is `ros-sync serve` running?'}",
                "run `ros-sync status` for details",
            )


def _old_imports(connection: Connection, now: datetime) -> Iterator[Problem]:
    newest = select(SYNC_RUN.c.source, func.max(SYNC_RUN.c.as_of)).where(SYNC_RUN.c.kind == "import")
    for source, as_of in connection.execute(newest.group_by(SYNC_RUN.c.source)):
        if now - as_of > IMPORT_AGE:
            days = (now - as_of) // timedelta(days=1)
            yield Problem(
                f"the newest export of {source} is {days:,} days old, so rules are evaluated on outdated data",
                "import a newer export",
            )


def _disk(settings: Settings) -> Iterator[Problem]:
    places = {settings.workspace: None, (settings.database_file or settings.workspace).parent: None}
    told = {words for place in places if (words := short_of_room(free_bytes(place))) is not None}
    for words in sorted(told):
        yield Problem(words, "free up space, or move the database", fatal=words.startswith("disk full"))


def _wrong_clock(name: str, by: timedelta) -> Problem:
    minutes = abs(by) / timedelta(minutes=1)
    side = "behind" if by > timedelta(0) else "ahead of"
    return Problem(
        f"this machine's clock is {minutes:,.1f} minutes {side} {name}'s",
        "synchronize it with a time server (NTP): deadlines, signatures and tokens depend on it",
        fatal=False,
    )


def _names(settings: Settings) -> Iterator[Problem]:
    for each in near_misses(settings):
        yield Problem(each.message, "or remove it if it isn't meant to be read")


def _rights(settings: Settings) -> Iterator[Problem]:
    for path in readable_by_others(settings):
        mode = stat.S_IMODE(path.stat().st_mode)
        yield Problem(f"{path} is readable by other users on this machine (mode {mode:03o})", f"chmod 600 {path}")


def _ages(settings: Settings, now: datetime) -> Iterator[Problem]:
    for path in secret_files(settings):
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if changed > now + CLOCK_MAY_DIFFER:
            yield Problem(
                f"{path} has a modification time in the future: {changed:%Y-%m-%d %H:%M} UTC",
                "check this machine's clock",
            )
        elif path != settings.database_file and now - changed > SECRET_AGE:
            days = (now - changed) // timedelta(days=1)
            yield Problem(f"the secrets in {path} are {days:,} days old", "rotate them at least every six months")
