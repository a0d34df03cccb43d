"""The text of an alert's message: what needs attention, with its numbers, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from ros_sync.outbox.document import Document, Item, ItemReason

_ORDER = {"critical": 0, "warn": 1, "info": 2}
ITEMS_KEPT = 100  # records named in a message; the gravest, as no transport shows so many at once
NAMED_IN_SUMMARY = 3  # records named in the line that a notification shows


@dataclass(frozen=True, slots=True)
class AlertLine:
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


def direct(lines: Sequence[AlertLine]) -> Document:
    """A message about one record, or about the records that one rule found at once."""
    listed = _items(lines)
    waiting = [item for item in listed.items if not item.done]
    titles = [entry.title for entry in lines if not entry.resolved]
    title = titles[0] if titles else f"Done: {lines[0].title}"
    if listed.total > 1 and waiting:
        title = f"{title}: {_counted(lines)}"
    named = _named(waiting, listed.waiting) if waiting else _named(listed.items, listed.total)
    return _document(listed, title, f"{title}: {named}")


def digest(lines: Sequence[AlertLine], day: str) -> Document:
    """The day's message about all records that one reader should look at."""
    listed = _items(lines)
    waiting = [item for item in listed.items if not item.done]
    if not waiting:
        return _document(listed, f"{day}: all done", f"{day}: all done")
    subject = _counted(lines)
    verb = "needs" if listed.waiting == 1 else "need"
    of_team = any(entry.of_team for entry in lines)
    title = f"{subject} in your team {verb} attention" if of_team else f"{subject} {verb} attention"
    summary = f"{title}: {_named(waiting, listed.waiting)}"
    done = listed.total - listed.waiting
    intro = f"{day}. {done} of {listed.total} done." if done else f"{day}."
    return _document(listed, title, summary, intro)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The items that a message names, and how many there are in all, and still waiting."""

    items: tuple[Item, ...]
    total: int
    waiting: int


def _document(listed: _Listed, title: str, summary: str, intro: str = "") -> Document:
    shown = sum(not item.done for item in listed.items)
    return Document(
        title=title,
        summary=summary,
        intro=intro,
        items=listed.items,
        more_waiting=listed.waiting - shown,
        more_done=listed.total - listed.waiting - (len(listed.items) - shown),
    )


def _named(items: Sequence[Item], total: int) -> str:
    names = ", ".join(item.heading for item in items[:NAMED_IN_SUMMARY])
    more = total - NAMED_IN_SUMMARY
    return f"{names}{f' and {more} more' if more > 0 else ''}"


def _counted(lines: Sequence[AlertLine]) -> str:
    """`3 deals and 1 lead`, of those that still wait."""
    records: dict[str, set[tuple[str, str]]] = {}
    for entry in lines:
        if not entry.resolved:
            records.setdefault(entry.object, set()).add(entry.record)
    parts = [f"{len(ids)} {name}{'' if len(ids) == 1 else 's'}" for name, ids in sorted(records.items())]
    return " and ".join(parts)


def _items(lines: Sequence[AlertLine]) -> _Listed:
    """One item a record: those that wait before those that are done, the gravest first, then by name."""
    by_record: dict[tuple[str, tuple[str, str]], list[AlertLine]] = {}
    for entry in lines:
        by_record.setdefault((entry.object, entry.record), []).append(entry)
    ranked = []
    for (name, record), entries in by_record.items():
        entries.sort(key=lambda entry: (entry.resolved, _ORDER.get(entry.severity, 1), entry.title))
        done = all(entry.resolved for entry in entries)
        gravest = min(_ORDER.get(entry.severity, 1) for entry in entries)
        ranked.append(((done, gravest, -len(entries), entries[0].headline, name, record), entries))
    waiting = sum(not rank[0] for rank, _ in ranked)
    first = nsmallest(ITEMS_KEPT, ranked, key=lambda pair: pair[0])
    return _Listed(tuple(_item(entries, done=rank[0]) for rank, entries in first), len(ranked), waiting)


def _item(entries: Sequence[AlertLine], *, done: bool) -> Item:
    facts = (("Owner", owner),) if (owner := entries[0].owner) else ()
    return Item(
        heading=entries[0].headline,
        lead=entries[0].lead,
        reasons=tuple(
            ItemReason(text=_without_heading(entry), severity=entry.severity, done=entry.resolved) for entry in entries
        ),
        facts=facts,
        done=done,
    )


def _without_heading(lines: AlertLine) -> str:
    """The rule's message without the name and amount that it begins with: the item's heading says them already."""
    rest = lines.text.removeprefix(lines.headline)
    if rest == lines.text or not lines.headline:
        return lines.text
    rest = rest.removeprefix(f" ({lines.lead or '—'})")
    return rest.removeprefix(":").lstrip() if rest.startswith(":") else lines.text
