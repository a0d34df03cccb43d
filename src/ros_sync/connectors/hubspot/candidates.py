"""Which property of an account may fill which field: by name, by label, and by what kind of value it holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ros_sync.connectors.hubspot.definitions import PropertyDefinition

DAYS, TEXTS = ("date", "datetime"), ("enumeration", "string")
BY_NAME, BY_LABEL, BY_WORDS = 3, 2, 1  # how sure a candidate is
_WORDS = re.compile(r"[a-z0-9]+")
_LEFT_OUT = frozenset(("the", "of", "a", "hs", "deal", "contact", "company"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that no default account has a property for.

    `types` are the property types that can fill it, `aliases` what such a property is called. `label`, `type`,
    `field_type` and `options` are those of the property that is made where somebody asks for it; its name is the first
    alias.
    """

    object: str
    field: str
    types: tuple[str, ...]
    aliases: tuple[str, ...]
    label: str
    type: str
    field_type: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`deal.segment`."""
        return f"{self.object}.{self.field}"

    @property
    def property(self) -> str:
        """The name of the property that is made for it."""
        return self.aliases[0].replace(" ", "_")


@dataclass(frozen=True, slots=True)
class PropertyCandidate:
    """A property that may fill a field; `share` of the records have it filled, where that was asked."""

    definition: PropertyDefinition
    sureness: int
    share: float | None = None


def _segment(name: str) -> Wanted:
    aliases = ("segment", "customer segment", "market segment", "company segment", "business segment")
    options = ("enterprise", "mid-market", "smb")
    return Wanted(name, "segment", TEXTS, aliases, "Segment", "enumeration", "select", options)


def _region(name: str) -> Wanted:
    return Wanted(
        name, "region", TEXTS, ("region", "sales region", "territory", "sales territory"), "Region", "string", "text"
    )


WANTED = (
    _segment("account"),
    _region("account"),
    Wanted("account", "icp_tier", TEXTS,
           ("icp tier", "ideal customer profile tier", "hs_ideal_customer_profile", "icp"),
           "ICP tier", "string", "text"),
    Wanted("account", "renewal_date", DAYS,
           ("renewal date", "contract renewal date", "next renewal date", "renewal on"),
           "Renewal date", "date", "date"),
    Wanted("lead", "rejected", DAYS,
           ("mql rejected at", "rejected at", "rejected on", "rejected date", "rejection date", "mql rejection date",
            "mql rejected date", "mql rejected", "disqualified at", "disqualified date", "disqualification date"),
           "MQL rejected at", "datetime", "date"),
    Wanted("lead", "rejection_code", TEXTS,
           ("mql rejection code", "mql rejection reason", "rejection code", "rejection reason", "rejected reason",
            "reason rejected", "disqualification reason", "disqualified reason", "unqualified reason"),
           "MQL rejection code", "enumeration", "select",
           ("Not ICP", "No budget signal", "Already a customer", "Competitor", "Duplicate", "Other")),
    _segment("lead"),
    _region("lead"),
    Wanted("deal", "next_step_date", DAYS,
           ("next step date", "next step due date", "next step due", "next step on", "next steps date",
            "date next step"),
           "Next step date", "date", "date"),
    Wanted("deal", "handed_off", DAYS,
           ("handed off to cs", "handed off at", "handed off", "handed off on", "handoff date", "cs handoff date",
            "hand off date", "handover date", "handed over", "handed over at", "cs handover date", "handoff completed"),
           "Handed off to CS", "datetime", "date"),
    Wanted("deal", "handoff_document", DAYS,
           ("handoff document at", "handoff document", "handoff document date", "handoff document sent",
            "handover document", "handover document date"),
           "Handoff document at", "datetime", "date"),
    Wanted("deal", "kickoff", DAYS,
           ("kickoff at", "kickoff", "kickoff date", "kick off date", "joint kickoff", "kickoff held",
            "customer kickoff"),
           "Kickoff at", "datetime", "date"),
    _segment("deal"),
    _region("deal"),
    Wanted("deal", "demand_source", TEXTS,
           ("demand source", "source of demand", "pipeline source", "sourced by", "opportunity source"),
           "Demand source", "enumeration", "select", ("sales", "sdr", "marketing", "partner")),
    Wanted("deal", "competitor", TEXTS,
           ("competitor", "main competitor", "primary competitor", "competitors", "competition"),
           "Competitor", "string", "text"),
    Wanted("deal", "closing_plan", ("bool",), ("closing plan", "close plan", "has closing plan"),
           "Closing plan", "bool", "booleancheckbox"),
    Wanted("deal", "map_status", TEXTS, ("map status", "mutual action plan status", "mutual action plan", "map state"),
           "Mutual action plan", "enumeration", "select", ("none", "drafted", "agreed", "done")),
    Wanted("deal", "champion", TEXTS, ("champion", "champion name", "our champion"), "Champion", "string", "text"),
    Wanted("deal", "economic_buyer_engaged", ("bool",),
           ("economic buyer engaged", "economic buyer confirmed", "economic buyer met"),
           "Economic buyer engaged", "bool", "booleancheckbox"),
    Wanted("deal", "contacts_engaged", ("number",), ("contacts engaged", "engaged contacts", "number contacts engaged"),
           "Contacts engaged", "number", "number"),
    Wanted("deal", "methodology_share", ("number",), ("methodology share", "methodology completeness"),
           "Methodology share", "number", "number"),
    Wanted("deal", "requalified", DAYS,
           ("requalified at", "requalified on", "requalified", "requalified date", "re qualified",
            "requalification date"),
           "Requalified at", "datetime", "date"),
    Wanted("deal", "product", TEXTS, ("product", "product line", "products", "product family", "main product"),
           "Product", "string", "text"),
)  # fmt: skip
# What was worked out here stays so unless the company has a property of its own for it: it is not made on request.
NOT_MADE = frozenset(("deal.contacts_engaged",))


def candidates(wanted: Wanted, there: Iterable[PropertyDefinition], taken: Collection[str]) -> list[PropertyCandidate]:
    """The properties that may fill the field, the surest first; none that is `taken` by another field."""
    found = []
    for definition in there:
        if definition.name in taken or not _fits(wanted, definition):
            continue
        sureness = _sureness(wanted, definition)
        if sureness:
            found.append(PropertyCandidate(definition, sureness))
    return sorted(found, key=lambda each: (-each.sureness, not each.definition.ours, each.definition.name))


def _fits(wanted: Wanted, definition: PropertyDefinition) -> bool:
    return definition.type in wanted.types and not (definition.ticks and wanted.field in ("rejection_code", "segment"))


def _sureness(wanted: Wanted, definition: PropertyDefinition) -> int:
    """How sure it is that the property is meant; 0 where nothing speaks for it."""
    aliases = [_words(alias) for alias in wanted.aliases]
    name, label = _words(definition.name), _words(definition.label)
    if name in aliases:
        return BY_NAME
    if label in aliases:
        return BY_LABEL
    longer = [set(alias) for alias in aliases if len(alias) > 1]
    if definition.ours and any(alias <= set(words) for alias in longer for words in (name, label)):
        return BY_WORDS
    return 0


def _words(text: str) -> tuple[str, ...]:
    """The words of a name or label in small letters, without those that say nothing.

    `Next_Step (date)` is next, step, date.
    """
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    words = tuple(_WORDS.findall(spread))
    return tuple(word for word in words if word not in _LEFT_OUT) or words
