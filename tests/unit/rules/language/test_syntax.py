"""What is refused, at which column, and with which advice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ros_sync.mirror.catalogue import objects
from ros_sync.rules.language import ConditionError, Parameters, Schema, parameter_value, parse
from ros_sync.rules.language.syntax import KEYWORDS, MAX_CHARS
from ros_sync.rules.object_schema import schema_of

REFUSED = [
    ("push_count / 2 > 1", 12, "there is no division"),
    ('stage matches "x"', 7, "no patterns or regular expressions"),
    ('stage ~ "x"', 7, "no patterns or regular expressions"),
    ("len(stage) > 3", 1, "conditions call nothing"),
    ("for x in y", 1, "there are no loops"),
    ("x := 5", 3, "there is no assignment"),
    ('stage == "x"', 7, "write `is` or `=`"),
    ("is_open\tand is_open", 8, "tab character found"),
    ("is_open and", 12, "ends too early"),
    ("", 1, "is empty"),
    ('stage is "x', 10, "the quote is never closed"),
    ("push_count > 20,000", 14, "can be read as 20 or as 20,000"),
    ("probability > 15%", 15, "write a share as a number: `0.15`"),
    ("is_open AND is_open", 9, "write `and`"),
    ('stage in ["a"]', 7, "is one of"),
    ("stage is proposal", 10, 'write "proposal" in quotes'),
    ('stagee is "x"', 1, "did you mean 'stage'?"),
    ("last_buyer_activity older than $quite", 32, "did you mean 'quiet'?"),
    ("close_date > 5", 1, "a date can't be compared with a number"),
    ("close_date < now", 1, "write `today`"),
    ("close_date > 2026-02-30", 14, "not a day of the calendar"),
    ("last_buyer_activity > 14 days", 1, "older than"),
    ("last_buyer_activity older than 5", 32, "needs a duration"),
    ("last_buyer_activity older than 99999 days", 32, "ten years"),
    ("created is not 2026-03-01", 1, "write `not"),
    ("push_count older than 5 days", 1, "needs a date or an instant"),
    ("amount > 5", 1, "`amount_home`"),
    ("amount > amount", 1, "different currencies"),
    ("amount_home > 5 USD", 1, "company's currency, EUR"),
    ("amount_home > 0.001", 1, "more decimals"),
    ("amount_home > 20.000", 15, "20.000 can be read as 20 or as 20,000; write `20` or `20000`"),
    ("amount_home > 20.000 EUR", 15, "20.000 EUR can be read as 20 or as 20,000; write `20 EUR` or `20000 EUR`"),
    ("amount_home > 1.234 EUR", 15, "more decimals than EUR has (2); if it means 1,234, write `1234 EUR`"),
    ("amount_home > 1.500k", 15, "can be read as 1,500 or as 1,500,000"),
    ("probability > 1.250", 15, "write `1.25` or `1250`"),
    ("push_count > 1.234", 14, "write `1.2340` or `1234`"),
    ("push_count is one of [1, 20.000]", 26, "can be read as 20"),
    ("amount_home * 2 > 5", 1, "is for numbers"),
    ('stage < "x"', 1, "needs an ordered value"),
    ("push_count", 1, "isn't true or false"),
    ("true", 1, "without a field"),
    ("1 = 1", 1, "two fixed values"),
    ('stage contains ""', 16, "empty text"),
    ("stage contains segment", 16, "a fixed text"),
    ('push_count is one of ["a"]', 23, "a number can't be compared with a text"),
    ("push_count > 999999999999999999", 14, "too large"),
    ("close_date < today - 5 hours", 14, "whole days"),
    ("close_date + 5 days < today", 1, "a field can't be shifted in time"),
    ("not " * 60 + "is_open", 165, "nested more than"),
    ("push_count > 1" + " + 1" * 60, 14, "nested more than"),
    ("(" * 10_000 + "is_open" + ")" * 10_000, 21, "brackets are nested"),
    ("is_open or " * 400 + "is_open", MAX_CHARS + 1, "at most 2,000"),
]


@pytest.mark.parametrize("text,column,words", REFUSED)
def test_refused_with_column_and_advice(schema: Schema, text: str, column: int, words: str) -> None:
    """What the language does not have is refused at its column, with what to write instead."""
    with pytest.raises(ConditionError) as caught:
        parse(text, schema, Parameters({"quiet": parameter_value("14 days")}))

    assert (column, True) == (caught.value.column, words in str(caught.value)), str(caught.value)


def test_no_field_is_hidden_by_a_word_of_the_language() -> None:
    """No field of the mirror has the name of a keyword."""
    names = {name for entry in objects().values() for name in entry.fields}

    assert set() == names & KEYWORDS


SOUP = (
    "is not one of in the next last 7 days \"A\" 'B' , or and 20.000 € 1,234 older then than empty no has "
    "close_date Close Date . ' "
    "$quiet { } ( ) [ ] 3 months between 5 > < = contains starts with : # - ! ~ % | null true 2026-03-16 * + ; "
    "is_open stage push_count k EUR now"
)


@settings(max_examples=150, deadline=None)
@given(
    words=st.lists(st.sampled_from(SOUP.split(" ")) | st.text(max_size=3), max_size=9),
    between=st.sampled_from([" ", ""]),
)
def test_whatever_is_written_is_read_or_refused_at_its_column(words: list[str], between: str) -> None:
    """No text at all makes the reader fail otherwise, and the column of a refusal lies within the text."""
    text = between.join(words)
    column = 1
    try:
        parse(text, schema_of("deal", home_currency="EUR"), Parameters({"quiet": parameter_value("14 days")}))
    except ConditionError as error:
        column = error.column

    assert 1 <= column <= len(text) + 1
