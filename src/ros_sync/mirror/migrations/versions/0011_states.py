"""Streams, scans and what is derived have tables for their state, instead of invented streams in one table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RENAMED = (("object", "stream"), ("value", "progress"), ("polled_until", "cursor"), ("complete_until", "watermark"))
LOOKED, REREAD = "(looked back) ", "(reread "


def upgrade() -> None:
    """Rename the table and its columns, and give each kind of state that was no stream's its own place."""
    op.rename_table("cursor", "stream_state")
    for before, after in RENAMED:
        op.execute(f"ALTER TABLE stream_state RENAME COLUMN {before} TO {after}")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("ALTER INDEX cursor_pkey RENAME TO stream_state_pkey")
    op.create_table(
        "scan_state",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "stream", "scan")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("listed_at", "searched_until")),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", "scan"),
    )
    op.create_table(
        "derivation_state",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "what", "basis")),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "what"),
    )
    op.add_column("source_state", sa.Column("memory", sa.String(), nullable=True))
    state = sa.table(
        "stream_state", *map(sa.column, ("source", "stream", "progress", "cursor", "watermark", "updated_at"))
    )
    for row in connection.execute(sa.select(state).where(state.c.stream.startswith("("))).mappings().all():
        _move(connection, dict(row))
    connection.execute(sa.delete(state).where(state.c.stream.startswith("(")))


def _move(connection: sa.Connection, row: dict[str, object]) -> None:
    """Put what stood under the name of an invented stream where it belongs."""
    name = str(row["stream"])
    known = {"source": row["source"], "updated_at": row["updated_at"]}
    if name.startswith((LOOKED, REREAD)):
        is_deletions = name.startswith(LOOKED)
        stream = name.removeprefix(LOOKED) if is_deletions else name.removeprefix(REREAD).removesuffix(")")
        known |= {"stream": stream, "scan": "deletions" if is_deletions else "reread"}
        if is_deletions:
            known |= {"listed_at": row["cursor"], "searched_until": row["watermark"]}
        connection.execute(sa.insert(sa.table("scan_state", *map(sa.column, known))).values(known))
    elif name == "(account)":
        source = sa.table("source_state", sa.column("source"), sa.column("memory"))
        connection.execute(sa.update(source).where(source.c.source == row["source"]).values(memory=row["progress"]))
    elif name in ("(derived)", "(slips)"):
        known |= {"what": {"(derived)": "activities", "(slips)": "slips"}[name], "basis": row["progress"] or ""}
        connection.execute(sa.insert(sa.table("derivation_state", *map(sa.column, known))).values(known))


def downgrade() -> None:
    """Bring the one table back; what stood under invented names is worked out again."""
    op.drop_column("source_state", "memory")
    op.drop_table("derivation_state")
    op.drop_table("scan_state")
    for before, after in RENAMED:
        op.execute(f"ALTER TABLE stream_state RENAME COLUMN {after} TO {before}")
    op.rename_table("stream_state", "cursor")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX stream_state_pkey RENAME TO cursor_pkey")
