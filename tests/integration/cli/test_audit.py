"""`ros-sync sync audit` in a workspace that follows a HubSpot on loopback."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from tests.integration.cli.conftest import Followed
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import alter

from ros_sync import clock
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.sandbox.hubspot.faults import Fault


def rename(engine: Engine, name: str, *ids: str) -> None:
    """Let the mirror's deals have another name."""
    alter(engine, "deal", {"id": ids}, name=name)


def as_json(printed: str) -> dict[str, Any]:
    """The only source's part of what was printed."""
    reports = json.loads(printed)
    assert len(reports) == 1
    return dict(reports[0])


@ON_SQLITE
def test_agreement_is_said(followed: Followed) -> None:
    """Where nothing differs it says so, with how much was compared, and exits with 0."""
    code, out, _ = followed.run("sync", "audit", "--source", "hubspot", "--history")
    assert (code, "No differences." in out, "records compared" in out, "calls in" in out) == (0, True, True, True)


def test_a_difference_is_shown_and_mended(followed: Followed, engine: Engine) -> None:
    """Exit code 1 with record, field and both sides; with --repair 0, and afterwards nothing differs."""
    rename(engine, "Wrong", followed.deals[0])
    code, out, _ = followed.run("sync", "audit")
    shown = f"deals {followed.deals[0]} (deal) has different values\n    name: Loom 0 in the CRM, Wrong in the mirror\n"
    assert (code, shown in out, "\n1 difference:\n" in out, "--repair" in out) == (1, True, True, True), out
    code, out, _ = followed.run("sync", "audit", "--repair")
    assert (code, shown in out, "all fixed" in out) == (0, True, True), out
    code, out, _ = followed.run("sync", "audit", "--json")
    report = as_json(out)
    assert (code, report["agrees"], report["differences"]) == (0, True, 0)


@ON_SQLITE
def test_a_limit_holds_the_list_and_not_the_total(followed: Followed, engine: Engine) -> None:
    """--limit says how many differences are printed; the total is told all the same, on paper and as JSON."""
    rename(engine, "Wrong", *followed.deals)
    code, out, _ = followed.run("sync", "audit", "--limit", "2")
    assert (code, out.count("has different values\n    "), "… 3 more" in out, "5 differences:" in out) == (
        1,
        2,
        True,
        True,
    ), out
    code, out, _ = followed.run("sync", "audit", "--limit", "0", "--json")
    report = as_json(out)
    assert (code, report["kinds"], report["shown"]) == (1, {"values": 5}, [])


@ON_SQLITE
def test_what_cannot_be_mended_exits_with_one(followed: Followed, engine: Engine) -> None:
    """A repair that leaves something says what, and exits with 1."""
    alter(engine, "deal", {"id": followed.deals[0]}, modified_at=clock.now() + timedelta(days=1))

    code, out, _ = followed.run("sync", "audit", "--repair")
    assert (code, "1 remaining" in out, "1 difference remaining:" in out) == (1, True, True), out


@ON_SQLITE
def test_words_of_the_crm_do_not_steer_the_terminal(followed: Followed, engine: Engine) -> None:
    """Escape sequences and markup in a name are shown as what they are."""
    rename(engine, "[red]{x}\x1b[2J", followed.deals[0])
    _, out, _ = followed.run("sync", "audit")
    assert ("[red]{x}" in out, "\x1b" in out) == (True, False)


@ON_SQLITE
def test_a_crm_that_cannot_be_read_is_no_agreement(followed: Followed) -> None:
    """The audit says that it did not come to its end, and why; exit code 1."""
    followed.faults.at_random(1.0, 1, [Fault("status", status=403)])
    code, out, _ = followed.run("sync", "audit")
    assert (code, "did not finish" in out, "No differences" in out) == (1, True, False), out
    code, out, _ = followed.run("sync", "audit", "--json")
    assert (code, as_json(out)["agrees"]) == (1, False)


def test_beside_serve(followed: Followed, engine: Engine) -> None:
    """On SQLite it is refused while another process has the file, and says what to do; on PostgreSQL it runs."""
    with DatabaseLock(str(engine.url)):
        code, out, err = followed.run("sync", "audit")
    if engine.dialect.name == "sqlite":
        assert (code, out, "while the audit runs" in err) == (1, "", True), err
    else:
        assert (code, "No differences." in out) == (0, True)


@ON_SQLITE
def test_an_unknown_source_is_told(connected: Followed) -> None:
    """A name that no source has is an error that suggests the one that is close."""
    code, _, err = connected.run("sync", "audit", "--source", "hubspt")
    assert (code, "did you mean 'hubspot'?" in err) == (1, True)
