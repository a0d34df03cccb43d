from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlmodel import Session, SQLModel
from tests.integration.mirror_reader import put

from ros_sync.alerts.tables import Alert
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.status.figures import (
    DealCounts,
    FollowedSource,
    LastRun,
    OpenAlerts,
    Outbox,
    People,
    Reason,
    Survey,
    UnknownOwner,
)
from ros_sync.status.survey import survey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Row = tuple[str, dict[str, Any]]
"""A kind of record, and the values of one."""


def deal(number: int, **fields: Any) -> Row:
    """A deal."""
    return "deal", {"source": "crm", "id": str(number), "valid_from": NOON, **fields}


def owner(number: int, **fields: Any) -> Row:
    """An owner."""
    return "owner", {"source": "crm", "id": str(number), "valid_from": NOON, **fields}


def source_state(source: str, **fields: Any) -> Row:
    """How a source that is followed is doing."""
    return "source_state", {"source": source, "updated_at": NOON, **fields}


def quarantined(run: int, column: str, reason: str) -> Row:
    """A row of deals.csv that could not be read."""
    place = {"source": "crm", "file": "deals.csv", "line": 2, "column": column}
    return "quarantined", {"run_id": run, "reason": reason, **place}


def run(number: int, **fields: Any) -> Row:
    """A run that read deals."""
    given: dict[str, Any] = {
        "source": "crm",
        "kind": "import",
        "what": "deals.csv",
        "as_of": NOON,
        "started_at": NOON,
        **fields,
    }
    return "run", {"id": number, **given}


def alert(number: int, rule: str, state: str, *, shadow: bool = False) -> Alert:
    """An alert."""
    return Alert(
        id=number, rule_id=rule, object="deal", source="crm", record_id=str(number), episode=1, state=state,
        shadow=shadow,
        severity="warn", since_at=NOON, headline="", text="", seen=[],
    )  # fmt: skip  # one fact a word, two lines


def message(number: int, state: str, reason: str | None = None) -> OutboxMessage:
    """A message of the outbox."""
    return OutboxMessage(
        id=number, key=str(number), opaque_id=str(number), recipient="x", transport="slack", kind="digest", document={},
        state=state, reason=reason, not_before=NOON, created_at=NOON,
    )  # fmt: skip  # as above


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose writing is taken back."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def surveyed(connection: Connection, *rows: SQLModel | Row) -> Survey:
    """Write rows, to be seen by this connection alone; the survey then."""
    with Session(connection, join_transaction_mode="control_fully") as session:
        for row in rows:
            if isinstance(row, SQLModel):
                session.add(row)
            else:
                kind, values = row
                put(session.connection(), kind, **values)
        session.flush()
        return survey(connection, NOON, 900)


def test_objects_without_the_deleted(connection: Connection) -> None:
    """Records are counted by object, deleted ones left out."""
    found = surveyed(connection, deal(1), deal(2), deal(3, deleted_at=NOON), owner(1))
    assert {name: number for name, number in found.objects.items() if number} == {"deal": 2, "owner": 1}


def test_deals_by_kind_of_stage(connection: Connection) -> None:
    """Deals are counted as open, won, lost, and in a stage that nobody declared."""
    kinds = ["open", "open", "open", "won", "won", "lost", None]
    found = surveyed(connection, *(deal(number, stage_kind=kind) for number, kind in enumerate(kinds)))
    assert DealCounts(open=3, won=2, lost=1, unstaged=1) == found.deals


def test_people(connection: Connection) -> None:
    """Active sellers are counted with the teams and regions they name; managers and leavers are not."""
    found = surveyed(
        connection,
        owner(1, team="A", region="East"),
        owner(2, team="B", region="East", role="seller", active=True),
        owner(3, team="C", region="West", role="manager"),
        owner(4, team="D", region="West", active=False),
        owner(5),
    )
    assert People(sellers=3, teams=2, regions=1) == found.people


