"""What happens between reading and writing.

Webhooks processed meanwhile, properties hidden, streams that come later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of, remove
from tests.integration.sync.conftest import NOW, Followed

from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.connections import answered
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.source import Page, Stream
from ros_sync.mirror.database import open_engine
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.applier import Applier
from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]


def cycled(syncer: Syncer, *, full: bool = False) -> None:
    assert syncer.cycle(full=full).trouble is None


def hear(hubspot: Followed, engine: Engine, kind: str, record_id: str, number: int = 1, **more: object) -> None:
    event = {"eventId": number, "subscriptionType": kind, "objectId": int(record_id), **more}
    found, _ = hubspot.source().change_events(orjson.dumps([event]))
    event_inbox.keep(engine, "hubspot", found, hubspot.clock())


def before_writing(source: HubSpotSource, method: str, happens: Callable[[], None]) -> None:
    """Let something happen after the first page of a kind of reading was read and before it is written."""
    read = getattr(source, method)

    def reading(*arguments: Any, **more: Any) -> Iterator[Page]:
        done = False
        for page in read(*arguments, **more):
            if page.ids and not done:
                done = True
                happens()
            yield page

    setattr(source, method, reading)


@pytest.mark.parametrize("way", ["listed", "changed"])
def test_who_was_erased_meanwhile_does_not_come_back(hubspot: Followed, engine: Engine, way: str) -> None:
    """A page that was read before the privacy deletion was processed brings neither name nor address."""
    person = hubspot.account.create("contacts", {"firstname": "Quirina", "email": "q@mill.example"})
    hubspot.account.create("contacts", {"firstname": "Other"})
    cycled(hubspot.syncer(engine))
    hubspot.clock.advance(60)
    hubspot.account.update("contacts", person, {"lastname": "Quux"})
    source = hubspot.source()
    done: list[int] = []

    def erased() -> None:
        if not done:
            done.append(1)
            hubspot.account.erase("contacts", person)
            hear(hubspot, engine, "contact.privacyDeletion", person)
            hubspot.syncer(engine).process_change_events()

    before_writing(source, way, erased)
    hubspot.syncer(engine, source=source).cycle(full=way == "listed")
    assert (done, mirror_of(engine).count("contact")) == ([1], 1)


def test_links_that_were_read_before_do_not_overwrite_newer_ones(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """An association that a webhook told of while the daily refresh was under way stands."""
    made, old, new = deal(), hubspot.account.create("companies", {}), hubspot.account.create("companies", {})
    hubspot.account.associate("deals", made, "companies", old, label="Primary")
    cycled(hubspot.syncer(engine))
    hubspot.clock.advance(90_000)
    source = hubspot.source()
    read = source.links

    def overtaken(stream: Stream, ids: Sequence[str]) -> Any:
        found = read(stream, ids)
        if stream.name == "deals":
            hubspot.account.dissociate("deals", made, "companies", old)
            hubspot.account.associate("deals", made, "companies", new, label="Primary")
            hear(hubspot, engine, "deal.associationChange", made, fromObjectId=int(made), toObjectId=int(new))
            hubspot.syncer(engine).process_change_events()
        return found

    source.links = overtaken  # type: ignore[method-assign]  # something happens in between
    cycled(hubspot.syncer(engine, source=source))
    assert mirror_of(engine).deal().account_id == new


def test_a_property_that_is_hidden_between_two_pages_loses_no_record(
    hubspot: Followed, engine: Engine, deal: Make
) -> None:
    """Pages that no longer have a column are written with those that do, each record whole."""
    for _ in range(300):
        deal(competitor="Spindle")
    source = hubspot.source()
    before_writing(source, "listed", lambda: hubspot.account.hide_property("deals", "competitor"))
    cycled(hubspot.syncer(engine, source=source))
    assert mirror_of(engine).count("deal", name="Looms") == 300


def telling_twice(source: HubSpotSource) -> HubSpotSource:
    """The source with a list of deals that tells each page twice."""
    read = source.listed

    def twice(stream: Stream, **more: Any) -> Iterator[Page]:
        for page in read(stream, **more):
            yield page
            if stream.name == "deals" and not more.get("archived"):
                yield page

    source.listed = twice  # type: ignore[method-assign]  # as above
    return source


def test_a_record_that_a_list_tells_twice_is_there_once(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A list that shifts while it is read may tell a record on two pages: as it was modified last, it stands."""
    made = [deal() for _ in range(120)]
    source = telling_twice(hubspot.source())
    cycled(hubspot.syncer(engine, source=source))
    assert mirror_of(engine).count("deal") == len(made)


