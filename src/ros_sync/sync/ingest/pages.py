"""Several pages of one stream as one, so that few statements write many records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import compress

from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Page
from ros_sync.fields import StoredValue


def joined(pages: Sequence[Page]) -> Page:
    """One page with everything that these hold, each record once; it goes on where the last one does."""
    if len(pages) == 1:
        return _once(pages[0])
    whole = Page(pages[0].stream, position=pages[-1].position, expected=pages[-1].expected)
    for page in pages:
        whole.histories |= page.histories
        whole.links |= page.links
        whole.deleted |= page.deleted
        whole.merged |= page.merged
        whole.gone += page.gone
        whole.doubted += page.doubted
        whole.unread |= page.unread
    filled = [page.batches for page in pages if page.batches]
    whole.batches = [_joined(parts) for parts in zip(*filled, strict=True)]
    return _once(whole)


def _joined(batches: Sequence[Batch]) -> Batch:
    """Columns that not every one of them has are left out: from then on the CRM does not show them any more."""
    shared = [name for name in batches[0].columns if all(name in batch.columns for batch in batches)]
    columns: dict[str, list[StoredValue]] = {name: [] for name in shared}
    lines: list[int] = []
    quarantined = []
    for batch in batches:
        for name in shared:
            columns[name].extend(batch.columns[name])
        lines.extend(batch.lines)
        quarantined.extend(batch.quarantined)
    return replace(
        batches[0],
        columns=columns,
        lines=lines,
        quarantined=quarantined,
        custom_names=frozenset.intersection(*(batch.custom_names for batch in batches)),
        partial=any(batch.partial for batch in batches),
    )


def _once(page: Page) -> Page:
    """The page with each record once, as it was modified last.

    A list that shifts while it is read may tell one twice.
    """
    if not page.batches or len(set(page.batches[0].columns["id"])) == len(page.batches[0].columns["id"]):
        return page
    return replace(page, batches=[_latest(batch) for batch in page.batches])


def _latest(batch: Batch) -> Batch:
    ids = batch.columns["id"]
    modified = batch.columns.get("modified") or [0] * len(ids)
    best: dict[StoredValue, int] = {}
    for place, record_id in enumerate(ids):
        known = best.get(record_id)
        if known is None or int(modified[place] or 0) >= int(modified[known] or 0):
            best[record_id] = place
    places = sorted(best.values())
    columns = {name: [values[place] for place in places] for name, values in batch.columns.items()}
    return replace(batch, columns=columns, lines=[batch.lines[place] for place in places])


def without(page: Page, ids: Collection[str]) -> Page:
    """The page without the rows of these records."""
    if not ids:
        return page
    return replace(page, batches=[_without(batch, ids) for batch in page.batches])


def _without(batch: Batch, ids: Collection[str]) -> Batch:
    kept = [each not in ids for each in batch.columns["id"]]
    columns = {name: list(compress(values, kept)) for name, values in batch.columns.items()}
    quarantined = [each for each in batch.quarantined if each.record not in ids]
    return replace(batch, columns=columns, lines=list(compress(batch.lines, kept)), quarantined=quarantined)
