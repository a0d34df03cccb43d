"""A mapping proposed from files in the forms of the known CRMs passes the check and reads those files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ros_sync.connectors.export import ExportMapping, load_mapping, read
from ros_sync.connectors.export.proposing import propose
from ros_sync.connectors.export.proposing.guesses import stage_kind, stage_order
from ros_sync.connectors.export.proposing.headings import object_of
from ros_sync.errors import ImportRefusedError
from ros_sync.mirror.catalogue import objects

SETTABLE = {name: mirrored.settable for name, mirrored in objects().items()}

HUBSPOT = (
    '"Record ID","Deal Name","Deal Stage","Pipeline","Close Date","Deal owner","Amount","Currency",'
    '"Create Date","Forecast category","Deal probability","Closed Lost Reason","Associated Company",'
    '"Last Activity Date","Next step","Last Modified Date"\n'
    '"18764321001","Harbour Tools, 40 seats","Presentation Scheduled","Sales Pipeline","2026-03-31 09:15",'
    '"Ada Example (ada@example.com)","20000.00","EUR","2026-01-12 10:22","Commit","0.6","","Harbour Tools",'
    '"2026-02-27 17:30","Send the ""final"" offer","2026-03-01 08:00"\n'
    '"18764321002","Mill & Sons","Closed Won","Sales Pipeline","2026-02-15 00:00",'
    '"Bo Sample (bo@example.com)","7500.5","USD","2025-11-02 09:00","","1","","Mill & Sons","","",'
    '"2026-02-15 12:00"\n'
    '"18764321003","Quarry","Closed Lost","Sales Pipeline","2026-02-20 00:00","","","EUR","2025-12-02 09:00",'
    '"Not forecasted","0","Price","","","","2026-02-20 12:00"\n'
    '"18764321004","Lighthouse","Appointment Scheduled","Sales Pipeline","2026-05-31 00:00",'
    '"Bo Sample (bo@example.com)","1234.56","EUR","2026-02-25 09:00","Pipeline","0.2","","","","",'
    '"2026-02-25 12:00"\n'
)
SALESFORCE_REPORT = (
    '"Opportunity ID","Opportunity Name","Stage","Amount Currency","Amount","Probability (%)","Close Date",'
    '"Created Date","Opportunity Owner","Account Name","Type","Next Step","Last Activity","Forecast Category"\n'
    '"0065g00000AbCdE","Harbour Tools","Proposal/Price Quote","USD","20,000.00","75","3/31/2026","1/12/2026",'
    '"Ada Example","Harbour Tools","New Business","Call","2/27/2026","Commit"\n'
    '"0065g00000AbCdF","Mill","Closed Won","USD","7,500.00","100","2/15/2026","11/2/2025","Bo Sample",'
    '"Mill & Sons","Existing Business","","","Closed"\n'
    '"0065g00000AbCdG","Quarry","Prospecting","EUR","1,000.00","10","4/3/2026","12/2/2025","Bo Sample",'
    '"Quarry","New Business","","","Omitted"\n'
    '"0065g00000AbCdH","Pit","Negotiation/Review","EUR","","90","4/5/2026","12/3/2025","Bo Sample","Pit","",'
    '"","","Best Case"\n'
)
SALESFORCE_LOADER = (
    '"ID","ISDELETED","ACCOUNTID","NAME","STAGENAME","AMOUNT","PROBABILITY","CLOSEDATE","TYPE","NEXTSTEP",'
    '"LEADSOURCE","ISCLOSED","ISWON","FORECASTCATEGORYNAME","OWNERID","CREATEDDATE","LASTMODIFIEDDATE",'
    '"SYSTEMMODSTAMP","LASTACTIVITYDATE"\n'
    '"0065g00000AbCdEAAV","false","0015g00000AbCdEAAV","Harbour Tools","Qualification","20000.0","10.0",'
    '"2026-03-31","","","Web","false","false","Pipeline","0055g00000AbCdEAAV","2026-01-12T10:22:07.000Z",'
    '"2026-03-01T08:00:00.000Z","2026-03-01T08:00:00.000Z","2026-02-27"\n'
    '"0065g00000AbCdFAAV","true","0015g00000AbCdEAAV","Mill","Closed Lost","7500.0","0.0","2026-02-15","","",'
    '"","true","false","Omitted","0055g00000AbCdEAAV","2025-11-02T09:00:00.000Z","2026-02-15T12:00:00.000Z",'
    '"2026-02-15T12:00:00.000Z",""\n'
)
PIPEDRIVE = (
    "Deal - ID;Deal - Title;Deal - Stage;Deal - Pipeline;Deal - Status;Deal - Value;Deal - Currency of Value;"
    "Deal - Owner;Deal - Organization;Deal - Contact person;Deal - Expected close date;Deal - Deal created;"
    "Deal - Update time;Deal - Lost reason;Deal - Probability;Deal - Next activity date\n"
    "1;Harbour Tools;Proposal Made;Pipeline;Open;20000;EUR;Ada Example;Harbour Tools;Ann;2026-03-31;"
    "2026-01-12 10:22:07;2026-03-01 08:00:00;;60;2026-03-10\n"
    "2;Mill;Negotiations Started;Pipeline;Won;7500;EUR;Bo Sample;Mill;Ben;2026-02-15;2025-11-02 09:00:00;"
    "2026-02-15 12:00:00;;;\n"
    "3;Quarry;Qualified;Pipeline;Lost;1000;USD;Bo Sample;Quarry;;;2025-12-02 09:00:00;2026-02-20 12:00:00;Price;;\n"
)
ZOHO = (
    "Record Id,Deal Owner.id,Deal Owner,Deal Name,Amount,Closing Date,Account Name.id,Account Name,Stage,"
    "Type,Probability (%),Next Step,Lead Source,Created Time,Modified Time,Currency,Last Activity Time\n"
    "zcrm_4150868000000225013,zcrm_4150868000000225001,Ada Example,Harbour Tools,20000,2026-03-31,"
    "zcrm_41508680000002250,Harbour Tools,Proposal/Price Quote,New Business,75,Call,Web,2026-01-12 10:22:07,"
    "2026-03-01 08:00:00,EUR,2026-02-27 17:30:00\n"
    "zcrm_4150868000000225014,zcrm_4150868000000225001,Bo Sample,Mill,7500,2026-02-15,,,Closed Won,-None-,"
    "100,,,2025-11-02 09:00:00,2026-02-15 12:00:00,EUR,\n"
    "zcrm_4150868000000225015,zcrm_4150868000000225001,Bo Sample,Quarry,1000,2026-02-20,,,"
    "Closed Lost to Competition,-None-,0,,,2025-12-02 09:00:00,2026-02-20 12:00:00,EUR,\n"
)
GERMAN = """Opp-Nr;Titel;Phase;Betrag;Währung;Abschluss;Angelegt;Verkäufer;Nächster Schritt;Fällig
O-1;Hafen;Angebot;20.000,00;EUR;31.03.2026;12.01.2026;Ada Example;;
O-2;Mühle;Verhandlung;7.500,50;EUR;15.04.2026;20.02.2026;Bo Sample;Anruf;10.03.2026
O-3;Bruch;Gewonnen;18.000,00;EUR;27.02.2026;10.11.2025;Bo Sample;;
"""  # fmt: skip
FILES = {
    "hubspot-crm-exports-all-deals-2026-03-02.csv": (HUBSPOT, ("USD", 2026), 4),
    "report1700000000000.csv": (SALESFORCE_REPORT, (), 4),
    "Opportunity.csv": (SALESFORCE_LOADER, (), 2),
    "deals-12345-1.csv": (PIPEDRIVE, (), 3),
    "Deals_2026_03_02.csv": (ZOHO, (), 3),
    "opportunities.csv": (GERMAN, (), 3),
}


def proposed(tmp_path: Path, files: Sequence[Path], **more: Any) -> tuple[str, ExportMapping]:
    """The proposal for these files, as a text and loaded as a mapping."""
    text = propose(files, SETTABLE, source="crm", currency="EUR", timezone="Europe/Berlin", **more).text
    path = tmp_path / "proposed.yaml"
    path.write_text(text, encoding="utf-8")
    return text, load_mapping(path, SETTABLE)


def rows_of(mapping: ExportMapping, path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All that is read of a file with the mapping's one entry for it, and what is quarantined."""
    (entry,) = mapping.entries_for(path)
    batches = list(read(path, entry))
    rows = [dict(zip(b.columns, row, strict=True)) for b in batches for row in zip(*b.columns.values(), strict=True)]
    return rows, [str(each) for b in batches for each in b.quarantined]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_known_crms_export_is_read_whole_with_what_is_proposed_for_it(
    tmp_path: Path, name: str, encoding: str
) -> None:
    """Every row, the field of each that matters, and nothing quarantined."""
    text, _, count = FILES[name]
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    said, mapping = proposed(tmp_path, [path])
    rows, apart = rows_of(mapping, path)
    assert ([], count) == (apart, len(rows)), said
    filled = {field.name for field in mapping.entries[0].fields}
    assert set() == {"name", "stage", "amount", "close_date", "created", "owner", "closed"} - filled, said
    assert {"open", "won", "lost"} >= {row["stage_kind"] for row in rows} >= {"open"}
    assert ("2026-03-31", 2_000_000, "open") == (rows[0]["close_date"], rows[0]["amount"], rows[0]["stage_kind"])
    assert str(rows[0]["name"]).startswith(("Harbour", "Hafen"))


