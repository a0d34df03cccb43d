"""Exchange rates that change: amounts at home move with them, and nobody is said to have moved them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of, put, remove
from tests.integration.sync.kills import PAST, killed_at

from ros_sync.connectors.export import load_mapping
from ros_sync.mirror.catalogue import objects
from ros_sync.money import convert
from ros_sync.sync.ingest import imports, restating
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.imports import ImportReport, import_files
from ros_sync.sync.ingest.rate_history import read_rate_history
from ros_sync.sync.ingest.restating import restate, restate_amounts
from ros_sync.sync.one_writer import writing

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MAPPING = """
version: 1
source: crm
timezone: UTC
dates: "%Y-%m-%d"
number: {decimal: ".", thousands: ""}
files:
  - file: "deals*"
    object: deal
    id: Id
    fields:
      name: Name
      amount: {column: Amount, currency: {column: Currency}}
"""
GIVEN = MAPPING + "      amount_home: {column: Home, currency: EUR}\n"
MOST_STATEMENTS = 40
HEADER = "Id,Name,Amount,Currency"
ACME, BETA, COBALT = "1,Acme,1000,USD", "2,Beta,1000,EUR", "3,Cobalt,1000,GBP"


def rates(home: str = "EUR", **worth: str) -> DealContext:
    """What the company lays down: what one unit of each currency is worth at home."""
    return DealContext(home, {name: Decimal(rate) for name, rate in worth.items()}, lambda day: day)


class Exports:
    """Exports of a CRM that are imported by the company's rates of then."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    def load(
        self,
        context: DealContext,
        now: datetime,
        *lines: str,
        header: str = HEADER,
        mapping: str = MAPPING,
        as_of: datetime | None = None,
    ) -> ImportReport:
        """Import these deals."""
        (self.folder / "mapping.yaml").write_text(mapping)
        (self.folder / "deals.csv").write_text("\n".join([header, *lines]) + "\n")
        export = load_mapping(self.folder / "mapping.yaml", {name: each.settable for name, each in objects().items()})
        return import_files(self.engine, export, [self.folder / "deals.csv"], context, as_of=as_of or now, now=now)


@pytest.fixture
def exports(engine: Engine, tmp_path: Path) -> Exports:
    """A mirror that holds a deal in dollars, one at home and one in pounds, for which there is no rate yet."""
    made = Exports(engine, tmp_path)
    made.load(rates(USD="0.9"), MONDAY, ACME, BETA, COBALT)
    return made


def homes(engine: Engine, at: datetime | None = None) -> list[int | None]:
    """What each deal is worth at home, now or at a moment."""
    mirror = mirror_of(engine)
    return [each.amount_home_minor for each in (mirror.deals() if at is None else mirror.as_of(at, "deal"))]


def moves(engine: Engine, record_id: str = "1") -> list[tuple[Any, ...]]:
    """Each change of what a deal is worth at home: when, from what, to what, and the cause."""
    changes = mirror_of(engine).changes("deal", record_id, "amount_home_minor")
    return [each.pick("at", "old", "new", "cause") for each in changes]


def test_a_change_of_rates_moves_what_deals_are_worth_at_home(engine: Engine, exports: Exports) -> None:
    """Those in another currency, of which it is told that the rate moved; the state of before stays as the past."""
    del exports
    tuesday = MONDAY + DAY
    moved = restate_amounts(engine, rates(USD="0.8", GBP="1.2"), tuesday)
    assert (2, [80_000, 100_000, 120_000]) == (moved, homes(engine))
    assert [90_000, 100_000, None] == homes(engine, tuesday - timedelta(seconds=1))
    assert ([(tuesday, "90000", "80000", "currency")], []) == (moves(engine), moves(engine, "2"))
    assert [(tuesday, None, "120000", "currency")] == moves(engine, "3")
    assert [] == mirror_of(engine).changes("deal", name="amount_minor")


def test_the_same_rates_restate_nothing(engine: Engine, exports: Exports) -> None:
    """Neither those that were there from the beginning nor, once deals stand by them, those that came later."""
    first = restate_amounts(engine, rates(USD="0.90"), MONDAY + DAY)
    restate_amounts(engine, rates(USD="0.8"), MONDAY + DAY)
    versions, changes = mirror_of(engine).versions("deal"), mirror_of(engine).changes()
    again = restate_amounts(engine, rates(USD="0.8"), MONDAY + 2 * DAY)
    exports.load(rates(USD="0.8"), MONDAY + 2 * DAY, ACME, BETA, COBALT)
    assert (0, 0) == (first, again)
    assert (versions, changes) == (mirror_of(engine).versions("deal"), mirror_of(engine).changes())
    assert [True, True] == [each.restated_at is not None for each in mirror_of(engine).records("exchange_rate_version")]


