"""How each job is doing, when waits were decided, and which user of the machine asked for a change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of jobs, and the columns that say when a wait was decided and who was at the keyboard."""
    op.create_table(
        "job_health",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("every_seconds", sa.Float(), nullable=False),
        sa.Column("vital", sa.Boolean(), nullable=False),
        sa.Column("last_good_at", sa.BigInteger(), nullable=True),
        sa.Column("last_run_at", sa.BigInteger(), nullable=True),
        sa.Column("running_since", sa.BigInteger(), nullable=True),
        sa.Column("failures_in_a_row", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("rate_state", sa.Column("decided_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox_message", sa.Column("decided_at", sa.BigInteger(), nullable=True))
    op.add_column("write_back", sa.Column("os_user", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove all of it."""
    op.drop_column("write_back", "os_user")
    op.drop_column("outbox_message", "decided_at")
    op.drop_column("rate_state", "decided_at")
    op.drop_table("job_health")
