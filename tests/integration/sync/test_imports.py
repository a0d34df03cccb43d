"""Export files into the mirror: what is loaded, what becomes history, what is quarantined."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of, put

from ros_sync.connectors.export import load_mapping
from ros_sync.errors import ImportRefusedError, ProblemsError
from ros_sync.mirror.catalogue import objects
from ros_sync.rules.fitting import filled as known
from ros_sync.sync.ingest.activities import FIELDS as ACTIVITY_FIELDS
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.imports import ImportReport, import_files

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
MAPPING = """
version: 1
source: crm
timezone: UTC
currency: EUR
dates: "%Y-%m-%d"
stages:
  default:
    - {name: Discovery, kind: open, position: early}
    - {name: Proposal, kind: open, position: late}
    - {name: Won, kind: won}
files:
  - file: "users*"
    object: owner
    id: Id
    fields: {name: Name, email: Mail}
  - file: "deals*"
    object: deal
    id: Id
    fields:
      name: Name
      stage: Stage
      amount: {column: Amount, currency: {column: Currency}}
      close_date: Close
      created: Created
      owner: {column: Owner, find: {object: owner, by: [email, name]}}
      custom.size: {column: Size, kind: number}
  - file: "activities*"
    object: activity
    id: Id
    fields: {activity_kind: Kind, direction: Direction, occurred: When, deal: Deal}
"""
HEADER = "Id,Name,Stage,Amount,Currency,Close,Created,Owner,Size"
ACME = "1,Acme,Discovery,1000,EUR,2026-03-31,2026-02-01,ann@example.com,3"

Import = Callable[..., ImportReport]


def first_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


@pytest.fixture
def load(engine: Engine, tmp_path: Path) -> Import:
    """Give a function that writes a file of these lines and imports it as of a moment."""
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING)
    mapping = load_mapping(path, {name: mirrored.settable for name, mirrored in objects().items()})
    context = DealContext("EUR", {"USD": Decimal("0.9")}, first_of_quarter)

    def import_lines(
        name: str, *lines: str, at: datetime = MONDAY, beside: Sequence[Path] = (), **more: Any
    ) -> ImportReport:
        file = tmp_path / name
        content = "\n".join((*lines, "")).encode()
        file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return import_files(engine, mapping, [*beside, file], context, as_of=at, now=at, **more)

    return import_lines


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    # four names
    names = ("created", "updated", "unchanged", "quarantined")
    return tuple(report.total(name) for name in names)  # type: ignore[return-value]


def test_a_pushed_deal_is_known_from_two_exports(engine: Engine, load: Import) -> None:
    """March to May is one push, over a quarter's end, of 30 days."""
    load("deals.csv", HEADER, ACME)
    load("deals.csv", HEADER, ACME.replace("2026-03-31", "2026-04-30"), at=MONDAY + WEEK)
    pushes = ("push_count", "fiscal_push_count", "days_pushed", "net_slip_days")
    assert (1, 1, 30, 30) == mirror_of(engine).deal().pick(*pushes)


def test_closing_a_deal_is_no_push(engine: Engine, load: Import) -> None:
    """A deal won in the month after it was due was not pushed by being won."""
    load("deals.csv", HEADER, ACME)
    won = ACME.replace("2026-03-31", "2026-04-07").replace("Discovery", "Won")
    load("deals.csv", HEADER, won, at=MONDAY + 5 * WEEK)
    assert (0, "won") == mirror_of(engine).deal().pick("push_count", "stage_kind")


def test_reopening_a_deal_is_no_push(engine: Engine, load: Import) -> None:
    """A deal that one export shows as won on that day, and the next as open and due as before, was not pushed."""
    won = ACME.replace("2026-03-31", "2026-03-09").replace("Discovery", "Won")
    for number, line in enumerate((ACME, won, ACME)):
        load("deals.csv", HEADER, line, at=MONDAY + number * WEEK)
    pushes = ("push_count", "pull_in_count", "days_pushed", "net_slip_days")
    assert (0, 0, 0, 0) == mirror_of(engine).deal().pick(*pushes)