def test_an_import_by_other_rates_says_that_nothing_was_changed(engine: Engine, exports: Exports) -> None:
    """The rows are those that were there; that the rate moved is noted as that."""
    tuesday = MONDAY + DAY
    report = exports.load(rates(USD="0.8"), tuesday, ACME, BETA, COBALT)
    assert (0, 3) == (report.total("updated"), report.total("unchanged"))
    assert [(tuesday, "90000", "80000", "currency")] == moves(engine)


def test_a_changed_amount_and_a_changed_rate_are_two_movements(engine: Engine, exports: Exports) -> None:
    """First what the old amount is worth by the new rate, then the new amount."""
    tuesday = MONDAY + DAY
    exports.load(rates(USD="0.8"), tuesday, ACME.replace("1000", "2000"), BETA, COBALT)
    expected = [(tuesday, "90000", "80000", "currency"), (tuesday, "80000", "160000", None)]
    assert expected == moves(engine)


def test_an_export_of_before_the_rates_changed_is_not_out_of_date(engine: Engine, exports: Exports) -> None:
    """What a deal says is as old as its last import, although its worth at home has moved since."""
    restate_amounts(engine, rates(USD="0.8"), MONDAY + 2 * DAY)
    report = exports.load(
        rates(USD="0.8"), MONDAY + 3 * DAY, ACME.replace("Acme", "Acme Ltd"), BETA, COBALT, as_of=MONDAY + DAY
    )
    assert (1, 0, "Acme Ltd") == (report.total("updated"), report.total("older"), mirror_of(engine).deal("1").name)


def test_an_export_of_before_the_last_one_is_still_out_of_date(engine: Engine, exports: Exports) -> None:
    """Rates that moved since do not let an older state in."""
    exports.load(rates(USD="0.9"), MONDAY + DAY, ACME.replace("Acme", "Acme Ltd"), BETA, COBALT)
    restate_amounts(engine, rates(USD="0.8"), MONDAY + 2 * DAY)
    remove(engine, "stream_state")  # so that rows are judged by themselves
    report = exports.load(rates(USD="0.8"), MONDAY + 3 * DAY, ACME, BETA, COBALT, as_of=MONDAY + DAY / 2)
    assert (1, "Acme Ltd") == (report.total("older"), mirror_of(engine).deal("1").name)


def test_what_was_said_when_the_rates_changed_is_no_older_than_that(engine: Engine, exports: Exports) -> None:
    """The import that brought the rates brought states of its own, new ones and changed ones: they are of its day."""
    wednesday = MONDAY + 2 * DAY
    dora = "4,Dora,1000,USD"
    exports.load(rates(USD="0.8"), wednesday, ACME.replace("Acme", "Acme Ltd"), BETA, COBALT, dora)
    remove(engine, "stream_state")
    stale = [ACME, BETA, COBALT, dora.replace("Dora", "Dorothea")]
    report = exports.load(rates(USD="0.8"), MONDAY + 3 * DAY, *stale, as_of=MONDAY + DAY)
    names = [each.name for each in mirror_of(engine).deals()]
    assert (2, ["Acme Ltd", "Beta", "Cobalt", "Dora"]) == (report.total("older"), names)


def test_what_the_crm_says_it_is_worth_at_home_stands(engine: Engine, tmp_path: Path) -> None:
    """Where a mapping fills `amount_home`, rates of ours have no say in it."""
    exports = Exports(engine, tmp_path)
    exports.load(rates(USD="0.9"), MONDAY, f"{ACME},777", header=f"{HEADER},Home", mapping=GIVEN)
    moved = restate_amounts(engine, rates(USD="0.8"), MONDAY + DAY)
    assert (0, [77_700]) == (moved, homes(engine))


def test_deals_of_before_there_was_a_book_of_rates_are_restated_once(engine: Engine, exports: Exports) -> None:
    """An upgraded mirror holds amounts by the rates of whenever each was imported; nobody knows which."""
    del exports
    remove(engine, "exchange_rate_version")
    tuesday = MONDAY + DAY
    moved = [restate_amounts(engine, rates(USD="0.8"), each) for each in (tuesday, tuesday + DAY)]
    assert ([1, 0], [(tuesday, "90000", "80000", "currency")]) == (moved, moves(engine))


