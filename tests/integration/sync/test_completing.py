"""Files that speak of one record together, exports of several days, and files without an instant or a stage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of

from ros_sync.connectors.export import load_mapping
from ros_sync.errors import ImportRefusedError, ProblemsError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.database import open_engine
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.imports import SHOWN_PROBLEMS, ImportReport, import_exports

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAPPING = """
version: 1
source: crm
timezone: Europe/Berlin
currency: EUR
number: {decimal: "."}
stages:
  default: [{name: Open, kind: open}, {name: Won, kind: won}]
files:
  - {file: "users*", object: owner, id: Id, fields: {name: Name, email: Mail, timezone: Zone}}
  - file: "mqls*"
    object: lead
    id: Id
    fields: {name: Name, became_mql: Qualified, lead_source: Origin, modified: Changed}
  - file: "closed*"
    object: lead
    id: Id
    fields:
      accepted: Won
      lead_source: Origin
      owner: {column: Seller, find: {object: owner, by: [name, email]}}
      custom.size: Size
  - file: "deals*"
    object: deal
    id: Id
    fields: {name: Name, stage: Stage, amount: Amount, close_date: Close, deleted: Gone}
  - file: "notes*"
    object: deal
    id: Id
    fields: {next_step: Step, amount: Worth}
"""
MQLS = "Id,Name,Qualified,Origin,Changed"
CLOSED = "Id,Won,Origin,Seller,Size"
DEALS = "Id,Name,Stage,Amount,Close,Gone"

Load = Callable[..., list[ImportReport]]


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    """A mirror of its own; what is judged here is the same on both databases."""
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def load(engine: Engine, tmp_path: Path) -> Load:
    """Write files (name -> lines) into a folder and import it."""
    (tmp_path / "m.yaml").write_text(MAPPING)
    mapping = load_mapping(tmp_path / "m.yaml", {name: each.settable for name, each in objects().items()})
    context = DealContext("EUR", {"USD": Decimal("0.9")}, lambda day: date(day.year, 1, 1), frozenset({"cem example"}))
    turn = iter(range(99))

    def import_them(files: dict[str, list[str]], *, as_of: datetime | None = None, **more: Any) -> list[ImportReport]:
        folder = tmp_path / f"exports{next(turn)}"
        for name, lines in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("\n".join((*lines, "")))
        return import_exports(engine, mapping, [folder], context, as_of=as_of, now=MONDAY, **more)

    return import_them


def changes(engine: Engine) -> list[tuple[Any, ...]]:
    """Which record changed in which field from what to what, as it was written."""
    return [change.pick("record_id", "field", "old", "new") for change in mirror_of(engine).changes()]


def test_two_files_complete_one_record(engine: Engine, load: Load) -> None:
    """What the second file adds is taken, and a record that came with this import has no history of it."""
    (report,) = load(
        {
            "mqls.csv": [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,2026-02-01T00:00:00Z", "2,Bo,2026-01-02T00:00:00Z,,"],
            "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,web,,7", "2,2026-02-04T00:00:00Z,fair,,", "3,,fair,,"],
        }
    )
    told = ("created", "completed", "quarantined", "repeated", "updated")
    assert (3, 2, 0, 0, 0) == tuple(report.total(name) for name in told)
    expected = [
        ("1", "Ann", True, "web", {"size": "7"}),
        ("2", "Bo", True, "fair", None),
        ("3", None, False, "fair", None),
    ]
    assert expected == [
        (lead.id, lead.name, lead.accepted_at is not None, lead.lead_source, lead.custom)
        for lead in mirror_of(engine).leads()
    ]
    assert [] == changes(engine) + mirror_of(engine).versions("lead")


def test_the_same_two_files_again_change_nothing(engine: Engine, load: Load) -> None:
    """An import of what is there already writes no row and no history."""
    files = {
        "mqls.csv": [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,"],
        "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,web,,7"],
    }
    load(files, as_of=MONDAY - timedelta(days=7))
    (report,) = load(files)
    assert (0, 0, 0, 1, 1) == tuple(
        report.total(name) for name in ("created", "updated", "completed", "unchanged", "repeated")
    )
    assert [] == changes(engine)


def test_what_two_files_say_against_each_other_is_quarantined_by_heading_and_field(engine: Engine, load: Load) -> None:
    """The first one stands; only what contradicts is named, in the words of the file and of the reference."""
    (report,) = load(
        {
            "mqls.csv": [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,"],
            "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,fair,,7"],
        }
    )
    row = mirror_of(engine).record("quarantined")
    assert (2, "Id") == row.pick("line", "column")
    assert row.reason.endswith("closed.csv:2 with a different lead_source ('Origin'); the first one is kept")
    assert 1 == report.total("quarantined")


def test_a_completed_record_of_an_earlier_import_is_a_change(engine: Engine, load: Load) -> None:
    """What a record did not say before and says now is history, from the second file as well."""
    mql = [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,"]
    load({"mqls.csv": mql}, as_of=MONDAY - timedelta(days=7))
    load({"mqls.csv": mql, "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,,,"]})
    assert [("accepted_at", None)] == [each.pick("field", "old") for each in mirror_of(engine).changes()]
    load({"mqls.csv": mql, "closed.csv": [CLOSED, "1,2026-02-05T00:00:00Z,,,"]}, as_of=MONDAY + timedelta(days=1))
    assert ["accepted_at"] * 2 == [each.field for each in mirror_of(engine).changes()]


def test_what_one_file_leaves_empty_is_emptied_only_where_no_other_fills_it(engine: Engine, load: Load) -> None:
    """A value that one of two files still gives does not come and go in the history; one that none gives is gone."""
    mql = [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,", "2,Bo,2026-01-01T00:00:00Z,fair,"]
    closed = [CLOSED, "1,2026-02-03T00:00:00Z,,,", "2,2026-02-03T00:00:00Z,,,"]
    load({"mqls.csv": mql, "closed.csv": closed}, as_of=MONDAY - timedelta(days=7))
    (report,) = load({"mqls.csv": [*mql[:2], mql[2].replace("fair", "")], "closed.csv": closed})
    assert 1 == report.total("updated")
    assert [("2", "lead_source", "fair", None)] == changes(engine)
    load(
        {"mqls.csv": [*mql[:2], mql[2].replace("fair", "show")], "closed.csv": closed}, as_of=MONDAY + timedelta(days=1)
    )
    assert ("2", "lead_source", None, "show") == changes(engine)[-1]
    load(
        {"mqls.csv": [*mql[:2], mql[2].replace("fair", "expo")], "closed.csv": closed}, as_of=MONDAY + timedelta(days=2)
    )
    assert ("2", "lead_source", "show", "expo") == changes(engine)[-1]


def test_what_the_first_file_changes_is_no_matter_of_the_second(engine: Engine, load: Load) -> None:
    """Where the file that is read first gives another value and the second none, the value is changed once."""
    mql = [MQLS, "1,Ann,2026-01-01T00:00:00Z,,"]
    for number, origin in enumerate(("web", "fair")):
        closed = [CLOSED, f"1,2026-02-03T00:00:00Z,{origin},,"]
        load({"mqls.csv": mql, "closed.csv": closed}, as_of=MONDAY + timedelta(days=number))
    assert [("1", "lead_source", "web", "fair")] == changes(engine)


def test_an_amount_is_completed_with_its_currency_and_worth(engine: Engine, load: Load) -> None:
    """Amount, currency and the worth at home go together; another amount is a contradiction."""
    (report,) = load(
        {
            "deals.csv": [DEALS, "1,A,Open,,2026-03-31,", "2,B,Open,5,2026-03-31,"],
            "notes.csv": ["Id,Step,Worth", "1,Call,1000", "2,Write,6"],
        }
    )
    assert [("1", "Call", 100_000, 100_000), ("2", None, 500, 500)] == [
        each.pick("id", "next_step", "amount_minor", "amount_home_minor") for each in mirror_of(engine).deals()
    ]
    assert (1, 1) == (report.total("completed"), report.total("quarantined"))
    assert "with a different amount ('Worth');" in report.files[1].examples[0].reason


def test_strict_judges_rows_as_the_loading_does(load: Load) -> None:
    """What completes is no flaw; what contradicts is."""
    mql = [MQLS, "1,Ann,2026-01-01T00:00:00Z,web,"]
    (report,) = load({"mqls.csv": mql, "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,web,,7"]}, strict=True)
    assert 1 == report.total("completed")
    with pytest.raises((ImportRefusedError, ProblemsError), match=r"with a different lead_source \('Origin'\)"):
        load({"mqls.csv": mql, "closed.csv": [CLOSED, "1,2026-02-03T00:00:00Z,fair,,7"]}, strict=True)


@pytest.mark.parametrize(
    "first,second",
    [
        ("deals-2026-02-16.csv", "deals-2026-02-23.csv"),
        ("deals_20260216.csv", "deals_20260223.csv"),
        ("deals 16.02.2026.csv", "deals 23.02.2026.csv"),
        ("2026-02-16/deals.csv", "2026-02-23/deals.csv"),
        ("deals-z-2026-02-16.csv", "deals-a-2026-02-23.csv"),
        ("deals-20260216-0700.csv", "deals-20260216-1900.csv"),
    ],
)
def test_exports_of_several_days_are_read_in_the_order_of_their_days(
    engine: Engine, load: Load, first: str, second: str
) -> None:
    """Each is the state of its day, so that a close date that moved between them is a push."""
    reports = load(
        {
            second: [DEALS, "1,A,Open,5,2026-04-30,"],
            first: [DEALS, "1,A,Open,5,2026-03-31,"],
            "users.csv": ["Id,Name,Mail,Zone", "7,Ann,ann@example.com,"],
        }
    )
    assert [["users.csv", Path(first).name], [Path(second).name]] == [
        [file.file for file in report.files] for report in reports
    ]
    assert [(1, date(2026, 4, 30))] == [each.pick("push_count", "close_date") for each in mirror_of(engine).deals()]
    ends = "2026-02-16T22:59:59.999999+00:00" if "0700" not in first else "2026-02-16T06:00:00+00:00"
    assert ends == reports[0].as_of.isoformat()


def test_several_days_and_one_given_moment_contradict_each_other(load: Load) -> None:
    """`--as-of` names one moment; the refusal says which days the files are of."""
    files = {f"deals-2026-02-{day}.csv": [DEALS, "1,A,Open,5,2026-03-31,"] for day in (16, 23)}
    with pytest.raises(ImportRefusedError, match=r"2026-02-16, 2026-02-23.*omit --as-of"):
        load(files, as_of=MONDAY)


def test_a_later_day_that_cannot_be_read_keeps_every_day_away(engine: Engine, load: Load) -> None:
    """It is told before anything is loaded: not even the days before it come into the mirror."""
    days = {"2026-02-02/mqls.csv": [MQLS, "1,Ann,,web,"], "2026-02-03/mqls.csv": ["Id,Name", "2,Bo"]}
    with pytest.raises(ImportRefusedError, match="Qualified"):
        load(days)
    assert ([], []) == (mirror_of(engine).leads(), mirror_of(engine).runs())


def test_strict_tells_the_first_problems_of_all_files_and_counts_the_rest(load: Load) -> None:
    """Fifty of them, whichever file they are in."""
    bad = {
        name: [MQLS, *(f"{number},Ann,yesterday,web," for number in range(30))] for name in ("mqls1.csv", "mqls2.csv")
    }
    with pytest.raises(ProblemsError) as caught:
        load(bad, strict=True)
    *told, rest = (str(each) for each in caught.value.problems)
    assert (SHOWN_PROBLEMS, True) == (len(told), f"and {60 - SHOWN_PROBLEMS} more rows" in rest)


def test_strict_tells_of_files_that_cannot_be_read_beside_rows(load: Load) -> None:
    """A file that breaks off on its way is told with the rows of another."""
    files = {"mqls1.csv": [MQLS, "1,Ann,yesterday,web,"], "mqls2.csv": ["Id,Name", "2,Bo"]}
    with pytest.raises(ProblemsError) as caught:
        load(files, strict=True)
    told = sorted("yesterday" in str(each) for each in caught.value.problems)
    assert [False, True] == told


def test_files_of_one_day_each_are_one_export(load: Load) -> None:
    """Days in the names of different objects' files do not part an export, and the moment is the one given."""
    files = {
        "deals-2026-02-16.csv": [DEALS, "1,A,Open,5,2026-03-31,"],
        "users-2026-02-15.csv": ["Id,Name,Mail,Zone", "7,Ann,a@x,"],
    }
    assert [MONDAY] == [report.as_of for report in load(files)]


