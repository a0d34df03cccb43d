"""Sources that are followed over their API: links, redirects, webhook events, limits, write-backs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A key that SQLite fills by itself (it does so for INTEGER alone) and that never runs out on PostgreSQL.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and add the columns."""
    op.create_table(
        "rate_bucket",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.Column("used", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("source", "name"),
    )
    op.create_table(
        "record_link",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("to_stream", sa.String(), nullable=False),
        sa.Column("to_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", "record_id", "to_stream", "to_id", "label"),
    )
    op.create_index("ix_record_link_to", "record_link", ["source", "to_stream", "to_id"], unique=False)

    op.create_table(
        "redirect",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("old_id", sa.String(), nullable=False),
        sa.Column("new_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "object", "old_id"),
    )
    op.create_index("ix_redirect_new_id", "redirect", ["new_id"], unique=False)

    op.create_table(
        "source_state",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("complete_at", sa.BigInteger(), nullable=True),
        sa.Column("parked_until", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=True),
        sa.Column("described_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_listed_at", sa.BigInteger(), nullable=True),
        sa.Column("reconciled_at", sa.BigInteger(), nullable=True),
        sa.Column("linked_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_event_open", "webhook_event", ["source", "done_at"], unique=False)
    op.create_index("ix_webhook_event_record", "webhook_event", ["source", "stream", "record_id"], unique=False)
    op.create_index("uq_webhook_event_key", "webhook_event", ["source", "key"], unique=True)

    op.create_table(
        "write_back",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("cursor", sa.Column("polled_until", sa.BigInteger(), nullable=True))

    op.add_column("set_aside_row", sa.Column("record_id", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("set_aside_row", "record_id")

    op.drop_column("cursor", "polled_until")

    op.drop_table("write_back")
    op.drop_index("uq_webhook_event_key", table_name="webhook_event")
    op.drop_index("ix_webhook_event_record", table_name="webhook_event")
    op.drop_index("ix_webhook_event_open", table_name="webhook_event")

    op.drop_table("webhook_event")
    op.drop_table("source_state")
    op.drop_index("ix_redirect_new_id", table_name="redirect")

    op.drop_table("redirect")
    op.drop_index("ix_record_link_to", table_name="record_link")

    op.drop_table("record_link")
    op.drop_table("rate_bucket")
