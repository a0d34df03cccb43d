"""Documents as Slack messages, within Slack's limits and harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ros_sync.notifiers.plaintext import length
from ros_sync.notifiers.slack.render import SlackMessage, render
from ros_sync.outbox.document import Button, ButtonStyle, Document, Item, ItemReason, Severity

HOSTILE = [
    "<!channel> *free* <http://x|y>",
    "<@U12345678>",
    "&lt;!here&gt;",
    "[a](javascript:alert(1))",
    "&<a>" * 1000,
    "😀" * 2000,
    "\u202e\x00\ud800",
    "\n\n",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=8)
links = st.none() | texts | st.sampled_from(["https://crm.example/1", "javascript:alert(1)", "https://x/" + "a" * 3000])
reasons = st.builds(
    ItemReason, text=texts, detail=texts, severity=st.sampled_from([*Severity, "odd"]), done=st.booleans()
)
actions = st.builds(Button, id=texts, label=texts, value=texts, style=st.sampled_from(ButtonStyle))
items = st.builds(
    Item,
    heading=texts,
    lead=texts,
    reasons=st.lists(reasons, max_size=9).map(tuple),
    facts=st.lists(st.tuples(texts, texts), max_size=7).map(tuple),
    link=links,
    done=st.booleans(),
    actions=st.lists(actions, max_size=6).map(tuple),
)
many_items = st.lists(items, max_size=3) | st.tuples(items, st.integers(1, 600)).map(lambda pair: [pair[0]] * pair[1])
documents = st.builds(Document, title=texts, summary=texts, intro=texts, items=many_items.map(tuple), footer=texts)
thoroughly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object inside a message's blocks."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    if isinstance(value, list | tuple):
        for inner in value:
            yield from objects(inner)


def shown(message: SlackMessage) -> list[str]:
    """Every text that a person sees, in order."""
    return [part["text"] for part in objects(message.blocks) if isinstance(part.get("text"), str)]


def too_long(message: SlackMessage) -> list[str]:
    """What of the message breaks one of Slack's documented limits (the numbers are Slack's, not those of our code)."""
    wrong = []
    if len(message.blocks) > 50:
        wrong.append("blocks")
    if length(message.text) > 4000:
        wrong.append("fallback")
    if sum(length(text) for text in shown(message)) > 13_000:
        wrong.append("all text")
    for part in objects(message.blocks):
        kind, text = part.get("type"), part.get("text")
        limit = {"header": 150, "section": 3000, "button": 75}.get(str(kind))
        if limit and isinstance(text, dict) and not 0 < length(text["text"]) <= limit:
            wrong.append(f"{kind} text")
        if kind in ("plain_text", "text", "link") and not text:
            wrong.append(f"empty {kind}")
        if kind == "actions" and not 0 < len(part["elements"]) <= 25:
            wrong.append("actions")
        if kind == "context" and len(part["elements"]) > 10:
            wrong.append("context")
        if kind == "button" and not (0 < length(part["action_id"]) <= 255 and length(part.get("value", "")) <= 2000):
            wrong.append("button")
        if kind == "rich_text" and not part["elements"]:
            wrong.append("empty rich text")
    block_ids = [block["block_id"] for block in message.blocks if "block_id" in block]
    return wrong + (["block ids"] if len(block_ids) != len(set(block_ids)) else [])


@thoroughly
@given(documents)
def test_any_document_is_within_slacks_limits(document: Document) -> None:
    """Whatever a document holds, Slack accepts its size."""
    assert [] == too_long(render(document))


@thoroughly
@given(documents)
def test_no_text_from_outside_is_parsed_by_slack(document: Document) -> None:
    """What Slack parses has no unescaped bracket; everything else stands in elements that are shown as they are."""
    message = render(document)
    parsed = [str(message.text)] + [part["text"] for part in objects(message.blocks) if part.get("type") == "mrkdwn"]
    assert [] == [text for text in parsed if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)]


@thoroughly
@given(documents)
def test_only_web_links_are_links(document: Document) -> None:
    """No link leads anywhere but to http(s)."""
    urls = [part["url"] for part in objects(render(document).blocks) if "url" in part]
    assert [] == [url for url in urls if not url.startswith(("http://", "https://"))]


@thoroughly
@given(documents)
def test_any_message_can_be_sent(document: Document) -> None:
    """What is drawn can be encoded as JSON in UTF-8, broken characters included."""
    message = render(document)
    drawn = json.dumps([message.text, message.blocks], ensure_ascii=False)
    assert drawn == drawn.encode().decode()


DEAL = Item(
    "Acme <!channel> *renewal*",
    "EUR 20,000",
    (ItemReason("No buyer activity for 21 days", "last on 9 February"), ItemReason("No next step", done=True)),
    (("Stage", "Proposal"), ("Close date", "2026-03-31")),
    "https://crm.example/deals/1",
)


def test_a_deal_reads_as_a_seller_likes_it() -> None:
    """Bold name as a link, the amount, one line a reason with the mended ones struck through, the facts."""
    message = render(Document("1 deal needs attention", "1 deal needs attention", "Good morning", (DEAL,), "Yours"))
    assert [
        {"type": "header", "text": {"type": "plain_text", "text": "1 deal needs attention", "emoji": False}},
        {"type": "section", "text": {"type": "plain_text", "text": "Good morning", "emoji": False}},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {
                            "type": "link",
                            "text": "Acme <!channel> *renewal*",
                            "url": "https://crm.example/deals/1",
                            "style": {"bold": True},
                        },
                        {"type": "text", "text": "  EUR 20,000"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [
                                {"type": "text", "text": "No buyer activity for 21 days"},
                                {"type": "text", "text": " last on 9 February", "style": {"italic": True}},
                            ],
                        },
                        {
                            "type": "rich_text_section",
                            "elements": [
                                {"type": "text", "text": "No next step", "style": {"strike": True}},
                                {"type": "text", "text": " ✓"},
                            ],
                        },
                    ],
                },
                {
                    "type": "rich_text_section",
                    "elements": [
                        {
                            "type": "text",
                            "text": "Stage: Proposal · Close date: 2026-03-31",
                            "style": {"italic": True},
                        }
                    ],
                },
            ],
        },
        {"type": "context", "elements": [{"type": "plain_text", "text": "Yours", "emoji": False}]},
    ] == list(message.blocks)


def test_a_long_digest_says_how_many_are_left_out() -> None:
    """Of 37 items 20 are shown, and the reader learns of the other 17."""
    message = render(Document("37 deals", "37 deals", items=tuple(Item(f"Deal {number}") for number in range(37))))
    assert "… 17 more" == shown(message)[-1]


def test_a_mended_item_gives_way_to_one_that_is_not() -> None:
    """Where not all items fit, the open ones are shown, in their order."""
    items = tuple(Item(f"Deal {number}", done=number < 20) for number in range(40))
    names = [text for text in shown(render(Document("40", "40", items=items))) if text.startswith("Deal")]
    assert [f"Deal {number}" for number in range(20, 40)] == names


def test_a_message_with_nothing_left_to_do_turns_into_a_tick() -> None:
    """When all items are done, the heading is a tick and the names are struck through."""
    message = render(Document("1 deal needs attention", "1 deal needs attention", items=(Item("Acme", done=True),)))
    assert ["✅ All done", "Acme", "1 deal needs attention"] == shown(message)


def test_the_notification_says_that_all_is_done() -> None:
    """The fallback text changes with the message."""
    message = render(Document("t", "1 deal & more", items=(Item("Acme", done=True),)))
    assert "✅ All done: 1 deal &amp; more" == message.text


def test_buttons_stand_below_their_item() -> None:
    """An action becomes a button with its id and value; one without a style has none."""
    item = Item("Acme", actions=(Button("snooze", "Snooze", "7"), Button("ok", "Accept", "8", ButtonStyle.PRIMARY)))
    assert [
        {
            "type": "button",
            "action_id": "snooze",
            "text": {"type": "plain_text", "text": "Snooze", "emoji": False},
            "value": "7",
        },
        {
            "type": "button",
            "action_id": "ok",
            "text": {"type": "plain_text", "text": "Accept", "emoji": False},
            "value": "8",
            "style": "primary",
        },
    ] == render(Document("t", "s", items=(item,))).blocks[-1]["elements"]


@pytest.mark.parametrize(
    "action",
    [Button("", "No id"), Button("x" * 256, "Long id"), Button("x", ""), Button("x", "Long value", "v" * 2001)],
    ids=["no id", "long id", "no label", "long value"],
)
def test_a_button_that_slack_would_refuse_is_left_out(action: Button) -> None:
    """A cut id or value would mean something else, so that there is rather no button."""
    assert ["header", "rich_text"] == [
        block["type"] for block in render(Document("t", "s", items=(Item("a", actions=(action,)),))).blocks
    ]