def test_an_undated_file_is_the_newest_of_its_object(load: Load) -> None:
    """It is read last, as the state of now."""
    row = [DEALS, "1,A,Open,5,2026-03-31,"]
    reports = load({"deals.csv": row, "deals-2026-02-16.csv": row, "deals-2026-02-23.csv": row})
    assert ["deals-2026-02-16.csv", "deals-2026-02-23.csv", "deals.csv"] == [r.files[0].file for r in reports]
    assert MONDAY == reports[-1].as_of


@pytest.mark.parametrize("gone", ["true", "Yes", "1", "TRUE"])
def test_a_record_of_which_only_is_said_that_it_is_deleted_is_deleted(engine: Engine, load: Load, gone: str) -> None:
    """Since the export that says so first; later exports do not move that moment."""
    week = timedelta(days=7)
    load({"deals.csv": [DEALS, "1,A,Open,5,2026-03-31,false", "2,B,Open,5,2026-03-31,"]}, as_of=MONDAY - 2 * week)
    for weeks in (1, 0):
        load(
            {"deals.csv": [DEALS, f"1,A,Open,5,2026-03-31,{gone}", "2,B,Open,5,2026-03-31,0"]},
            as_of=MONDAY - weeks * week,
        )
    assert [("1", MONDAY - week), ("2", None)] == [each.pick("id", "deleted_at") for each in mirror_of(engine).deals()]


