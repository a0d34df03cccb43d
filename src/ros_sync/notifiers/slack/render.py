"""A document as a Slack message: the decision what to show, within Slack's limits.

One header, one compact rich_text block for each item (with a row of buttons where there is something to press), and a
line for what had to be left out. A message whose items are all mended shrinks to a tick and their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ros_sync.notifiers.plaintext import clean, cut, first, length, more, one_line, web_link
from ros_sync.notifiers.slack import limits
from ros_sync.notifiers.slack.text import Mrkdwn, escape, linked, plain, styled
from ros_sync.outbox.document import Button, ButtonStyle, Document, Item, ItemReason, Severity

Block = dict[str, Any]

NAMELESS = "(no name)"
TICK = "✓"
ALL_DONE = "✅ All done"
CRITICAL_SIGN = "❗ "
_NO_TEXT = ("type", "style", "value", "action_id", "block_id")  # keys of a block that nobody sees
_BLOCKS_AROUND_ITEMS = 4  # header, intro, what was left out, footer


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What chat.postMessage is given: `text` for notifications, `blocks` for the message."""

    text: Mrkdwn
    blocks: tuple[Block, ...]


def render(document: Document) -> SlackMessage:
    """Draw the document within all limits of `limits`; a long one is cut with `… 17 more`."""
    summary = cut(one_line(document.summary) or one_line(document.title) or NAMELESS, limits.SUMMARY_CHARS)
    if document.done:
        return SlackMessage(escape(f"{ALL_DONE}: {summary}"), tuple(_tick(document)))
    return SlackMessage(escape(summary), tuple(_blocks(document)))


def _blocks(document: Document) -> list[Block]:
    blocks = [_header(one_line(document.title) or NAMELESS)]
    if intro := cut(clean(document.intro), limits.INTRO_CHARS):
        blocks.append({"type": "section", "text": plain(intro, limits.MAX_SECTION_CHARS)})
    footer = cut(clean(document.footer), limits.FOOTER_CHARS)
    room = limits.MAX_MESSAGE_CHARS - limits.SPARE_CHARS - _chars(blocks) - length(footer)
    drawn, left_out = _fitting(document.items, limits.MAX_BLOCKS - _BLOCKS_AROUND_ITEMS, room)
    blocks += drawn
    left_out += document.more_waiting + document.more_done
    if left_out:
        blocks.append(_context(more(left_out)))
    if footer:
        blocks.append(_context(footer))
    return blocks


def _fitting(items: Sequence[Item], max_blocks: int, max_chars: int) -> tuple[list[Block], int]:
    """The blocks of as many items as fit, and how many do not; where some must go, the mended ones go first."""
    by_need = sorted(range(len(items)), key=lambda index: items[index].done)[: limits.ITEMS_A_MESSAGE]
    kept: dict[int, list[Block]] = {}
    for index in by_need:
        drawn = _item(items[index], index)
        max_blocks -= len(drawn)
        max_chars -= _chars(drawn)
        if max_blocks < 0 or max_chars < 0:
            break
        kept[index] = drawn
    return [block for index in sorted(kept) for block in kept[index]], len(items) - len(kept)


def _tick(document: Document) -> list[Block]:
    names = [_struck_heading(item) for item in document.items]
    shown, left_out = first(names, limits.NAMES_IN_A_TICK)
    left_out += document.more_done
    blocks = [_header(ALL_DONE)]
    blocks.append({"type": "rich_text", "elements": [_list([[name] for name in shown])]})
    if left_out:
        blocks.append(_context(more(left_out)))
    if title := cut(one_line(document.title), limits.FOOTER_CHARS):
        blocks.append(_context(title))
    return blocks


