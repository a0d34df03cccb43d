"""Block Kit's limits, and the messages that name the place."""

from __future__ import annotations

from typing import Any

import pytest

from ros_sync.sandbox.slack import blocks


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def _button(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": _plain("Go"), "action_id": f"go-{number}", **more}


def _actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def _select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "options": [{"text": _plain("a"), "value": "a"}], **more}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _leaf(leaf: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]}


OPTION = {"text": _plain("a"), "value": "a"}
RICH_LEAVES: list[dict[str, Any]] = [
    {"type": "text", "text": "a", "style": {"bold": True}},
    {"type": "link", "url": "https://x.example", "text": "x"},
    {"type": "emoji", "name": "tada"},
    {"type": "user", "user_id": "U1"},
    {"type": "broadcast", "range": "channel"},
]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "divider"},
        {"type": "header", "text": _plain("x" * 150)},
        _section("x" * 3000),
        {"type": "section", "fields": [_mrkdwn("x" * 2000)] + [_plain("y")] * 9},
        {**_section("x"), "accessory": _button(value="v" * 2000, style="danger")},
        {
            "type": "context",
            "elements": [_mrkdwn("x")] * 9 + [{"type": "image", "image_url": "https://x", "alt_text": "x"}],
        },
        _actions(*(_button(number) for number in range(25))),
        _actions({"type": "overflow", "options": [OPTION] * 5}, {"type": "datepicker", "initial_date": "2026-03-01"}),
        _actions(_select(placeholder=_plain("Pick"))),
        _actions({"type": "static_select", "option_groups": [{"label": _plain("g"), "options": [OPTION]}]}),
        _actions(
            _button(confirm={"title": _plain("t"), "text": _mrkdwn("t"), "confirm": _plain("y"), "deny": _plain("n")})
        ),
        {"type": "markdown", "text": "x" * 12_000},
        {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a chart", "title": _plain("Chart")},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": RICH_LEAVES}]},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": []}],
                }
            ],
        },
    ],
)
def test_a_block_at_its_limits_is_accepted(block: dict[str, Any]) -> None:
    """What the reference allows has no problems."""
    assert blocks.problems([{"block_id": "b" * 255, **block}]) == []


@pytest.mark.parametrize(
    "block, problem",
    [
        ("text", "must provide an object [json-pointer:/blocks/0]"),
        ({}, "missing required field: type [json-pointer:/blocks/0]"),
        ({"type": "carousel"}, "unsupported type: carousel [json-pointer:/blocks/0/type]"),
        ({"type": "divider", "text": "x"}, "invalid additional property: text [json-pointer:/blocks/0]"),
        (
            {"type": "divider", "block_id": "b" * 256},
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
        ({"type": "header"}, "missing required field: text [json-pointer:/blocks/0]"),
        (
            {"type": "header", "text": _plain("x" * 151)},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        ({"type": "header", "text": _mrkdwn("x")}, "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
        ({"type": "section"}, "missing required field: text [json-pointer:/blocks/0]"),
        (_section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (_section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (
            {"type": "section", "fields": [_plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        ({"type": "section", "fields": []}, "no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"),
        (
            {"type": "section", "fields": [_plain("x" * 2001)]},
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            {"type": "context", "elements": [_plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (_actions(*(_button(n) for n in range(26))), "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
        (
            _actions(_button(text=_plain("x" * 76))),
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            _actions(_button(value="x" * 2001)),
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (_actions(_button(style="loud")), "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]"),
        (
            _actions({**_button(), "action_id": "x" * 256}),
            "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
        ),
        (
            _actions(_button(), _button()),
            'action_id "go-0" already exists in this block [json-pointer:/blocks/0/elements/1/action_id]',
        ),
        (_actions({"type": "slider"}), "unsupported type: slider [json-pointer:/blocks/0/elements/0/type]"),
        (
            _actions({"type": "overflow", "options": [OPTION] * 6}),
            "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            _actions(_select(options=[OPTION] * 101)),
            "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            _actions({"type": "datepicker", "initial_date": "1 March"}),
            "must be a date in the format YYYY-MM-DD [json-pointer:/blocks/0/elements/0/initial_date]",
        ),
        (
            _actions(_button(confirm={"title": _plain("t")})),
            "missing required field: text [json-pointer:/blocks/0/elements/0/confirm]",
        ),
        (
            {"type": "markdown", "text": "x" * 12_001},
            "must be less than 12001 characters [json-pointer:/blocks/0/text]",
        ),
        ({"type": "image", "alt_text": "x"}, "must provide either image_url or slack_file [json-pointer:/blocks/0]"),
        (
            _leaf({"type": "text", "text": ""}),
            "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
        ),
        (_leaf({"type": "sound"}), "unsupported type: sound [json-pointer:/blocks/0/elements/0/elements/0/type]"),
    ],
)
def test_a_block_beyond_its_limits_is_refused(block: Any, problem: str) -> None:
    """The first problem says what is wrong and where."""
    assert f"[ERROR] {problem}" == blocks.problems([block])[0]


@pytest.mark.parametrize(
    "value, problem",
    [
        ({}, "[ERROR] must provide an array [json-pointer:/blocks]"),
        ([{"type": "divider"}] * 51, "[ERROR] no more than 50 items allowed [json-pointer:/blocks]"),
        (
            [{"type": "divider", "block_id": "a"}] * 2,
            '[ERROR] block_id "a" already exists [json-pointer:/blocks/1/block_id]',
        ),
        (
            [{"type": "markdown", "text": "x" * 7000}] * 2,
            "[ERROR] must be less than 12001 characters [json-pointer:/blocks]",
        ),
    ],
)
def test_blocks_together_have_limits_too(value: object, problem: str) -> None:
    """Number, ids and the text of all markdown blocks are checked over the whole message."""
    assert [problem] == blocks.problems(value)


def test_fifty_blocks_are_accepted() -> None:
    """The most that a message takes."""
    assert blocks.problems([{"type": "divider"}] * 50) == []


def test_characters_are_counted_wherever_they_stand() -> None:
    """Texts of headers, fields, buttons and markdown add up."""
    value = [{"type": "header", "text": _plain("abc")}, _actions(_button()), {"type": "markdown", "text": "wxyz"}]
    assert blocks.total_chars(value) == 3 + 2 + 4
