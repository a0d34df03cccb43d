"""Message templates."""

from __future__ import annotations

import pytest

from ros_sync.fields import PythonValue
from ros_sync.rules.language import ConditionError, Moment, Schema
from ros_sync.rules.template import parse_template

RENDERED = [
    ("{name} ({amount}): since {last_buyer_activity}", "Loom renewal (EUR 20,000): since 1 Mar 2026"),
    ("{last_buyer_activity:age}", "15 days"),
    ("{close_date:age} {close_date}", "6 days 10 Mar 2026"),
    ("{next_step}", "—"),
    ("{push_count} {probability} {is_open}", "3 0.25 yes"),
    ("{{name}} {amount_home}", "{name} EUR 20,000"),
    ("<!channel> *x*", "<!channel> *x*"),
]


@pytest.mark.parametrize("text,expected", RENDERED)
def test_rendered(schema: Schema, moment: Moment, record: dict[str, PythonValue], text: str, expected: str) -> None:
    """A template fills its fields in as people read them, and leaves the rest alone."""
    assert expected == parse_template(text, schema).render(record, moment)


def test_owner_prints_the_name(schema: Schema, moment: Moment) -> None:
    """Where the record knows the owner's name, the owner is printed by name."""
    rendered = parse_template("{owner}", schema).render({"owner": "77", "owner_name": "Ada Example"}, moment)

    assert "Ada Example" == rendered


def test_a_value_is_never_read_as_a_template(schema: Schema, moment: Moment) -> None:
    """Braces in a record's value stay as they are."""
    assert "{amount}" == parse_template("{name}", schema).render({"name": "{amount}"}, moment)


REFUSED = [
    ("{amuont}", 2, "did you mean 'amount'?"),
    ("{name.upper}", 2, "has no field"),
    ("{name[0]}", 2, "names no field"),
    ("{name!r}", 2, "names no field"),
    ("{amount:>20}", 2, "there is no form"),
    ("{amount:age}", 2, "has no age"),
    ("a } b", 3, "stands alone"),
    ("a {name", 3, "stands alone"),
    ("{}", 2, "names no field"),
    ("  ", 1, "is empty"),
    ("x" * 1001, 1, "at most 1,000"),
]


@pytest.mark.parametrize("text,column,words", REFUSED)
def test_refused(schema: Schema, text: str, column: int, words: str) -> None:
    """A template that names no field, or asks for more than a field, is refused at its column."""
    with pytest.raises(ConditionError) as caught:
        parse_template(text, schema)

    assert (column, True) == (caught.value.column, words in str(caught.value)), str(caught.value)