def test_stage_entry_is_the_export_that_showed_it(engine: Engine, load: Import) -> None:
    """Before it moves, creation counts and is marked so; then the moment of the export that shows the move."""
    created, later = datetime(2026, 2, 1, tzinfo=UTC), MONDAY + WEEK
    entry = ("stage_entered_at", "advanced_at", "stage_entry_known")
    load("deals.csv", HEADER, ACME)
    before = mirror_of(engine).deal().pick(*entry)
    load("deals.csv", HEADER, ACME.replace("Discovery", "Proposal"), at=MONDAY + WEEK)
    assert [(created, created, False), (later, later, True)] == [before, mirror_of(engine).deal().pick(*entry)]


def test_the_same_file_again_changes_nothing(engine: Engine, load: Import) -> None:
    """A second import of the same rows counts them as unchanged and leaves no history."""
    load("deals.csv", HEADER, ACME)
    assert (0, 0, 1, 0) == counts(load("deals.csv", HEADER, ACME, at=MONDAY + WEEK))
    assert [] == mirror_of(engine).changes()


def test_an_older_export_cannot_undo_a_newer_one(engine: Engine, load: Import) -> None:
    """Rows that differ are left alone and counted, and a record only the older one has is still loaded."""
    load("deals.csv", HEADER, ACME, at=MONDAY)
    older = load("deals.csv", HEADER, ACME.replace("1000", "5"), ACME.replace("1,Acme", "2,Beta"), at=MONDAY - WEEK)
    assert (1, 1) == (older.total("older"), older.total("created"))
    assert [100_000, 100_000] == [each.amount_minor for each in mirror_of(engine).deals()]


def test_an_owner_is_found_by_mail_or_name_in_any_case(engine: Engine, load: Import) -> None:
    """Ann by her address, Bob by his name."""
    load("users.csv", "Id,Name,Mail", "7,Ann,Ann@Example.com", "8,Bob,")
    load("deals.csv", HEADER, ACME, ACME.replace("1,Acme", "2,Beta").replace("ann@example.com", "BOB"))
    assert ["7", "8"] == [each.owner_id for each in mirror_of(engine).deals()]


def test_an_owner_nobody_knows_is_kept_by_name_and_reported(engine: Engine, load: Import) -> None:
    """The deal is loaded, the name stays with it, and the report says how many rows carry it."""
    report = load("deals.csv", HEADER, ACME)
    assert (None, "ann@example.com") == mirror_of(engine).deal().pick("owner_id", "owner_named")
    assert {"owner": {"ann@example.com": 1}} == report.files[0].unknown


def test_a_name_that_two_people_share_is_not_guessed(engine: Engine, load: Import) -> None:
    """Two Bobs: the deal has no owner until the export names one of them by address."""
    load("users.csv", "Id,Name,Mail", "7,Bob,b1@example.com", "8,Bob,b2@example.com")
    load("deals.csv", HEADER, ACME.replace("ann@example.com", "Bob"))
    assert (None, "Bob") == mirror_of(engine).deal().pick("owner_id", "owner_named")


def test_an_id_twice_with_other_values_is_quarantined(engine: Engine, load: Import) -> None:
    """The first one stands; the second is kept with its line, the first one's place, and what differs."""
    report = load("deals.csv", HEADER, ACME, ACME.replace("1000", "2000"), ACME)
    assert (1, 1, 1) == (report.total("created"), report.total("quarantined"), report.total("repeated"))
    row = mirror_of(engine).record("quarantined")
    assert (3, "1") == row.pick("line", "value")
    assert "deals.csv:2 with a different amount ('Amount');" in row.reason


def test_an_id_in_two_files_of_one_import_is_noticed(engine: Engine, load: Import, tmp_path: Path) -> None:
    """The second file's contradiction names the first file."""
    (tmp_path / "deals-a.csv").write_text(f"{HEADER}\n{ACME}\n")
    report = load("deals-b.csv", HEADER, ACME.replace("Acme", "Acme Ltd"), beside=[tmp_path / "deals-a.csv"])
    assert (1, 1) == (report.total("created"), report.total("quarantined"))
    assert "deals-a.csv:2 with a different name" in report.files[1].examples[0].reason