@pytest.mark.parametrize(
    "name,field,expected",
    [
        ("report1700000000000.csv", "probability", [0.75, 1, 0.1, 0.9]),
        ("report1700000000000.csv", "stage_kind", ["open", "won", "open", "open"]),
        ("report1700000000000.csv", "currency", ["USD", "USD", "EUR", "EUR"]),
        ("report1700000000000.csv", "close_date", ["2026-03-31", "2026-02-15", "2026-04-03", "2026-04-05"]),
        ("report1700000000000.csv", "stage_order", [2, 4, 1, 3]),
        ("Opportunity.csv", "deleted", [None, -1]),
        ("Opportunity.csv", "owner", ["0055g00000AbCdEAAV"] * 2),
        ("Opportunity.csv", "probability", [0.1, 0]),
        ("deals-12345-1.csv", "stage_kind", ["open", "won", "lost"]),
        ("deals-12345-1.csv", "probability", [0.6, None, None]),
        ("deals-12345-1.csv", "next_step_date", ["2026-03-10", None, None]),
        ("deals-12345-1.csv", "loss_reason", [None, None, "Price"]),
        ("Deals_2026_03_02.csv", "deal_type", ["New Business", None, None]),
        ("Deals_2026_03_02.csv", "stage_kind", ["open", "won", "lost"]),
        ("hubspot-crm-exports-all-deals-2026-03-02.csv", "forecast_category", ["commit", None, "omitted", "pipeline"]),
        ("hubspot-crm-exports-all-deals-2026-03-02.csv", "pipeline", ["Sales Pipeline"] * 4),
        ("hubspot-crm-exports-all-deals-2026-03-02.csv", "stage_position", ["late", None, None, "early"]),
        ("opportunities.csv", "amount", [2_000_000, 750_050, 1_800_000]),
        ("opportunities.csv", "closed", [None, None, 1_772_146_800_000_000]),
    ],
)
def test_the_values_of_a_known_crm_mean_what_they_should(
    tmp_path: Path, name: str, field: str, expected: list[Any]
) -> None:
    """Percentages, kinds of stages, booleans of deletion, currencies, markers of nothing."""
    path = tmp_path / name
    path.write_text(FILES[name][0], encoding="utf-8")
    text, mapping = proposed(tmp_path, [path])
    assert expected == [row[field] for row in rows_of(mapping, path)[0]], text