def test_newest_run_of_each_source(connection: Connection) -> None:
    """Of runs that read the same from the same source, the newest is told; others stand beside it."""
    later = NOON + timedelta(days=7)
    found = surveyed(
        connection,
        run(1, rows_read=1),
        run(2, rows_read=9, created=4, updated=3, quarantined=2, as_of=later, finished_at=later),
        run(3, source="other", error="the disk is full"),
    )
    expected = [
        LastRun("other", "import", "deals.csv", NOON, NOON, None, 0, 0, 0, 0, "the disk is full"),
        LastRun("crm", "import", "deals.csv", later, NOON, later, 9, 4, 3, 2, None),
    ]
    assert expected == found.runs


def a_write(source: str, state: str) -> Row:
    asked = {"changes": {}, "expected": {}, "asked_by": "ada@loom.example", "asked_at": NOON}
    return "write_request", {"source": source, "object": "deal", "record_id": "1", **asked, "state": state}


def test_sources_that_are_followed(connection: Connection) -> None:
    """Each is told with up to when all of it is here, its lag, and what is wanting; parking that is over is not."""
    hour, problem = timedelta(hours=1), {"what": "no scope", "todo": "add it", "fatal": True}
    found = surveyed(
        connection,
        source_state("b", complete_at=NOON - hour, quota_exhausted_until=NOON + hour, trouble="used up"),
        source_state("a", problems=[problem]),
        source_state("c", complete_at=NOON, quota_exhausted_until=NOON - hour),
        *(a_write("c", state) for state in ("open", "done", "open")),
    )
    assert [
        FollowedSource("a", None, None, stale=True, problems=[problem]),
        FollowedSource("b", NOON - hour, 3600.0, stale=True, quota_exhausted_until=NOON + hour, trouble="used up"),
        FollowedSource("c", NOON, 0.0, stale=False, to_write=2),
    ] == found.sources


def test_alerts_by_rule(connection: Connection) -> None:
    """Unresolved alerts are counted by rule, the most frequent rule first."""
    found = surveyed(
        connection,
        alert(1, "push-count", "open"),
        alert(2, "stalled", "open"),
        alert(3, "stalled", "open"),
        alert(4, "stalled", "pending"),
        alert(5, "stalled", "open", shadow=True),
        alert(6, "gone", "resolved"),
    )
    assert [OpenAlerts("stalled", 2, 1, 1), OpenAlerts("push-count", 1, 0, 0)] == found.alerts


def test_outbox(connection: Connection) -> None:
    """Messages that have not reached anybody are counted with their reasons."""
    refused = "no Slack user has this e-mail address"
    found = surveyed(
        connection,
        message(1, "waiting"),
        message(2, "undeliverable", refused),
        message(3, "undeliverable", refused),
        message(4, "unconfirmed"),
        message(5, "delivered"),
    )
    assert Outbox(1, 1, 2, {refused: 2}) == found.outbox


def test_rows_quarantined(connection: Connection) -> None:
    """Rows quarantined by the newest run are counted by column; those of an older run are over."""
    found = surveyed(
        connection,
        run(1),
        run(2),
        quarantined(1, "Date", "no date"),
        quarantined(2, "Amount", "no amount"),
        quarantined(2, "Amount", "no amount"),
    )
    assert [Reason("crm", "deals.csv", "Amount", "no amount", 2)] == found.quarantined


def test_unknown_owners(connection: Connection) -> None:
    """Names that lead to nobody are counted over all objects, the most frequent first."""
    found = surveyed(
        connection,
        deal(1, owner_named="Nobody"),
        deal(2, owner_named="Somebody", owner_id="1"),
        deal(3, owner_named="Another"),
        ("lead", {"source": "crm", "id": "1", "valid_from": NOON, "owner_named": "Nobody"}),
    )
    assert [UnknownOwner("Nobody", 2), UnknownOwner("Another", 1)] == found.unknown_owners