def test_amounts_are_kept_in_their_currency_and_told_in_the_companys(engine: Engine, load: Import) -> None:
    """A rate turns dollars into euros; a currency without one is reported and left without a value at home."""
    lines = [
        ACME,
        ACME.replace("1,Acme", "2,Beta").replace("EUR", "USD"),
        ACME.replace("1,Acme", "3,Cobalt").replace("EUR", "JPY"),
    ]
    report = load("deals.csv", HEADER, *lines)
    expected = [(100_000, "EUR", 100_000), (100_000, "USD", 90_000), (1_000, "JPY", None)]
    amounts = [each.pick("amount_minor", "currency", "amount_home_minor") for each in mirror_of(engine).deals()]
    assert expected == amounts
    assert {"JPY": 1} == report.files[0].without_rate


def test_what_the_buyer_did_comes_from_the_activities(engine: Engine, load: Import) -> None:
    """Inbound ones count for the buyer, all of them for the deal, and one planned for later counts for nothing yet."""
    load("deals.csv", HEADER, ACME)
    lines = ("a,email,inbound,2026-02-10,1", "b,call,outbound,2026-02-20,1", "c,meeting,inbound,2026-03-20,1")
    load("activities.csv", "Id,Kind,Direction,When,Deal", *lines)
    buyer, ours = (datetime(2026, 2, day, tzinfo=UTC) for day in (10, 20))
    assert (buyer, ours) == mirror_of(engine).deal().pick("last_buyer_activity_at", "last_activity_at")
    assert (0, 0, 3, 0) == counts(load("activities.csv", "Id,Kind,Direction,When,Deal", *lines))


def test_an_activity_counts_for_its_own_deal_alone(engine: Engine, load: Import) -> None:
    """Not for another one of the same CRM, and not for one that has its number in another."""
    load("deals.csv", HEADER, ACME, ACME.replace("1,Acme", "2,Beta"))
    put(engine, "deal", source="other", id="1", valid_from=datetime(1970, 1, 1, tzinfo=UTC))
    load("activities.csv", "Id,Kind,Direction,When,Deal", "a,email,inbound,2026-02-10,1")
    told = {(each.source, each.id): each.last_activity_at is not None for each in mirror_of(engine).deals()}
    (own,) = {each.source for each in mirror_of(engine).activities()}
    assert {(own, "1"): True, (own, "2"): False, ("other", "1"): False} == told


ACTIVITIES = "Id,Kind,Direction,When,Deal"


def last_activity(engine: Engine) -> datetime | None:
    at: datetime | None = mirror_of(engine).deal().last_activity_at
    return at


def test_a_meeting_counts_once_it_has_happened(engine: Engine, load: Import) -> None:
    """Planned on the 2nd for the 5th: on the 9th it has been, though its row is the same."""
    load("deals.csv", HEADER, ACME)
    load("activities.csv", ACTIVITIES, "a,meeting,inbound,2026-03-05,1")
    before = last_activity(engine)
    load("activities.csv", ACTIVITIES, "a,meeting,inbound,2026-03-05,1", at=MONDAY + WEEK)
    assert (None, datetime(2026, 3, 5, tzinfo=UTC)) == (before, last_activity(engine))


def test_an_activity_that_came_before_its_deal_counts(engine: Engine, load: Import) -> None:
    """The order of the files does not matter."""
    load("activities.csv", ACTIVITIES, "a,call,outbound,2026-02-10,1")
    load("deals.csv", HEADER, ACME)
    assert datetime(2026, 2, 10, tzinfo=UTC) == last_activity(engine)