def test_a_stream_that_may_be_read_later_is_listed_then(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Deals told of links with contacts before contacts could be read.

    That keeps nothing away, and nobody else either.
    """
    made, person = deal(), hubspot.account.create("contacts", {"email": "a@mill.example", "lifecyclestage": "lead"})
    hubspot.account.associate("deals", made, "contacts", person)
    without = tuple(scope for scope in SCOPES if "contacts.read" not in scope or "schemas" in scope)
    hubspot.account.tokens.limit_scopes(without)
    report = hubspot.syncer(engine).cycle()
    assert ("contacts" in str(report.trouble), mirror_of(engine).count("deal")) == (True, 1)
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"amount": "5"})
    hubspot.syncer(engine).cycle()
    assert mirror_of(engine).deal().amount_minor == 500
    hubspot.account.tokens.limit_scopes(SCOPES)
    hubspot.clock.advance(60)
    cycled(hubspot.syncer(engine))
    assert mirror_of(engine).lead().deal_id == made


def test_activities_of_two_kinds_may_have_one_number(hubspot: Followed, engine: Engine) -> None:
    """HubSpot's ids are unique within a kind of record: a call and an e-mail of the same number are two activities."""
    for kind in ("calls", "emails"):
        hubspot.account.create(kind, {"hs_timestamp": "2026-03-01T09:00:00Z"}, object_id="501")
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    hubspot.account.archive("calls", "501")
    hear(hubspot, engine, "object.deletion", "501", objectTypeId="0-48")
    syncer.process_change_events()
    activities = [(each.id, each.deleted_at is None) for each in mirror_of(engine).activities()]
    assert activities == [("calls/501", False), ("emails/501", True)]


@pytest.mark.parametrize("way", ["poll", "webhook", "daily look"])
def test_there_and_back_between_two_looks_is_known(
    hubspot: Followed, engine: Engine, deal: Make, tmp_path: Any, way: str
) -> None:
    """A close date that was moved to another month and back is a push, as it is to a mirror filled later."""
    made = deal(closedate="2026-03-31T00:00:00Z")
    syncer = hubspot.syncer(engine, policy=SyncPolicy(reconcile_seconds=10**9))
    cycled(syncer)
    times = [NOW + timedelta(hours=30), NOW + timedelta(hours=60)]
    for at, day in zip(times, ("2026-05-31", "2026-03-31"), strict=True):
        hubspot.clock.move_to(at)
        hubspot.account.update("deals", made, {"closedate": f"{day}T00:00:00Z"})
    if way != "poll":
        hubspot.account.update(
            "deals", made, {"hs_next_step": "Call"}
        )  # so that the row itself says that something changed
    if way == "webhook":
        cycled(syncer)
        occurred = int(times[0].timestamp() * 1000)
        hear(hubspot, engine, "deal.propertyChange", made, propertyName="closedate", occurredAt=occurred)
        syncer.process_change_events()
    for _ in range(3):
        cycled(syncer)
        hubspot.clock.advance(90_000 if way == "daily look" else 60)
    late = open_engine(f"sqlite:///{tmp_path / 'late.db'}")
    cycled(hubspot.syncer(late))
    pushes = ("push_count", "pull_in_count", "days_pushed")
    held, wanted = (mirror_of(each).deal().pick(*pushes) for each in (engine, late))
    late.dispose()
    assert (held, wanted[0]) == (wanted, 1)


def test_a_part_of_an_answer_that_failed_erases_nobody(
    hubspot: Followed, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that tells of an error of HubSpot's own is asked again: what is missing in it is not gone."""
    person = hubspot.account.create("contacts", {"firstname": "Quirina"})
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    read = HubSpotClient._called

    def partly(self: HubSpotClient, kind: str, *arguments: Any) -> Any:
        if kind != "batch_read":
            return read(self, kind, *arguments)
        from ros_sync.connectors.hubspot import answers  # noqa: PLC0415  # beside what it stands in for

        body = {"results": [], "errors": [{"category": "INTERNAL_ERROR", "context": {"ids": [person]}}]}
        try:
            answers.check(kind, body)
        except ValueError as error:
            from ros_sync.errors import AmbiguousError  # noqa: PLC0415  # as above

            raise AmbiguousError(str(error)) from None
        return body

    monkeypatch.setattr(HubSpotClient, "_called", partly)
    hear(hubspot, engine, "contact.deletion", person)
    with pytest.raises(Exception, match="a part of it failed"):
        syncer.process_change_events()
    monkeypatch.setattr(HubSpotClient, "_called", read)
    assert mirror_of(engine).count("contact") == 1


def test_a_change_of_a_person_who_cannot_be_read_erases_nobody(hubspot: Followed, engine: Engine) -> None:
    """Only a privacy deletion erases: other events about somebody who is not there mark them as deleted."""
    people = [hubspot.account.create("contacts", {"firstname": f"P{n}"}) for n in range(3)]
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    for number, person in enumerate(people):
        hubspot.account.erase("contacts", person)
        kind = "contact.privacyDeletion" if number == 0 else "contact.deletion"
        hear(hubspot, engine, kind, person, number)
    syncer.process_change_events()
    assert mirror_of(engine).count("contact") == 2
    assert mirror_of(engine).count("contact", deleted=False) == 0


def test_a_merge_is_known_by_the_other_id_that_came(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Where the property that tells of a merge is hidden, the record that came instead of the one asked for tells."""
    first, other = deal(), deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.account.hide_property("deals", "hs_merged_object_ids")
    hubspot.clock.advance(90_000)
    new = hubspot.account.merge("deals", first, other)
    hubspot.clock.advance(60)
    cycled(hubspot.syncer(engine), full=True)
    assert mirror_of(engine).count("redirect", new_id=new) == 2


def test_hints_about_other_streams_wait_for_no_back_fill(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Thousands of change events about contacts that are still being listed hold up none about deals."""
    made, mill = deal(), hubspot.account.create("companies", {"name": "Mill"})
    cycled(hubspot.syncer(engine))
    remove(engine, "stream_state", stream="contacts")
    body = [{"eventId": n, "subscriptionType": "contact.deletion", "objectId": 9_000 + n} for n in range(6_000)]
    found, _ = hubspot.source().change_events(orjson.dumps(body))
    event_inbox.keep(engine, "hubspot", found, hubspot.clock())
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")
    hear(hubspot, engine, "deal.associationChange", made, fromObjectId=int(made), toObjectId=int(mill))
    hubspot.syncer(engine).process_change_events()
    assert mirror_of(engine).deal().account_id == mill


def test_a_lead_does_not_end_because_a_property_is_hidden(hubspot: Followed, engine: Engine) -> None:
    """What tells who is a lead is out of sight: nobody ends as one."""
    person = hubspot.account.create("contacts", {"email": "a@mill.example", "lifecyclestage": "lead"})
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.account.hide_property("contacts", "hs_lifecyclestage_lead_date")
    hubspot.clock.advance(60)
    hubspot.account.update("contacts", person, {"lastname": "Quux"})
    cycled(syncer)
    assert mirror_of(engine).count("lead", deleted=False) == 1


@pytest.mark.parametrize("value", ["9999999999999999", "253402300800000", "9999-12-31T23:59:59Z", "soon"])
def test_an_odd_value_is_quarantined_and_stops_nothing(
    hubspot: Followed, engine: Engine, deal: Make, value: str
) -> None:
    """A date that no calendar has costs its own field, in this record alone."""
    made = [deal(), deal()]
    hubspot.account.records["deals"][made[0]].properties |= {"handed_off_to_cs": value, "next_step_date": value}
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    cycled(syncer, full=True)
    assert mirror_of(engine).count("deal") == 2


@ON_SQLITE
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"results": null}', b'{"results": [{"id": "1", "properties": null}], "total": 1}',
     b'{"results": [1], "total": 1}', b'{"results": []}'],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_stream_s_trouble(
    hubspot: Followed, engine: Engine, deal: Make, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Odd JSON from a search of contacts keeps contacts away, and says so; deals go on, and nothing is concluded."""
    made = deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"amount": "5"})

    def odd(call: Any) -> Any:
        told = answered(call)
        return (
            (200, body, told[2])
            if "contacts" in repr(told[1][:0]) or hubspot.account.calls[-1].path.endswith("contacts/search")
            else told
        )

    monkeypatch.setattr("ros_sync.connectors.hubspot.client.answered", odd)
    report = syncer.cycle()
    assert ("contacts" in str(report.trouble), mirror_of(engine).deal().amount_minor) == (True, 500)
    monkeypatch.setattr("ros_sync.connectors.hubspot.client.answered", answered)
    cycled(syncer)


def test_numbers_in_place_of_texts_are_read(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """HubSpot gives texts; what stands between it and us may not."""
    made = deal()
    properties: Any = hubspot.account.records["deals"][made].properties
    properties |= {"amount": 12.5, "closing_plan": True, "team_size": 12}
    cycled(hubspot.syncer(engine))
    held = mirror_of(engine).deal()
    assert (held.amount_minor, held.closing_plan, "12" in str(held.custom)) == (1_250, True, True)


def test_a_clock_that_was_ahead_and_is_put_back_misses_nothing(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """One cycle by a clock an hour ahead does not keep the next hour's changes away."""
    made = deal()
    syncer = hubspot.syncer(engine)
    cycled(syncer)
    present = HubSpotSource.present
    moment: list[datetime] = [hubspot.clock() + timedelta(hours=1)]
    try:
        HubSpotSource.present = property(lambda _self: moment[0])  # type: ignore[method-assign,assignment]
        cycled(syncer)
    finally:
        HubSpotSource.present = present  # type: ignore[method-assign]
    for amount in ("5", "6"):
        hubspot.clock.advance(400)
        hubspot.account.update("deals", made, {"amount": amount})
        hubspot.clock.advance(60)
        cycled(syncer)
        assert mirror_of(engine).deal().amount_minor == int(amount) * 100


def polled(engine: Engine, stream: str) -> bool:
    """Whether a stream has been followed to its end once."""
    return any(each.cursor is not None for each in mirror_of(engine).records("stream_state", stream=stream))


def test_a_link_that_a_webhook_told_of_during_the_back_fill(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Deals are listed, contacts are not yet: the other side of a link may be there before the contact is."""
    made, person = deal(), hubspot.account.create("contacts", {"firstname": "Quirina"})
    hubspot.clock.advance(60)
    source, other = hubspot.source(), hubspot.syncer(engine)
    listed = source.listed

    def meanwhile(stream: Stream, **more: Any) -> Iterator[Page]:
        if stream.name == "contacts" and not more.get("archived"):
            ends_at = time.monotonic() + 20
            while not polled(engine, "deals") and time.monotonic() < ends_at:
                time.sleep(0.02)
            hubspot.account.associate("deals", made, "contacts", person)
            hear(hubspot, engine, "deal.associationChange", made, fromObjectId=int(made), toObjectId=int(person))
            other.process_change_events()
            assert mirror_of(engine).count("link", stream="contacts") == 1
        yield from listed(stream, **more)

    source.listed = meanwhile  # type: ignore[method-assign]  # as above
    cycled(hubspot.syncer(engine, source=source))
    assert mirror_of(engine).count("contact") == 1
    assert mirror_of(engine).count("link", stream="contacts") == 1


def test_a_record_that_is_told_again_after_it_was_written(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The same page comes in two transactions: its records are there once, and counted once as new."""
    made = [deal() for _ in range(120)]
    source = telling_twice(hubspot.source())
    report = hubspot.syncer(engine, source=source, policy=SyncPolicy(backfill_rows=10)).cycle()
    assert (report.trouble, report.of("deals").created) == (None, len(made))
    assert mirror_of(engine).count("deal") == len(made)


def test_a_stream_that_cannot_be_written_stops_no_other(
    hubspot: Followed, engine: Engine, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours with contacts is told, deals are here, and the next cycle begins where this one ended."""
    for number in range(250):
        hubspot.account.create("contacts", {"firstname": str(number)})
    deal()
    apply, source = Applier.apply, hubspot.source()

    def broken(self: Applier, stream: Stream, *arguments: Any, **more: Any) -> Any:
        if stream.name == "contacts":
            raise ZeroDivisionError
        return apply(self, stream, *arguments, **more)

    monkeypatch.setattr(Applier, "apply", broken)
    syncer = hubspot.syncer(engine, source=source, policy=SyncPolicy(backfill_rows=100))
    report = syncer.cycle()
    assert ("contacts couldn't be read" in str(report.trouble), mirror_of(engine).count("deal")) == (True, 1)
    monkeypatch.undo()
    cycled(syncer)
    assert mirror_of(engine).count("contact") == 250
