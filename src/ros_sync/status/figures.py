"""What there is to say about a workspace's state, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ros_sync.alerts.rule_failures import FailedRule
from ros_sync.jobs.health_table import JobStanding
from ros_sync.mirror.config_versions import BrokenFile
from ros_sync.sync.ingest.deletions import Wave


@dataclass(frozen=True, slots=True)
class DealCounts:
    """Deals by the kind of their stage; `unstaged` ones are in a stage that no mapping declares."""

    open: int
    won: int
    lost: int
    unstaged: int


@dataclass(frozen=True, slots=True)
class People:
    """Active owners who are no managers, and the teams and regions that they name."""

    sellers: int
    teams: int
    regions: int


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a source and what it read. `finished_at` is None while it runs, or where it was cut short."""

    source: str
    kind: str
    what: str
    as_of: datetime
    started_at: datetime
    finished_at: datetime | None
    rows_read: int
    created: int
    updated: int
    quarantined: int
    error: str | None


@dataclass(frozen=True, slots=True)
class FollowedSource:
    """A source that is followed over its API: up to when all of it is here, and what keeps it from being read.

    `watermark` and `lag_seconds` are None before its first complete cycle; `problems` are what the last look at
    the account found wanting. Nothing is concluded of a `stale` one. `to_write`: changes that people asked for and that
    the CRM has not been told yet.
    """

    source: str
    watermark: datetime | None
    lag_seconds: float | None
    stale: bool
    quota_exhausted_until: datetime | None = None
    trouble: str | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    to_write: int = 0


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """Unresolved alerts of one rule. `pending` ones have not held for long enough; `shadow` ones are told to nobody."""

    rule: str
    open: int
    pending: int
    shadow: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """Messages that have not reached anybody yet, and why."""

    waiting: int
    unconfirmed: int
    undeliverable: int
    undeliverable_by_reason: dict[str, int]
    waiting_by_reason: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows of one file and column that were quarantined for one reason by the newest runs."""

    source: str
    file: str
    column: str | None
    example: str
    rows: int


@dataclass(frozen=True, slots=True)
class UnknownOwner:
    """A name that records give as their owner and nobody is known by."""

    name: str
    records: int


@dataclass(frozen=True, slots=True)
class Survey:
    """The state of a workspace at one moment. `None` where the tables of that part do not exist yet."""

    objects: dict[str, int]
    deals: DealCounts
    people: People
    runs: list[LastRun]
    sources: list[FollowedSource]
    alerts: list[OpenAlerts] | None
    unnotified: dict[str, int] | None
    outbox: Outbox | None
    quarantined: list[Reason]
    unknown_owners: list[UnknownOwner]
    jobs: list[JobStanding] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    broken_files: list[BrokenFile] = field(default_factory=list)
    failed_rules: list[FailedRule] = field(default_factory=list)
    held: list[Wave] | None = None
