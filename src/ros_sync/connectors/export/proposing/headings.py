"""The headings under which CRMs export what ros-sync knows: HubSpot, Salesforce, Pipedrive, Zoho, and everyday words.

Compared in small letters, with every other sign a blank: Pipedrive's `Deal - Title` is `deal title`. The first heading
of a list that a file has is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OWN = "@"  # in a heading: the object's own name in one of its forms, or nothing

_NAMES = {
    "deal": ("deal", "opportunity", "opp", "potential"),
    "account": ("account", "company", "organization", "organisation"),
    "contact": ("contact", "person"),
    "lead": ("lead", "mql"),
    "owner": ("user", "owner", "sales agent", "employee"),
    "activity": ("activity", "task", "engagement", "event"),
    "quota": ("quota", "target"),
}
OBJECTS = tuple(_NAMES)

_MODIFIED = ("last modified date", "last modified", "lastmodifieddate", "modified time", "last modified time",
             "modified on",
             "@ update time", "update time", "last updated", "updated at", "systemmodstamp", "hs lastmodifieddate",
             "geändert", "zuletzt geändert")  # fmt: skip
_DELETED = ("isdeleted", "is deleted", "deleted", "@ deleted", "archived", "is archived")
_CREATED = ("create date", "created date", "createdate", "created time", "@ created", "@ add time", "created at",
            "created on",
            "date created", "creation date", "@ deal created", "created", "createddate", "engage date", "angelegt",
            "erstellt am")  # fmt: skip
_OWNER = ("@ owner", "@ owner name", "owner", "owner name", "owner full name", "owner email", "ownerid", "owner id",
          "@ owner id", "hubspot owner id", "sales agent", "sales rep", "seller", "salesperson", "assigned to",
          "verkäufer",
          "verkäuferin", "zuständig", "besitzer", "@ inhaber", "commercial")  # fmt: skip
_ACCOUNT = ("account id", "accountid", "company id", "organization id", "associated company ids", "associatedcompanyid",
            "primary company id", "deal organization id", "kundennummer")  # fmt: skip
_EMAIL = ("email", "e mail", "email address", "@ email", "@ email work", "work email", "e mail adresse")
_SEGMENT, _REGION = ("segment", "@ segment"), ("region", "territory", "@ region", "regional office")
_COMMON = {"segment": _SEGMENT, "region": _REGION, "modified": _MODIFIED, "deleted": _DELETED}

# By object and field; `id` is the record's own.
KNOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "deal": {
        "id": ("@ id", "record id", "@id", "@ id 18", "id", "@ number", "@ nr", "nr"),
        "name": ("@ name", "dealname", "@ title", "name", "title", "titel", "bezeichnung"),
        "pipeline": ("pipeline", "@ pipeline"),
        "stage": ("@ stage", "stage", "stagename", "dealstage", "stage name", "sales stage", "phase"),
        "amount": ("amount", "@ amount", "@ value", "value", "close value", "betrag", "wert",
                   "amount in company currency"),
        "close_date": ("close date", "closing date", "closedate", "@ expected close date", "expected close date",
                       "@ close date", "estimated close date", "abschluss", "abschlussdatum"),
        "created": _CREATED,
        "closed": ("closed at", "@ closed on", "@ deal closed on", "closed on", "closed date", "closed time"),
        "owner": _OWNER,
        "account": _ACCOUNT,
        "account_name": ("associated company", "account name", "company name", "@ organization", "organization",
                         "company",
                         "account", "primary associated company", "kunde"),
        "probability": ("@ probability", "probability", "wahrscheinlichkeit", "win probability"),
        "forecast_category": ("forecast category", "forecast category name", "forecastcategoryname", "forecastcategory",
                              "hs manual forecast category"),
        "deal_type": ("@ type", "dealtype", "type"),
        "product": ("product", "product name", "produkt"),
        "next_step": ("next step", "nextstep", "hs next step", "nächster schritt"),
        "next_step_date": ("next step date", "@ next activity date", "next activity date", "fällig"),
        "last_activity": ("last activity date", "lastactivitydate", "last activity", "@ last activity date",
                          "last activity time"),
        "loss_reason": ("closed lost reason", "@ lost reason", "lost reason", "loss reason", "reason for loss"),
        "competitor": ("competitor", "main competitor", "main competitors"),
        "stage_entered": ("date entered current stage", "last stage change date", "laststagechangedate",
                          "@ last stage change"),
        **_COMMON,
    },
    "account": {
        "id": ("@ id", "record id", "id", "@id", "@ name", "account", "company"),
        "name": ("@ name", "name", "account", "company", "firma"),
        "domain": ("company domain name", "domain", "website", "website url", "domain name"),
        "industry": ("industry", "sector", "branche"),
        "employees": ("number of employees", "numberofemployees", "no of employees", "employees", "employee count",
                      "mitarbeiter"),
        "owner": _OWNER,
        "renewal_date": ("renewal date", "contract end date"),
        **_COMMON,
    },
    "contact": {
        "id": ("@ id", "record id", "id", "@id"),
        "name": ("full name", "@ name", "name"),
        "email": _EMAIL,
        "role": ("buying role", "job title", "title", "role"),
        "account": _ACCOUNT,
        "owner": _OWNER,
        "opted_out": ("hasoptedoutofemail", "email opt out", "opted out", "unsubscribed from all email"),
        "modified": _MODIFIED,
        "deleted": _DELETED,
    },
    "lead": {
        "id": ("@ id", "record id", "id", "@id"),
        "name": ("full name", "@ name", "name"),
        "email": _EMAIL,
        "company": ("company", "company name", "company account", "organization"),
        "lifecycle_stage": ("lifecycle stage", "lead status", "status", "@ status"),
        "became_lead": ("became a lead date", "became lead", *_CREATED),
        "became_mql": ("became a marketing qualified lead date", "became mql", "mql date", "first contact date"),
        "score": ("lead score", "hubspot score", "score"),
        "lead_source": ("lead source", "leadsource", "original source", "source", "origin"),
        "accepted": ("accepted at", "won date"),
        "owner": _OWNER,
        **_COMMON,
    },
    "owner": {
        "id": ("@ id", "id", "record id", "userid", "@ name", "sales agent", "name", "email"),
        "name": ("full name", "@ name", "name", "sales agent"),
        "email": ("@ email", *_EMAIL),
        "active": ("active", "isactive", "is active", "@ status", "status"),
        "timezone": ("time zone", "timezone", "timezonesidkey"),
        "team": ("team", "main team", "department", "primary team"),
        "manager": ("manager", "manager name", "managerid", "manager id", "reports to", "vorgesetzt", "vorgesetzte"),
        "region": _REGION,
        "modified": _MODIFIED,
    },
    "activity": {
        "id": ("@ id", "record id", "id"),
        "activity_kind": ("activity type", "type", "@ type", "tasksubtype", "engagement type"),
        "direction": ("direction", "call direction", "email direction"),
        "occurred": ("activity date", "occurred", "date", "due date", "start time", "@ due date", "completed date"),
        "subject": ("subject", "@ subject", "title"),
        "owner": _OWNER,
        "deal": ("deal id", "opportunity id", "whatid", "related to id"),
        "contact": ("contact id", "whoid", "person id"),
    },
    "quota": {
        "id": ("@ id", "id", "record id"),
        "owner": ("quota owner", *_OWNER),
        "period": ("period", "quarter", "month", "start date"),
        "amount": ("quota", "quota amount", "target", "amount"),
    },
}  # fmt: skip
CURRENCY = ("@ currency", "currency", "amount currency", "currency code", "currency iso code", "currencyisocode",
            "deal currency code", "currency of value", "@ currency of value", "währung")  # fmt: skip
STATUS = ("@ status", "status", "deal status")  # Pipedrive's: open, won or lost beside the stage
FIRST_NAMES = ("first name", "firstname", "vorname")
LAST_NAMES = ("last name", "lastname", "nachname", "surname")

# Words in a file's name, and headings that only one object has.
_FILE_NAMES = {
    "deal": r"deal|opportunit|pipeline|\bopp|potential", "account": r"account|compan|organi[sz]ation|kunde",
    "contact": r"contact|people|person", "lead": r"lead|mql", "owner": r"user|owner|team|seller|rep\b|employee",
    "activity": r"activit|task|call|meeting|engagement|event", "quota": r"quota|target",
}  # fmt: skip
_TELLING = {
    "deal": ("stage", "close_date", "amount"), "account": ("industry", "employees", "domain"),
    "contact": ("opted_out",),
    "lead": ("became_mql", "lifecycle_stage", "lead_source"), "owner": ("manager", "active"),
    "activity": ("occurred", "direction", "activity_kind"), "quota": ("period",),
}  # fmt: skip
_OWN_HEADING, _TELLING_FIELD, _FILE_NAME, _ENOUGH = 3, 2, 4, 4


def plain(heading: str) -> str:
    """A heading as it is compared."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading) if " " not in heading and "_" not in heading else heading
    return " ".join(re.sub(r"[^\w]+|_", " ", spaced).casefold().split())


