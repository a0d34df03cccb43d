"""Records that two CRMs have are one: what they say together, now and at any past moment, and what ends it."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Connection, Engine, String, column, select, table
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.two_crms import (
    CONTEXT,
    H,
    S,
    at,
    changes,
    linked,
    records,
    unlinked,
    write,
)

from ros_sync.mirror import identities
from ros_sync.mirror.columns import METADATA
from ros_sync.mirror.erasure import erase
from ros_sync.mirror.identities import IdentityError
from ros_sync.mirror.record_queries import RegisteredObject, changes_of, names, records_of, register
from ros_sync.sync.ingest.joined_records import follow_merges, followed_by_joined


def test_without_identities_the_records_are_the_mirrored_rows(engine: Engine) -> None:
    """Each under the CRM that has it, changes too."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="Loom", stage="Qualify")
        write(connection, "deal", S, 1, name="Loom", stage="Qualify")
        write(connection, "deal", H, 2, stage="Propose")
        assert {H, S} == records(connection, "deal").keys()
        assert [(H, "stage", "Qualify", "Propose", at(2))] == changes(connection, "deal")


def test_linked_records_are_one_led_by_the_leader(engine: Engine) -> None:
    """The leader's values count; what it does not say, the other member says. The members' own rows stay."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="Loom (marketing)", segment="SMB", amount_minor=500, currency="USD")
        write(connection, "deal", S, 1, name="Loom", next_step="Call")
        linked(connection, "deal", S, H, hours=2)
        found = records(connection, "deal")
        own = {row.name for row in mirror_of(connection).records("deal")}
    assert {S} == found.keys()
    deal = found[S]
    assert ("Loom", "Call", "SMB", 500, "USD") == tuple(
        deal[name] for name in ("name", "next_step", "segment", "amount_minor", "currency")
    )
    assert {"Loom", "Loom (marketing)"} == own


def test_what_means_something_together_comes_from_one_member(engine: Engine) -> None:
    """A currency without its amount, or the other CRM's stage kind, would say what nobody said."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, amount_minor=500, currency="USD", stage="Won", stage_kind="won", stage_order=9)
        write(connection, "deal", S, 0, amount_minor=None, currency="EUR", stage="Propose", stage_kind=None)
        linked(connection, "deal", S, H, hours=1)
        deal = records(connection, "deal")[S]
    assert (500, "USD", "Propose", None, None) == tuple(
        deal[name] for name in ("amount_minor", "currency", "stage", "stage_kind", "stage_order")
    )


