"""Properties, pipelines and owners as a HubSpot account defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ENGAGEMENTS = ("calls", "emails", "meetings", "notes", "tasks")
OBJECT_TYPES = ("deals", "contacts", "companies", *ENGAGEMENTS)
TYPE_IDS = {
    "contacts": "0-1", "companies": "0-2", "deals": "0-3", "notes": "0-46", "meetings": "0-47", "calls": "0-48",
    "emails": "0-49", "tasks": "0-27",
}  # fmt: skip
SINGULAR = {
    "deals": "deal", "contacts": "contact", "companies": "company", "calls": "call", "emails": "email",
    "meetings": "meeting_event", "notes": "note", "tasks": "task",
}  # fmt: skip


@dataclass(slots=True)
class PropertyDefinition:
    """One property. `hidden` ones are there and may not be seen with this token."""

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    options: tuple[str, ...] = ()
    calculated: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """A stage: HubSpot says in its metadata whether it is closed and how probable a deal there is."""

    id: str
    label: str
    display_order: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether deals end there."""
        return self.metadata.get("isClosed") == "true"


@dataclass(slots=True)
class Pipeline:
    """A pipeline with its stages in order."""

    id: str
    label: str
    stages: list[PipelineStage]


@dataclass(slots=True)
class Owner:
    """A user who can own records; `teams` are (id, name), the first one the primary team."""

    id: str
    email: str
    first_name: str
    last_name: str
    teams: Sequence[tuple[str, str]] = ()
    archived: bool = False


def modified_property(object_type: str) -> str:
    """Where an object keeps the instant of its last change: contacts differ from all others."""
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


def created_property(object_type: str) -> str:
    """Where an object keeps the instant of its creation."""
    return "hs_createdate" if object_type in ENGAGEMENTS else "createdate"


def standard_properties(object_type: str) -> list[PropertyDefinition]:
    """The properties that HubSpot itself defines, of those that the sandbox knows."""
    dated = [
        PropertyDefinition(created_property(object_type), "datetime", "date", "Create date"),
        PropertyDefinition(modified_property(object_type), "datetime", "date", "Last modified", calculated=True),
        PropertyDefinition("hs_object_id", "number", "number", "Record ID", calculated=True),
        PropertyDefinition("hs_merged_object_ids", "enumeration", "checkbox", "Merged IDs", calculated=True),
        PropertyDefinition("hubspot_owner_id", "enumeration", "select", "Owner"),
        PropertyDefinition("hubspot_owner_assigneddate", "datetime", "date", "Owner assigned", calculated=True),
    ]
    return [*dated, *(PropertyDefinition(name, kind, label=name) for name, kind in _STANDARD[object_type].items())]


_STANDARD: dict[str, dict[str, str]] = {
    "deals": {
        "dealname": "string", "amount": "number", "deal_currency_code": "enumeration", "pipeline": "enumeration",
        "dealstage": "enumeration", "closedate": "datetime", "hs_manual_forecast_category": "enumeration",
        "hs_next_step": "string", "dealtype": "enumeration", "closed_lost_reason": "string",
    },
    "contacts": {
        "firstname": "string", "lastname": "string", "email": "string", "company": "string", "phone": "string",
        "lifecyclestage": "enumeration", "hubspotscore": "number", "hs_analytics_source": "enumeration",
        "hs_buying_role": "enumeration", "hs_email_optout": "bool", "hs_lead_status": "enumeration",
        "hs_lifecyclestage_lead_date": "datetime", "hs_lifecyclestage_marketingqualifiedlead_date": "datetime",
        "hs_lifecyclestage_salesqualifiedlead_date": "datetime", "hs_lifecyclestage_opportunity_date": "datetime",
        "hs_lifecyclestage_customer_date": "datetime",
    },
    "companies": {
        "name": "string", "domain": "string", "industry": "enumeration", "numberofemployees": "number",
        "lifecyclestage": "enumeration",
    },
    "calls": {
        "hs_timestamp": "datetime", "hs_call_direction": "enumeration", "hs_call_title": "string",
        "hs_call_status": "enumeration", "hs_call_body": "string",
    },
    "emails": {
        "hs_timestamp": "datetime", "hs_email_direction": "enumeration", "hs_email_subject": "string",
        "hs_email_status": "enumeration", "hs_email_text": "string",
    },
    "meetings": {"hs_timestamp": "datetime", "hs_meeting_outcome": "enumeration", "hs_meeting_title": "string"},
    "notes": {"hs_timestamp": "datetime", "hs_note_body": "string"},
    "tasks": {
        "hs_timestamp": "datetime", "hs_task_status": "enumeration", "hs_task_subject": "string",
        "hs_task_completion_date": "datetime", "hs_task_body": "string",
    },
}  # fmt: skip