def find(headings: Sequence[str], wanted: Sequence[str], name: str) -> str | None:
    """The first of the `wanted` headings that a file of this object has, as the file writes it."""
    there: dict[str, str] = {}
    for heading in headings:
        for form in (plain(heading), plain(heading).replace(" ", "")):
            there.setdefault(form, heading)
    for each in wanted:
        forms = [each]
        if _OWN in each:
            forms = [each.replace(_OWN, own) for own in _NAMES[name]]
        for form in forms:
            if (found := there.get(form) or there.get(form.replace(" ", ""))) is not None:
                return found
    return None


def object_of(file_name: str, headings: Sequence[str]) -> str | None:
    """What the rows of a file probably are; None where nothing speaks for anything."""
    scores = {name: _score(name, file_name, headings) for name in OBJECTS}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _ENOUGH else None


def _score(name: str, file_name: str, headings: Sequence[str]) -> int:
    score = _FILE_NAME if re.search(_FILE_NAMES[name], file_name, re.IGNORECASE) else 0
    words = {plain(heading) for heading in headings}
    if any(
        word.startswith(f"{own} ") for own in _NAMES[name] for word in words if not word.endswith(("owner", "owner id"))
    ):
        score += _OWN_HEADING
    score += sum(1 for wanted in KNOWN[name].values() if find(headings, wanted, name))
    return score + sum(_TELLING_FIELD for field in _TELLING[name] if find(headings, KNOWN[name][field], name))