def test_what_could_be_otherwise_is_marked(tmp_path: Path) -> None:
    """Dates that could be days and months the other way round, and amounts without a currency."""
    path = tmp_path / "deals.csv"
    path.write_text("Deal ID,Deal Name,Stage,Amount,Close Date\n1,a,Open,5,03/04/2026\n2,b,Won,6,05/04/2026\n")
    text, _ = proposed(tmp_path, [path])
    lines = [line for line in text.splitlines() if "CHECK" in line]
    assert ["currency:", "# CHECK the order", "close_date:", "closed:"][:3] == [
        next(word for word in ("currency:", "# CHECK the order", "close_date:") if word in line) for line in lines
    ]


def test_another_column_tells_day_and_month_apart(tmp_path: Path) -> None:
    """One column with a day beyond the twelfth is enough for those written alike."""
    path = tmp_path / "deals.csv"
    path.write_text(
        "Deal ID,Deal Name,Stage,Amount,Close Date,Create "
        "Date\n1,a,Open,5,03/04/2026,25/02/2026\n2,b,Won,6,05/04/2026,26/02/2026\n"
    )
    _, mapping = proposed(tmp_path, [path])
    assert ["2026-04-03", "2026-04-05"] == [row["close_date"] for row in rows_of(mapping, path)[0]]


