"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A key that SQLite fills by itself (it does so for INTEGER alone) and that never runs out on PostgreSQL.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "account",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("industry", sa.String(), nullable=True),
        sa.Column("employees", sa.Float(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("icp_tier", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("renewal_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "account_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("industry", sa.String(), nullable=True),
        sa.Column("employees", sa.Float(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("icp_tier", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("renewal_date", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "activity",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("activity_kind", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("lead_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("ix_activity_deal", "activity", ["source", "deal_id"], unique=False)
    op.create_index("ix_activity_lead", "activity", ["source", "lead_id"], unique=False)
    op.create_table(
        "activity_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("activity_kind", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("lead_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "alert",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("routes", sa.String(), nullable=False),
        sa.Column("headline", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("next_notice_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_alert_notice_due",
        "alert",
        ["next_notice_at"],
        unique=False,
        sqlite_where=sa.text("next_notice_at IS NOT NULL"),
        postgresql_where=sa.text("next_notice_at IS NOT NULL"),
    )
    op.create_index("ix_alert_record", "alert", ["object", "source", "record_id"], unique=False)
    op.create_index(
        "ix_alert_unresolved",
        "alert",
        ["rule_id", "source", "record_id"],
        unique=True,
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
    )
    op.create_table(
        "change",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("old", sa.String(), nullable=True),
        sa.Column("new", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_change_record", "change", ["object", "source", "record_id", "field", "at"], unique=False)
    op.create_table(
        "contact",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("opted_out", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "contact_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("opted_out", sa.Boolean(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "cursor",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("complete_until", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "object"),
    )
    op.create_table(
        "deal",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("amount_home_minor", sa.BigInteger(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("stage_kind", sa.String(), nullable=True),
        sa.Column("stage_position", sa.String(), nullable=True),
        sa.Column("stage_order", sa.BigInteger(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("forecast_category", sa.String(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("account_name", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("demand_source", sa.String(), nullable=True),
        sa.Column("deal_type", sa.String(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("next_step", sa.String(), nullable=True),
        sa.Column("next_step_date", sa.Date(), nullable=True),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=True),
        sa.Column("last_buyer_activity_at", sa.BigInteger(), nullable=True),
        sa.Column("competitor", sa.String(), nullable=True),
        sa.Column("loss_reason", sa.String(), nullable=True),
        sa.Column("closing_plan", sa.Boolean(), nullable=True),
        sa.Column("map_status", sa.String(), nullable=True),
        sa.Column("contacts_engaged", sa.Float(), nullable=True),
        sa.Column("champion", sa.String(), nullable=True),
        sa.Column("economic_buyer_engaged", sa.Boolean(), nullable=True),
        sa.Column("methodology_share", sa.Float(), nullable=True),
        sa.Column("handed_off_at", sa.BigInteger(), nullable=True),
        sa.Column("requalified_at", sa.BigInteger(), nullable=True),
        sa.Column("stage_entered_at", sa.BigInteger(), nullable=True),
        sa.Column("stage_entry_known", sa.Boolean(), server_default=sa.text("(false)"), nullable=True),
        sa.Column("stage_days_before", sa.Float(), server_default=sa.text("0"), nullable=True),
        sa.Column("advanced_at", sa.BigInteger(), nullable=True),
        sa.Column("first_close_date", sa.Date(), nullable=True),
        sa.Column("push_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("fiscal_push_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("pull_in_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("days_pushed", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("net_slip_days", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "deal_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("amount_home_minor", sa.BigInteger(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("stage_kind", sa.String(), nullable=True),
        sa.Column("stage_position", sa.String(), nullable=True),
        sa.Column("stage_order", sa.BigInteger(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("forecast_category", sa.String(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("account_name", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("demand_source", sa.String(), nullable=True),
        sa.Column("deal_type", sa.String(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("next_step", sa.String(), nullable=True),
        sa.Column("next_step_date", sa.Date(), nullable=True),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=True),
        sa.Column("last_buyer_activity_at", sa.BigInteger(), nullable=True),
        sa.Column("competitor", sa.String(), nullable=True),
        sa.Column("loss_reason", sa.String(), nullable=True),
        sa.Column("closing_plan", sa.Boolean(), nullable=True),
        sa.Column("map_status", sa.String(), nullable=True),
        sa.Column("contacts_engaged", sa.Float(), nullable=True),
        sa.Column("champion", sa.String(), nullable=True),
        sa.Column("economic_buyer_engaged", sa.Boolean(), nullable=True),
        sa.Column("methodology_share", sa.Float(), nullable=True),
        sa.Column("handed_off_at", sa.BigInteger(), nullable=True),
        sa.Column("requalified_at", sa.BigInteger(), nullable=True),
        sa.Column("stage_entered_at", sa.BigInteger(), nullable=True),
        sa.Column("stage_entry_known", sa.Boolean(), server_default=sa.text("(false)"), nullable=True),
        sa.Column("stage_days_before", sa.Float(), server_default=sa.text("0"), nullable=True),
        sa.Column("advanced_at", sa.BigInteger(), nullable=True),
        sa.Column("first_close_date", sa.Date(), nullable=True),
        sa.Column("push_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("fiscal_push_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("pull_in_count", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("days_pushed", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("net_slip_days", sa.BigInteger(), server_default=sa.text("0"), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "lead",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("lifecycle_stage", sa.String(), nullable=True),
        sa.Column("became_lead_at", sa.BigInteger(), nullable=True),
        sa.Column("became_mql_at", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("lead_source", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("assigned_at", sa.BigInteger(), nullable=True),
        sa.Column("first_response_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("rejected_at", sa.BigInteger(), nullable=True),
        sa.Column("rejection_code", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("ix_lead_became_mql_at", "lead", ["became_mql_at"], unique=False)
    op.create_table(
        "lead_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("lifecycle_stage", sa.String(), nullable=True),
        sa.Column("became_lead_at", sa.BigInteger(), nullable=True),
        sa.Column("became_mql_at", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("lead_source", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("assigned_at", sa.BigInteger(), nullable=True),
        sa.Column("first_response_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("rejected_at", sa.BigInteger(), nullable=True),
        sa.Column("rejection_code", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("opaque_id", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("recipient_name", sa.String(), nullable=True),
        sa.Column("recipient_email", sa.String(), nullable=True),
        sa.Column("slack_user", sa.String(), nullable=True),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("delivered_revision", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("ts", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("opaque_id"),
    )
    op.create_index("ix_outbox_message_due", "outbox_message", ["state", "not_before"], unique=False)
    op.create_index(op.f("ix_outbox_message_recipient"), "outbox_message", ["recipient"], unique=False)
    op.create_index(op.f("ix_outbox_message_recipient_email"), "outbox_message", ["recipient_email"], unique=False)
    op.create_table(
        "owner",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("slack_user", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "owner_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("slack_user", sa.String(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "pipeline_stage",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("stage_order", sa.BigInteger(), nullable=True),
        sa.Column("stage_kind", sa.String(), nullable=True),
        sa.Column("stage_position", sa.String(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("exit_criteria", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "pipeline_stage_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("stage_order", sa.BigInteger(), nullable=True),
        sa.Column("stage_kind", sa.String(), nullable=True),
        sa.Column("stage_position", sa.String(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("exit_criteria", sa.String(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "quota",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("period", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "quota_version",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", BIG_KEY, nullable=True),
        sa.Column("custom", sa.JSON(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("owner_named", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("period", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "valid_from"),
    )
    op.create_table(
        "rate_state",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "set_aside_row",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("run_id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(), nullable=True),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_set_aside_row_run_id"), "set_aside_row", ["run_id"], unique=False)
    op.create_table(
        "sla_clock",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("calendar", sa.String(), nullable=True),
        sa.Column("calendar_version", sa.String(), nullable=True),
        sa.Column("within", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("clock", "object", "source", "record_id", "started_at"),
    )
    op.create_index("ix_sla_clock_due", "sla_clock", ["clock", "state", "due_at"], unique=False)
    op.create_index(
        "ix_sla_clock_open",
        "sla_clock",
        ["clock", "due_at"],
        unique=False,
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_table(
        "slack_address",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("looked_up_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("older", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "alert_notice",
        sa.Column("alert_id", BIG_KEY, nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("message_key", sa.String(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.PrimaryKeyConstraint("alert_id", "route", "recipient"),
    )
    op.create_index("ix_alert_notice_message", "alert_notice", ["message_key"], unique=False)
    op.create_index("ix_alert_notice_recipient", "alert_notice", ["recipient"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("outbox_id", BIG_KEY, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_delivery_attempt_outbox_id"), "delivery_attempt", ["outbox_id"], unique=False)
    op.create_table(
        "sla_clock_event",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("clock_id", BIG_KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("old_due_at", sa.BigInteger(), nullable=True),
        sa.Column("new_due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["clock_id"],
            ["sla_clock.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sla_clock_event_clock_id"), "sla_clock_event", ["clock_id"], unique=False)


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index(op.f("ix_sla_clock_event_clock_id"), table_name="sla_clock_event")
    op.drop_table("sla_clock_event")
    op.drop_index(op.f("ix_delivery_attempt_outbox_id"), table_name="delivery_attempt")
    op.drop_table("delivery_attempt")
    op.drop_index("ix_alert_notice_recipient", table_name="alert_notice")
    op.drop_index("ix_alert_notice_message", table_name="alert_notice")
    op.drop_table("alert_notice")
    op.drop_table("sync_run")
    op.drop_table("slack_address")
    op.drop_index(
        "ix_sla_clock_open",
        table_name="sla_clock",
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.drop_index("ix_sla_clock_due", table_name="sla_clock")
    op.drop_table("sla_clock")
    op.drop_index(op.f("ix_set_aside_row_run_id"), table_name="set_aside_row")
    op.drop_table("set_aside_row")
    op.drop_table("rate_state")
    op.drop_table("quota_version")
    op.drop_table("quota")
    op.drop_table("pipeline_stage_version")
    op.drop_table("pipeline_stage")
    op.drop_table("owner_version")
    op.drop_table("owner")
    op.drop_index(op.f("ix_outbox_message_recipient_email"), table_name="outbox_message")
    op.drop_index(op.f("ix_outbox_message_recipient"), table_name="outbox_message")
    op.drop_index("ix_outbox_message_due", table_name="outbox_message")
    op.drop_table("outbox_message")
    op.drop_table("lead_version")
    op.drop_index("ix_lead_became_mql_at", table_name="lead")
    op.drop_table("lead")
    op.drop_table("deal_version")
    op.drop_table("deal")
    op.drop_table("cursor")
    op.drop_table("contact_version")
    op.drop_table("contact")
    op.drop_index("ix_change_record", table_name="change")
    op.drop_table("change")
    op.drop_index(
        "ix_alert_unresolved",
        table_name="alert",
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
    )
    op.drop_index("ix_alert_record", table_name="alert")
    op.drop_index(
        "ix_alert_notice_due",
        table_name="alert",
        sqlite_where=sa.text("next_notice_at IS NOT NULL"),
        postgresql_where=sa.text("next_notice_at IS NOT NULL"),
    )
    op.drop_table("alert")
    op.drop_table("activity_version")
    op.drop_index("ix_activity_lead", table_name="activity")
    op.drop_index("ix_activity_deal", table_name="activity")
    op.drop_table("activity")
    op.drop_table("account_version")
    op.drop_table("account")
