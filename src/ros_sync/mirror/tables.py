"""The mirror's tables: what the CRMs hold, under one set of names.

Every mirrored row is keyed by (source, id). Two tables stand for each object: the present (`deal`) and the past
(`deal_version`), with the same columns. A present row is true from `valid_from` on; when it changes, the state that
ended moves to the version table with its `valid_to`. So the present stays small and quick, a record that never
changed costs one row, and the state at any moment is a union of the two (`mirror.as_of`). Beside them stand changes,
links, redirects and what is archived. What the mirror notes of its own work is in `bookkeeping`.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Table
from sqlalchemy.schema import SchemaItem

from ros_sync.mirror.columns import (
    METADATA,
    BigKey,
    Instant,
    Json,
    computed,
    count,
    day,
    flag,
    instant,
    key,
    money,
    needed,
    number,
    numbered,
    optional,
    table,
    text,
)

_VERSION = "_version"

# What a few fields can hold, whatever a CRM calls it: everything that is worked out of them asks for these words. (What
# types of deals there are is each company's own.)
STAGE_KINDS = ("open", "won", "lost")
STAGE_POSITIONS = ("early", "mid", "late")
FORECAST_CATEGORIES = ("closed", "commit", "best case", "pipeline", "omitted")
DEMAND_SOURCES = ("sales", "sdr", "marketing", "partner")
ACTIVITY_KINDS = ("email", "call", "meeting", "note", "task")
DIRECTIONS = ("inbound", "outbound")


def mirrored(name: str, doc: str, *fields: SchemaItem) -> Table:
    """The table of an object's present, with what every mirrored row has beside its fields.

    That of its past is made with it.
    """
    present = table(
        name,
        doc,
        key("source", doc="the name of the connection that it came by"),
        key("id", doc="its id in that CRM"),
        needed("valid_from", Instant, doc="since when this state has been true"),
        instant("modified_at", "when the CRM last changed it, where the CRM says so"),
        instant("deleted_at", "when it was deleted or archived in the CRM"),
        optional("run_id", BigKey, doc="the sync run that wrote this state"),
        optional(
            "stream", doc="the source's kind of record that it came by, such as `deals`; empty where it came by a file"
        ),
        optional("custom", Json, doc="properties that the company added"),
        *fields,
    )
    _make_past(present)
    return present


def _make_past(present: Table) -> None:
    """The version table of an object: the columns of the present one, and when each state ended.

    The next one begins there.
    """
    columns = [
        Column(
            each.name,
            each.type,
            primary_key=each.primary_key or each.name == "valid_from",
            nullable=each.nullable,
            server_default=each.server_default,
            doc=each.doc,
            info=each.info,
        )
        for each in present.columns
    ]
    Table(f"{present.name}{_VERSION}", METADATA, *columns, needed("valid_to", Instant))


def past_of(present: Table) -> Table:
    """The table of an object's past: the same columns and `valid_to`."""
    return METADATA.tables[f"{present.name}{_VERSION}"]


OWNER = mirrored(
    "owner",
    "A CRM user: a seller or a manager.",
    text("name", "full name"),
    text("email", "work e-mail address, by which Slack knows the person"),
    flag("active", "whether the person still works here"),
    text("timezone", "IANA time zone"),
    text("team", "team"),
    text("manager", "the manager's id, e-mail or name"),
    text("role", "seller or manager"),
    text("segment", "segment sold to"),
    text("region", "region"),
    text("language", "preferred language"),
    text("slack_user", "Slack user id, where it is known"),
)

ACCOUNT = mirrored(
    "account",
    "A company that buys or may buy.",
    text("name", "name"),
    text("domain", "web domain"),
    text("industry", "industry"),
    number("employees", "number of employees"),
    text("segment", "segment"),
    text("region", "region"),
    text("icp_tier", "tier of the ideal customer profile"),
    text("owner_id", "the owner's id", field="owner"),
    text("owner_named", "who the CRM names as owner, where nobody here is known by that"),
    day("renewal_date", "when the contract renews"),
)

CONTACT = mirrored(
    "contact",
    "A person at an account.",
    text("name", "full name"),
    text("email", "e-mail address"),
    text("role", "role or seniority"),
    text("account_id", "the account's id", field="account"),
    text("owner_id", "the owner's id", field="owner"),
    text("owner_named", "who the CRM names as owner, where nobody here is known by that"),
    flag("opted_out", "whether the person declined to be contacted"),
)