def test_what_was_told_by_a_rate_that_nobody_knows_any_more_stays(engine: Engine, exports: Exports) -> None:
    """An upgraded mirror holds amounts in a currency for which the file has no rate by now."""
    del exports
    remove(engine, "exchange_rate_version")
    assert (0, 90_000) == (restate_amounts(engine, rates(), MONDAY + DAY), homes(engine)[0])


def test_a_rate_that_is_taken_away_leaves_nothing(engine: Engine, exports: Exports) -> None:
    """What a deal is worth at home is not known any more, and that is the rates' doing."""
    del exports
    restate_amounts(engine, rates(), MONDAY + DAY)
    assert [(MONDAY + DAY, "90000", None, "currency")] == moves(engine)


def test_rates_of_the_past_change_nothing(engine: Engine, exports: Exports) -> None:
    """A tick of a moment before the present rates leaves what deals are worth as it is."""
    del exports
    restate_amounts(engine, rates(USD="0.8"), MONDAY + 2 * DAY)
    moved = restate_amounts(engine, rates(USD="0.9"), MONDAY + DAY)
    assert (0, 80_000) == (moved, homes(engine)[0])
    assert 2 == mirror_of(engine).count("exchange_rate_version")


def test_another_currency_of_the_company_restates_every_deal(engine: Engine, exports: Exports) -> None:
    """What stood for itself so far is told in the new currency."""
    del exports
    restate_amounts(engine, rates("USD", EUR="1.25", GBP="1.5"), MONDAY + DAY)
    assert [100_000, 125_000, 150_000] == homes(engine)


