"""Rows know the stream that they came by, instead of having it inferred from what they say.

It is filled in where it is certain: records of a source that is followed, by the names that streams had when this was
written, and activities by the stream's name that their ids begin with. The others learn theirs when they are next read.
"""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OBJECTS = ("owner", "account", "contact", "lead", "deal", "activity", "quota", "pipeline_stage")
FED = {"deals": ("deal",), "companies": ("account",), "contacts": ("contact", "lead")}
ACTIVITIES = ("calls", "emails", "meetings", "notes", "tasks")


def upgrade() -> None:
    """Add the columns, and fill them in where that is certain."""
    for name in OBJECTS:
        for table in (name, f"{name}_version"):
            op.add_column(table, sa.Column("stream", sa.String(), nullable=True))
    op.create_table(
        "history_entry",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("source", "stream", "record_id", "field")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("value", "before", "by")),
        sa.Column("merged_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "stream", "record_id", "field", "at"),
    )
    op.create_index("ix_history_entry_waiting", "history_entry", ["source", "stream", "merged_at"])
    connection = op.get_bind()
    for source, streams in _followed(connection).items():
        for stream in sorted(streams & FED.keys()):
            for name in FED[stream]:
                _fill(connection, name, source, stream)
        feeding = sorted(streams.intersection(ACTIVITIES))
        for stream in feeding:
            _fill(connection, "activity", source, stream, sa.column("id").startswith(f"{stream}/", autoescape=True))
        if len(feeding) == 1:  # then ids are the bare ones
            _fill(connection, "activity", source, feeding[0], sa.column("id").not_like("%/%"))


def _followed(connection: sa.Connection) -> dict[str, set[str]]:
    """The streams that each source has been followed by."""
    found: dict[str, set[str]] = {}
    for source, stream, value in connection.execute(sa.text("SELECT source, object, value FROM cursor")):
        try:
            place = orjson.loads(value)
        except orjson.JSONDecodeError:  # an import's is empty
            continue
        if isinstance(place, dict) and "phase" in place:
            found.setdefault(source, set()).add(stream)
    return found


def _fill(
    connection: sa.Connection, table: str, source: str, stream: str, those: sa.ColumnElement[bool] | None = None
) -> None:
    rows = sa.table(table, sa.column("source"), sa.column("stream"))
    here = rows.c.source == source if those is None else (rows.c.source == source) & those
    connection.execute(sa.update(rows).where(here).values(stream=stream))


def downgrade() -> None:
    """Take the table and the columns away."""
    op.drop_table("history_entry")
    for name in OBJECTS:
        for table in (f"{name}_version", name):
            op.drop_column(table, "stream")
