"""HubSpot's answers: which can be used, and what is made of those that are odd in parts."""

from __future__ import annotations

from typing import Any

import pytest

from ros_sync.connectors.hubspot.answers import MalformedError, as_texts, check, following, parsed

STAGE = {"id": "one", "label": "Discovery", "displayOrder": 0, "metadata": {"probability": "0.1"}}
PIPELINE = {"id": "default", "label": "Sales", "stages": [STAGE]}
RECORD = {"id": "7", "properties": {}}


@pytest.mark.parametrize("kind", ["owners", "pipelines", "properties", "list", "batch_read", "associations"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"results": None},
        {"results": {}},
        {"results": [None]},
        {"results": ["x"]},
        {"results": [{}]},
        {"results": [], "paging": "x"},
        {"results": [], "paging": {"next": []}},
        {"results": [], "paging": {"next": {}}},
        {"results": [], "paging": {"next": {"after": {}}}},
        {"results": [], "errors": 5},
    ],
)
def test_an_answer_without_what_was_asked_for_is_none(kind: str, body: dict[str, Any]) -> None:
    """Nothing may be taken for empty, or for the last page, that does not say so."""
    with pytest.raises(MalformedError):
        check(kind, body)


@pytest.mark.parametrize(
    "kind, each",
    [
        ("owners", {"id": None}),
        ("owners", {"id": "7\0"}),
        ("owners", {"id": ["7"]}),
        ("pipelines", {"id": "default", "label": None, "stages": []}),
        ("pipelines", {"id": "default", "label": "Sales"}),
        ("pipelines", PIPELINE | {"stages": [None]}),
        ("pipelines", PIPELINE | {"stages": [STAGE | {"id": None}]}),
        ("pipelines", PIPELINE | {"stages": [STAGE | {"label": 5}]}),
        ("pipelines", PIPELINE | {"stages": [STAGE | {"displayOrder": "first"}]}),
        ("pipelines", PIPELINE | {"stages": [STAGE | {"metadata": "none"}]}),
        ("properties", {"name": ""}),
        ("properties", {"name": ["amount"]}),
        ("list", RECORD | {"id": "seven"}),
        ("list", RECORD | {"id": True}),
        ("list", RECORD | {"id": "9" * 30}),
        ("list", RECORD | {"properties": None}),
        ("associations", {"from": {"id": "7"}, "to": [{}]}),
        ("associations", {"from": {"id": "7"}, "to": [None]}),
        ("associations", {"from": {"id": "7"}, "to": [{"toObjectId": 5, "associationTypes": "x"}]}),
        ("associations", {"from": {"id": "7"}, "to": [{"toObjectId": 5, "associationTypes": ["x"]}]}),
        ("associations", {"from": {"id": "7"}, "to": [], "paging": {"next": "x"}}),
    ],
)
def test_an_entry_that_lacks_what_each_has_makes_an_answer_useless(kind: str, each: dict[str, Any]) -> None:
    """Left out, it would be taken for deleted."""
    with pytest.raises(MalformedError):
        check(kind, {"results": [each]})


@pytest.mark.parametrize("body", [{}, {"timeZone": "UTC"}, {"portalId": 7, "timeZone": None}])
def test_an_account_has_a_number_and_a_time_zone(body: dict[str, Any]) -> None:
    """Without its zone, every day would be read as another one."""
    with pytest.raises(MalformedError):
        check("details", body)


@pytest.mark.parametrize("total", [None, "many", "²", -1, "9" * 5_000])
def test_a_search_says_how_many_there_are(total: Any) -> None:
    """What is not a number of records is none."""
    with pytest.raises(MalformedError):
        check("search", {"results": [], "total": total})


@pytest.mark.parametrize(
    "kind, body",
    [
        ("owners", {"results": []}),
        ("pipelines", {"results": []}),
        ("properties", {"results": []}),
        ("owners", {"results": [{"id": 7}, {"id": "8", "email": None, "teams": None}], "paging": None}),
        ("pipelines", {"results": [PIPELINE, PIPELINE | {"stages": []}]}),
        ("pipelines", {"results": [PIPELINE | {"stages": [STAGE | {"displayOrder": None, "metadata": None}]}]}),
        ("properties", {"results": [{"name": "amount", "options": None}, {"name": "x", "options": [{"value": "1"}]}]}),
        ("list", {"results": [RECORD, RECORD | {"id": 8}], "paging": {"next": {"after": "8"}}}),
        ("associations", {"results": [{"from": {"id": "7"}, "to": [{"toObjectId": 5}]}]}),
        ("details", {"portalId": 7, "timeZone": "US/Eastern"}),
        ("describe", {}),
    ],
)
def test_an_answer_that_may_be_empty_is_used(kind: str, body: dict[str, Any]) -> None:
    """An account without pipelines or owners says so, and is believed."""
    check(kind, body)


@pytest.mark.parametrize(
    "body, expected",
    [({}, None), ({"paging": None}, None), ({"paging": {}}, None), ({"paging": {"next": {"after": 8}}}, "8")],
)
def test_the_next_page_is_named_by_a_text(body: dict[str, Any], expected: str | None) -> None:
    """None after the last one."""
    assert expected == following(body)


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9" * 30,
        "soon",
        "",
        None,
        [],
        1e300,
    ],
)
def test_an_entry_of_a_history_whose_instant_cannot_be_read_is_left_out(timestamp: Any) -> None:
    """The entries beside it stay."""
    good = {"value": "5", "timestamp": "2026-03-02T09:00:00Z"}
    record = RECORD | {"propertiesWithHistory": {"amount": [good | {"timestamp": timestamp}, good]}}
    assert [good] == as_texts([record])[0]["propertiesWithHistory"]["amount"]


def test_nought_bytes_are_left_out_of_every_text() -> None:
    """PostgreSQL refuses them, wherever they stand."""
    assert {"ab": ["c", {"d": "e"}]} == parsed(rb'{"a\u0000b": ["c\u0000", {"d": "\u0000e"}]}')


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[1]", b'{"a": ' + b"9" * 9_999]
)
def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    """However deep it goes and however long it is."""
    with pytest.raises(ValueError, match=r"it is|Expecting|Exceeds"):
        parsed(body)