def test_a_file_of_headings_alone_says_so(load: Load) -> None:
    """It is no damage, and no silence either."""
    (report,) = load({"deals.csv": [DEALS]})
    assert [["it contains headings but no rows"]] == [file.notes for file in report.files]


def test_a_person_whom_the_organisation_knows_is_no_stranger(load: Load) -> None:
    """Only names that neither the CRM nor organisation.yaml knows are told."""
    (report,) = load({"closed.csv": [CLOSED, "1,,,Cem Example,", "2,,,Dee Nobody,", "3,,,CEM EXAMPLE,"]})
    assert {"owner": {"Dee Nobody": 1}} == report.files[0].unknown


def test_records_that_were_kept_by_salesforces_short_ids_go_on(engine: Engine, load: Load) -> None:
    """An earlier import's short ids are found by the long ones; new records are kept by the long ones."""
    load({"deals.csv": [DEALS, "1,A,Open,5,2026-03-31,"]}, as_of=MONDAY - timedelta(days=7))
    alter(engine, "deal", id="006A0000001AbCd")
    (report,) = load(
        {"deals.csv": [DEALS, "006A0000001AbCdIAK,A,Open,6,2026-03-31,", "006A0000001AbCe,B,Open,5,2026-03-31,"]}
    )
    ids = [each.id for each in mirror_of(engine).deals()]
    assert ((1, 1), ["006A0000001AbCd", ids[1]], 18) == (
        (report.total("created"), report.total("updated")), ids, len(ids[1]),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_mapping_without_stages_is_told(engine: Engine, tmp_path: Path, kind: str) -> None:
    """Deals that are neither open nor closed are never silent."""
    (tmp_path / "m.yaml").write_text("version: 1\nsource: crm\nfiles: [{object: deal, id: Id, fields: {name: Name}}]\n")
    mapping = load_mapping(tmp_path / "m.yaml", {name: each.settable for name, each in objects().items()})
    file = tmp_path / f"deals.{kind}"
    file.write_text("Id,Name\n1,A\n" if kind == "csv" else '{"Id": 1, "Name": "A"}\n')
    context = DealContext("EUR", {}, lambda day: day)
    (report,) = import_exports(engine, mapping, [file], context, as_of=None, now=MONDAY)
    assert "no rule about open deals will ever fire" in report.files[0].notes[0]


def test_a_time_zone_that_is_none_is_told_and_costs_nothing(engine: Engine, load: Load) -> None:
    """IANA names are found in what CRMs write; what is none is noted once, and the person is there."""
    zones = ["(GMT+01:00) Central European Time (Europe/Berlin)", "America/New_York", "Pacific", "Pacific", ""]
    (report,) = load(
        {"users.csv": ["Id,Name,Mail,Zone", *(f"{n},P{n},p{n}@x.example,{zone}" for n, zone in enumerate(zones))]}
    )
    assert ["Europe/Berlin", "America/New_York", "Pacific", "Pacific", None] == [
        owner.timezone for owner in mirror_of(engine).owners()
    ]
    assert (1, True) == (
        len(report.files[0].notes),
        report.files[0].notes[0].startswith("'Pacific' isn't a time zone"),
    )


def test_what_the_first_of_two_files_changes_is_changed_where_the_other_is_silent(engine: Engine, load: Load) -> None:
    """Only what a file leaves empty waits for the others.

    A new value, and one where there was none, are taken at once.
    """
    load({"deals.csv": [DEALS, "1,Acme,Open,3,,", "2,Bolt,Open,,,", "3,Core,Open,4,,"]})
    changed = [DEALS, "1,Acme,Open,5,,", "2,Bolt,Open,7,,", "3,Core,Open,,,"]
    load({"deals.csv": changed, "notes.csv": ["Id,Step,Worth", "9,call,"]})
    deals = mirror_of(engine).deals(id=("1", "2", "3"))
    assert [("1", 500), ("2", 700), ("3", None)] == [each.pick("id", "amount_minor") for each in deals]
