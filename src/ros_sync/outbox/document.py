"""A message as its writer means it, without a word about how Slack or a terminal draws it.

All text here is plain text and may come from anywhere, a hostile deal name included: making it harmless is the work
of whoever draws it. A document travels as a JSON object with a version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ros_sync.errors import RosSyncError

VERSION = 1


class Severity(StrEnum):
    """How much a reason matters."""

    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"


class ButtonStyle(StrEnum):
    """How a button stands out."""

    DEFAULT = "default"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class ItemReason:
    """Why an item is here: a short line, what is behind it, and whether it has been mended since."""

    text: str
    detail: str = ""
    severity: str = Severity.WARN
    done: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """Something that can be done about an item with one press. `value` comes back to us unread."""

    id: str
    label: str
    value: str = ""
    style: str = ButtonStyle.DEFAULT


@dataclass(frozen=True, slots=True)
class Item:
    """One record that the message is about: its name, its amount or another lead text, and why it is here."""

    heading: str
    lead: str = ""
    reasons: tuple[ItemReason, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    link: str | None = None
    done: bool = False
    actions: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One message. `summary` is the plain line that a notification shows.

    `more_waiting` and `more_done` count the items that are left out, as a message of thousands is read by nobody.
    """

    title: str
    summary: str
    intro: str = ""
    items: tuple[Item, ...] = ()
    footer: str = ""
    more_waiting: int = 0
    more_done: int = 0

    @property
    def done(self) -> bool:
        """Whether everything that the message asked for has been mended."""
        return bool(self.items) and not self.more_waiting and all(item.done for item in self.items)

    @property
    def waiting(self) -> int:
        """How many items still wait, those that are left out included."""
        return sum(not item.done for item in self.items) + self.more_waiting

    def to_dict(self) -> dict[str, Any]:
        """The document as a JSON object: the same document gives an equal object."""
        data: dict[str, Any] = {
            "version": VERSION,
            "title": self.title,
            "summary": self.summary,
            "intro": self.intro,
            "items": [_as_data(item) for item in self.items],
            "footer": self.footer,
        }
        if self.more_waiting or self.more_done:
            data |= {"more_waiting": self.more_waiting, "more_done": self.more_done}
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Document:
        """Read what `to_dict` made; RosSyncError where a newer program wrote it or it is not whole."""
        version = data.get("version")
        if version != VERSION:
            raise RosSyncError(
                f"a message of form {version!r} cannot be read, this program knows form {VERSION}",
                hint="a newer ros-sync wrote it; run that one",
            )
        try:
            return cls(
                title=data["title"],
                summary=data["summary"],
                intro=data["intro"],
                items=tuple(_item(item) for item in data["items"]),
                footer=data["footer"],
                more_waiting=int(data.get("more_waiting", 0)),
                more_done=int(data.get("more_done", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RosSyncError(f"a stored message is not whole: {error!r}", hint="put it again") from error


def _item(data: dict[str, Any]) -> Item:
    return Item(
        heading=data["heading"],
        lead=data["lead"],
        reasons=tuple(ItemReason(**reason) for reason in data["reasons"]),
        facts=tuple((label, value) for label, value in data["facts"]),
        link=data["link"],
        done=data["done"],
        actions=tuple(Button(**action) for action in data["actions"]),
    )


def _as_data(item: Item) -> dict[str, Any]:
    """The item as plain lists, dicts and texts: a stored document must compare equal to a fresh one."""
    return {
        "heading": item.heading,
        "lead": item.lead,
        "reasons": [
            {"text": reason.text, "detail": reason.detail, "severity": str(reason.severity), "done": reason.done}
            for reason in item.reasons
        ],
        "facts": [list(fact) for fact in item.facts],
        "link": item.link,
        "done": item.done,
        "actions": [
            {"id": action.id, "label": action.label, "value": action.value, "style": str(action.style)}
            for action in item.actions
        ],
    }
