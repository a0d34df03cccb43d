"""The team's clock beside the owner's, and what customer success is given of a deal.

Each clock that is there becomes the team's, held by the owner that it was last seen with.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DEALS = ("deal", "deal_version")
HANDOFF = ("handoff_document_at", "kickoff_at")
OPEN = sa.text("stopped_at IS NULL")


def upgrade() -> None:
    """Add the owners' clocks, the instants of a handoff, and who holds a record whose team's clock runs."""
    op.add_column("sla_clock", sa.Column("held_by", sa.String(), nullable=True))
    op.execute("UPDATE sla_clock SET held_by = owner_id")
    op.create_table(
        "sla_owner_clock",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("team_clock_id", BIG_KEY, nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=True),
        sa.Column("calendar_version", sa.String(), nullable=True),
        sa.Column("within", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["team_clock_id"], ["sla_clock.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_clock_id", "started_at"),
    )
    op.create_index(
        "ix_sla_owner_clock_open",
        "sla_owner_clock",
        ["clock", "object", "source", "record_id", "due_at"],
        unique=False,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    # With the object in it, SQLite prefers it to the unique index, which holds every clock that ever ran.
    op.drop_index("ix_sla_clock_due", table_name="sla_clock")
    op.drop_index("ix_sla_clock_open", table_name="sla_clock")
    op.create_index(
        "ix_sla_clock_open",
        "sla_clock",
        ["clock", "object", "source", "record_id", "due_at"],
        unique=False,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    for table in DEALS:
        for name in HANDOFF:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("sla_clock_event", sa.Column("owner_clock_id", BIG_KEY, nullable=True))


def downgrade() -> None:
    """Take them away; the history of owners' clocks goes with them."""
    op.execute("DELETE FROM sla_clock_event WHERE owner_clock_id IS NOT NULL")
    for table in DEALS:
        for name in HANDOFF:
            op.drop_column(table, name)
    op.drop_column("sla_clock_event", "owner_clock_id")
    op.drop_index("ix_sla_owner_clock_open", table_name="sla_owner_clock")
    op.drop_table("sla_owner_clock")
    op.drop_index("ix_sla_clock_open", table_name="sla_clock")
    op.create_index(
        "ix_sla_clock_open",
        "sla_clock",
        ["clock", "due_at"],
        unique=False,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_sla_clock_due", "sla_clock", ["clock", "state", "due_at"], unique=False)
    op.drop_column("sla_clock", "held_by")
