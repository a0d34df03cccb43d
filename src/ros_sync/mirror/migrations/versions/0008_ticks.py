"""Ticks that are written in portions; what a rule saw is kept as values; rules that failed by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the column for what a rule saw."""
    op.create_table(
        "message_due",
        sa.Column("message_key", sa.String(), nullable=False),
        sa.Column("address", sa.JSON(), nullable=True),
        sa.Column("rule_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("message_key"),
    )
    op.create_table(
        "rule_failure",
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id"),
    )
    op.add_column("alert", sa.Column("facts", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("alert", "facts")
    op.drop_table("rule_failure")
    op.drop_table("message_due")