LEAD = mirrored(
    "lead",
    "A person on the way from lead to MQL to accepted or rejected.",
    text("name", "full name"),
    text("email", "e-mail address"),
    text("company", "company as given"),
    text("lifecycle_stage", "lifecycle stage"),
    instant("became_lead_at", "when it first became a lead"),
    instant("became_mql_at", "when it first met the MQL threshold"),
    number("score", "lead score"),
    text("lead_source", "where the lead came from"),
    text("segment", "segment"),
    text("region", "region"),
    text("owner_id", "the owner's id", field="owner"),
    text("owner_named", "who the CRM names as owner, where nobody here is known by that"),
    instant("assigned_at", "when it was assigned to its owner"),
    instant("first_response_at", "first human response"),
    instant("accepted_at", "when sales accepted it"),
    instant("rejected_at", "when sales rejected it"),
    text("rejection_code", "why it was rejected"),
    text("deal_id", "the deal it became", field="deal"),
    text("account_id", "the account's id", field="account"),
    Index("ix_lead_became_mql_at", "became_mql_at"),
)

DEAL = mirrored(
    "deal",
    "An opportunity.",
    text("name", "name"),
    money("amount_minor", "what it is worth, in its own currency"),
    text("currency", "ISO 4217 code of `amount`"),
    money("amount_home_minor", "what it is worth in the company's own currency"),
    text("pipeline", "pipeline"),
    text("stage", "stage"),
    text("stage_kind", "open, won or lost", options=STAGE_KINDS),
    text("stage_position", "early, mid or late", options=STAGE_POSITIONS),
    count("stage_order", "place of the stage in its pipeline, from 1"),
    number("probability", "chance of winning, 0 to 1"),
    text("forecast_category", "closed, commit, best case, pipeline or omitted", options=FORECAST_CATEGORIES),
    day("close_date", "when it is expected to be signed, or was"),
    instant("created_at", "when it was created in the CRM"),
    instant("closed_at", "when it was won or lost"),
    text("owner_id", "the owner's id", field="owner"),
    text("owner_named", "who the CRM names as owner, where nobody here is known by that"),
    text("account_id", "the account's id", field="account"),
    text("account_name", "the account's name as the CRM gives it"),
    text("segment", "segment"),
    text("region", "region"),
    text("demand_source", "who created the demand: sales, sdr, marketing or partner", options=DEMAND_SOURCES),
    text("deal_type", "new business, expansion or renewal"),
    text("product", "what is sold"),
    text("next_step", "next step agreed with the buyer"),
    day("next_step_date", "when the next step is due"),
    instant("last_activity_at", "last activity of either side"),
    instant("last_buyer_activity_at", "last thing the buyer did: replied, attended, signed"),
    instant("last_meeting_at", "last meeting that took place"),
    text("competitor", "main competitor"),
    text("loss_reason", "why it was lost"),
    flag("closing_plan", "whether there is a closing plan"),
    text("map_status", "state of the mutual action plan"),
    number("contacts_engaged", "people at the buyer who called, wrote or met us about the deal"),
    text("champion", "champion at the buyer"),
    flag("economic_buyer_engaged", "whether the economic buyer is engaged"),
    number("methodology_share", "share of the methodology's fields that are filled, 0 to 1"),
    instant("handed_off_at", "when customer success took it over"),
    instant("handoff_document_at", "when the seller gave customer success the handoff document"),
    instant("kickoff_at", "when customer success held the joint kickoff"),
    instant("requalified_at", "when it was last re-qualified"),
    # What follows is worked out by ros-sync where the CRM does not say it.
    instant("stage_entered_at", "last entry to the current stage"),
    computed(
        flag("stage_entry_known", "false where the stage never moved here, so that creation counts as entry"),
        default="false",
    ),
    computed(number("stage_days_before", "days spent in the current stage before the last entry to it"), default="0"),
    computed(instant("advanced_at", "last move to a later stage; creation where it never moved")),
    computed(day("first_close_date", "the first close date it had")),
    computed(count("push_count", "close-date moves to a later calendar month while open"), default="0"),
    computed(count("fiscal_push_count", "close-date moves to a later fiscal quarter while open"), default="0"),
    computed(count("pull_in_count", "close-date moves to an earlier calendar month while open"), default="0"),
    computed(count("days_pushed", "days that the close date was moved later, added up"), default="0"),
    computed(count("net_slip_days", "days from the first close date to the present one"), default="0"),
)

