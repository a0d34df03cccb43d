"""Block Kit drawn as safe HTML: every text is escaped, only http(s) and mailto become links, nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from ros_sync.sandbox.slack import markdown, mrkdwn
from ros_sync.sandbox.slack.emoji import EMOJI, drawn
from ros_sync.sandbox.slack.mrkdwn import Namer

Part = dict[str, Any]
_INLINE_STYLES = (("code", "code"), ("bold", "strong"), ("italic", "em"), ("strike", "del"))


def blocks(value: list[Part], name_of: Namer) -> Markup:
    """Draw a message's blocks; `name_of` gives the name of a user's or channel's id."""
    return Markup("").join(
        Markup('<div class="block {}">{}</div>').format(block["type"], _BLOCKS[block["type"]](block, name_of))
        for block in value
    )


def text(value: Part, name_of: Namer) -> Markup:
    """Draw a text object: plain_text literally (emoji names apart), mrkdwn with its marks."""
    if value["type"] == "mrkdwn":
        return mrkdwn.html(value["text"], name_of)
    return Markup("<p>{}</p>").format(plain(value))


def plain(value: Part) -> Markup:
    """Draw a plain_text object: every character stands for itself, emoji names apart."""
    shown: str = value["text"]
    if value.get("emoji", True):
        pieces = shown.split(":")
        # A name between two colons is drawn; the colons that belong to no name stay.
        out, index = pieces[0], 1
        while index < len(pieces):
            if index + 1 < len(pieces) and pieces[index] in EMOJI:
                out += EMOJI[pieces[index]] + pieces[index + 1]
                index += 2
            else:
                out += ":" + pieces[index]
                index += 1
        shown = out
    return Markup("<br>").join(escape(line) for line in shown.split("\n"))


def _section(block: Part, name_of: Namer) -> Markup:
    parts: list[Markup] = []
    if block.get("text"):
        parts.append(Markup('<div class="text">{}</div>').format(text(block["text"], name_of)))
    if block.get("fields"):
        cells = Markup("").join(Markup("<div>{}</div>").format(text(cell, name_of)) for cell in block["fields"])
        parts.append(Markup('<div class="fields">{}</div>').format(cells))
    body = Markup('<div class="body">{}</div>').format(Markup("").join(parts))
    if not block.get("accessory"):
        return body
    return body + Markup('<div class="accessory">{}</div>').format(_element(block["accessory"]))


def _header(block: Part, _name_of: Namer) -> Markup:
    return Markup("<h3>{}</h3>").format(plain(block["text"]))


def _divider(_block: Part, _name_of: Namer) -> Markup:
    return Markup("<hr>")


def _markdown(block: Part, _name_of: Namer) -> Markup:
    return markdown.html(block["text"])


def _context(block: Part, name_of: Namer) -> Markup:
    return Markup("").join(
        _element(item) if item["type"] == "image" else Markup("<span>{}</span>").format(text(item, name_of))
        for item in block["elements"]
    )


def _actions(block: Part, _name_of: Namer) -> Markup:
    return Markup("").join(_element(item) for item in block["elements"])


def _image(block: Part, _name_of: Namer) -> Markup:
    title = plain(block["title"]) if block.get("title") else Markup("")
    return Markup('<figure><figcaption>{}</figcaption><div class="picture">{}</div></figure>').format(
        title, block["alt_text"]
    )


def _element(item: Part) -> Markup:
    """An interactive element or a small image."""
    kind = item["type"]
    if kind == "button":
        label, style = plain(item["text"]), item.get("style", "")
        if str(item.get("url", "")).lower().startswith(mrkdwn.LINK_SCHEMES):
            return Markup(
                '<a class="button {}" href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>'
            ).format(style, item["url"], label)
        return Markup('<button type="button" class="button {}">{}</button>').format(style, label)
    if kind == "image":
        return Markup('<span class="picture small">{}</span>').format(item["alt_text"])
    if kind == "overflow":
        options = Markup("").join(Markup("<li>{}</li>").format(plain(option["text"])) for option in item["options"])
        return Markup('<details class="overflow"><summary aria-label="More">⋯</summary><ul>{}</ul></details>').format(
            options
        )
    if kind == "datepicker":
        chosen = item.get("initial_date")
        return Markup('<button type="button" class="button select">📆 {}</button>').format(chosen or _placeholder(item))
    chosen = item.get("initial_option")
    return Markup('<button type="button" class="button select">{} ▾</button>').format(
        plain(chosen["text"]) if chosen else _placeholder(item)
    )


def _placeholder(item: Part) -> Markup:
    return plain(item["placeholder"]) if item.get("placeholder") else Markup("Choose…")


def _rich_text(block: Part, name_of: Namer) -> Markup:
    return Markup("").join(_rich_part(part, name_of) for part in block["elements"])


def _rich_part(part: Part, name_of: Namer) -> Markup:
    if part["type"] == "rich_text_list":
        items = Markup("").join(Markup("<li>{}</li>").format(_rich_leaves(item, name_of)) for item in part["elements"])
        shape = Markup("<ol>{}</ol>") if part["style"] == "ordered" else Markup("<ul>{}</ul>")
        return shape.format(items)
    inside = _rich_leaves(part, name_of)
    if part["type"] == "rich_text_preformatted":
        return Markup("<pre>{}</pre>").format(inside)
    if part["type"] == "rich_text_quote":
        return Markup("<blockquote>{}</blockquote>").format(inside)
    return Markup("<p>{}</p>").format(inside)


def _rich_leaves(part: Part, name_of: Namer) -> Markup:
    return Markup("").join(_rich_leaf(leaf, name_of) for leaf in part["elements"])


def _rich_leaf(leaf: Part, name_of: Namer) -> Markup:  # noqa: PLR0911  # one return for each kind of leaf
    kind = leaf["type"]
    if kind == "link":
        return _styled(mrkdwn.link(leaf["url"], leaf.get("text") or leaf["url"]), leaf)
    if kind == "emoji":
        return escape(drawn(leaf["name"]))
    if kind == "user":
        return mrkdwn.mention(f"@{name_of(leaf['user_id'])}")
    if kind == "channel":
        return mrkdwn.mention(f"#{name_of(leaf['channel_id'])}")
    if kind == "usergroup":
        return mrkdwn.mention(f"@{leaf['usergroup_id']}")
    if kind == "broadcast":
        return mrkdwn.mention(f"@{leaf['range']}", loud=True)
    if kind == "date":
        return escape(leaf.get("fallback") or leaf["timestamp"])
    shown = leaf["text"] if kind == "text" else leaf["value"]
    return _styled(Markup("<br>").join(escape(line) for line in shown.split("\n")), leaf)


def _styled(inside: Markup, leaf: Part) -> Markup:
    style = leaf.get("style")
    for key, tag in _INLINE_STYLES:
        if isinstance(style, dict) and style.get(key):
            inside = Markup("<{0}>{1}</{0}>").format(tag, inside)
    return inside


_BLOCKS: dict[str, Callable[[Part, Namer], Markup]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "markdown": _markdown,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
}
