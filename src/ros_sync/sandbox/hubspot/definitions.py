"""Properties, pipelines and owners as a HubSpot account defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
PRIMARY = "Primary"
# HubSpot, "Association type IDs": the unlabelled association of each pair, and its primary one.
ASSOCIATION_TYPES = {
    ("deals", "companies", ""): 341, ("deals", "companies", PRIMARY): 5, ("deals", "contacts", ""): 3,
    ("deals", "deals", ""): 451, ("contacts", "contacts", ""): 449, ("companies", "companies", ""): 450,
    ("contacts", "companies", ""): 279, ("contacts", "companies", PRIMARY): 1, ("contacts", "deals", ""): 4,
    ("companies", "contacts", ""): 280, ("companies", "contacts", PRIMARY): 2,
    ("companies", "deals", ""): 342, ("companies", "deals", PRIMARY): 6,
    ("calls", "contacts", ""): 194, ("calls", "companies", ""): 182, ("calls", "deals", ""): 206,
    ("emails", "contacts", ""): 198, ("emails", "companies", ""): 186, ("emails", "deals", ""): 210,
    ("meetings", "contacts", ""): 200, ("meetings", "companies", ""): 188, ("meetings", "deals", ""): 212,
    ("notes", "contacts", ""): 202, ("notes", "companies", ""): 190, ("notes", "deals", ""): 214,
    ("tasks", "contacts", ""): 204, ("tasks", "companies", ""): 192, ("tasks", "deals", ""): 216,
    ("contacts", "calls", ""): 193, ("companies", "calls", ""): 181, ("deals", "calls", ""): 205,
    ("contacts", "emails", ""): 197, ("companies", "emails", ""): 185, ("deals", "emails", ""): 209,
    ("contacts", "meetings", ""): 199, ("companies", "meetings", ""): 187, ("deals", "meetings", ""): 211,
    ("contacts", "notes", ""): 201, ("companies", "notes", ""): 189, ("deals", "notes", ""): 213,
    ("contacts", "tasks", ""): 203, ("companies", "tasks", ""): 191, ("deals", "tasks", ""): 215,
}  # fmt: skip
OWN_LABELS_FROM = 1_000  # where the numbers of a company's own labels begin


def association_type(one: str, other: str, label: str) -> int:
    """The number of a type of association: HubSpot's own, or one made for a label of the company's own."""
    return ASSOCIATION_TYPES.get((one, other, label)) or OWN_LABELS_FROM + sum(map(ord, f"{one}>{other}:{label}"))


@dataclass(slots=True)
class PropertyDefinition:
    """One property. `hidden` ones are there and may not be seen with this token; `standard` ones are HubSpot's own.

    `option_labels` say how people see an option, where that is not its value.
    """

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    options: tuple[str, ...] = ()
    calculated: bool = False
    hidden: bool = False
    standard: bool = False
    option_labels: Mapping[str, str] = field(default_factory=dict)


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
    own = [
        PropertyDefinition(created_property(object_type), "datetime", "date", "Create date"),
        PropertyDefinition(modified_property(object_type), "datetime", "date", "Last modified", calculated=True),
        PropertyDefinition("hs_object_id", "number", "number", "Record ID", calculated=True),
        PropertyDefinition("hs_merged_object_ids", "enumeration", "checkbox", "Merged IDs", calculated=True),
        PropertyDefinition("hubspot_owner_id", "enumeration", "select", "Owner"),
        PropertyDefinition("hubspot_owner_assigneddate", "datetime", "date", "Owner assigned", calculated=True),
    ]
    own += [PropertyDefinition(name, kind, label=name) for name, kind in _STANDARD[object_type].items()]
    return [replace(each, standard=True) for each in own]


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