ACTIVITY = mirrored(
    "activity",
    "Something that happened between the buyer and us.",
    text("activity_kind", "email, call, meeting, note or task", options=ACTIVITY_KINDS),
    text("direction", "inbound (from the buyer) or outbound (from us)", options=DIRECTIONS),
    instant("occurred_at", "when it happened"),
    text("owner_id", "who of us took part", field="owner"),
    text("owner_named", "who the CRM names, where nobody here is known by that"),
    text("deal_id", "the deal it belongs to", field="deal"),
    text("lead_id", "the lead it belongs to", field="lead"),
    text("contact_id", "the contact it belongs to", field="contact"),
    text("subject", "subject"),
    Index("ix_activity_deal", "source", "deal_id"),
    Index("ix_activity_lead", "source", "lead_id"),
)

QUOTA = mirrored(
    "quota",
    "What an owner or a team is asked to close in a period.",
    text("owner_id", "the owner's id", field="owner"),
    text("owner_named", "who the CRM names, where nobody here is known by that"),
    text("team", "team, where the quota is a team's"),
    text("period", "period, such as 2026-Q1 or 2026-03"),
    money("amount_minor", "the quota"),
    text("currency", "ISO 4217 code of `amount`"),
)

PIPELINE_STAGE = mirrored(
    "pipeline_stage",
    "A stage of a pipeline.",
    text("pipeline", "pipeline"),
    text("name", "the stage as the CRM names it"),
    count("stage_order", "place in the pipeline, from 1"),
    text("stage_kind", "open, won or lost", options=STAGE_KINDS),
    text("stage_position", "early, mid or late", options=STAGE_POSITIONS),
    number("probability", "chance of winning, 0 to 1"),
    text("exit_criteria", "what must be true before a deal leaves the stage"),
)

# The columns that hold the id of a record of another object, in the same CRM.
REFERENCES = {
    "owner_id": "owner",
    "account_id": "account",
    "deal_id": "deal",
    "lead_id": "lead",
    "contact_id": "contact",
}

CHANGE = table(
    "change",
    "One property of one record, changed once: old value, new value, when, and by whom where that is known.",
    numbered(),
    needed("object"),
    needed("source"),
    needed("record_id"),
    needed("field", doc="the column that changed, or `custom.<name>`"),
    needed("at", Instant),
    optional("old", doc="stored form as text; see ros_sync.fields"),
    optional("new"),
    optional("by", doc="who changed it, where the CRM says so"),
    optional("run_id", BigKey),
    optional("cause", doc="`currency`: exchange rates changed, and nobody changed the record; empty: the record did"),
    Index("ix_change_record", "object", "source", "record_id", "field", "at"),
)

HISTORY_ENTRY = table(
    "history_entry",
    "A change that a history stream told of. It waits for a row that is as new as it is, and then is part of the "
    "record's past. It stays, since what it means may depend on others that come later.",
    key("source"),
    key("stream", doc="the stream of the record"),
    key("record_id"),
    key("field", doc="the canonical field"),
    key("at", Instant),
    optional("value", doc="as JSON, in stored form"),
    optional("before", doc="as JSON: what it was until then, where that was told"),
    optional("by", doc="who changed it, where that was told"),
    optional("merged_at", Instant, doc="when it became part of the past; empty while it waits"),
    Index("ix_history_entry_waiting", "source", "stream", "merged_at"),
)

RECORD_LINK = table(
    "record_link",
    "An association of a record in the CRM, as it is at present. One pair may have several labels.",
    key("source"),
    key("stream", doc="the vendor's kind of record, such as `deals`"),
    key("record_id"),
    key("to_stream"),
    key("to_id"),
    key("label", doc="such as `primary`; empty where there is none", default=""),
    needed("since", Instant, doc="when it was first seen here"),
    Index("ix_record_link_to", "source", "to_stream", "to_id"),
)

FORMER_LINK = table(
    "former_link",
    "An association of an activity with a person that has ended. When the person is erased, what was said with them "
    "goes too. The CRM takes the association away together with the person, and which of the two is read first is a "
    "matter of chance.",
    key("source"),
    key("stream"),
    key("record_id"),
    key("to_stream"),
    key("to_id"),
    needed("ended_at", Instant, doc="when it was seen here that it had ended"),
    Index("ix_former_link_to", "source", "to_stream", "to_id"),
)

REDIRECT = table(
    "redirect",
    "A record that was merged into another one; asking for the old id means the new one.",
    key("source"),
    key("object"),
    key("old_id"),
    needed("new_id", index=True),
    needed("at", Instant, doc="when it was learnt"),
)

JOINABLE = ("owner", "account", "contact", "deal", "lead", "activity")  # stages and quotas are each CRM's own

ARCHIVED_RECORD = table(
    "archived_record",
    "A record that is archived in the CRM and was never seen here: there is no row to mark as deleted.",
    key("source"),
    key("stream", doc="the vendor's kind of record, such as `deals`"),
    key("id"),
    needed("at", Instant, doc="when it was last found archived"),
)
