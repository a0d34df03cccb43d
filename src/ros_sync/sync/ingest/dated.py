"""Exports of several days beside each other: the day that a file's name gives, and the order in which they are read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.connectors.export import ExportMapping, FileEntry

Step = tuple[Path, FileEntry]

# 2026-03-02, 20260302, 2026_03_02, each also with a time of day behind it; and 02.03.2026.
_TIME = r"(?:[T _-]?(?P<hour>[01]\d|2[0-3])[-:.h_]?(?P<minute>[0-5]\d)(?:[-:._]?(?P<second>[0-5]\d))?)?"
_YEAR_FIRST = re.compile(rf"(?<!\d)(?P<year>20\d\d)(?P<sign>[-_.]?)(?P<month>\d\d)(?P=sign)(?P<day>\d\d){_TIME}(?!\d)")
_DAY_FIRST = re.compile(rf"(?<!\d)(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>20\d\d){_TIME}(?!\d)")


class DatedSteps(NamedTuple):
    """Files that are read together. `as_of` is their moment by their names; None for those that name none."""

    as_of: datetime | None
    steps: list[Step]


def zone_of(mapping: ExportMapping) -> ZoneInfo | None:
    """The zone in which days of this mapping begin and end."""
    return next((entry.style.dates.zone for entry in mapping.entries if entry.style.dates.zone), None)


def end_of_day(day: date, tz: ZoneInfo | None) -> datetime:
    """The last moment of a day in a zone."""
    return clock.start_of_day(day + timedelta(days=1), tz) - clock.MICROSECOND


def moment_in(name: str, tz: ZoneInfo | None) -> datetime | None:
    """The moment that a file's or folder's name gives; of a day alone its end. None where it gives none."""
    for shape in (_YEAR_FIRST, _DAY_FIRST):
        for found in shape.finditer(name):
            try:
                day = date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:
                continue
            if found["hour"] is None:
                return end_of_day(day, tz)
            time = timedelta(hours=int(found["hour"]), minutes=int(found["minute"]), seconds=int(found["second"] or 0))
            return clock.start_of_day(day, tz) + time
    return None


def by_day(steps: Sequence[Step], tz: ZoneInfo | None) -> list[DatedSteps]:
    """The steps in groups, the oldest first, where there are several days' exports of one object; else one group.

    Files that name no day are the newest of their object. Where an object has no dated file at all, its files (the
    users, say) are read with the oldest group, so that the others find what they name.
    """
    moments = {path: moment_in(path.name, tz) or moment_in(path.parent.name, tz) for path, _ in steps}
    days: dict[str, set[datetime]] = defaultdict(set)
    for path, entry in steps:
        days[entry.object].update(filter(None, (moments[path],)))
    if not any(len(moments_of) > 1 for moments_of in days.values()):
        return [DatedSteps(None, list(steps))]
    first = min(filter(None, moments.values()))
    groups: dict[datetime | None, list[Step]] = defaultdict(list)
    for path, entry in steps:
        moment = moments[path]
        if moment is None and not days[entry.object]:
            moment = first
        groups[moment].append((path, entry))
    ordered = sorted(filter(None, groups))
    return [DatedSteps(each, groups[each]) for each in (*ordered, *([None] if None in groups else []))]
