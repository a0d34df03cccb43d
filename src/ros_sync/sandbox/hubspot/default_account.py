"""An account as HubSpot gives it to a new customer: its own properties, one pipeline, the default lifecycle stages.

Names, labels and stages: HubSpot, "HubSpot's default deal properties", "Set up and customize your deal pipelines and
deal stages", "Use lifecycle stages".
"""

from __future__ import annotations

from dataclasses import replace

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.company import Furnishing
from ros_sync.sandbox.hubspot.definitions import PropertyDefinition
from ros_sync.sandbox.world.pipelines import RENEWALS, SALES

PIPELINE = "default"
STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
_CLOSED = ("closedwon", "closedlost")
LIFECYCLE_STAGES = {
    "subscriber": "Subscriber", "lead": "Lead", "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead", "opportunity": "Opportunity", "customer": "Customer",
    "evangelist": "Evangelist", "other": "Other",
}  # fmt: skip
_OPTIONS = {
    ("contacts", "lifecyclestage"): ("Lifecycle Stage", LIFECYCLE_STAGES),
    ("companies", "lifecyclestage"): ("Lifecycle Stage", LIFECYCLE_STAGES),
    ("contacts", "hs_lead_status"): ("Lead Status", {
        "NEW": "New", "OPEN": "Open", "IN_PROGRESS": "In Progress", "OPEN_DEAL": "Open Deal",
        "UNQUALIFIED": "Unqualified", "ATTEMPTED_TO_CONTACT": "Attempted to Contact", "CONNECTED": "Connected",
        "BAD_TIMING": "Bad Timing",
    }),
    ("deals", "dealtype"): ("Deal Type", {"newbusiness": "New Business", "existingbusiness": "Existing Business"}),
    ("deals", "hs_manual_forecast_category"): ("Forecast category", {
        "OMIT": "Not forecasted", "PIPELINE": "Pipeline", "BEST_CASE": "Best case", "COMMIT": "Commit",
        "CLOSED": "Closed won",
    }),
    ("deals", "hs_priority"): ("Priority", {"low": "Low", "medium": "Medium", "high": "High"}),
}  # fmt: skip
# By name: its type, its label, and whether it is calculated.
_MORE: dict[str, dict[str, tuple[str, str, bool]]] = {
    "deals": {
        "description": ("string", "Deal Description", False),
        "hs_priority": ("enumeration", "Priority", False),
        "closed_won_reason": ("string", "Closed Won Reason", False),
        "num_associated_contacts": ("number", "Number of Associated Contacts", True),
        "notes_last_contacted": ("datetime", "Last Contacted", True),
        "notes_last_updated": ("datetime", "Last Activity Date", True),
        "notes_next_activity_date": ("datetime", "Next Activity Date", True),
        "hs_next_meeting_start_time": ("datetime", "Next Meeting Start Time", True),
        "hs_deal_stage_probability": ("number", "Deal probability", True),
        "hs_is_stalled": ("bool", "Is Stalled", True),
        "hs_is_closed_won": ("bool", "Is Closed Won", True),
    },
    "contacts": {
        "jobtitle": ("string", "Job Title", False),
        "notes_last_contacted": ("datetime", "Last Contacted", True),
        "hs_latest_meeting_activity": ("datetime", "Latest meeting activity", True),
    },
    "companies": {
        "country": ("string", "Country/Region", False),
        "state": ("string", "State/Region", False),
        "annualrevenue": ("number", "Annual Revenue", False),
        "hs_is_target_account": ("bool", "Target Account", False),
    },
}


def define(account: HubSpotAccount) -> None:
    """Furnish an account as HubSpot does."""
    for kind, properties in _MORE.items():
        for name, (type_name, label, calculated) in properties.items():
            account.properties[kind][name] = PropertyDefinition(
                name, type_name, label=label, calculated=calculated, standard=True
            )
    for (kind, name), (label, options) in _OPTIONS.items():
        account.properties[kind][name] = replace(
            account.properties[kind][name],
            label=label, field_type="select", options=tuple(options), option_labels=options,
        )  # fmt: skip
    stages = [
        (stage, label, place, {"isClosed": "true" if stage in _CLOSED else "false", "probability": probability})
        for place, (stage, label, probability) in enumerate(STAGES)
    ]
    account.add_pipeline("deals", PIPELINE, "Sales Pipeline", stages)


def _in_order(stages: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {ours: (PIPELINE, theirs) for ours, theirs in stages.items()}


DEFAULT = Furnishing(
    define,
    {
        SALES: _in_order({
            "Qualification": "appointmentscheduled", "Discovery": "qualifiedtobuy",
            "Evaluation": "presentationscheduled", "Proposal": "decisionmakerboughtin", "Negotiation": "contractsent",
            "Closed Won": "closedwon", "Closed Lost": "closedlost",
        }),
        RENEWALS: _in_order({
            "Upcoming": "appointmentscheduled", "In Review": "presentationscheduled", "Terms Sent": "contractsent",
            "Renewed": "closedwon", "Not Renewed": "closedlost",
        }),
    },
    {
        "Lead": {"lifecyclestage": "lead"},
        "MQL": {"lifecyclestage": "marketingqualifiedlead"},
        "SAL": {"lifecyclestage": "salesqualifiedlead"},
        "Opportunity": {"lifecyclestage": "opportunity"},
        "Rejected": {"hs_lead_status": "UNQUALIFIED"},
    },
    {"new business": "newbusiness", "expansion": "existingbusiness", "renewal": "existingbusiness"},
)  # fmt: skip
