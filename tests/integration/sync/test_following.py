"""What a CRM does to whoever follows it: definitions that change, clocks that differ, records that vanish."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync import conftest
from tests.integration.sync.conftest import NOW, Followed
from tests.integration.sync.cycles import Make, cycled

from ros_sync.connectors.hubspot.call_limits import limits_of
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.pace import MemoryPace
from ros_sync.connectors.source import Page, Stream
from ros_sync.errors import StoppedError, TransientError
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer

OPEN = {"isClosed": "false", "probability": "0.2"}


def test_a_merge_is_seen_by_the_next_poll(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The record that two became says of which: no listing and no webhook is needed."""
    first, other = deal(), deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    new = hubspot.account.merge("deals", first, other)
    hubspot.clock.advance(60)
    cycled(syncer)
    assert mirror_of(engine).count("redirect", new_id=new) == 2
    assert mirror_of(engine).deal(deleted=False).id == new


def test_what_was_linked_with_a_merged_record_follows_it(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The deal's account is the one that its company became, though nothing is told of the deal itself."""
    made, other = deal(), deal()
    mill, weir, lock = (hubspot.account.create("companies", {"name": name}) for name in ("Mill", "Weir", "Lock"))
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")
    hubspot.account.associate("deals", other, "companies", lock, label="Primary")
    cycled(hubspot.syncer(engine))
    hubspot.clock.advance(60)
    new = hubspot.account.merge("companies", weir, mill)
    hubspot.clock.advance(60)
    cycled(hubspot.syncer(engine))
    accounts = [mirror_of(engine).deal(each).account_id for each in (made, other)]
    assert accounts == [new, lock]


def test_the_links_of_a_new_record_are_no_change_of_it(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A deal that comes with its company has no history of having been without one."""
    mill = hubspot.account.create("companies", {"name": "Mill"})
    made = deal()
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")
    cycled(hubspot.syncer(engine))
    assert mirror_of(engine).deal().account_id == mill
    assert mirror_of(engine).changes(name="account_id") == []


def test_a_new_owner_is_known_in_the_cycle_that_meets_them(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Owners are read once a day, and at once where a record names one that nobody knows."""
    made = deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.account.add_owner("9", "cy@loom.example", "Cy", "Dyer")
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hubspot_owner_id": "9"})
    cycled(syncer)
    assert mirror_of(engine).deal().owner_named is None
    assert mirror_of(engine).owner("9").name == "Cy Dyer"
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hubspot_owner_id": "4711"})
    for _ in range(3):
        cycled(syncer)
        hubspot.clock.advance(60)
    hubspot.account.calls.clear()
    cycled(syncer)
    assert [call.path for call in hubspot.account.calls if "owners" in call.path] == []  # asked once, not for ever
    assert mirror_of(engine).deal().owner_named == "4711"


def test_a_stage_that_is_renamed_is_renamed_in_every_deal(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A new label moves no deal's modified date: the deals are listed again, and their history says it too."""
    made = deal()
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"dealstage": "proposal"})
    cycled(hubspot.syncer(engine))
    stages = hubspot.account.pipelines["deals"]["default"].stages
    told = [
        (each.id, "Pitch" if each.id == "proposal" else each.label, each.display_order, each.metadata)
        for each in stages
    ]
    hubspot.account.add_pipeline("deals", "default", "Sales", told)
    hubspot.clock.advance(86_400)
    cycled(hubspot.syncer(engine))
    assert mirror_of(engine).deal().stage == "Pitch"
    assert [change.new for change in mirror_of(engine).changes(name="stage")] == ["Pitch"]


def test_a_property_that_is_hidden_keeps_what_was_known(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """HubSpot leaves it out without a word: that must not read as empty. Shown again, it is read anew."""
    made, other = deal(competitor="Spindle", hs_next_step="One"), deal(competitor="Thread")
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.account.hide_property("deals", "competitor")
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hs_next_step": "Two"})
    cycled(syncer)
    assert mirror_of(engine).deal(made).competitor == "Spindle"
    assert mirror_of(engine).deal(made).next_step == "Two"
    hubspot.clock.advance(60)
    report = syncer.cycle()
    assert [each.property for each in report.problems] == ["competitor"]
    hubspot.account.update("deals", other, {"competitor": "Loomworks"})
    hubspot.account.hide_property("deals", "competitor", hidden=False)
    hubspot.clock.advance(86_400)
    cycled(syncer)
    assert mirror_of(engine).deal(other).competitor == "Loomworks"


def test_a_field_that_is_mapped_later_is_filled_for_all(
    hubspot: Followed, engine: Engine, deal: Make, tmp_path: Path
) -> None:
    """An edit of the connector file counts for records that nobody touches any more."""
    deal(competitor="Spindle")
    shorter = tmp_path / "hubspot.yaml"
    shutil.copy(CONNECTOR, shorter)
    shorter.write_text(shorter.read_text().replace("      competitor: competitor\n", ""))
    for _ in range(2):  # so long that no poll and no pass reads the deal again
        cycled(hubspot.syncer(engine, source=source(hubspot, shorter)))
        hubspot.clock.advance(5 * 3_600)
    assert mirror_of(engine).deal().competitor is None
    cycled(hubspot.syncer(engine))
    assert mirror_of(engine).deal().competitor == "Spindle"


def source(hubspot: Followed, connector: Path) -> HubSpotSource:
    mapping = load_hubspot(connector, {name: each.settable for name, each in objects().items()})
    pace = MemoryPace(limits_of(None, None), monotonic=hubspot.monotonic, sleep=hubspot.sleep)
    client = HubSpotClient(
        PrivateAppToken(hubspot.account.token), pace, now=hubspot.clock, sleep=hubspot.sleep, api_url=hubspot.url
    )
    return HubSpotSource(mapping, client, now=hubspot.clock)


@pytest.mark.parametrize("ahead", [timedelta(hours=5), -timedelta(hours=5)])
def test_a_machine_with_a_wrong_clock_misses_nothing(
    hubspot: Followed, engine: Engine, deal: Make, ahead: timedelta
) -> None:
    """What is modified goes by HubSpot's clock, which its answers tell."""
    made = deal()
    ours = hubspot.source()
    ours._client._now = lambda: hubspot.clock() + ahead
    syncer = Syncer(engine, ours, hubspot.syncer(engine).context, now=lambda: hubspot.clock() + ahead)
    cycled(syncer)
    for amount in ("5", "6"):
        hubspot.clock.advance(200)
        hubspot.account.update("deals", made, {"amount": amount})
        hubspot.clock.advance(10)
        cycled(syncer)
        assert mirror_of(engine).deal().amount_minor == int(amount) * 100


def test_a_stage_entry_that_hubspot_gives_stands(
    hubspot: Followed, engine: Engine, deal: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed or polled, whatever else moved: the entry is HubSpot's, it is known, and the audit finds no difference."""
    own = CONNECTOR.read_text().replace("      requalified: requalified_at\n", "      stage_entered: requalified_at\n")
    (tmp_path / "hubspot.yaml").write_text(own)
    monkeypatch.setattr(conftest, "CONNECTOR", tmp_path / "hubspot.yaml")
    listed, polled, moved = (deal(requalified_at="2026-02-20T00:00:00Z") for _ in range(3))
    hubspot.clock.advance(100)
    hubspot.account.update("deals", listed, {"closedate": "2026-05-01T00:00:00Z"})
    hubspot.clock.advance(100)
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(100)
    hubspot.account.update("deals", polled, {"closedate": "2026-05-01T00:00:00Z"})
    hubspot.account.update("deals", moved, {"dealstage": "proposal", "requalified_at": "2026-03-01T00:00:00Z"})
    hubspot.clock.advance(100)
    cycled(syncer)
    before, after = (datetime(2026, *day, tzinfo=UTC) for day in ((2, 20), (3, 1)))
    asked = ("id", "stage_entered_at", "stage_entry_known", "push_count")
    found = [each.pick(*asked) for each in mirror_of(engine).deals()]
    assert [(listed, before, True, 1), (polled, before, True, 1), (moved, after, True, 0)] == found
    report = Auditor(engine, hubspot.source(), syncer.context, now=hubspot.clock, history=True).run()
    assert (report.trouble, list(report.shown)) == (None, [])


def test_a_day_s_limit_ends_at_the_account_s_midnight_for_a_new_process_too(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """The account's time zone is remembered: the first call of a process may be the one that is refused."""
    deal()
    cycled(hubspot.syncer(engine))
    hubspot.clock.advance(60)
    hubspot.faults.next("*", Fault("daily_limit"))
    assert hubspot.syncer(engine).cycle().quota_exhausted_until == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_a_property_of_the_company_s_own_that_is_emptied_is_empty_here(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """What HubSpot says is empty is no value that the batch is silent about."""
    made = deal(team_size="12")
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"team_size": ""})
    cycled(syncer)
    changes = mirror_of(engine).changes(name="custom.team_size")
    assert [change.pick("old", "new") for change in changes] == [("12", None)]


def test_a_contact_that_becomes_a_lead_later_brings_its_links(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Its associations were read when it was a contact alone; the lead has them from its first day."""
    made = deal()
    person = hubspot.account.create("contacts", {"email": "a@mill.example"})
    hubspot.account.associate("deals", made, "contacts", person)
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    hubspot.account.update("contacts", person, {"lifecyclestage": "marketingqualifiedlead"})
    cycled(syncer)
    assert mirror_of(engine).lead().deal_id == made


@pytest.mark.parametrize("stage", ["lead", None], ids=["a lead", "a lead later"])
def test_labels_of_the_company_s_own_say_who_counts(
    hubspot: Followed, engine: Engine, deal: Make, tmp_path: Path, stage: str | None
) -> None:
    """A label that the connector file names is read in listings too; one that nobody names changes nothing."""
    file = tmp_path / "hubspot.yaml"
    file.write_text(CONNECTOR.read_text().replace(("      deal: {link: deals}\n      account: {link: companies, "
                                                   "label: primary}\n"),
                                                  "      deal: {link: deals, label: Champion}\n", 1))  # fmt: skip
    first, other = deal(), deal()
    person = hubspot.account.create("contacts", {"email": "a@mill.example", "lifecyclestage": stage})
    hubspot.account.associate("contacts", person, "deals", first, label="Onlooker")
    hubspot.account.associate("contacts", person, "deals", other, label="Champion")
    syncer = hubspot.syncer(engine, source=source(hubspot, file))
    cycled(syncer)
    if stage is None:
        hubspot.clock.advance(60)
        hubspot.account.update("contacts", person, {"lifecyclestage": "lead"})
        cycled(syncer)
    seen = [mirror_of(engine).lead().deal_id]
    hubspot.clock.advance(60)
    assert syncer.cycle(full=True).trouble is None
    seen.append(mirror_of(engine).lead().deal_id)
    assert seen == [other, other]


def test_who_is_no_lead_any_more_ends_as_one(hubspot: Followed, engine: Engine) -> None:
    """The contact stays; as a lead it ends, and comes back with the dates that make it one."""
    person = hubspot.account.create("contacts", {"email": "a@mill.example", "lifecyclestage": "lead"})
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    seen = [mirror_of(engine).count("lead", deleted=False)]
    for value in (None, "2026-03-01T00:00:00Z"):
        hubspot.clock.advance(60)
        hubspot.account.update("contacts", person, {"hs_lifecyclestage_lead_date": value})
        cycled(syncer)
        seen.append(mirror_of(engine).count("lead", deleted=False))
    assert seen == [1, 0, 1]
    assert mirror_of(engine).count("contact", deleted=False) == 1


def test_after_a_pause_the_poll_moves_the_watermark(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What the poll has just read and lies long ago needs no pass of its own: one search for each stream."""
    deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(5 * 3_600)
    hubspot.calls()
    cycled(syncer)
    assert set(hubspot.calls().values()) == {1}
    assert mirror_of(engine).stream_state("deals").watermark is not None
    report = syncer.cycle()
    assert report.of("deals").watermark == NOW + timedelta(hours=4)


def test_stopping_ends_a_back_fill_at_its_next_page_and_the_next_process_goes_on(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """What was written stays, the place is kept, and nothing is told to be wrong with the source."""
    for _ in range(300):
        deal()
    asked = iter([False] * 5)
    stopping = Syncer(
        engine, hubspot.source(), hubspot.syncer(engine).context, now=hubspot.clock, stopping=lambda: next(asked, True)
    )
    with pytest.raises(StoppedError):
        stopping.cycle()
    assert mirror_of(engine).source_state().trouble is None
    cycled(hubspot.syncer(engine))
    assert mirror_of(engine).count("deal") == 300


def test_a_text_that_was_cut_in_a_character_keeps_nobody_away(
    hubspot: Followed, engine: Engine, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an emoji, which is not JSON to a strict reader, costs its own character and no other record."""
    made = [deal(dealname="Looms CUT here"), deal(dealname="Others")]
    dumps = orjson.dumps

    def cut(value: object, *more: object) -> bytes:
        return dumps(value, *more).replace(b"CUT", b"\\ud83d")  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr("ros_sync.sandbox.hubspot.app.orjson.dumps", cut)
    cycled(hubspot.syncer(engine))
    monkeypatch.setattr("ros_sync.sandbox.hubspot.app.orjson.dumps", dumps)
    names = [mirror_of(engine).deal(each).name for each in made]
    assert names == ["Looms \ufffd here", "Others"]


def breaking_off(source: HubSpotSource, name: str, pages: int) -> HubSpotSource:
    """The source with a line that goes dead after so many pages of a stream's list."""
    listed = source.listed

    def dying(stream: Stream, **more: Any) -> Iterator[Page]:
        for number, page in enumerate(listed(stream, **more), 1):
            if stream.name == name and number > pages and not more.get("archived"):
                raise TransientError("the line went dead")
            yield page

    source.listed = dying  # type: ignore[method-assign]  # stands for a line
    return source


def test_what_was_read_before_a_stream_broke_off_is_kept(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """HubSpot cannot be reached from the third page on: two pages are here, and are not read again."""
    for _ in range(120):
        deal()
    report = hubspot.syncer(engine, source=breaking_off(hubspot.source(), "deals", 2)).cycle()
    assert ("line went dead" in str(report.trouble), report.of("deals").created) == (True, 100)
    hubspot.calls()
    report = hubspot.syncer(engine).cycle()
    assert (report.trouble, report.of("deals").created) == (None, 20)
    assert hubspot.calls()["list deals"] == 2  # the page that was wanting, and the list of archived ones


def test_a_first_listing_that_was_broken_off_is_whole_in_the_end(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Two processes have listed everything between them: the weekly listing is not due at once."""
    for _ in range(120):
        deal()
    hubspot.syncer(engine, source=breaking_off(hubspot.source(), "deals", 1)).cycle()
    cycled(hubspot.syncer(engine))
    hubspot.clock.advance(60)
    hubspot.calls()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    assert hubspot.calls() == Counter({f"search {stream.name}": 1 for stream in syncer.source.streams})
