"""Text for Slack. What Slack parses is `Mrkdwn` and made by `escape`.

Everything else goes into elements that it does not. In mrkdwn only `&`, `<` and `>` have an escape, which is enough to
disarm mentions, links and commands such as `<!channel>`; stars and underscores have none, so that names and texts out
of a CRM are put into plain_text and rich_text elements wherever there are any.
"""

from __future__ import annotations

from typing import Any

from ros_sync.notifiers.plaintext import clean, cut


class Mrkdwn(str):
    """Text that Slack may parse: nothing in it but what we mean."""

    __slots__ = ()


def escape(text: str) -> Mrkdwn:
    """Disarm plain text for Slack's parser (Slack reference, "Escaping text")."""
    return Mrkdwn(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def plain(text: str, limit: int) -> dict[str, Any]:
    """Make a plain_text object: shown as it is, without emoji names being replaced."""
    return {"type": "plain_text", "text": cut(clean(text), limit), "emoji": False}


def styled(text: str, *, bold: bool = False, italic: bool = False, strike: bool = False) -> dict[str, Any]:
    """Make a text element of a rich_text block: shown as it is, in that style."""
    style = {name: True for name, wanted in (("bold", bold), ("italic", italic), ("strike", strike)) if wanted}
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def linked(text: str, url: str, *, bold: bool = False, strike: bool = False) -> dict[str, Any]:
    """Make a link element of a rich_text block."""
    return {**styled(text, bold=bold, strike=strike), "type": "link", "url": url}
