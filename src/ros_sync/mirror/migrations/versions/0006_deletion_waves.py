"""Waves of deletions that wait for a person; associations that have ended, and those that could not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "former_link",
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("source", "stream", "record_id", "to_stream", "to_id")
        ),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", "record_id", "to_stream", "to_id"),
    )
    op.create_index("ix_former_link_to", "former_link", ["source", "to_stream", "to_id"])
    op.create_table(
        "deletion_wave",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("taken_over", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "deletion",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "stream", "record_id")),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("wave_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "stream", "record_id"),
    )
    op.create_index("ix_deletion_noted", "deletion", ["source", "stream", "noted_at"])
    op.create_index("ix_deletion_wave", "deletion", ["wave_id"])
    op.create_table(
        "unlinked",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "stream", "record_id", "to_stream")),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", "record_id", "to_stream"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("unlinked", "deletion", "deletion_wave", "former_link"):
        op.drop_table(table)
