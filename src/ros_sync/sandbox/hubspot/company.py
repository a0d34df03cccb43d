"""The sandbox's little company as a HubSpot account: its events, replayed as what people did in the CRM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.definitions import ENGAGEMENTS, PRIMARY
from ros_sync.sandbox.hubspot.records import iso, millis
from ros_sync.sandbox.hubspot.wear import wear
from ros_sync.sandbox.world import Event, Value, World
from ros_sync.sandbox.world.pipelines import PIPELINES, RENEWALS, SALES

PIPELINE_IDS = {SALES: "default", RENEWALS: "1044001"}
STAGE_IDS = {
    SALES: dict(
        zip(
            (stage.name for stage in PIPELINES[SALES]),
            ("qualification", "discovery", "evaluation", "proposal", "negotiation", "closedwon", "closedlost"),
            strict=True,
        )
    ),
    RENEWALS: {stage.name: str(1044010 + place) for place, stage in enumerate(PIPELINES[RENEWALS])},
}
FORECAST = {"pipeline": "PIPELINE", "best case": "BEST_CASE", "commit": "COMMIT", "closed": "CLOSED", "omitted": "OMIT"}
DEAL_TYPES = {"new business": "newbusiness", "expansion": "expansion", "renewal": "renewal"}
LIFECYCLE = {
    "Lead": "lead", "MQL": "marketingqualifiedlead", "SAL": "salesqualifiedlead", "Opportunity": "opportunity",
    "Rejected": "rejected",
}  # fmt: skip
_OWN = {
    "deals": {
        "next_step_date": "date", "segment": "enumeration", "region": "enumeration", "demand_source": "enumeration",
        "competitor": "string", "closing_plan": "bool", "map_status": "enumeration", "contacts_engaged": "number",
        "champion": "string", "economic_buyer_engaged": "bool", "methodology_share": "number",
        "handed_off_to_cs": "datetime", "requalified_at": "datetime", "product": "string", "team_size": "number",
        "handoff_document_at": "datetime", "kickoff_at": "datetime",
    },
    "contacts": {
        "segment": "enumeration", "region": "enumeration", "mql_rejected_at": "datetime",
        "mql_rejection_code": "enumeration",
    },
    "companies": {"segment": "enumeration", "region": "enumeration", "icp_tier": "enumeration", "renewal_date": "date"},
}  # fmt: skip
_DEAL = {
    "name": "dealname", "amount": "amount", "currency": "deal_currency_code", "owner": "hubspot_owner_id",
    "next_step": "hs_next_step", "next_step_date": "next_step_date", "segment": "segment", "region": "region",
    "demand_source": "demand_source", "competitor": "competitor", "loss_reason": "closed_lost_reason",
    "closing_plan": "closing_plan", "map_status": "map_status", "contacts_engaged": "contacts_engaged",
    "champion": "champion", "economic_buyer_engaged": "economic_buyer_engaged",
    "methodology_share": "methodology_share",
    "handed_off": "handed_off_to_cs", "requalified": "requalified_at", "product": "product", "team_size": "team_size",
}  # fmt: skip
_LEAD = {
    "email": "email", "company": "company", "score": "hubspotscore", "lead_source": "hs_analytics_source",
    "segment": "segment", "region": "region", "owner": "hubspot_owner_id", "rejected": "mql_rejected_at",
    "rejection_code": "mql_rejection_code",
}  # fmt: skip
_COMPANY = {
    "name": "name", "domain": "domain", "industry": "industry", "employees": "numberofemployees", "segment": "segment",
    "region": "region", "icp_tier": "icp_tier", "owner": "hubspot_owner_id", "renewal_date": "renewal_date",
}  # fmt: skip
ENGAGEMENT_IDS = 7_000_000_000  # where the ids of activities begin
CONNECTOR = Path(__file__).with_name("rich_account.yaml")  # the connector file that fits the rich account


@dataclass(frozen=True, slots=True)
class Furnishing:
    """How an account is furnished, and what the world's words are there.

    `stages` are (pipeline id, stage id) of the world's.

    `lifecycle` gives the properties that a stage of a lead sets.
    """

    define: Callable[[HubSpotAccount], None]
    stages: Mapping[str, Mapping[str, tuple[str, str]]]
    lifecycle: Mapping[str, Mapping[str, str]]
    deal_types: Mapping[str, str]


class Story:
    """Replays the world into an account, further each time it is asked to.

    With `with_wear`, what the world does not know of happens too, from the end of the first call on: archives,
    restores, merges, changed associations, an erasure.
    """

    def __init__(
        self, account: HubSpotAccount, world: World, *, with_wear: bool = True, furnishing: Furnishing | None = None
    ) -> None:
        self.account = account
        self._furnishing = furnishing or RICH
        self._world = world
        self._wears = with_wear
        self._until: datetime | None = None
        self._engagements = count(ENGAGEMENT_IDS)
        self._pipelines: dict[str, str] = {}
        self._furnishing.define(account)

    def advance_to(self, at: datetime) -> int:
        """Let everything up to an instant happen; the number of events. Nothing does where it has come further."""
        done = 0
        with self.account.lock:
            if self._until is not None and at <= self._until:
                return 0
            for event in self._world.events(self._until, at):
                self._happen(event)
                done += 1  # the number is wanted where nothing happened too
            if self._wears and self._until is not None:
                wear(self.account, self._until, at)
            self._until = at
        return done

    def _happen(self, event: Event) -> None:
        if event.kind == "activity_noted":
            return
        act = {"owner": self._owner, "account": self._company, "contact": self._contact, "deal": self._deal,
               "lead": self._lead, "activity": self._activity}.get(event.object)  # fmt: skip
        if act is not None and not self._is_gone(event):
            act(event)

    def _is_gone(self, event: Event) -> bool:
        """Whether the record was archived, merged or erased by wear, so that nobody works on it any more."""
        kind = {"account": "companies", "contact": "contacts", "deal": "deals", "lead": "contacts"}.get(event.object)
        if kind is None or event.kind == "created":
            return False
        record = self.account.find(kind, event.id)
        return record is None or record.archived_at is not None

    def _owner(self, event: Event) -> None:
        if event.kind == "left":
            self.account.archive_owner(event.id)
            return
        row = event.changes
        first, _, last = str(row["name"]).partition(" ")
        teams = [(str(row["team"]), str(row["team"]))] if row.get("team") else []
        self.account.add_owner(event.id, str(row["email"]), first, last, teams)

    def _company(self, event: Event) -> None:
        self._write("companies", event, _named(_COMPANY, event))

    def _contact(self, event: Event) -> None:
        row, properties = event.changes, _named({"email": "email", "owner": "hubspot_owner_id",
                                                 "role": "hs_buying_role",
                                                 "opted_out": "hs_email_optout"}, event)  # fmt: skip
        if "name" in row:
            properties |= _names(str(row["name"]))
        self._write("contacts", event, properties)
        self._link("contacts", event.id, "companies", row.get("account"), PRIMARY)

    def _lead(self, event: Event) -> None:
        row, properties = event.changes, _named(_LEAD, event)
        if event.kind == "responded":
            return  # the activity itself tells
        if "name" in row:
            properties |= _names(str(row["name"]))
        if "lifecycle_stage" in row:
            properties |= self._furnishing.lifecycle[str(row["lifecycle_stage"])]
        self._write("contacts", event, properties)
        self._link("contacts", event.id, "companies", row.get("account"), PRIMARY)
        self._link("contacts", event.id, "deals", row.get("deal"))

    def _deal(self, event: Event) -> None:
        row, properties = event.changes, _named(_DEAL, event)
        if "pipeline" in row:
            self._pipelines[event.id] = str(row["pipeline"])
        if "stage" in row:
            stages = self._furnishing.stages[self._pipelines[event.id]]
            pipeline, properties["dealstage"] = stages[str(row["stage"])]
            if "pipeline" in row:
                properties["pipeline"] = pipeline
        if row.get("forecast_category"):
            properties["hs_manual_forecast_category"] = FORECAST[str(row["forecast_category"])]
        if row.get("deal_type"):
            properties["dealtype"] = self._furnishing.deal_types[str(row["deal_type"])]
        closed, day = row.get("closed"), row.get("close_date")
        if isinstance(closed, datetime):
            properties["closedate"] = iso(millis(closed))
        elif isinstance(day, date):
            properties["closedate"] = iso(millis(datetime(day.year, day.month, day.day, tzinfo=UTC)))
        self._write("deals", event, properties)
        self._link("deals", event.id, "companies", row.get("account"), PRIMARY)

    def _activity(self, event: Event) -> None:
        row = event.changes
        kind, at = f"{row['kind']}s", row["occurred"]
        assert isinstance(at, datetime)
        inbound, subject = row["direction"] == "inbound", str(row["subject"])
        properties: dict[str, str | None] = {
            "hs_timestamp": iso(millis(at)),
            "hubspot_owner_id": _text(row.get("owner")),
        }
        properties |= {
            "calls": {"hs_call_direction": "INBOUND" if inbound else "OUTBOUND", "hs_call_title": subject},
            "emails": {"hs_email_direction": "INCOMING_EMAIL" if inbound else "EMAIL", "hs_email_subject": subject},
            "meetings": {"hs_meeting_outcome": "COMPLETED" if inbound else "SCHEDULED", "hs_meeting_title": subject},
            "notes": {"hs_note_body": subject},
            "tasks": {"hs_task_status": "COMPLETED", "hs_task_subject": subject,
                      "hs_task_completion_date": iso(millis(at))},
        }[kind]  # fmt: skip
        made = self.account.create(
            kind, properties, at=event.at, by=event.by, object_id=self._engagement_id(), source="CRM_UI"
        )
        self._link(kind, made, "deals", row.get("deal"))
        self._link(kind, made, "contacts", row.get("contact"))
        self._link(kind, made, "contacts", row.get("lead"))

    def _engagement_id(self) -> str:
        """The next id that no activity of any kind has: apps create some through the API, with ids of the same row."""
        known = [self.account.records[kind] for kind in ENGAGEMENTS]
        return next(each for each in map(str, self._engagements) if not any(each in ids for ids in known))

    def _write(self, kind: str, event: Event, properties: dict[str, str | None]) -> None:
        known = self.account.properties[kind]
        properties = {name: value for name, value in properties.items() if name in known}
        if event.kind == "created":
            at = event.changes.get("created")
            born = at if isinstance(at, datetime) else event.at
            self.account.create(kind, properties, at=born, by=event.by, object_id=event.id)
        else:
            self.account.update(kind, event.id, properties, at=event.at, by=event.by)

    def _link(self, kind: str, record_id: str, to_kind: str, to_id: Value, label: str | None = None) -> None:
        one, two = self.account.find(kind, record_id), self.account.find(to_kind, str(to_id)) if to_id else None
        if one and two and one.archived_at is None and two.archived_at is None:
            self.account.associate(kind, record_id, to_kind, two.id, label=label)


def define(account: HubSpotAccount) -> None:
    """Define the company's own properties and its pipelines."""
    for kind, properties in _OWN.items():
        for name, type_name in properties.items():
            account.define_property(kind, name, type_name)
    for name, stages in PIPELINES.items():
        made = [
            (STAGE_IDS[name][stage.name], stage.name, place,
             {"isClosed": "false" if stage.kind == "open" else "true", "probability": str(stage.percent / 100)})
            for place, stage in enumerate(stages)
        ]  # fmt: skip
        account.add_pipeline("deals", PIPELINE_IDS[name], name, made)


RICH = Furnishing(
    define,
    {
        pipeline: {stage: (PIPELINE_IDS[pipeline], its_id) for stage, its_id in STAGE_IDS[pipeline].items()}
        for pipeline in PIPELINES
    },
    {stage: {"lifecyclestage": value} for stage, value in LIFECYCLE.items()},
    DEAL_TYPES,
)


def _named(names: dict[str, str], event: Event) -> dict[str, str | None]:
    return {names[key]: _text(value) for key, value in event.changes.items() if key in names}


def _names(name: str) -> dict[str, str | None]:
    first, _, last = name.partition(" ")
    return {"firstname": first, "lastname": last or None}


def _text(value: Value) -> str | None:
    """A value as HubSpot keeps it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(millis(value))
    return format(value, "f") if isinstance(value, Decimal) else str(value)