def test_whoever_writes_a_deal_meanwhile_restates_it_first(
    engine: Engine, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that come while other deals are restated are compared with their deals by the new rates: unchanged."""
    tuesday = MONDAY + DAY
    with (
        pytest.raises(OperationalError),
        killed_at(engine, 0, PAST),
    ):  # the rates are entered, and no deal stands by them
        restate_amounts(engine, rates(USD="0.8"), tuesday)
    monkeypatch.setattr(imports, "restate_amounts", lambda *_: 0)
    report = exports.load(rates(USD="0.9"), tuesday + DAY, ACME, BETA)  # it began before the file was edited
    expected = [(tuesday, "90000", "80000", "currency")]
    assert (0, 2, expected) == (report.total("updated"), report.total("unchanged"), moves(engine))
    with engine.connect() as connection:
        assert read_rate_history(connection).pending


def test_rates_that_change_again_before_all_stand_by_the_first(engine: Engine, exports: Exports) -> None:
    """Each deal goes through both, also one that a page brought to the second already."""
    del exports
    tuesday, wednesday = MONDAY + DAY, MONDAY + 2 * DAY
    put(engine, "deal", source="crm", id="4", valid_from=MONDAY, amount_minor=1000, currency="USD",
        amount_home_minor=900)  # fmt: skip
    for at, worth in ((tuesday, "0.8"), (wednesday, "0.7")):
        with pytest.raises(OperationalError), killed_at(engine, 0, PAST):
            restate_amounts(engine, rates(USD=worth), at)
    with writing(engine, "crm") as connection:
        restate(connection, "crm", ["4"], read_rate_history(connection))
    restate_amounts(engine, rates(USD="0.7"), wednesday + DAY)
    expected = [(tuesday, "900", "800", "currency"), (wednesday, "800", "700", "currency")]
    assert expected == moves(engine, "4")
    assert [(at, old + "00", new + "00", cause) for at, old, new, cause in expected] == moves(engine, "1")


def test_it_is_done_a_portion_at_a_time(engine: Engine, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else waits longer than for one portion of deals."""
    del exports
    monkeypatch.setattr(restating, "PORTION", 2)
    for number in range(4, 9):
        put(engine, "deal", source="crm", id=str(number), valid_from=MONDAY, amount_minor=100, currency="USD")
    portions: list[int] = []
    write = restating.restate

    def noted(connection: Any, source: str, ids: Any, book: Any) -> int:
        portions.append(len(ids))
        return write(connection, source, ids, book)

    monkeypatch.setattr(restating, "restate", noted)
    assert (6, [2, 2, 2, 2, 0]) == (restate_amounts(engine, rates(USD="0.8"), MONDAY + DAY), portions)


@ON_SQLITE
def test_a_kill_at_any_statement_is_gone_on_from(engine: Engine, exports: Exports) -> None:
    """Whatever statement the process dies at, the next run ends where an undisturbed one does."""
    del exports
    at = MONDAY
    for statement in range(MOST_STATEMENTS):
        at += DAY
        worth = f"0.{500 + statement}"
        try:
            with killed_at(engine, statement):
                restate_amounts(engine, rates(USD=worth), at)
                done = True
        except OperationalError:
            done = False
        restate_amounts(engine, rates(USD=worth), at)
        assert [int(Decimal(worth) * 100_000), 100_000, None] == homes(engine)
        assert (at, "currency") == (moves(engine)[-1][0], moves(engine)[-1][3])
        if done:
            break
    assert done
    assert statement + 1 == len(moves(engine))


def test_imports_and_restating_at_the_same_time(
    engine: Engine, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first: in the end all stands by the last rates, and each movement begins where one ended."""
    monkeypatch.setattr(restating, "PORTION", 7)
    numbers, rounds = range(1, 41), 5

    def worth(number: int) -> DealContext:
        return rates(USD=f"0.{number + 3}", GBP="1.2")

    def importing(context: DealContext) -> None:
        for number in range(rounds):
            lines = [f"{each},Deal,{each * 100 + number},USD" for each in numbers]
            exports.load(context, MONDAY + DAY + timedelta(minutes=number), *lines)

    with ThreadPoolExecutor(1) as pool:
        imported = pool.submit(importing, worth(0))
        for number in range(rounds):
            restate_amounts(engine, worth(number), MONDAY + 2 * DAY + timedelta(minutes=number))
        imported.result()
    restate_amounts(engine, worth(rounds - 1), MONDAY + 3 * DAY)
    mirror = mirror_of(engine)
    rate = Decimal(f"0.{rounds + 2}")
    for each in mirror.deals(currency="USD"):
        assert each.amount_minor * rate == each.amount_home_minor
    for number in numbers:
        changes = moves(engine, str(number))
        assert [change[2] for change in changes[:-1]] == [change[1] for change in changes[1:]]
        assert changes[-1][2] == str(mirror.deal(str(number)).amount_home_minor)


AMOUNTS = st.integers(min_value=-(10**9), max_value=10**9)
RATES = st.decimals(min_value="0.001", max_value="1000", places=4).map(str)
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["USD", "JPY", "KWD"]), RATES),
        st.lists(st.tuples(st.sampled_from("1234"), st.sampled_from(["USD", "JPY", "KWD", "EUR"]), AMOUNTS)),
        st.integers(min_value=0, max_value=30),
    ),
    min_size=1,
    max_size=6,
)


@ON_SQLITE
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_movements_add_up(engine: Engine, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    """Whatever rates, amounts and kills come: each day has its amount at its rate, and movements add up to that."""
    for kind in ("deal", "deal_version", "change", "exchange_rate_version", "stream_state", "filled_fields"):
        remove(engine, kind)
    exports = Exports(engine, tmp_path)
    known: dict[str, tuple[int, str]] = {}
    days: list[tuple[datetime, dict[str, int | None]]] = []
    at = MONDAY
    for worth, deals, kill in steps:
        at += DAY
        context = rates(**worth)
        try:
            with killed_at(engine, kill):
                restate_amounts(engine, context, at)
        except OperationalError:
            pass
        known |= {record_id: (minor, currency) for record_id, currency, minor in deals}
        lines = [f"{each},Deal,{_written(*known[each])},{known[each][1]}" for each in {name for name, *_ in deals}]
        exports.load(context, at, *lines)
        expected = {each: convert(minor, currency, "EUR", context.rates) for each, (minor, currency) in known.items()}
        days.append((at, expected))
    mirror = mirror_of(engine)
    for day, expected in days:
        assert expected == {each.id: each.amount_home_minor for each in mirror.as_of(day, "deal")}
    for record_id in known:
        changes = moves(engine, record_id)
        states = [*mirror.versions("deal", record_id), mirror.deal(record_id)]
        first, present = states[0].amount_home_minor, states[-1].amount_home_minor
        if changes:
            first = None if changes[0][1] is None else int(changes[0][1])
        assert present == _followed(first, changes)
        told = {each.at for each in mirror.changes("deal", record_id, ("amount_minor", "currency"))}
        assert told >= {change[0] for change in changes if change[3] is None}


def _followed(value: int | None, changes: list[tuple[Any, ...]]) -> int | None:
    """The value after these changes, each of which begins with what the one before ended with."""
    for _, old, new, _ in changes:
        assert old == (None if value is None else str(value))
        value = None if new is None else int(new)
    return value


def _written(minor: int, currency: str) -> str:
    """An amount as a CRM writes it."""
    return str(Decimal(minor).scaleb({"JPY": 0, "KWD": -3}.get(currency, -2)))
