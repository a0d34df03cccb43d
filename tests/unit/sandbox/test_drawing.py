"""Block Kit and Markdown drawn as HTML."""

from __future__ import annotations

from typing import Any

import pytest

from ros_sync.sandbox.slack import drawing, markdown

HOSTILE = '<img src=x onerror="alert(1)">'
ESCAPED = "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;"


def _same(some_id: str) -> str:
    return some_id


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "header", "text": _plain(HOSTILE)},
        {"type": "section", "text": {"type": "mrkdwn", "text": HOSTILE}},
        {"type": "section", "fields": [_plain(HOSTILE)]},
        {"type": "context", "elements": [_plain(HOSTILE)]},
        {"type": "context", "elements": [{"type": "image", "image_url": "https://x", "alt_text": HOSTILE}]},
        {"type": "actions", "elements": [{"type": "button", "text": _plain(HOSTILE)}]},
        {"type": "actions", "elements": [{"type": "overflow", "options": [{"text": _plain(HOSTILE), "value": "v"}]}]},
        {"type": "actions", "elements": [{"type": "static_select", "placeholder": _plain(HOSTILE)}]},
        {"type": "image", "image_url": "https://x", "alt_text": HOSTILE},
        {"type": "markdown", "text": f"# {HOSTILE}"},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": HOSTILE}]}],
        },
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "date", "timestamp": 1, "fallback": HOSTILE}]}
            ],
        },
    ],
)
def test_hostile_text_is_escaped_in_every_block(block: dict[str, Any]) -> None:
    """The text is there, escaped, and nowhere as markup."""
    drawn = drawing.blocks([block], _same)
    assert (ESCAPED in drawn, HOSTILE in drawn) == (True, False)


def test_plain_text_is_literal_but_for_emoji() -> None:
    """Marks and control sequences stand for themselves, names of emoji are drawn, times keep their colons."""
    assert drawing.plain(_plain("*x* <!channel> 10:30:15 :tada:")) == "*x* &lt;!channel&gt; 10:30:15 🎉"


def test_a_button_leads_only_to_safe_addresses() -> None:
    """An address that is no http(s) makes a button without a link."""
    button = {"type": "button", "text": _plain("Go"), "url": "javascript:alert(1)"}
    assert "href" not in drawing.blocks([{"type": "actions", "elements": [button]}], _same)


def test_rich_text_styles_are_drawn() -> None:
    """Bold and struck text is nested in its elements."""
    leaf = {"type": "text", "text": "x", "style": {"bold": True, "strike": True}}
    block = {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [leaf]}]}
    expected = '<div class="block rich_text"><blockquote><del><strong>x</strong></del></blockquote></div>'
    assert expected == drawing.blocks([block], _same)


@pytest.mark.parametrize(
    "text, html",
    [
        ("# Plan\n**bold** and *it*", "<h4>Plan</h4><p><strong>bold</strong> and <em>it</em></p>"),
        ("- one\n- two\n\n1. a", "<ul><li>one</li><li>two</li></ul><ol><li>a</li></ol>"),
        ("```py\nx < 1\n```", "<pre>x &lt; 1</pre>"),
        ("[x](javascript:alert)", "<p>x (javascript:alert)</p>"),
        (
            "[x](https://x.example)",
            '<p><a href="https://x.example" target="_blank" rel="noopener noreferrer nofollow">x</a></p>',
        ),
    ],
)
def test_markdown_is_drawn(text: str, html: str) -> None:
    """Headings, lists, fences, emphasis and safe links."""
    assert html == markdown.html(text)