def test_what_a_run_that_was_cut_off_left_undone_is_done_by_the_next(
    engine: Engine, load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The activities were stored and the process died before their deals were looked at."""
    load("deals.csv", HEADER, ACME)
    with monkeypatch.context() as patch:
        patch.setattr("ros_sync.sync.ingest.imports.roll_up_activities", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            load("activities.csv", ACTIVITIES, "a,call,outbound,2026-02-10,1")
    load("activities.csv", ACTIVITIES, "a,call,outbound,2026-02-10,1")
    assert datetime(2026, 2, 10, tzinfo=UTC) == last_activity(engine)


def test_an_activity_counts_for_a_deal_that_was_changed_later_that_day(engine: Engine, load: Import) -> None:
    """An export dated by its day alone is older than a change of that day; what follows from it is not lost."""
    load("deals.csv", HEADER, ACME, at=MONDAY)
    load("activities.csv", ACTIVITIES, "a,call,outbound,2026-02-10,1", at=MONDAY.replace(hour=0))
    assert datetime(2026, 2, 10, tzinfo=UTC) == last_activity(engine)


def test_three_daily_exports_show_three_pushes(engine: Engine, load: Import) -> None:
    """Changes exactly a day apart are changes, not corrections of each other."""
    for number, month in enumerate(("03-31", "04-30", "05-31", "06-30")):
        load("deals.csv", HEADER, ACME.replace("2026-03-31", f"2026-{month}"), at=MONDAY + timedelta(days=number))
    assert 3 == mirror_of(engine).deal().push_count


def test_a_repeated_row_of_an_older_export_is_no_contradiction(engine: Engine, load: Import) -> None:
    """It says the same twice; that it differs from what is stored is another matter."""
    load("deals.csv", HEADER, ACME, at=MONDAY + WEEK)
    old = ACME.replace("1000", "5")
    assert (0, 1) == ((report := load("deals.csv", HEADER, old, old)).total("quarantined"), report.total("repeated"))


def test_strict_refuses_an_id_twice_with_other_values(engine: Engine, load: Import) -> None:
    """And accepts a row that says the same twice."""
    with pytest.raises(ImportRefusedError, match=r"already read at .*deals\.csv:2"):
        load("deals.csv", HEADER, ACME, ACME.replace("1000", "2000"), strict=True)
    assert 1 == load("deals.csv", HEADER, ACME, ACME, strict=True).total("created")


def test_a_bad_row_is_quarantined_and_the_rest_is_loaded(engine: Engine, load: Import) -> None:
    """File, line, column, value and reason are kept in the database."""
    report = load("deals.csv", HEADER, ACME, ACME.replace("1,Acme", "2,Beta").replace("1000", '"1.234,56"'))
    assert (1, 0, 0, 1) == counts(report)
    assert (3, "Amount", "1.234,56") == mirror_of(engine).record("quarantined").pick("line", "column", "value")


def test_strict_refuses_the_file_and_loads_nothing(engine: Engine, load: Import) -> None:
    """One bad row, and the good one is not loaded either; both problems are named."""
    bad = ACME.replace("1,Acme", "2,Beta").replace("1000", '"1.234,56"')
    with pytest.raises(ProblemsError) as caught:
        load("deals.csv", HEADER, ACME, bad, bad.replace("2,Beta", "3,C"), strict=True)
    assert 2 == len(caught.value.problems)
    assert ([], []) == (mirror_of(engine).deals(), mirror_of(engine).runs())


@pytest.mark.parametrize(
    "content, reason",
    [
        ((), "empty"),
        (("Id,Name,Stage,Amount,Currency,Close,Created,Owner", ACME), "Size"),
        ((f"{HEADER},Stage", f"{ACME},Won"), "Stage"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(
    engine: Engine, load: Import, content: tuple[str, ...], reason: str
) -> None:
    """Empty, a column missing, a column twice: refused with its reason, and what was there stays."""
    load("deals.csv", HEADER, ACME)
    with pytest.raises(ImportRefusedError, match=reason):
        load("deals.csv", *content, at=MONDAY + WEEK)
    assert ("1", "Acme") == mirror_of(engine).deal().pick("id", "name")


def test_a_header_alone_is_harmless(engine: Engine, load: Import) -> None:
    """No rows read, none lost."""
    load("deals.csv", HEADER, ACME)
    assert (0, 0, 0, 0) == counts(load("deals.csv", HEADER, at=MONDAY + WEEK))
    assert 1 == mirror_of(engine).count("deal")


def test_what_a_run_read_is_kept_with_it(engine: Engine, load: Import) -> None:
    """Rows are counted whatever became of them, and the stages of the mapping file are records beside them."""
    bad = ACME.replace("1,Acme", "3,C").replace("1000", '"1.234,56"')
    report = load("deals.csv", HEADER, ACME, ACME.replace("1,Acme", "2,Beta"), bad)
    assert 3 == report.total("rows_read")
    assert (3, 2, 1) == mirror_of(engine).record("run").pick("rows_read", "created", "quarantined")
    stages = sorted(mirror_of(engine).stages(), key=lambda stage: int(stage.stage_order))
    assert [("default/Discovery", 1, "open"), ("default/Proposal", 2, "open"), ("default/Won", 3, "won")] == [
        stage.pick("id", "stage_order", "stage_kind") for stage in stages
    ]


def test_gzipped_files_are_read_as_they_are(engine: Engine, load: Import) -> None:
    """The name ends in .gz, and nothing else is different."""
    assert (1, 0, 0, 0) == counts(load("deals.csv.gz", HEADER, ACME))


def test_a_run_that_was_cut_off_is_finished_by_the_next_one(engine: Engine, load: Import) -> None:
    """Batches are kept as they come: after a failure midway, importing again completes the work without history."""
    lines = [ACME.replace("1,Acme", f"{number},Deal {number}") for number in range(12_000)]

    def fail(_path: Path, _position: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load("deals.csv", HEADER, *lines, progress=fail)
    stored = mirror_of(engine).count("deal")
    assert 0 < stored < 12_000
    again = load("deals.csv", HEADER, *lines)
    assert (12_000 - stored, stored) == (again.total("created"), again.total("unchanged"))
    assert ["KeyboardInterrupt: ", None] == [run.error for run in mirror_of(engine).runs()]


@pytest.mark.parametrize("in_a_folder", [False, True])
def test_a_named_pipe_is_no_export(load: Import, tmp_path: Path, in_a_folder: bool) -> None:
    """A pipe that nobody writes to is refused at once, alone and among the files of a folder."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "deals.csv")
    given = tmp_path / "folder" if in_a_folder else tmp_path / "folder" / "deals.csv"
    with pytest.raises(ImportRefusedError, match=r"deals\.csv: the file cannot be read: this is a named pipe"):
        load("deals.csv", "id,name", beside=[given])


# ---- what the rules may ask for


def filled(engine: Engine, name: str = "deal") -> set[str]:
    with engine.connect() as connection:
        return set(known(connection).get("crm", {}).get(name, ()))


def test_the_fields_that_the_mapping_fills_are_kept(engine: Engine, load: Import) -> None:
    """Of the objects that were read, with what is worked out of them; whether that is news is told once."""
    mapped = {"name", "stage", "amount", "currency", "close_date", "created", "owner", "custom.size"}
    worked_out = {"stage_kind", "stage_position", "stage_order", "probability", *ACTIVITY_FIELDS}
    told = [load("deals.csv", HEADER, ACME).refitted for _ in range(2)]
    assert (told, filled(engine), filled(engine, "owner")) == ([True, False], mapped | worked_out, set())


def test_a_field_that_another_mapping_filled_is_still_asked_for(engine: Engine, tmp_path: Path, load: Import) -> None:
    """As long as records have it: one that was mapped and held nothing is asked for no more."""
    load("deals.csv", HEADER, ACME)
    path = tmp_path / "second.yaml"
    path.write_text(
        "version: 1\nsource: crm\nfiles:\n"
        "  - {file: 'more*', object: deal, id: Id, fields: {name: Name, next_step: Step}}\n"
    )
    second = load_mapping(path, {name: mirrored.settable for name, mirrored in objects().items()})
    (tmp_path / "more.csv").write_text("Id,Name,Step\n2,Bolt,\n")
    alter(engine, "deal", close_date=None)
    import_files(
        engine, second, [tmp_path / "more.csv"], DealContext("EUR", {}, first_of_quarter), as_of=MONDAY + WEEK,
        now=MONDAY + WEEK,
    )  # fmt: skip
    assert filled(engine) >= {"name", "next_step", "stage", "amount", "custom.size"}
    assert "close_date" not in filled(engine)
