"""What a person said leaves with them, in whatever order streams are read beside each other.

The order is forced, not hoped for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import CONTEXT, Followed

from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.source import Page, Stream
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import Progress

WAIT_SECONDS = 60.0
WORDS = "Boris is ill"


class Ordered:
    """A source whose streams are listed as `before` and `after` (stream -> what happens at its last page) let them."""

    def __init__(self, source: HubSpotSource) -> None:
        self._source = source
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}

    links: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def listed(self, stream: Stream, *, position: str | None = None, archived: bool = False) -> Iterator[Page]:
        if not archived:
            self.before.pop(stream.name, bool)()
        for page in self._source.listed(stream, position=position, archived=archived):
            if not archived:
                self.after.pop(stream.name, bool)()
            yield page


def passes(event: Event) -> Callable[[], None]:
    """Wait for an event, and fail where it does not come."""

    def wait() -> None:
        assert event.wait(WAIT_SECONDS)

    return wait


@pytest.fixture
def told(hubspot: Followed) -> dict[str, Event]:
    """Events that are set when a stream's pages have been written."""
    return {name: Event() for name in ("contacts", "emails")}


@pytest.fixture
def source(hubspot: Followed) -> Ordered:
    return Ordered(hubspot.source())


@pytest.fixture
def syncer(hubspot: Followed, engine: Engine, source: Ordered, told: dict[str, Event]) -> Syncer:
    def tell(progress: Progress) -> None:
        if progress.phase == "back-fill" and progress.stream in told:
            told[progress.stream].set()

    return Syncer(engine, source, CONTEXT, now=hubspot.clock, progress=tell)


def person(hubspot: Followed, name: str = "boris") -> str:
    return hubspot.account.create("contacts", {"email": f"{name}@mill.example"})


def email(hubspot: Followed, *people: str) -> str:
    made = hubspot.account.create("emails", {"hs_email_subject": WORDS, "hs_timestamp": "2026-03-01T09:00:00Z"})
    for each in people:
        hubspot.account.associate("emails", made, "contacts", each)
    return made


def whole(hubspot: Followed, syncer: Syncer, told: dict[str, Event]) -> None:
    """List everything again."""
    for event in told.values():
        event.clear()
    hubspot.clock.advance(60)
    assert syncer.cycle(full=True).trouble is None


def words_kept(engine: Engine) -> list[object]:
    """Everywhere that the words, or the person they were said with, might still stand."""
    return [
        mirror_of(engine).count("activity", subject=WORDS),
        len(mirror_of(engine).versions("activity", subject=WORDS)),
        len(mirror_of(engine).changes("activity", name="subject")),
    ]


def traces(engine: Engine, erased: str) -> list[object]:
    """Rows that lead to the erased person."""
    mirror = mirror_of(engine)
    return [
        len([link for link in mirror.links() if erased in (link.to_id, link.record_id)]),
        len([each for each in mirror.activities() if erased in (each.contact_id, each.lead_id)]),
        mirror.count("contact", id=erased),
    ]


@pytest.mark.parametrize("first", ["emails", "contacts"])
def test_the_words_go_whichever_stream_is_written_first(
    hubspot: Followed, engine: Engine, source: Ordered, syncer: Syncer, told: dict[str, Event], first: str
) -> None:
    """The CRM takes the association away with the person: an e-mail read without it is still known to be theirs."""
    anna, boris = person(hubspot, "anna"), person(hubspot)
    email(hubspot, anna, boris)
    whole(hubspot, syncer, told)
    assert words_kept(engine)[0] == 1
    hubspot.account.erase("contacts", boris)
    other = "contacts" if first == "emails" else "emails"
    source.before[other] = passes(told[first])
    whole(hubspot, syncer, told)
    assert (words_kept(engine), traces(engine, boris)) == ([0, 0, 0], [0, 0, 0])
    report = Auditor(engine, hubspot.source(), syncer.context, now=hubspot.clock).run()
    assert (report.trouble, list(report.shown)) == (None, [])


def test_an_association_that_ended_earlier_counts(
    hubspot: Followed, engine: Engine, syncer: Syncer, told: dict[str, Event]
) -> None:
    """A poll drops the association on one day, and the erasure is found on another."""
    boris = person(hubspot)
    said = email(hubspot, person(hubspot, "anna"), boris)
    whole(hubspot, syncer, told)
    hubspot.account.dissociate("emails", said, "contacts", boris)
    whole(hubspot, syncer, told)
    assert words_kept(engine)[0] == 1
    hubspot.account.erase("contacts", boris)
    whole(hubspot, syncer, told)
    assert words_kept(engine) == [0, 0, 0]


def test_what_was_read_before_the_erasure_and_is_written_after_it_brings_nothing_back(
    hubspot: Followed, engine: Engine, source: Ordered, syncer: Syncer, told: dict[str, Event]
) -> None:
    """A new e-mail is read, the person is erased here, and then the page is written.

    Without words and without the person.
    """
    boris = person(hubspot)
    whole(hubspot, syncer, told)
    email(hubspot, boris)
    erased = Event()

    def erase_meanwhile() -> None:
        hubspot.account.erase("contacts", boris)
        erased.set()
        passes(told["contacts"])()

    source.after["emails"] = erase_meanwhile
    source.before["contacts"] = passes(erased)
    whole(hubspot, syncer, told)
    assert (words_kept(engine), traces(engine, boris)) == ([0, 0, 0], [0, 0, 0])


def test_links_that_were_read_before_the_erasure_bring_nothing_back(
    hubspot: Followed, engine: Engine, source: Ordered, syncer: Syncer, told: dict[str, Event]
) -> None:
    """Associations are read by calls of their own.

    An e-mail that is known gets a person who is erased before they are written.
    """
    boris = person(hubspot)
    said = email(hubspot)
    whole(hubspot, syncer, told)
    hubspot.account.associate("emails", said, "contacts", boris)
    emails, contacts = (next(each for each in source.streams if each.name == name) for name in ("emails", "contacts"))
    key = next(iter(source.links(emails, [f"emails/{said}"])))
    links = source.links

    def erased_meanwhile(stream: Stream, ids: list[str]) -> Any:
        found = links(stream, ids)
        hubspot.account.erase("contacts", boris)
        Syncer(engine, hubspot.source(), CONTEXT, now=hubspot.clock).read_again(contacts, [boris])
        return found

    source.links = erased_meanwhile
    syncer.relink(emails, [key])
    assert (words_kept(engine), traces(engine, boris)) == ([0, 0, 0], [0, 0, 0])


def test_a_person_read_before_the_erasure_does_not_come_back(
    hubspot: Followed, engine: Engine, source: Ordered, syncer: Syncer, told: dict[str, Event]
) -> None:
    """Rows, histories and associations of a page that was read before the person was erased are left out."""
    boris = person(hubspot)
    email(hubspot, boris)
    whole(hubspot, syncer, told)
    contacts = next(each for each in source.streams if each.name == "contacts")

    def erase_meanwhile() -> None:
        hubspot.account.erase("contacts", boris)
        Syncer(engine, hubspot.source(), CONTEXT, now=hubspot.clock).read_again(contacts, [boris])

    source.after["contacts"] = erase_meanwhile
    whole(hubspot, syncer, told)
    assert (words_kept(engine), traces(engine, boris)) == ([0, 0, 0], [0, 0, 0])
