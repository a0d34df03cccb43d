"""Delivering to a terminal, for companies without Slack: every message is printed, an edit as `updated`."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from ros_sync.notifiers.notifier import DeliveryReceipt, OutgoingMessage, RateKey
from ros_sync.notifiers.plaintext import clean, more, one_line, web_link
from ros_sync.outbox.document import Document, Item, ItemReason, Severity

TICK = "✓"
_REASON_STYLE: dict[str, str] = {Severity.CRITICAL: "bold red", Severity.WARN: "yellow"}
_LONGEST_LINK = 500


class ConsoleNotifier:
    """A terminal as a `Notifier`: it knows everybody, and what it has printed stays printed."""

    transport = "console"

    def __init__(self, console: Console) -> None:
        self._console = console

    def resolve(self, outgoing: OutgoingMessage, now: datetime) -> str:  # noqa: ARG002  # the protocol's signature
        """Everything goes to the one terminal."""
        return "console"

    def rate_key(self, outgoing: OutgoingMessage, channel: str) -> RateKey:  # noqa: ARG002  # the protocol's signature
        """A terminal is never in a hurry: each message has a rate key of its own."""
        return RateKey(f"console:{outgoing.id}", 0.0)

    # the protocol's signature
    def deliver(self, outgoing: OutgoingMessage, channel: str, now: datetime) -> DeliveryReceipt:  # noqa: ARG002
        """Print the message."""
        self._console.print(draw(outgoing.document, to=_name(outgoing), updated=outgoing.is_edit))
        return DeliveryReceipt(channel, str(outgoing.id))

    def find(  # the protocol's signature
        self,
        outgoing: OutgoingMessage,  # noqa: ARG002
        channel: str,  # noqa: ARG002
    ) -> DeliveryReceipt | None:
        """A terminal cannot be asked what it has shown; printing again does no harm."""
        return None


def draw(document: Document, *, to: str, updated: bool = False) -> Panel:
    """Draw the document for a terminal; nothing in its texts is taken for markup or for a terminal's commands."""
    parts: list[RenderableType] = []
    if document.intro:
        parts.append(Text(clean(document.intro)))
    parts += [_item(item) for item in document.items]
    if left_out := document.more_waiting + document.more_done:
        parts.append(Text(more(left_out), style="dim"))
    if document.footer:
        parts.append(Text(clean(document.footer), style="dim"))
    if not parts:
        parts.append(Text(clean(document.summary)))
    title = Text("✅ All done" if document.done else one_line(document.title), style="bold")
    if updated:
        title.append("  (updated)", style="dim")
    title.append(f"  to {one_line(to)}", style="dim")
    return Panel(Group(*parts), title=title, title_align="left", border_style="green" if document.done else "blue")


def _item(item: Item) -> Text:
    text = Text()
    text.append(one_line(item.heading) or "(no name)", style="strike dim" if item.done else "bold")
    if item.done:
        return text.append(f" {TICK}", style="green")
    if lead := one_line(item.lead):
        text.append(f"  {lead}", style="cyan")
    for reason in item.reasons:
        text.append("\n  • ")
        text.append_text(_reason(reason))
    facts = " · ".join(f"{one_line(label)}: {one_line(value)}" for label, value in item.facts)
    if facts:
        text.append(f"\n  {facts}", style="dim")
    if link := web_link(item.link, _LONGEST_LINK):
        text.append(f"\n  {link}", style="blue underline")
    return text


def _reason(reason: ItemReason) -> Text:
    if reason.done:
        return Text.assemble((one_line(reason.text), "strike dim"), (f" {TICK}", "green"))
    text = Text(one_line(reason.text), style=_REASON_STYLE.get(reason.severity, ""))
    if detail := one_line(reason.detail):
        text.append(f" {detail}", style="dim")
    return text


def _name(outgoing: OutgoingMessage) -> str:
    return outgoing.recipient_name or outgoing.recipient_email or outgoing.recipient