def test_the_past_knows_since_when_two_were_one(engine: Engine) -> None:
    """Before they were linked each is there by itself, afterwards one, and after they were unlinked each again."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="H0")
        write(connection, "deal", S, 0, name="S0", next_step=None)
        linked(connection, "deal", S, H, hours=2)
        write(connection, "deal", S, 3, name="S3")
        write(connection, "deal", H, 4, next_step="Call")
        unlinked(connection, "deal", H, hours=5)
        write(connection, "deal", S, 6, name="S6")
        linked(connection, "deal", S, H, hours=7)
        seen = [
            {key: (row["name"], row["next_step"]) for key, row in records(connection, "deal", hours).items()}
            for hours in (1, 2, 3, 4.5, 5.5, 8)
        ]
    assert [
        {H: ("H0", None), S: ("S0", None)},
        {S: ("S0", None)},
        {S: ("S3", None)},
        {S: ("S3", "Call")},
        {H: ("H0", "Call"), S: ("S3", None)},
        {S: ("S6", "Call")},
    ] == seen


def test_each_change_is_there_once_and_counts_once(engine: Engine) -> None:
    """Both CRMs tell of the same push, one later than the other: it is one change, and one push."""
    with engine.begin() as connection:
        for key in (H, S):
            write(connection, "deal", key, 0, stage_kind="open", close_date="2026-03-31")
        write(connection, "deal", S, 24, close_date="2026-04-30")
        write(connection, "deal", H, 25, close_date="2026-04-30")
        write(connection, "deal", S, 72, close_date="2026-06-30")
        linked(connection, "deal", S, H, hours=100)
        write(connection, "deal", H, 101, close_date="2026-06-30")
        joined = records(connection, "deal")[S]
        moved = changes(connection, "deal", "close_date")
    assert [
        (S, "close_date", "2026-03-31", "2026-04-30", at(24)),
        (S, "close_date", "2026-04-30", "2026-06-30", at(72)),
    ] == moved
    assert (2, date(2026, 3, 31), date(2026, 6, 30)) == tuple(
        joined[name] for name in ("push_count", "first_close_date", "close_date")
    )


def test_owners_are_those_of_the_leaders_crm(engine: Engine) -> None:
    """An owner who is one with somebody there has their id; anybody else is named: an id of another CRM would lie."""
    with engine.begin() as connection:
        write(connection, "owner", ("hubspot", "7"), 0, name="Ann", email="ann@example.com")
        write(connection, "owner", ("salesforce", "005A"), 0, name="Ann", email="ann@example.com")
        write(connection, "owner", ("hubspot", "8"), 0, name="Bob", email="bob@example.com")
        for key, owner in ((H, "7"), (("hubspot", "h2"), "8")):
            write(connection, "deal", key, 0, owner_id=owner)
        for key in (S, ("salesforce", "s2")):
            write(connection, "deal", key, 0, name="Loom", owner_id=None)
        linked(connection, "deal", S, H, hours=1)
        linked(connection, "deal", ("salesforce", "s2"), ("hubspot", "h2"), hours=1)
        before = records(connection, "deal")[S]
        linked(connection, "owner", ("salesforce", "005A"), ("hubspot", "7"), hours=2)
        found = records(connection, "deal")
    assert (None, "ann@example.com") == (before["owner_id"], before["owner_named"])
    assert ("005A", None) == (found[S]["owner_id"], found[S]["owner_named"])
    other = found["salesforce", "s2"]
    assert (None, "bob@example.com") == (other["owner_id"], other["owner_named"])


def test_it_is_deleted_when_every_member_is(engine: Engine) -> None:
    """A record stays as long as one of the CRMs has it."""
    with engine.begin() as connection:
        write(connection, "deal", H, 0, name="Loom")
        write(connection, "deal", S, 0, name="Loom")
        linked(connection, "deal", S, H, hours=1)
        write(connection, "deal", S, 2, deleted_at=1_772_500_000_000_000)
        one_left = records(connection, "deal")[S]["deleted_at"]
        write(connection, "deal", H, 3, deleted_at=1_772_600_000_000_000)
        none_left = records(connection, "deal")[S]["deleted_at"]
    assert one_left is None
    assert none_left is not None


def test_a_member_that_is_merged_hands_its_place_on(engine: Engine) -> None:
    """To the record that it went into in its own CRM; where the leader went, the identity goes on under the new one."""
    other, third = ("hubspot", "h9"), ("salesforce", "s9")
    with engine.begin() as connection:
        for key, name in ((H, "H"), (other, "H9"), (S, None), (third, "S9")):
            write(connection, "contact", key, 0, name=name)
        linked(connection, "contact", S, H, hours=1)
        with followed_by_joined(connection, CONTEXT):
            follow_merges(connection, "contact", "hubspot", {"h1": "h9"}, at(2))
        assert {S: "H9", H: "H", third: "S9"} == {
            key: row["name"] for key, row in records(connection, "contact").items()
        }
        with followed_by_joined(connection, CONTEXT):
            follow_merges(connection, "contact", "salesforce", {"s1": "s9"}, at(3))
        found = {key: row["name"] for key, row in records(connection, "contact").items()}
    assert {third: "S9", H: "H", S: None} == found


@pytest.mark.parametrize("erased", [H, S], ids=["the other member", "the leader"])
def test_erasing_one_member_takes_its_words_everywhere(engine: Engine, erased: tuple[str, str]) -> None:
    """Its values, its link, and what the joined record, its past and its changes had of it; the rest stays."""
    with engine.begin() as connection:
        write(connection, "contact", H, 0, name="Hedwig Hidden", email="hedwig@example.com")
        write(connection, "contact", S, 0, name=None, role="Buyer Secret")
        linked(connection, "contact", S, H, hours=1)
        write(connection, "contact", H, 2, name="Hedwig Hiddensee")
        write(connection, "contact", S, 3, role="Boss Secret")
        with followed_by_joined(connection, CONTEXT):
            erase(connection, erased[0], "contacts", [erased[1]], at(4))
        left = records(connection, "contact")
        words = " ".join(everything(connection))
    gone, stays = ("Hedwig", "Secret") if erased == H else ("Secret", "Hedwig")
    assert [S if erased == H else H] == list(left)
    assert gone not in words
    assert stays in words
    assert mirror_of(engine).records("record_identity") == []


def everything(connection: Connection) -> list[str]:
    """Every text in every table."""
    found = []
    for each in METADATA.sorted_tables:
        texts = [
            column(name.name, String) for name in each.columns if "CHAR" in str(name.type) or "JSON" in str(name.type)
        ]
        if texts:
            rows = connection.execute(select(*texts).select_from(table(each.name)))
            found += [str(value) for row in rows for value in row if value is not None]
    return found


def test_three_members_go_on_without_one(engine: Engine) -> None:
    """An identity of which two are left stays; it ends with its leader, which is fixed."""
    third = ("export", "x1")
    with engine.begin() as connection:
        for key in (H, S, third):
            write(connection, "lead", key, 0, name=key[0])
        linked(connection, "lead", S, H, third, hours=1)
        unlinked(connection, "lead", H, hours=2)
        two = set(records(connection, "lead"))
        unlinked(connection, "lead", S, hours=3)
        none = set(records(connection, "lead"))
    assert ({S, H}, {S, H, third}) == (two, none)


@pytest.mark.parametrize(
    "name, leader, members, said",
    [
        ("quota", S, [H], "never joined"),
        ("deal", S, [], "nothing to be linked with"),
        ("deal", S, [("salesforce", "s2")], "two records of one CRM"),
        ("deal", ("export", "x"), [H], "already belongs to salesforce s1"),
        ("deal", S, [("hubspot", "h2")], "two records of one CRM"),
    ],
)
def test_what_cannot_be_one_is_refused(
    engine: Engine, name: str, leader: tuple[str, str], members: list[tuple[str, str]], said: str
) -> None:
    """With what is in the way, and nothing changes."""
    with engine.begin() as connection:
        write(connection, "deal", S, 0, name="S")
        write(connection, "deal", H, 0, name="H")
        if "belongs" in said or "h2" in str(members):
            linked(connection, "deal", S, H, hours=1)
        before = mirror_of(connection).records("record_identity")
        with pytest.raises(IdentityError, match=said):
            linked(connection, name, leader, *members, hours=2)
        assert before == mirror_of(connection).records("record_identity")


def test_what_is_not_linked_cannot_be_unlinked(engine: Engine) -> None:
    """It is said by name."""
    with engine.begin() as connection, pytest.raises(IdentityError, match="hubspot h1 is linked with nothing"):
        unlinked(connection, "deal", H, hours=1)


def test_linking_again_changes_nothing(engine: Engine) -> None:
    """A second look finds what the first had found."""
    with engine.begin() as connection:
        write(connection, "deal", S, 0, name="S")
        write(connection, "deal", H, 0, name="H")
        linked(connection, "deal", S, H, hours=1)
        before = mirror_of(connection).records("record_identity")
        linked(connection, "deal", S, H, hours=2)
        assert before == mirror_of(connection).records("record_identity")
        assert {S: S, H: S} == identities.leaders_of(connection, "deal", [S, H])
        assert {} == identities.leaders_of(connection, "deal", [S, H], at(0))


def test_packages_above_register_objects_of_their_own() -> None:
    """They are asked for as a mirrored one is; a name is taken once, and what is not kept is said so."""
    present = table("forecasts_of_a_test", column("source", String), column("id", String), column("deleted_at"))
    entry = RegisteredObject("forecast of a test", present)
    register(entry)
    register(entry)
    assert present is records_of("forecast of a test")
    assert "forecast of a test" in names()
    with pytest.raises(LookupError, match="past"):
        records_of("forecast of a test", at(0))
    with pytest.raises(LookupError, match="changes"):
        changes_of("forecast of a test")
    with pytest.raises(LookupError, match="no object"):
        records_of("forecast")
    for taken in ("deal", "forecast of a test"):
        with pytest.raises(ValueError, match="already"):
            register(RegisteredObject(taken, table("other")))