def _item(item: Item, index: int) -> list[Block]:
    elements = [{"type": "rich_text_section", "elements": _lead_line(item)}]
    if item.done:
        return [{"type": "rich_text", "elements": elements}]
    lines = [_reason_line(reason) for reason in item.reasons]
    shown, left_out = first([line for line in lines if line], limits.REASONS_AN_ITEM)
    bullets = [*shown, [styled(more(left_out))]] if left_out else list(shown)
    if bullets:
        elements.append(_list(bullets))
    if facts := _facts_line(item):
        elements.append({"type": "rich_text_section", "elements": [facts]})
    blocks: list[Block] = [{"type": "rich_text", "elements": elements}]
    if buttons := _buttons(item.actions):
        blocks.append({"type": "actions", "block_id": f"item-{index}", "elements": buttons})
    return blocks


def _lead_line(item: Item) -> list[Block]:
    if item.done:
        return [_struck_heading(item), styled(f" {TICK}")]
    heading = cut(one_line(item.heading) or NAMELESS, limits.HEADING_CHARS)
    link = web_link(item.link, limits.LINK_CHARS)
    line = [linked(heading, link, bold=True) if link else styled(heading, bold=True)]
    if lead := cut(one_line(item.lead), limits.LEAD_CHARS):
        line.append(styled(f"  {lead}"))
    return line


def _struck_heading(item: Item) -> Block:
    heading = cut(one_line(item.heading) or NAMELESS, limits.HEADING_CHARS)
    link = web_link(item.link, limits.LINK_CHARS)
    return linked(heading, link, strike=True) if link else styled(heading, strike=True)


def _reason_line(reason: ItemReason) -> list[Block]:
    text = cut(one_line(reason.text), limits.REASON_CHARS)
    detail = cut(one_line(reason.detail), limits.DETAIL_CHARS)
    if not text:
        text, detail = detail, ""
    if not text:
        return []
    if reason.done:
        return [styled(text, strike=True), styled(f" {TICK}")]
    line = [styled(CRITICAL_SIGN + text if reason.severity == Severity.CRITICAL else text)]
    if detail:
        line.append(styled(f" {detail}", italic=True))
    return line


def _facts_line(item: Item) -> Block | None:
    facts = [
        f"{cut(one_line(label), limits.FACT_LABEL_CHARS)}: {cut(one_line(value), limits.FACT_VALUE_CHARS)}"
        for label, value in item.facts[: limits.FACTS_AN_ITEM]
        if one_line(label) and one_line(value)
    ]
    return styled(" · ".join(facts), italic=True) if facts else None


def _buttons(actions: Sequence[Button]) -> list[Block]:
    """The actions that fit; one that Slack would refuse is left out, as a cut id or value would mean something else."""
    buttons: dict[str, Block] = {}
    for action in actions:
        label = cut(one_line(action.label), limits.MAX_BUTTON_CHARS)
        fits = action.id.isprintable() and 0 < length(action.id) <= limits.MAX_ACTION_ID_CHARS
        fits = fits and action.value.isprintable() and length(action.value) <= limits.MAX_BUTTON_VALUE_CHARS
        if not label or not fits or action.id in buttons:
            continue
        button: Block = {"type": "button", "action_id": action.id, "text": plain(label, limits.MAX_BUTTON_CHARS)}
        if action.value:
            button["value"] = action.value
        if action.style in (ButtonStyle.PRIMARY, ButtonStyle.DANGER):
            button["style"] = str(action.style)
        buttons[action.id] = button
    return list(buttons.values())[: limits.ACTIONS_AN_ITEM]


def _header(title: str) -> Block:
    return {"type": "header", "text": plain(title, limits.MAX_HEADER_CHARS)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [plain(text, limits.MAX_SECTION_CHARS)]}


def _list(lines: Sequence[Sequence[Block]]) -> Block:
    return {
        "type": "rich_text_list",
        "style": "bullet",
        "elements": [{"type": "rich_text_section", "elements": list(line)} for line in lines],
    }


def _chars(value: Any) -> int:
    """How much text there is in a block or in a list of them, addresses of links included."""
    if isinstance(value, dict):
        return sum(_chars(inner) for key, inner in value.items() if key not in _NO_TEXT)
    if isinstance(value, list):
        return sum(_chars(inner) for inner in value)
    return length(value) if isinstance(value, str) else 0
