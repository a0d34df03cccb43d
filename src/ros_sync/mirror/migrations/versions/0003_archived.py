"""Archived records that were never seen here; each stream is looked back at for itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and drop the column that stood for all streams."""
    op.create_table(
        "archived_record",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", "id"),
    )
    op.drop_column("source_state", "archived_listed_at")


def downgrade() -> None:
    """Remove the table, and bring the column back."""
    op.add_column("source_state", sa.Column("archived_listed_at", sa.BigInteger(), nullable=True))
    op.drop_table("archived_record")
