"""Messages on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from ros_sync.notifiers.console import ConsoleNotifier, draw
from ros_sync.notifiers.notifier import OutgoingMessage
from ros_sync.outbox.document import Document, Item, ItemReason
from ros_sync.outbox.tables import MessageState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DOCUMENT = Document(
    "2 deals need attention",
    "2 deals need attention",
    items=(
        Item("Acme", "EUR 20,000", (ItemReason("No next step"),), (("Stage", "Proposal"),), "https://crm.example/1"),
        Item("Globex", done=True),
    ),
)
OUTGOING = OutgoingMessage(
    id=1,
    opaque_id="x",
    recipient="ann",
    recipient_name="Ann Bo",
    recipient_email=None,
    slack_user=None,
    transport="console",
    document=DOCUMENT,
    revision=1,
    delivered_revision=None,
    state=MessageState.WAITING,
    channel=None,
    ts=None,
    attempts=0,
    failures=0,
    looked_at=None,
)


def printed(document: Document, *, updated: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(draw(document, to="Ann Bo", updated=updated))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_everything_a_person_needs_is_printed() -> None:
    """Title, recipient, name, amount, reason, facts and link are all there."""
    text = printed(DOCUMENT)
    title = "2 deals need attention"
    wanted = [title, "Ann Bo", "Acme  EUR 20,000", "• No next step", "Stage: Proposal", "crm.example/1"]
    assert [] == [part for part in wanted if part not in text]


def test_a_mended_item_has_a_tick() -> None:
    """A done item is one line with a tick."""
    assert "Globex ✓" in printed(DOCUMENT)


def test_a_document_without_anything_left_says_all_done() -> None:
    """When every item is done, the title says so."""
    assert "✅ All done" in printed(Document("t", "s", items=(Item("Acme", done=True),)))


def test_hostile_text_is_printed_as_it_is() -> None:
    """Markup stays text and terminal commands are taken out."""
    text = printed(Document("t", "s", items=(Item("[bold]x[/bold] \x1b]0;owned\x07 [link=http://x]y[/link]"),)))
    assert "[bold]x[/bold] ]0;owned [link=http://x]y[/link]" in text


def test_an_edit_is_shown_as_updated() -> None:
    """A message that was printed before is marked when it is printed again."""
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    notifier = ConsoleNotifier(console)
    receipt = notifier.deliver(OUTGOING, "console", NOW)
    notifier.deliver(replace(OUTGOING, channel=receipt.channel, ts=receipt.ts), "console", NOW)
    assert isinstance(console.file, io.StringIO)
    assert 1 == console.file.getvalue().count("(updated)")
