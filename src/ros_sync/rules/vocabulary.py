"""The words of a rule file: every key, whether it must be there, and what it means.

Said once, for loader and editor.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `doc` is what an editor shows for it."""

    doc: str
    required: bool = False


PEOPLE = ("owner", "manager", "customer_success")

FILE = {
    "version": Key("The version of the format: 1.", required=True),
    "rules": Key("The rules of this file.", required=True),
}
RULE = {
    "id": Key(
        "What the rule is known by: small letters, digits and hyphens. Never change it once alerts exist.",
        required=True,
    ),
    "title": Key("What is wrong, in a few words.", required=True),
    "applies_to": Key("The object it looks at.", required=True),
    "status": Key("live speaks, shadow is on trial and tells nobody, retired does nothing."),
    "owner": Key("Who answers for this rule: an e-mail address."),
    "params": Key("Named values that `when` can use as $name: numbers, durations, amounts, dates, texts."),
    "vary": Key("Other values for some records. The first entry whose `if` holds wins."),
    "when": Key("Conditions; every line must hold. Each is one line of `why me?`."),
    "clock": Key("A deadline in working time; the rule fires once it is missed and its `when` lines hold."),
    "for": Key("How long it must hold before anybody is told."),
    "severity": Key("How grave it is."),
    "inhibited_by": Key("Rules that silence this one while they fire on the same record."),
    "notify": Key("Who is told, how and when."),
    "message": Key("What they are told: a text with {field} or {field:age} in it.", required=True),
    "actions": Key("What the reader can do about it in the message."),
    "tests": Key("Examples that `ros-sync rules test` tries out."),
}
VARY = {
    "if": Key("The condition for these values.", required=True),
    "params": Key("Values for parameters named under the rule's `params`.", required=True),
}
CLOCK = {
    "starts": Key("The instant field that starts it.", required=True),
    "stops": Key("The instant fields of which the first to be filled stops it.", required=True),
    "within": Key("How much time there is.", required=True),
    "calendar": Key("Whose working time counts: owner, company, or a calendar's name."),
    "only_if": Key("Only for records with one of these values in a field."),
    "since": Key("Only for starts at most this long ago, so that old history starts no flood."),
}
ROUTE = {
    "to": Key("owner, manager, customer_success, an e-mail address or a #channel.", required=True),
    "mode": Key("direct: a message of its own; digest: in the day's one digest."),
    "after": Key("How long after the alert opened; at once without it."),
}
TEST = {
    "name": Key("What the example shows.", required=True),
    "now": Key("The moment, in the company's time zone: 2026-03-16 09:00.", required=True),
    "given": Key("The record's values, by field; what is not given is missing."),
    "expect": Key("fires or silent.", required=True),
}
