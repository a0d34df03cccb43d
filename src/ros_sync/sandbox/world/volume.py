"""Large deal exports for benchmarks: the columns of the world's deals.csv, a million rows, flat memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.births import THOUSANDS
from ros_sync.sandbox.world.company import STORY_MONDAY
from ros_sync.sandbox.world.exports import DEAL_COLUMNS, text
from ros_sync.sandbox.world.founding import SEGMENTS
from ros_sync.sandbox.world.people import Person, cast, region_named
from ros_sync.sandbox.world.pipelines import PIPELINES, SALES

DECK = 5_003  # rows drawn; they come again under new ids and names, so that a row costs no draw of its own
CHUNK_ROWS = 2_000
DAYS = 240  # the oldest deal's age
OPEN_SHARE, STALLED_SHARE, STEPLESS_SHARE, NO_HANDOFF_SHARE = 0.35, 0.12, 0.10, 0.02


def write_big_deals(
    path: Path, rows: int, columns: int = len(DEAL_COLUMNS), seed: int = 7, at: datetime = STORY_MONDAY
) -> None:
    """Write a deal export of so many rows, in the first `columns` columns of deals.csv as of `at`.

    More columns than deals.csv has become `Extra 1`, `Extra 2`, …, which no mapping reads. Memory
    stays flat, and the same arguments give the same bytes.
    """
    rng = Random(f"{seed}:volume")
    headings = [*DEAL_COLUMNS, *(f"Extra {number}" for number in range(1, columns - len(DEAL_COLUMNS) + 1))][:columns]
    sellers = [person for person in cast((at - timedelta(days=190)).date()) if person.role == "seller"]
    deck = []
    for _ in range(min(rows, DECK)):
        row = _deal(rng, rng.choice(sellers), at)
        deck.append(_line([row.get(heading, f"value {rng.randrange(1000)}") for heading in headings[2:]]))
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(_line(headings) + "\r\n")
        file.writelines(_chunks(deck, rows))


def _chunks(deck: list[str], rows: int) -> Iterator[str]:
    for first in range(0, rows, CHUNK_ROWS):
        numbers = range(first, min(first + CHUNK_ROWS, rows))
        yield "".join(f"60{number:08d},Deal {number},{deck[number % DECK]}\r\n" for number in numbers)


def _deal(rng: Random, owner: Person, at: datetime) -> dict[str, str]:
    """The cells of one deal, but for its id and name."""
    stages = PIPELINES[SALES]
    segment = rng.choices(list(SEGMENTS), weights=list(SEGMENTS.values()))[0]
    low, high = THOUSANDS[segment]
    is_open = rng.random() < OPEN_SHARE
    stage = rng.choice([stage for stage in stages if (stage.kind == "open") == is_open])
    age = rng.randrange(86_400, DAYS * 86_400)
    quiet = rng.randrange(age) if not is_open or rng.random() < STALLED_SHARE else rng.randrange(min(age, 14 * 86_400))
    created, touched = at - timedelta(seconds=age), at - timedelta(seconds=quiet)
    closed = None if is_open else touched
    entered = closed or at - timedelta(seconds=rng.randrange(quiet, age + 1))
    due = at + timedelta(days=rng.randint(-10, 120))
    has_step = is_open and rng.random() >= STEPLESS_SHARE
    handed_off = stage.kind == "won" and rng.random() >= NO_HANDOFF_SHARE
    return {
        "Pipeline": SALES,
        "Deal Stage": stage.name,
        "Stage Entered": text(entered),
        "Amount": f"{rng.randint(low * 10, high * 10) * 100}.00",
        "Currency": region_named(owner.region).currency,
        "Close Date": text((closed or due).date()),
        "Create Date": text(created),
        "Closed At": text(closed),
        "Deal owner": owner.email,
        "Account ID": f"30{rng.randrange(600):06d}",
        "Segment": "SMB" if segment == "smb" else segment.title(),
        "Region": owner.region,
        "Forecast Category": stage.forecast_category.title(),
        "Demand Source": rng.choice(("Sales", "SDR", "Marketing", "Partner")),
        "Deal Type": rng.choice(("New Business", "Expansion", "Renewal")),
        "Next Step": rng.choice(names.NEXT_STEPS).format(who=names.person_name(rng)) if has_step else "",
        "Next Step Date": text((at + timedelta(days=rng.randint(-5, 15))).date()) if has_step else "",
        "Last Activity": text(touched),
        "Last Buyer Activity": text(touched),
        "Competitor": rng.choice((*names.COMPETITORS, "", "")),
        "Loss Reason": rng.choice(names.LOSS_REASONS) if stage.kind == "lost" else "",
        "Closing Plan": rng.choice(("Yes", "No")),
        "Contacts Engaged": str(rng.randint(1, 6)),
        "Champion": names.person_name(rng),
        "Economic Buyer Engaged": rng.choice(("Yes", "No")),
        "Handed Off To CS": text(min(at, touched + timedelta(hours=20))) if handed_off else "",
        "Team Size": str(rng.randint(5, 400)),
        "Last Modified Date": text(touched),
    }


def _line(cells: list[str]) -> str:
    """The cells as one CSV line, without its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()
