"""The tables in which the mirror notes its own work.

Runs, stream states, what was quarantined, webhooks, limits, write-backs.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer

from ros_sync.mirror.columns import BigKey, Instant, Json, key, needed, numbered, optional, table

SYNC_RUN = table(
    "sync_run",
    "One run of a sync or import: what it read and what it did.",
    numbered(),
    needed("source"),
    needed("kind", doc="import, or the kind of poll"),
    needed("what", doc="the files or objects read"),
    needed("as_of", Instant, doc="the moment whose state was read"),
    needed("started_at", Instant),
    optional("finished_at", Instant),
    needed("rows_read", Integer, default=0),
    needed("created", Integer, default=0),
    needed("updated", Integer, default=0),
    needed("unchanged", Integer, default=0),
    needed("older", Integer, doc="rows older than what is stored, left alone", default=0),
    needed("quarantined", Integer, default=0),
    optional("error"),
)

STREAM_STATE = table(
    "stream_state",
    "How far a stream of a source has been followed; of an import, how far each object was imported.",
    key("source"),
    key("stream"),
    needed("progress", doc="what is under way, as JSON: `sync/stream_state.py`"),
    optional("watermark", Instant, doc="the durable one: everything up to then is here for certain"),
    optional("cursor", Instant, doc="how far the last finished poll has read; see `watermark`"),
    needed("updated_at", Instant),
)

SCAN_STATE = table(
    "scan_state",
    "When a stream was last gone through for what no poll tells.",
    key("source"),
    key("stream"),
    key("scan", doc="deletions, or reread"),
    optional("listed_at", Instant, doc="when the archive was last listed, by the CRM's clock"),
    optional("searched_until", Instant, doc="up to when was searched for what was modified once more, by the same"),
    needed("updated_at", Instant),
)

DERIVATION_STATE = table(
    "derivation_state",
    "When what follows from other records was last worked out, and by what.",
    key("source", doc="empty where it is of all sources"),
    key("what", doc="activities, or slips"),
    needed("basis", doc="what it rests on beside the records; where that changes, it is worked out anew"),
    needed("updated_at", Instant),
)

EXCHANGE_RATE_VERSION = table(
    "exchange_rate_version",
    "The exchange rates by which amounts are told in the company's currency, from when on they held.",
    numbered(),
    needed("home_currency", doc="ISO 4217 code of the company's own currency"),
    needed("rates", doc="as JSON: by currency, what one unit of it is worth in the company's own, exact, as text"),
    needed("since", Instant, doc="1970 for those that were there before any amount"),
    optional("restated_at", Instant, doc="when every deal stood by them; empty while that is under way"),
)

QUARANTINED_ROW = table(
    "quarantined_row",
    "A row of a file that could not be read: where it stands, what was in it, and why.",
    numbered(),
    needed("run_id", BigKey, index=True),
    needed("source"),
    needed("file", doc="the file; for a record of a CRM's API the stream it came by"),
    needed("line", Integer, doc="where the row begins; 0 for a record of a CRM's API"),
    optional("record_id", doc="the record, where it was read over a CRM's API"),
    optional("column"),
    optional("value"),
    needed("reason"),
)

SOURCE_STATE = table(
    "source_state",
    "How a source that is followed over its API is doing.",
    key("source"),
    optional("complete_at", Instant, doc="the moment up to which the last complete cycle read every stream"),
    optional("quota_exhausted_until", Instant, doc="no calls before then: the day's are used up"),
    optional("trouble", doc="what keeps it from being read, in words; None while it works"),
    optional("problems", Json, doc="what the last look at the account found wanting"),
    optional("described_at", Instant),
    optional("reconciled_at", Instant),
    optional("linked_at", Instant, doc="when all links were last read"),
    optional("memory", doc="what is known of the account, opaque to all but the vendor's package"),
    needed("updated_at", Instant),
)

CHANGE_EVENT = table(
    "change_event",
    "A change event that a CRM sent: stored before it is answered, processed in batches; it says that "
    "something happened, not what is true.",
    numbered(),
    needed("source"),
    needed("key", doc="what makes it the same event when it is sent again"),
    needed("kind", doc="the vendor's name of what happened, such as `deal.propertyChange`"),
    needed("stream", doc="the stream it is about; empty where it is about none that is mirrored"),
    needed("record_id"),
    optional("occurred_at", Instant),
    needed("received_at", Instant),
    optional("processed_at", Instant),
    optional("outcome"),
    optional("body", Json),
    Index("uq_change_event_key", "source", "key", unique=True),
    Index("ix_change_event_open", "source", "processed_at"),
    Index("ix_change_event_record", "source", "stream", "record_id"),
)

RATE_BUCKET = table(
    "rate_bucket",
    "Calls that a limit of a vendor still allows; shared by every process that calls.",
    key("source"),
    key("name", doc="the limit, such as `calls` or `search`"),
    needed("capacity", Float, doc="calls that may be made at once"),
    needed("per_second", Float, doc="calls that are allowed again each second"),
    needed("tokens", Float),
    needed("at", Instant, doc="when `tokens` was right"),
    optional("not_before", Instant, doc="no call before then"),
    needed("used", BigKey, doc="calls made in all", default=0),
)

WRITE_BACK_REQUEST = table(
    "write_back_request",
    "A change that a person asked for here and that is written to the CRM: the audit trail.",
    numbered(),
    needed("source"),
    needed("object"),
    needed("record_id"),
    needed("changes", Json, doc="by canonical field, in stored form"),
    needed("expected", Json, doc="what the person saw, by canonical field"),
    needed("asked_by", doc="e-mail address of the person who asked"),
    optional("os_user", doc="the user of the machine who ran the command; `asked_by` is what they said"),
    needed("asked_at", Instant),
    needed("state", doc="open, done, partly, refused or conflict"),
    needed("attempts", Integer, default=0),
    optional("done_at", Instant),
    optional("outcome", doc="what became of it, in words"),
)

JOB_HEALTH = table(
    "job_health",
    "How a job of `ros-sync serve` is doing, as that process wrote it last; `seen_at` is when.",
    key("name"),
    needed("every_seconds", Float),
    needed("vital", Boolean),
    optional("last_good_at", Instant),
    optional("last_run_at", Instant),
    optional("running_since", Instant),
    needed("failures_in_a_row", Integer, default=0),
    optional("reason", doc="why the last run failed, in words"),
    needed("seen_at", Instant, doc="when the process wrote this; an old one cannot write, or is gone"),
    optional("stopped_at", Instant, doc="when the process was stopped"),
)

DELETION_WAVE = table(
    "deletion_wave",
    "Deletions of one stream that were too many to be believed without a person: held, and decided on as one.",
    numbered(),
    needed("source"),
    needed("stream"),
    needed("opened_at", Instant),
    needed("known", BigInteger, doc="how many records the stream had then"),
    needed("state", doc="held, confirmed, rejected or withdrawn"),
    optional("decided_at", Instant),
    optional("decided_by"),
    optional("taken_over", BigInteger, doc="records deleted here after it was confirmed"),
)

DELETION = table(
    "deletion",
    "A record that the CRM says has ended: carried out here within the last day, or held by a wave.",
    key("source"),
    key("stream"),
    key("record_id"),
    needed("way", doc="what told of it: list, unreadable, poll, webhook, merge, repair, account, values, links"),
    needed("kind", doc="archived, merged, gone or no longer"),
    optional("ended_at", BigInteger, doc="microseconds, where the CRM says since when"),
    optional("merged_into"),
    needed("noted_at", Instant),
    optional("wave_id", BigInteger, doc="empty where it was carried out"),
    Index("ix_deletion_noted", "source", "stream", "noted_at"),
    Index("ix_deletion_wave", "wave_id"),
)

UNLINKED = table(
    "unlinked",
    "A record whose associations with a stream could not be read and are still to be.",
    key("source"),
    key("stream"),
    key("record_id"),
    key("to_stream"),
    needed("since", Instant),
)

FILLED_FIELDS = table(
    "filled_fields",
    "Which fields of an object the records of a source come with. A source that is not here may fill every field.",
    key("source"),
    key("object"),
    needed("fields", Json, doc="in alphabetical order"),
)
