"""Amounts follow exchange rates: which rates held since when, and changes that they brought about are told apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the cause of changes, and the book of rates: it is empty, as nobody noted by which rates amounts stand."""
    for name in ("change", "joined_change"):
        op.add_column(name, sa.Column("cause", sa.String(), nullable=True))
    op.create_table(
        "exchange_rate_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("home_currency", sa.String(), nullable=False),
        sa.Column("rates", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("restated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Take the book and the column away."""
    op.drop_table("exchange_rate_version")
    for name in ("joined_change", "change"):
        op.drop_column(name, "cause")
