"""Rules on sources that do not fill every field: nobody is told of what no property holds."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.fitting import Fit, fit, fits, fitted
from ros_sync.rules.language import Moment, Parameters, parse
from ros_sync.rules.model import Rule
from ros_sync.rules.object_schema import schema_of
from ros_sync.rules.rule_files import load
from ros_sync.rules.template import Template

FOLDER = Path(__file__).parents[3] / "rules"
SHIPPED = load([FOLDER / "deals.yaml", FOLDER / "leads.yaml"])
MOMENT = Moment(datetime(2026, 3, 16, 9, tzinfo=UTC), ZoneInfo("UTC"), standard_calendar("UTC"), "EUR")
SCHEMA = schema_of("deal", None, "EUR")
NAMES = ("champion", "competitor", "product")
FILLED = frozenset(
    ("stage", "amount", "close_date", "created", "next_step", "pipeline", "closed", "last_buyer_activity")
)


def left(text: str, *lacking: str) -> str | None:
    """What a condition holds for once nothing fills some fields: the records by which of NAMES they have, or None."""
    condition = parse(text, SCHEMA, Parameters()).without(lacking)
    if condition is None:
        return None
    records = [dict(zip(NAMES, values, strict=True)) for values in product(("x", None), repeat=3)]
    held = [
        "".join(name[:2] for name in NAMES if record[name]) or "-"
        for record in records
        if condition.holds(record, MOMENT)
    ]
    return " ".join(held)


@pytest.mark.parametrize(
    "text",
    [
        "champion is missing",
        "champion is present",
        "not champion is missing",
        "not (champion is present)",
        'champion is "x"',
        'champion is not "x"',
        'champion is one of ["x"]',
        'not (champion contains "x")',
        "champion is missing and competitor is missing",
        "not (champion is missing or competitor is missing)",
        "champion = competitor",
    ],
)
def test_a_line_that_has_nothing_else_to_go_by_never_holds(text: str) -> None:
    """Whichever way it asks for a field that nothing fills, and turned round by `not` as well."""
    assert left(text, "champion") is None


@pytest.mark.parametrize("text, rest",
    [
        ("champion is missing or competitor is missing", "competitor is missing"),
        ("competitor is missing or champion is missing or product is missing",
         "competitor is missing or product is missing"),
        ("not (champion is present and competitor is present)", "not competitor is present"),
        ("(champion is missing or competitor is missing) and product is present",
         "competitor is missing and product is present"),
        ("(champion is missing and competitor is missing) or product is present", "product is present"),
        ("not (not (champion is missing or competitor is missing))", "competitor is missing"),
    ],
)  # fmt: skip
def test_what_else_a_line_goes_by_is_asked(text: str, rest: str) -> None:
    """It is as if the part about the field were not there."""
    assert left(text, "champion") == left(rest)


def test_nothing_holds_that_would_not_hold_whatever_the_field_said() -> None:
    """Without a field, a condition holds only for records for which it can hold.

    Never for more than with the best value.
    """
    for text in ("champion is missing or competitor is missing", "not (champion is present and competitor is present)"):
        whole = parse(text, SCHEMA, Parameters())
        rest = whole.without({"champion"})
        assert rest is not None
        for other in ("x", None):
            record = {"competitor": other, "product": None}
            possible = any(whole.holds({**record, "champion": value}, MOMENT) for value in ("x", None))
            assert possible or not rest.holds(record, MOMENT)


def test_the_shipped_rules_on_a_default_account() -> None:
    """Those of the handoff are off, three do without a field, the others lose nothing."""
    there = {"deal": FILLED, "lead": frozenset(("became_mql", "accepted", "rejection_code"))}
    assert fits(SHIPPED, there) == [
        Fit("stalled", "deal", ("segment",), False),
        Fit("missing-next-step", "deal", ("next_step_date",), False),
        Fit("handoff-document-overdue", "deal", ("handed_off", "handoff_document"), True),
        Fit("handoff-overdue", "deal", ("handed_off",), True),
        Fit("kickoff-overdue", "deal", ("handed_off", "kickoff"), True),
        Fit("mql-response-timeout", "lead", ("rejected",), False),
    ]


@pytest.mark.parametrize(
    "rule, filled, off",
    [
        ("handoff-overdue", {"closed", "stage", "handed_off"}, False),
        ("handoff-overdue", {"stage", "handed_off"}, True),  # it cannot start
        ("handoff-overdue", {"closed", "handed_off"}, True),  # nothing is won
        ("mql-response-timeout", {"became_mql", "accepted"}, False),
        ("mql-response-timeout", {"became_mql", "rejected"}, False),
        ("mql-response-timeout", {"became_mql"}, True),  # nothing would ever stop it
        ("mql-response-timeout", {"accepted", "rejected"}, True),
        ("push-count", {"stage", "close_date"}, False),
        ("push-count", {"stage"}, True),
        ("not-advanced", {"stage"}, False),
        ("not-advanced", {"created"}, True),
    ],
)
def test_a_rule_is_off_where_it_cannot_fire_rightly(rule: str, filled: set[str], off: bool) -> None:
    """Clocks that cannot start or stop, and lines that cannot be judged."""
    chosen = SHIPPED.by_id[rule]
    found = fits([chosen], {chosen.applies_to: frozenset(filled)})
    assert [each.off for each in found] == [off] if found else not off


def test_a_source_of_which_nothing_is_known_is_asked_everything() -> None:
    """Exports, and what was synced by an earlier version."""
    (rule,) = fitted([SHIPPED.by_id["missing-next-step"]], {"hubspot": {"deal": FILLED}})
    assert (rule.fit("exports"), rule.fit("hubspot") is rule) == (rule, False)


def test_own_properties_of_another_source_are_not_filled_here() -> None:
    """A rule on `custom.team_size` is off for a source that does not map it."""
    schema = schema_of("deal", {"team_size": SCHEMA.fields["contacts_engaged"].kind}, "EUR")
    condition = parse("custom.team_size < 3", schema, Parameters())
    rule = Rule("small", "Small", "deal", Template("", ()), when=(condition,))
    assert fit(rule, {"custom.team_size"}) is None
    assert fits([rule], {"deal": FILLED}) == [Fit("small", "deal", ("custom.team_size",), True)]
