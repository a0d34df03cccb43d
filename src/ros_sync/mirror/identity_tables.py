"""The tables of identities: which records are the same thing. Loaded where a record is joined, and by ticks."""

from __future__ import annotations

from sqlalchemy import Index, text

from ros_sync.mirror.columns import Instant, key, needed, numbered, optional, table

RECORD_IDENTITY = table(
    "record_identity",
    "A record (the member) that is the same thing as the leader, from one moment to another. The leader was chosen "
    "when they were linked, and is a member itself.",
    numbered(),
    needed("object"),
    needed("member_source"),
    needed("member_id"),
    needed("leader_source"),
    needed("leader_id"),
    needed("valid_from", Instant, doc="since when they are one"),
    optional("valid_to", Instant, doc="until when they were one; empty while they are"),
    needed("reason", doc="why they are the same thing, in words: by which id, e-mail address or domain"),
    needed("linked_by", doc="who linked them: an e-mail address, or the name of a job"),
    optional("unlinked_because", doc="why they are one no longer"),
    Index(
        "uq_record_identity_member",
        "object",
        "member_source",
        "member_id",
        unique=True,
        sqlite_where=text("valid_to IS NULL"),
        postgresql_where=text("valid_to IS NULL"),
    ),
    Index("ix_record_identity_leader", "object", "leader_source", "leader_id"),
)

ERASED_MEMBER = table(
    "erased_member",
    "A leader of which a member was erased, until what was said of the leader, which may be theirs, is taken away.",
    key("object"),
    key("leader_source"),
    key("leader_id"),
    needed("erased_at", Instant),
)
