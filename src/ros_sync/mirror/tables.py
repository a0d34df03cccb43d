"""The mirror's tables: what the CRMs hold, under one set of names.

Every mirrored row is keyed by (source, id). Two tables stand for each object: the present (`deal`) and the past
(`deal_version`), with the same columns. A present row is true from `valid_from` on; when it changes, the state that
ended moves to the version table with its `valid_to`. So the present stays small and quick, a record that never
changed costs one row, and the state at any moment is a union of the two (`mirror.as_of`). Beside them stand changes, links,
redirects and what is archived. What the mirror notes of its own work is in `bookkeeping`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Index, Table
from sqlmodel import Field

from ros_sync.mirror.columns import (
    BigKey,
    Instant,
    Json,
    Stored,
    computed,
    count,
    day,
    flag,
    instant,
    money,
    number,
    text,
)


class Mirrored(Stored):
    """What every mirrored row has beside its fields."""

    source: str = Field(primary_key=True, description="the connection it came by, such as `hubspot`")
    id: str = Field(primary_key=True, description="its id in that CRM")
    valid_from: datetime = Field(sa_type=Instant, description="since when this state has been true")
    modified_at: datetime | None = instant("when the CRM last changed it, where the CRM says so")
    deleted_at: datetime | None = instant("when it was deleted or archived in the CRM")
    run_id: int | None = Field(default=None, sa_type=BigKey, description="the sync run that wrote this state")
    custom: dict[str, Any] | None = Field(default=None, sa_type=Json, description="properties that the company added")


class OwnerState(Mirrored):
    """A CRM user: a seller or a manager."""

    name: str | None = text("full name")
    email: str | None = text("work e-mail address, by which Slack knows the person")
    active: bool | None = flag("whether the person still works here")
    timezone: str | None = text("IANA time zone")
    team: str | None = text("team")
    manager: str | None = text("the manager's id, e-mail or name")
    role: str | None = text("seller or manager")
    segment: str | None = text("segment sold to")
    region: str | None = text("region")
    language: str | None = text("preferred language")
    slack_user: str | None = text("Slack user id, where it is known")


class AccountState(Mirrored):
    """A company that buys or may buy."""

    name: str | None = text("name")
    domain: str | None = text("web domain")
    industry: str | None = text("industry")
    employees: float | None = number("number of employees")
    segment: str | None = text("segment")
    region: str | None = text("region")
    icp_tier: str | None = text("tier of the ideal customer profile")
    owner_id: str | None = text("the owner's id", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names as owner, where nobody here is known by that")
    renewal_date: date | None = day("when the contract renews")


class ContactState(Mirrored):
    """A person at an account."""

    name: str | None = text("full name")
    email: str | None = text("e-mail address")
    role: str | None = text("role or seniority")
    account_id: str | None = text("the account's id", info={"field": "account"})
    owner_id: str | None = text("the owner's id", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names as owner, where nobody here is known by that")
    opted_out: bool | None = flag("whether the person declined to be contacted")


class LeadState(Mirrored):
    """A person on the way from lead to MQL to accepted or rejected."""

    name: str | None = text("full name")
    email: str | None = text("e-mail address")
    company: str | None = text("company as given")
    lifecycle_stage: str | None = text("lifecycle stage")
    became_lead_at: datetime | None = instant("when it first became a lead")
    became_mql_at: datetime | None = instant("when it first met the MQL threshold")
    score: float | None = number("lead score")
    lead_source: str | None = text("where the lead came from")
    segment: str | None = text("segment")
    region: str | None = text("region")
    owner_id: str | None = text("the owner's id", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names as owner, where nobody here is known by that")
    assigned_at: datetime | None = instant("when it was assigned to its owner")
    first_response_at: datetime | None = instant("first human response")
    accepted_at: datetime | None = instant("when sales accepted it")
    rejected_at: datetime | None = instant("when sales rejected it")
    rejection_code: str | None = text("why it was rejected")
    deal_id: str | None = text("the deal it became", info={"field": "deal"})
    account_id: str | None = text("the account's id", info={"field": "account"})


class DealState(Mirrored):
    """An opportunity."""

    name: str | None = text("name")
    amount_minor: int | None = money("what it is worth, in its own currency")
    currency: str | None = text("ISO 4217 code of `amount`")
    amount_home_minor: int | None = money("what it is worth in the company's own currency")
    pipeline: str | None = text("pipeline")
    stage: str | None = text("stage")
    stage_kind: str | None = text("open, won or lost")
    stage_position: str | None = text("early, mid or late")
    stage_order: int | None = count("place of the stage in its pipeline, from 1")
    probability: float | None = number("chance of winning, 0 to 1")
    forecast_category: str | None = text("closed, commit, best case, pipeline or omitted")
    close_date: date | None = day("when it is expected to be signed, or was")
    created_at: datetime | None = instant("when it was created in the CRM")
    closed_at: datetime | None = instant("when it was won or lost")
    owner_id: str | None = text("the owner's id", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names as owner, where nobody here is known by that")
    account_id: str | None = text("the account's id", info={"field": "account"})
    account_name: str | None = text("the account's name as the CRM gives it")
    segment: str | None = text("segment")
    region: str | None = text("region")
    demand_source: str | None = text("who created the demand: sales, sdr, marketing or partner")
    deal_type: str | None = text("new business, expansion or renewal")
    product: str | None = text("what is sold")
    next_step: str | None = text("next step agreed with the buyer")
    next_step_date: date | None = day("when the next step is due")
    last_activity_at: datetime | None = instant("last activity of either side")
    last_buyer_activity_at: datetime | None = instant("last thing the buyer did: replied, attended, signed")
    last_meeting_at: datetime | None = instant("last meeting that took place")
    competitor: str | None = text("main competitor")
    loss_reason: str | None = text("why it was lost")
    closing_plan: bool | None = flag("whether there is a closing plan")
    map_status: str | None = text("state of the mutual action plan")
    contacts_engaged: float | None = number("people at the buyer who called, wrote or met us about the deal")
    champion: str | None = text("champion at the buyer")
    economic_buyer_engaged: bool | None = flag("whether the economic buyer is engaged")
    methodology_share: float | None = number("share of the methodology's fields that are filled, 0 to 1")
    handed_off_at: datetime | None = instant("when customer success took it over")
    handoff_document_at: datetime | None = instant("when the seller gave customer success the handoff document")
    kickoff_at: datetime | None = instant("when customer success held the joint kickoff")
    requalified_at: datetime | None = instant("when it was last re-qualified")

    stage_entered_at: datetime | None = instant("last entry to the current stage")
    stage_entry_known: bool | None = computed(
        flag("false where the stage never moved here, so that creation counts as entry"), default="false"
    )
    stage_days_before: float | None = computed(
        number("days spent in the current stage before the last entry to it"), default="0"
    )
    advanced_at: datetime | None = computed(instant("last move to a later stage; creation where it never moved"))
    first_close_date: date | None = computed(day("the first close date it had"))
    push_count: int | None = computed(count("close-date moves to a later calendar month while open"), default="0")
    fiscal_push_count: int | None = computed(
        count("close-date moves to a later fiscal quarter while open"), default="0"
    )
    pull_in_count: int | None = computed(count("close-date moves to an earlier calendar month while open"), default="0")
    days_pushed: int | None = computed(count("days that the close date was moved later, added up"), default="0")
    net_slip_days: int | None = computed(count("days from the first close date to the present one"), default="0")


class ActivityState(Mirrored):
    """Something that happened between the buyer and us."""

    activity_kind: str | None = text("email, call, meeting, note or task")
    direction: str | None = text("inbound (from the buyer) or outbound (from us)")
    occurred_at: datetime | None = instant("when it happened")
    owner_id: str | None = text("who of us took part", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names, where nobody here is known by that")
    deal_id: str | None = text("the deal it belongs to", info={"field": "deal"})
    lead_id: str | None = text("the lead it belongs to", info={"field": "lead"})
    contact_id: str | None = text("the contact it belongs to", info={"field": "contact"})
    subject: str | None = text("subject")


class QuotaState(Mirrored):
    """What an owner or a team is asked to close in a period."""

    owner_id: str | None = text("the owner's id", info={"field": "owner"})
    owner_named: str | None = text("who the CRM names, where nobody here is known by that")
    team: str | None = text("team, where the quota is a team's")
    period: str | None = text("period, such as 2026-Q1 or 2026-03")
    amount_minor: int | None = money("the quota")
    currency: str | None = text("ISO 4217 code of `amount`")


class PipelineStageState(Mirrored):
    """A stage of a pipeline."""

    pipeline: str | None = text("pipeline")
    name: str | None = text("the stage as the CRM names it")
    stage_order: int | None = count("place in the pipeline, from 1")
    stage_kind: str | None = text("open, won or lost")
    stage_position: str | None = text("early, mid or late")
    probability: float | None = number("chance of winning, 0 to 1")
    exit_criteria: str | None = text("what must be true before a deal leaves the stage")


class Owner(OwnerState, table=True):
    """Owners at present."""


class Account(AccountState, table=True):
    """Accounts at present."""


class Contact(ContactState, table=True):
    """Contacts at present."""


class Lead(LeadState, table=True):
    """Leads at present."""

    __table_args__ = (Index("ix_lead_became_mql_at", "became_mql_at"),)


class Deal(DealState, table=True):
    """Deals at present."""


class Activity(ActivityState, table=True):
    """Activities at present."""

    __table_args__ = (Index("ix_activity_deal", "source", "deal_id"), Index("ix_activity_lead", "source", "lead_id"))


class Quota(QuotaState, table=True):
    """Quotas at present."""


class PipelineStage(PipelineStageState, table=True):
    """Pipeline stages at present."""

    __tablename__ = "pipeline_stage"


def past_of(model: type[Mirrored]) -> Table:
    """The version table of an object: the columns of the present one, and when each state ended; the next one begins there.

    No class stands for it: nobody asks for its rows as objects, and each class costs every command time to start.
    """
    present = model.metadata.tables[str(model.__tablename__)]
    columns = [
        Column(
            each.name,
            each.type,
            primary_key=each.primary_key or each.name == "valid_from",
            nullable=each.nullable,
            server_default=each.server_default,
            info=each.info,
        )
        for each in present.columns
    ]
    return Table(f"{present.name}_version", present.metadata, *columns, Column("valid_to", Instant, nullable=False))


PASTS: dict[type[Mirrored], Table] = {
    model: past_of(model) for model in (Owner, Account, Contact, Lead, Deal, Activity, Quota, PipelineStage)
}


class Change(Stored, table=True):
    """One property of one record, changed once: old value, new value, when, and by whom where that is known."""

    __table_args__ = (Index("ix_change_record", "object", "source", "record_id", "field", "at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    object: str
    source: str
    record_id: str
    field: str = Field(description="the column that changed, or `custom.<name>`")
    at: datetime = Field(sa_type=Instant)
    old: str | None = Field(default=None, description="carried form as text; see ros_sync.fields")
    new: str | None = None
    by: str | None = Field(default=None, description="who changed it, where the CRM says so")
    run_id: int | None = Field(default=None, sa_type=BigKey)


class RecordLink(Stored, table=True):
    """An association of a record in the CRM, as it is at present. One pair may have several labels."""

    __tablename__ = "record_link"
    __table_args__ = (Index("ix_record_link_to", "source", "to_stream", "to_id"),)

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True, description="the vendor's kind of record, such as `deals`")
    record_id: str = Field(primary_key=True)
    to_stream: str = Field(primary_key=True)
    to_id: str = Field(primary_key=True)
    label: str = Field(primary_key=True, default="", description="such as `primary`; empty where there is none")
    since: datetime = Field(sa_type=Instant, description="when it was first seen here")


class FormerLink(Stored, table=True):
    """An association of an activity with a person that has ended. When the person is erased, what was said with them goes too.

    The CRM takes the association away together with the person, and which of the two is read first is a matter of chance.
    """

    __tablename__ = "former_link"
    __table_args__ = (Index("ix_former_link_to", "source", "to_stream", "to_id"),)

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    to_stream: str = Field(primary_key=True)
    to_id: str = Field(primary_key=True)
    ended_at: datetime = Field(sa_type=Instant, description="when it was seen here that it had ended")


class Redirect(Stored, table=True):
    """A record that was merged into another one; asking for the old id means the new one."""

    source: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    old_id: str = Field(primary_key=True)
    new_id: str = Field(index=True)
    at: datetime = Field(sa_type=Instant, description="when it was learnt")


class ArchivedRecord(Stored, table=True):
    """A record that is archived in the CRM and was never seen here: there is no row to mark as deleted."""

    __tablename__ = "archived_record"

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True, description="the vendor's kind of record, such as `deals`")
    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant, description="when it was last found archived")
