"""Which fields each source fills; when a deal's last meeting took place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the columns."""
    op.create_table(
        "filled_fields",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("source", "object"),
    )
    for table in ("deal", "deal_version"):
        op.add_column(table, sa.Column("last_meeting_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take the columns and the table away."""
    for table in ("deal_version", "deal"):
        op.drop_column(table, "last_meeting_at")
    op.drop_table("filled_fields")
