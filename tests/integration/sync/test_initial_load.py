"""Records that are new here: one insert with their past says what writing them and splicing that past would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from tests.integration.mirror_reader import Record, mirror_of
from tests.integration.sync.conftest import first_of_quarter

from ros_sync import clock
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.property_history import Value
from ros_sync.mirror.store import Columns, Upsert
from ros_sync.mirror.timeline import Timeline, splice
from ros_sync.sync.ingest.deals import DealContext, count_initial, initial_columns, recount
from ros_sync.sync.ingest.page_rows import insert_initial

DEAL = objects()["deal"]
START, HOUR = 1_770_000_000_000_000, 3_600_000_000
NOW = START + 60 * HOUR
STAGES = (
    ("Discovery", "open", 1), ("Proposal", "open", 2), ("Negotiation", "open", 3), ("Closed Won", "won", 4),
)  # fmt: skip
DAYS = (None, "2026-03-31", "2026-04-30", "2026-07-31")
AMOUNTS = (None, 100, 250)
BY_STAGE = ("stage", "stage_kind", "stage_order")
TRACKED = (*BY_STAGE, "close_date", "amount_minor")
COLUMNS = ("id", "modified_at", "created_at", "name", *TRACKED)
ENTERED = "stage_entered_at"


class Told(NamedTuple):
    """What a CRM tells of one deal: its present row, without the id, and the histories of tracked columns.

    `entered` is when it entered its stage, where the CRM itself gives that.
    """

    row: tuple[StoredValue, ...]
    history: Mapping[str, Sequence[Value]]
    entered: int | None = None


@st.composite
def tellings(draw: st.DrawFn) -> Told:
    """A deal whose row may be older than its history, and may say something that its history does not know yet."""
    born = START + draw(st.integers(0, 3)) * HOUR
    stages = [(at, draw(st.sampled_from(STAGES))) for at in draw(_instants())]
    days = [(at, draw(st.sampled_from(DAYS))) for at in draw(_instants())]
    amounts = [(at, draw(st.sampled_from(AMOUNTS))) for at in draw(_instants())]
    history: dict[str, list[Value]] = {
        name: [(at, stage[place], "user:1") for at, stage in stages] for place, name in enumerate(BY_STAGE)
    }
    history |= {"close_date": [(at, day, None) for at, day in days]}
    history |= {"amount_minor": [(at, amount, "user:2") for at, amount in amounts]}
    modified = draw(st.sampled_from([NOW, START + 20 * HOUR, None]))
    stage = draw(st.sampled_from(STAGES)) if not stages or draw(st.booleans()) else stages[-1][1]
    day = draw(st.sampled_from(DAYS)) if not days or draw(st.booleans()) else days[-1][1]
    amount = draw(st.sampled_from(AMOUNTS)) if not amounts or draw(st.booleans()) else amounts[-1][1]
    entered = draw(st.sampled_from([START + 10 * HOUR, START + 55 * HOUR, None]))
    return Told((modified, draw(st.sampled_from([born, None])), "Loom", *stage, day, amount), history, entered)


def _instants() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 50), max_size=4, unique=True).map(
        lambda hours: [START + hour * HOUR for hour in sorted(hours)]
    )


ADVANCED = Told(
    (START + 60 * HOUR, START, "Loom", *STAGES[1], "2026-07-31", 100),
    {
        **{name: [(START, STAGES[0][place], "user:1"), (START + 30 * HOUR, STAGES[1][place], "user:1")]
           for place, name in enumerate(BY_STAGE)},
        "close_date": [(START, "2026-03-31", None), (START + 40 * HOUR, "2026-07-31", None)],
        "amount_minor": [(START, 100, "user:2")],
    },
    START + 20 * HOUR,
)  # fmt: skip
PUSHED = ADVANCED._replace(history={name: each for name, each in ADVANCED.history.items() if name not in BY_STAGE})


def at_once(connection: Connection, columns: Columns, histories: Mapping[str, Mapping[str, Sequence[Value]]]) -> None:
    """As a first back-fill writes deals."""
    upsert = Upsert(connection, DEAL, "crm", tuple(columns), run_id=1, expect_empty=True)
    timeline = Timeline(connection, DEAL, "crm", TRACKED, run_id=1)
    _, changes = insert_initial(upsert, timeline, columns, histories, NOW, initial_columns)
    count_initial(connection, "crm", columns, changes, first_of_quarter)


def step_by_step(
    connection: Connection, columns: Columns, histories: Mapping[str, Mapping[str, Sequence[Value]]]
) -> None:
    """As a poll writes deals that it meets."""
    rows = list(zip(*columns.values(), strict=True))
    Upsert(connection, DEAL, "crm", tuple(columns), run_id=1).write(rows, NOW, initial=initial_columns)
    created = dict(zip(columns["id"], columns["created_at"], strict=True))
    splice(connection, DEAL, "crm", histories, created=created, run_id=1)  # type: ignore[arg-type]  # ids, instants
    entered = columns.get(ENTERED, [None] * len(rows))
    given = {str(each) for each, instant in zip(columns["id"], entered, strict=True) if instant is not None}
    for ids, entry_is_given in ((given, True), (histories.keys() - given, False)):
        context = DealContext("EUR", {}, first_of_quarter)
        recount(connection, "crm", sorted(ids), context, entry_is_given=entry_is_given)


def written(connection: Connection) -> tuple[list[Record], list[Record], list[tuple[object, ...]]]:
    """Everything that the mirror says of the deals, in an order that does not depend on how it was written."""
    mirror = mirror_of(connection)
    changes = sorted(mirror.changes(), key=lambda change: change.pick("record_id", "field", "at"))
    told = ("record_id", "field", "at", "old", "new", "by", "run_id")
    return mirror.deals(), mirror.versions("deal"), [change.pick(*told) for change in changes]


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(tellings(), min_size=1, max_size=12), entry_is_given=st.booleans())
@example(told=[ADVANCED], entry_is_given=False)
@example(told=[ADVANCED, PUSHED, PUSHED._replace(entered=None)], entry_is_given=True)
def test_a_first_insert_says_what_writing_and_splicing_say(
    connection: Connection, told: list[Told], entry_is_given: bool
) -> None:
    """Deals, versions and changes are the same rows, whether written at once or step by step."""
    values = zip(*(each.row for each in told), strict=True)
    columns: Columns = {
        "id": [str(100 + number) for number in range(len(told))],
        **dict(zip(COLUMNS[1:], map(list, values), strict=True)),
        **({ENTERED: [each.entered for each in told]} if entry_is_given else {}),
    }
    histories = {str(record_id): each.history for record_id, each in zip(columns["id"], told, strict=True)}
    found = []
    for write in (step_by_step, at_once):
        with connection.begin() as transaction:
            write(connection, columns, histories)
            found.append(written(connection))
            transaction.rollback()
    expected, actual = found
    assert expected == actual


def test_a_first_insert_counts_what_went_before(connection: Connection) -> None:
    """Pushes and the entry to the present stage are those of the history that came along."""
    columns: Columns = dict(zip(COLUMNS, ([value] for value in ("7", *ADVANCED.row)), strict=True))
    at_once(connection, columns, {"7": ADVANCED.history})
    told = ("push_count", "fiscal_push_count", "stage_entered_at", "advanced_at", "net_slip_days")
    moved = clock.from_micros(START + 30 * HOUR)
    assert (1, 1, moved, moved, 122) == mirror_of(connection).deal().pick(*told)


@pytest.mark.parametrize("told", [ADVANCED, PUSHED], ids=["advanced", "pushed"])
def test_an_entry_that_the_crm_gives_stands(connection: Connection, told: Told) -> None:
    """The history of pushes and stages takes nothing from when the CRM says that the stage was entered."""
    columns: Columns = dict(zip(COLUMNS, ([value] for value in ("7", *told.row)), strict=True))
    at_once(connection, {**columns, ENTERED: [told.entered]}, {"7": told.history})
    assert told.entered is not None
    found = mirror_of(connection).deal().pick("push_count", "stage_entered_at", "stage_entry_known")
    assert (1, clock.from_micros(told.entered), True) == found
