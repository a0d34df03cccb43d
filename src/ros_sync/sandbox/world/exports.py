"""The CRM's export files: the world at one instant as CSV (RFC 4180), under the headings a CRM gives its columns.

`connectors/export.yaml` reads them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from ros_sync.money import exponent
from ros_sync.sandbox.world.company import World
from ros_sync.sandbox.world.events import Row, Value, WorldState

Cell = Callable[[Row, WorldState], str]


def plain(field: str) -> Cell:
    """The field as text: instants as ISO 8601 in UTC, flags as Yes and No, nothing for a missing value."""
    return lambda row, _: text(row.get(field))


def label(field: str, **spelled: str) -> Cell:
    """The field as people read it: `best case` is `Best Case`; `spelled` are the exceptions."""

    def cell(row: Row, _: WorldState) -> str:
        value = text(row.get(field))
        return spelled.get(value) or value.title()

    return cell


def owner_email(row: Row, state: WorldState) -> str:
    """The owner's e-mail address."""
    owner = row.get("owner")
    return text(state.owners[str(owner)]["email"]) if owner else ""


def amount(row: Row, _: WorldState) -> str:
    """The amount with the decimals of its currency."""
    value = row.get("amount")
    if not isinstance(value, Decimal):
        return ""
    return f"{value:.{exponent(str(row['currency']))}f}"


def text(value: Value) -> str:
    """A value as the exports spell it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else str(value)


DEAL_COLUMNS: dict[str, Cell] = {
    "Record ID": plain("id"),
    "Deal Name": plain("name"),
    "Pipeline": plain("pipeline"),
    "Deal Stage": plain("stage"),
    "Stage Entered": plain("stage_entered"),
    "Amount": amount,
    "Currency": plain("currency"),
    "Close Date": plain("close_date"),
    "Create Date": plain("created"),
    "Closed At": plain("closed"),
    "Deal owner": owner_email,
    "Account ID": plain("account"),
    "Segment": label("segment", smb="SMB"),
    "Region": plain("region"),
    "Forecast Category": label("forecast_category"),
    "Demand Source": label("demand_source", sdr="SDR"),
    "Deal Type": label("deal_type"),
    "Next Step": plain("next_step"),
    "Next Step Date": plain("next_step_date"),
    "Last Activity": plain("last_activity"),
    "Last Buyer Activity": plain("last_buyer_activity"),
    "Competitor": plain("competitor"),
    "Loss Reason": plain("loss_reason"),
    "Closing Plan": plain("closing_plan"),
    "Contacts Engaged": plain("contacts_engaged"),
    "Champion": plain("champion"),
    "Economic Buyer Engaged": plain("economic_buyer_engaged"),
    "Handed Off To CS": plain("handed_off"),
    "Team Size": plain("team_size"),
    "Last Modified Date": plain("modified"),
}
FILES: dict[str, tuple[str, dict[str, Cell]]] = {
    "users.csv": (
        "owner",
        {
            "User ID": plain("id"),
            "Full Name": plain("name"),
            "Email": plain("email"),
            "Active": plain("active"),
            "Time Zone": plain("timezone"),
            "Team": plain("team"),
            "Manager": plain("manager"),
            "Role": label("role", revops="RevOps"),
            "Segment": label("segment", smb="SMB"),
            "Region": plain("region"),
            "Language": plain("language"),
            "Last Modified Date": plain("modified"),
        },
    ),
    "accounts.csv": (
        "account",
        {
            "Account ID": plain("id"),
            "Account Name": plain("name"),
            "Website": plain("domain"),
            "Industry": plain("industry"),
            "Employees": plain("employees"),
            "Segment": label("segment", smb="SMB"),
            "Region": plain("region"),
            "ICP Tier": plain("icp_tier"),
            "Account owner": owner_email,
            "Renewal Date": plain("renewal_date"),
            "Last Modified Date": plain("modified"),
        },
    ),
    "contacts.csv": (
        "contact",
        {
            "Contact ID": plain("id"),
            "Full Name": plain("name"),
            "Email": plain("email"),
            "Buying Role": plain("role"),
            "Account ID": plain("account"),
            "Contact owner": owner_email,
            "Opted Out": plain("opted_out"),
            "Last Modified Date": plain("modified"),
        },
    ),
    "deals.csv": ("deal", DEAL_COLUMNS),
    "leads.csv": (
        "lead",
        {
            "Lead ID": plain("id"),
            "Full Name": plain("name"),
            "Email": plain("email"),
            "Company": plain("company"),
            "Lifecycle Stage": plain("lifecycle_stage"),
            "Became Lead": plain("became_lead"),
            "Became MQL": plain("became_mql"),
            "Lead Score": plain("score"),
            "Lead Source": plain("lead_source"),
            "Segment": label("segment", smb="SMB"),
            "Region": plain("region"),
            "Lead owner": owner_email,
            "Assigned At": plain("assigned"),
            "First Response": plain("first_response"),
            "Accepted At": plain("accepted"),
            "Rejected At": plain("rejected"),
            "Rejection Code": plain("rejection_code"),
            "Converted Deal ID": plain("deal"),
            "Account ID": plain("account"),
            "Last Modified Date": plain("modified"),
        },
    ),
    "activities.csv": (
        "activity",
        {
            "Activity ID": plain("id"),
            "Type": label("kind"),
            "Direction": label("direction"),
            "Activity Date": plain("occurred"),
            "Logged by": owner_email,
            "Deal ID": plain("deal"),
            "Lead ID": plain("lead"),
            "Contact ID": plain("contact"),
            "Subject": plain("subject"),
        },
    ),
    "quotas.csv": (
        "quota",
        {
            "Quota ID": plain("id"),
            "Quota owner": owner_email,
            "Period": plain("period"),
            "Quota": amount,
            "Currency": plain("currency"),
            "Last Modified Date": plain("modified"),
        },
    ),
}


def write_exports(world: World, directory: Path, at: datetime) -> list[Path]:
    """Write the CRM's exports as of an instant into `directory` (made if it is not there).

    The files, in import order.
    """
    state = world.state(at)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (object_name, columns) in FILES.items():
        path = directory / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            cells = list(columns.values())
            writer.writerows([cell(row, state) for cell in cells] for row in state.rows[object_name].values())
        paths.append(path)
    return paths
