"""Several pages of one stream as one, so that few statements write many records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import compress

from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Page
from ros_sync.fields import Carried


def joined(pages: Sequence[Page]) -> Page:
    """One page with everything that these hold; it goes on where the last one does."""
    if len(pages) == 1:
        return pages[0]
    whole = Page(pages[0].stream, position=pages[-1].position, expected=pages[-1].expected)
    for page in pages:
        whole.histories |= page.histories
        whole.links |= page.links
        whole.deleted |= page.deleted
        whole.merged |= page.merged
        whole.gone += page.gone
    filled = [page.batches for page in pages if page.batches]
    whole.batches = [_joined(parts) for parts in zip(*filled, strict=True)]
    return whole


def _joined(batches: Sequence[Batch]) -> Batch:
    columns: dict[str, list[Carried]] = {name: [] for name in batches[0].columns}
    lines: list[int] = []
    set_aside = []
    for batch in batches:
        for name, values in batch.columns.items():
            columns[name].extend(values)
        lines.extend(batch.lines)
        set_aside.extend(batch.set_aside)
    return replace(batches[0], columns=columns, lines=lines, set_aside=set_aside)


def without(page: Page, ids: Collection[str]) -> Page:
    """The page without the rows of these records."""
    if not ids:
        return page
    return replace(page, batches=[_without(batch, ids) for batch in page.batches])


def _without(batch: Batch, ids: Collection[str]) -> Batch:
    kept = [each not in ids for each in batch.columns["id"]]
    columns = {name: list(compress(values, kept)) for name, values in batch.columns.items()}
    set_aside = [each for each in batch.set_aside if each.record not in ids]
    return replace(batch, columns=columns, lines=list(compress(batch.lines, kept)), set_aside=set_aside)