def test_several_files_are_one_mapping_and_name_each_other(tmp_path: Path) -> None:
    """Deals find their accounts by name where accounts are exported beside them.

    What is nothing is left out by name.
    """
    files = {
        "companies.csv": "Record ID,Company name,Industry,Number of Employees\n1,Harbour Tools,Trade,120\n",
        "deals.csv": "Record ID,Deal Name,Deal Stage,Amount,Associated Company\n7,a,Open,5,Harbour Tools\n",
        "contacts.csv": "Record ID,First Name,Last Name,Email\n3,Ann,Example,ann@example.com\n",
        "users.csv": "User ID,Full Name,Email,Active\n9,Ada Example,ada@example.com,Yes\n",
        "weather.csv": "day,rain\n1,2\n",
        "picture.csv": "\x89PNG",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    text, mapping = proposed(tmp_path, [tmp_path / name for name in files])
    assert ["account", "deal", "contact", "owner"] == [entry.object for entry in mapping.entries]
    rows, apart = rows_of(mapping, tmp_path / "contacts.csv")
    assert ([], "Ann Example") == (apart, rows[0]["name"])
    assert "account" in mapping.entries[1].lookups
    assert ("# weather.csv: " in text, "# picture.csv: " in text) == (True, True)


def test_a_workbook_is_proposed_like_a_text(tmp_path: Path) -> None:
    """Its days and numbers need no format."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Deal ID", "Deal Name", "Stage", "Amount", "Close Date"], [1, "a", "Open", 5.5, "2026-03-31"]):
        sheet.append(row)
    book.save(tmp_path / "deals.xlsx")
    _, mapping = proposed(tmp_path, [tmp_path / "deals.xlsx"])
    rows, apart = rows_of(mapping, tmp_path / "deals.xlsx")
    assert ([], 550, "2026-03-31") == (apart, rows[0]["amount"], rows[0]["close_date"])


@pytest.mark.parametrize(
    "heading",
    [
        'A "quoted" one',
        "a: b",
        "#",
        "yes",
        "null",
        "- x",
        "{x}",
        "Größe €",
        "tab\tin",
        "x #y",
        "'q'",
        "&a",
        "*b",
        "%",
        "12",
    ],
)
def test_any_heading_can_be_written(tmp_path: Path, heading: str) -> None:
    """YAML's own signs in headings and stages do no harm."""
    path = tmp_path / "deals.csv"
    cell = '"' + heading.replace('"', '""') + '"'
    stage = cell if heading != "null" else '"nil"'  # null in a cell stands for nothing
    path.write_text(f"{cell},Deal Name,Stage\n1,a,{stage}\n2,b,Won\n", encoding="utf-8")
    _, mapping = proposed(tmp_path, [path], given_object="deal")
    rows, apart = rows_of(mapping, path)
    assert ([], ["1", "2"], stage.strip('"').replace('""', '"')) == (
        apart,
        [row["id"] for row in rows],
        rows[0]["stage"],
    )


def test_a_file_without_an_id_is_left_out_with_the_reason(tmp_path: Path) -> None:
    """Nothing is proposed that could not be imported."""
    path = tmp_path / "deals.csv"
    path.write_text("Deal Name,Stage\na,Open\na,Won\n")
    proposal = propose([path], SETTABLE, source="crm", currency="EUR", timezone="UTC")
    assert (0, "no column of it holds a different value") == (
        len(proposal.entries),
        next(iter(proposal.left_out.values()))[:39],
    )
    path.write_text("")
    with pytest.raises(ImportRefusedError, match="the file is empty"):
        propose([path], SETTABLE, source="crm", currency="EUR", timezone="UTC")


@pytest.mark.parametrize(
    "name,kind",
    [("Closed Won", "won"), ("closedwon", "won"), ("Won - Signed", "won"), ("Closed Lost to Competition", "lost"),
     ("Gewonnen", "won"), ("Verloren", "lost"), ("Wonder demo", "open"), ("Lost Sheep Inc", "lost"),
     ("Proposal", "open")],
)  # fmt: skip
def test_a_stages_kind_is_guessed_by_its_words(name: str, kind: str) -> None:
    """In the languages that CRMs ship."""
    assert kind == stage_kind(name)


def test_stages_are_put_in_the_order_of_a_sale() -> None:
    """By what they are called, or by their probability."""
    names = ["Closed Lost", "Negotiation", "Proposal", "Qualification", "Closed Won", "Demo"]
    expected = ["Qualification", "Demo", "Proposal", "Negotiation", "Closed Won", "Closed Lost"]
    assert expected == stage_order(dict.fromkeys(names))
    assert ["b", "a"] == stage_order({"a": 0.5, "b": 0.1})


@pytest.mark.parametrize(
    "file,headings,expected",
    [
        ("x.csv", ["Lead ID", "Email", "Lead Source", "Company"], "lead"),
        ("x.csv", ["Account ID", "Account Name", "Industry"], "account"),
        ("tasks.csv", ["Task ID", "Subject", "Due Date"], "activity"),
        ("quotas.csv", ["Quota Owner", "Period", "Quota"], "quota"),
        ("x.csv", ["a", "b"], None),
    ],
)
def test_headings_tell_what_rows_are(file: str, headings: list[str], expected: str | None) -> None:
    """With the file's name where they leave it open."""
    assert expected == object_of(file, headings)


def test_day_and_month_are_told_by_dates_of_another_form(tmp_path: Path) -> None:
    """One date beyond the twelfth settles the order of every date of the file, written with a time or without."""
    path = tmp_path / "deals.csv"
    path.write_text(
        "Deal - ID;Deal - Title;Deal - Status;Deal - Expected close date;Deal - Deal created\n"
        "1;Harbour;Open;31/03/2026;12/01/2026 10:22\n2;Mill;Won;15/02/2026;02/11/2025 09:00\n"
    )
    text, _ = proposed(tmp_path, [path])
    (line,) = [line for line in text.splitlines() if "Deal - Deal created" in line]

    assert ("%d/%m/%Y %H:%M" in line.split("#")[0], "CHECK: %m/%d/%Y %H:%M" in line) == (True, True), line


@pytest.mark.parametrize("content", [PIPEDRIVE, GERMAN.replace("Betrag", "Wert der Sache")])
def test_amounts_that_say_nothing_settle_nothing(tmp_path: Path, content: str) -> None:
    """Where no amount shows how decimals are written, neither does the mapping; 20.000 is refused, not read as 20."""
    path = tmp_path / "deals.csv"
    path.write_text(content)
    text = proposed(tmp_path, [path])[0]
    assert "number:" not in text
    text = text.replace("      stage: Phase", "      stage: Phase\n      amount: Wert der Sache")
    (tmp_path / "proposed.yaml").write_text(text)
    path.write_text(content.replace("20000", "20.000").replace("20.000,00", "20.000"))
    aside = rows_of(load_mapping(tmp_path / "proposed.yaml", SETTABLE), path)[1]
    assert [True] == ["can be read in two ways" in each for each in aside if "20.000" in each]
