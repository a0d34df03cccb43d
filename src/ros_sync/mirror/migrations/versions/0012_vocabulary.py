"""Tables and columns have the names that the glossary has (docs/reference/glossary.md); every row stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = {
    "set_aside_row": "quarantined_row",
    "webhook_event": "change_event",
    "alert_notice": "alert_notification",
    "write_back": "write_back_request",
}
COLUMNS = (  # the table's name of today, the column's name before and after
    ("sync_run", "set_aside", "quarantined"),
    ("source_state", "parked_until", "quota_exhausted_until"),
    ("change_event", "done_at", "processed_at"),
    ("alert", "next_notice_at", "next_notification_at"),
    ("alert_notification", "told_at", "notified_at"),
)
INDEXES = (  # SQLite cannot rename an index: it is made anew under the other name
    ("quarantined_row", "ix_set_aside_row_run_id", "ix_quarantined_row_run_id"),
    ("change_event", "uq_webhook_event_key", "uq_change_event_key"),
    ("change_event", "ix_webhook_event_open", "ix_change_event_open"),
    ("change_event", "ix_webhook_event_record", "ix_change_event_record"),
    ("alert_notification", "ix_alert_notice_message", "ix_alert_notification_message"),
    ("alert_notification", "ix_alert_notice_recipient", "ix_alert_notification_recipient"),
    ("alert", "ix_alert_notice_due", "ix_alert_notification_due"),
)
PROGRESS = {'"settled":': '"sweep":', '"shape":': '"schema":'}  # keys of the JSON in stream_state.progress
SAME = ("sync_run", "source_state", "alert")  # tables of which columns alone are renamed
EARLIER = {"cursor": "stream_state"}  # 0011 left the names of its constraints
EARLIER_COLUMNS = {"object": "stream", "value": "progress"}
JOBS = (("hints", "events"),)  # the names of jobs, as `serve` wrote them last


def upgrade() -> None:
    """Rename tables, columns, and what the databases named after them."""
    for before, after in TABLES.items():
        op.rename_table(before, after)
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    for _, before, after in INDEXES:
        _rename_index(before, after)
    if op.get_bind().dialect.name == "postgresql":
        for before, after in (EARLIER | TABLES | {each: each for each in SAME}).items():
            _rename_owned(before, after, _columns_of(after) | (EARLIER_COLUMNS if before in EARLIER else {}))
    _rename_jobs(JOBS)
    _rename_progress(PROGRESS)


def downgrade() -> None:
    """Bring the former names back."""
    _rename_jobs([(after, before) for before, after in JOBS])
    for _, before, after in INDEXES:
        _rename_index(after, before)
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {after} TO {before}")
    for before, after in TABLES.items():
        op.rename_table(after, before)
    if op.get_bind().dialect.name == "postgresql":
        for before, after in (TABLES | {each: each for each in SAME}).items():
            _rename_owned(after, before, {new: old for old, new in _columns_of(after).items()})
    _rename_progress({after: before for before, after in PROGRESS.items()})


def _columns_of(table: str) -> dict[str, str]:
    return {before: after for name, before, after in COLUMNS if name == table}


def _rename_index(before: str, after: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(f"ALTER INDEX {before} RENAME TO {after}")
        return
    found = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
    made = str(connection.execute(found, {"name": before}).scalar_one())
    op.execute(f"DROP INDEX {before}")
    op.execute(made.replace(before, after, 1))


def _rename_owned(before: str, after: str, columns: Mapping[str, str]) -> None:
    """Rename what PostgreSQL named after a table and its columns: keys, the sequence, since 18 also "not null"."""
    connection = op.get_bind()
    named = sa.text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)")
    for name in connection.execute(named, {"name": after}).scalars().all():
        rest = name.removeprefix(f"{before}_")
        other = f"{after}_{columns.get(rest.removesuffix('_not_null'), rest.removesuffix('_not_null'))}"
        other += "_not_null" if rest.endswith("_not_null") else ""
        if name.startswith(f"{before}_") and other != name:
            op.execute(f'ALTER TABLE {after} RENAME CONSTRAINT "{name}" TO "{other}"')
    sequences = sa.text("SELECT relname FROM pg_class WHERE relkind = 'S' AND relname = :name")
    for name in connection.execute(sequences, {"name": f"{before}_id_seq"}).scalars().all():
        if before != after:
            op.execute(f"ALTER SEQUENCE {name} RENAME TO {after}_id_seq")


def _rename_jobs(renamed: Iterable[tuple[str, str]]) -> None:
    job = sa.table("job_health", sa.column("name"))
    for before, after in renamed:
        op.execute(sa.update(job).where(job.c.name == before).values(name=after))


def _rename_progress(keys: Mapping[str, str]) -> None:
    """Rename the keys of what is under way. Names of properties stand in lists there, and end with no colon."""
    state = sa.table("stream_state", sa.column("progress"))
    for before, after in keys.items():
        renamed = sa.func.replace(state.c.progress, before, after)
        op.execute(sa.update(state).where(state.c.progress.contains(before)).values(progress=renamed))
