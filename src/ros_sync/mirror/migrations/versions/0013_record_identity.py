"""Records that several CRMs have are one: who belongs together, and tables of their own for what they say together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JOINED = ("owner", "account", "contact", "deal", "lead", "activity")


def upgrade() -> None:
    """Create the tables; those of joined records have the columns of the mirrored ones, as they are by now."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "record_identity",
        sa.Column("id", number, primary_key=True),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("object", "member_source", "member_id", "leader_source", "leader_id")
        ),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("linked_by", sa.String(), nullable=False),
        sa.Column("unlinked_because", sa.String(), nullable=True),
    )
    op.create_index(
        "uq_record_identity_member",
        "record_identity",
        ["object", "member_source", "member_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index("ix_record_identity_leader", "record_identity", ["object", "leader_source", "leader_id"])
    op.create_table(
        "erased_member",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("object", "leader_source", "leader_id")),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object", "leader_source", "leader_id"),
    )
    for name in JOINED:
        for past in ("", "_version"):
            _create_like(f"joined_{name}{past}", f"{name}{past}")
    _create_like("joined_change", "change")
    op.create_index("ix_joined_change_record", "joined_change", ["object", "source", "record_id", "field", "at"])


def _create_like(name: str, other: str) -> None:
    """A table with another one's columns, key and defaults, and none of its indexes."""
    looked_at = sa.inspect(op.get_bind())
    keys = looked_at.get_pk_constraint(other)["constrained_columns"]
    columns = []
    for column in looked_at.get_columns(other):
        if keys == ["id"] and column["name"] == "id":
            number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
            columns.append(sa.Column("id", number, primary_key=True))
            continue
        default = column["default"]
        columns.append(
            sa.Column(
                column["name"],
                column["type"],
                nullable=column["nullable"],
                server_default=None if default is None else sa.text(str(default)),
            )
        )
    more = [] if keys == ["id"] else [sa.PrimaryKeyConstraint(*keys)]
    op.create_table(name, *columns, *more)


def downgrade() -> None:
    """Take the tables away: each CRM's own rows are untouched."""
    op.drop_table("joined_change")
    for name in JOINED:
        for past in ("_version", ""):
            op.drop_table(f"joined_{name}{past}")
    op.drop_table("erased_member")
    op.drop_table("record_identity")
