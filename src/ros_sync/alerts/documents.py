"""The words of an alert's message: what is wrong, with which numbers, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ros_sync.outbox.document import Document, Item, Reason

_ORDER = {"critical": 0, "warn": 1, "info": 2}
NAMED_IN_SUMMARY = 3  # records named in the line that a notification shows


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as its reader is told of it.

    `owner` names the record's owner where that is not the reader; `of_team` says that the reader answers for the team.
    """

    object: str
    record: tuple[str, str]
    title: str
    headline: str
    lead: str
    text: str
    severity: str
    resolved: bool
    owner: str | None = None
    of_team: bool = False


def direct(told: Sequence[Told]) -> Document:
    """A message about one record, or about the records that one rule found at once."""
    items = _items(told)
    waiting = [item for item in items if not item.done]
    titles = [entry.title for entry in told if not entry.resolved]
    title = titles[0] if titles else f"Done: {told[0].title}"
    if len(items) > 1 and waiting:
        title = f"{title}: {_counted(told)}"
    return Document(title=title, summary=f"{title}: {_named(waiting or items)}", items=tuple(items))


def digest(told: Sequence[Told], day: str) -> Document:
    """The day's message about all records that one reader should look at."""
    items = _items(told)
    waiting = [item for item in items if not item.done]
    if not waiting:
        return Document(title=f"{day}: all done", summary=f"{day}: all done", intro="", items=tuple(items))
    subject = _counted(told)
    verb = "needs" if len(waiting) == 1 else "need"
    of_team = any(entry.of_team for entry in told)
    title = f"{subject} in your team {verb} a word" if of_team else f"{subject} {verb} you"
    summary = f"{title}: {_named(waiting)}"
    done = len(items) - len(waiting)
    intro = f"{day}. {done} of {len(items)} done." if done else f"{day}."
    return Document(title=title, summary=summary, intro=intro, items=tuple(items))


def _named(items: Sequence[Item]) -> str:
    names = ", ".join(item.heading for item in items[:NAMED_IN_SUMMARY])
    more = len(items) - NAMED_IN_SUMMARY
    return f"{names}{f' and {more} more' if more > 0 else ''}"


def _counted(told: Sequence[Told]) -> str:
    """`3 deals and 1 lead`, of those that still wait."""
    records: dict[str, set[tuple[str, str]]] = {}
    for entry in told:
        if not entry.resolved:
            records.setdefault(entry.object, set()).add(entry.record)
    parts = [f"{len(ids)} {name}{'' if len(ids) == 1 else 's'}" for name, ids in sorted(records.items())]
    return " and ".join(parts)


def _items(told: Sequence[Told]) -> list[Item]:
    """One item a record: those that wait before those that are done, the gravest first, then by name."""
    by_record: dict[tuple[str, tuple[str, str]], list[Told]] = {}
    for entry in told:
        by_record.setdefault((entry.object, entry.record), []).append(entry)
    ranked = []
    for (name, record), entries in by_record.items():
        entries.sort(key=lambda entry: (entry.resolved, _ORDER.get(entry.severity, 1), entry.title))
        done = all(entry.resolved for entry in entries)
        gravest = min(_ORDER.get(entry.severity, 1) for entry in entries)
        facts = (("Owner", owner),) if (owner := entries[0].owner) else ()
        item = Item(
            heading=entries[0].headline,
            lead=entries[0].lead,
            reasons=tuple(
                Reason(text=_without_heading(entry), severity=entry.severity, done=entry.resolved) for entry in entries
            ),
            facts=facts,
            done=done,
        )
        ranked.append(((done, gravest, -len(entries), entries[0].headline, name, record), item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _without_heading(told: Told) -> str:
    """The rule's message without the name and amount that it begins with: the item's heading says them already."""
    rest = told.text.removeprefix(told.headline)
    if rest == told.text or not told.headline:
        return told.text
    rest = rest.removeprefix(f" ({told.lead or '—'})")
    return rest.removeprefix(":").lstrip() if rest.startswith(":") else told.text
