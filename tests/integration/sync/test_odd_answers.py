"""Answers of HubSpot, or of something between it and us, that are no failures and make no sense.

Over real HTTP, both databases.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import urllib3
from sqlalchemy import Engine
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.client import Persistence
from ros_sync.errors import TransientError
from ros_sync.sync.follow.engine import Syncer

Make = Callable[..., str]
Json = dict[str, Any]
ONCE = Persistence(attempts=2, first_seconds=0.01)
CALLS = 200  # more than any of these cycles needs: whoever asks for so much asks for ever


class Between:
    """Passes calls on to HubSpot.

    `ask` changes what is asked, `answer` what is answered, by the path that was called.
    """

    def __init__(self, url: str) -> None:
        self.ask: Callable[[str, Json], Json] = lambda _path, body: body
        self.answer: Callable[[str, Json], Any] = lambda _path, body: body
        self.calls = 0
        between, pool = self, urllib3.PoolManager(retries=False)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # headers and body in one packet

            def do_POST(self) -> None:
                between.calls += 1
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                data = json.dumps(between.ask(self.path, json.loads(data))).encode() if data else data
                headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if self.headers[name]}
                given = pool.request(self.command, url + self.path, body=data, headers=headers)
                body = given.data
                if given.status < 300 and between.calls <= CALLS:
                    body = json.dumps(between.answer(self.path, given.json())).encode()
                self.send_response_only(given.status if between.calls <= CALLS else 403)
                self.send_header("Date", given.headers["Date"])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PATCH = do_POST  # noqa: N815  # the names that http.server looks for

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def between(hubspot: Followed) -> Iterator[Between]:
    """Something that stands before the account and may change what is said."""
    made = Between(hubspot.url)
    thread = Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def following(hubspot: Followed, engine: Engine, between: Between) -> Syncer:
    """What follows the account through whatever stands before it."""
    source = replace(hubspot, url=between.url).source(persistence=ONCE)
    return hubspot.syncer(engine, source=source)


def known(engine: Engine) -> list[list[tuple[Any, ...]]]:
    """What is here of deals and of what describes them: owners and stages."""
    mirror = mirror_of(engine)
    told = ("stage", "stage_kind", "stage_order", "owner_id", "amount_minor")
    return [
        [deal.pick(*told) for deal in mirror.deals()],
        [owner.pick("id", "name") for owner in mirror.owners(deleted=False)],
        [stage.pick("id", "name") for stage in mirror.stages(deleted=False)],
    ]


@ON_SQLITE
@pytest.mark.parametrize("path", ["/pipelines/deals", "/owners", "/properties/", "/account-info/"])
@pytest.mark.parametrize("odd", [{}, {"results": [{}]}])
def test_an_account_that_describes_itself_oddly_loses_nothing(
    hubspot: Followed, engine: Engine, deal: Make, between: Between, path: str, odd: Any
) -> None:
    """An answer without what was asked for is told; what is known of the account stays, and records are followed."""
    deal()
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    before = known(engine)
    hubspot.clock.advance(90_000)
    between.calls = 0
    between.answer = lambda called, body: odd if path in called else body
    report = syncer.cycle()
    told = [each.what for each in report.problems if "HubSpot's response can't be used" in each.what]
    assert (known(engine), report.trouble, len(told)) == (before, None, 1)


def test_an_account_without_owners_or_pipelines_is_believed(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """An empty list that says that it is one is no trouble."""
    deal()
    between.answer = lambda called, body: {"results": []} if "/owners" in called or "/pipelines/" in called else body
    assert following(hubspot, engine, between).cycle().trouble is None
    assert [mirror_of(engine).count(kind) for kind in ("owner", "pipeline_stage", "deal")] == [0, 0, 1]


def test_a_value_that_nobody_can_count_is_quarantined(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The deal comes without its amount, the other one with it, and the reason is kept."""
    deal(), deal(amount="1e999999")
    assert hubspot.syncer(engine).cycle().trouble is None
    assert sorted([each.amount_minor for each in mirror_of(engine).deals()], key=str) == [100_000, None]
    assert "is not an amount" in str(mirror_of(engine).record("quarantined").reason)


@pytest.mark.parametrize("timestamp", ["2026-13-01T00:00:00Z", None])
def test_a_history_with_an_instant_that_is_none_keeps_nothing_away(
    hubspot: Followed, engine: Engine, deal: Make, between: Between, timestamp: str | None
) -> None:
    """The entry is left out; both deals come."""
    deal(), deal()

    def answer(called: str, body: Json) -> Json:
        if "/objects/deals" in called and body.get("results"):
            for entry in (body["results"][0].get("propertiesWithHistory") or {}).get("amount", ()):
                entry["timestamp"] = timestamp
        return body

    between.answer = answer
    assert following(hubspot, engine, between).cycle().trouble is None
    assert mirror_of(engine).count("deal") == 2


def test_nought_bytes_reach_no_table(hubspot: Followed, engine: Engine, deal: Make, between: Between) -> None:
    """PostgreSQL refuses them: in a stage, a currency, an owner's name or an author they are left out."""
    deal()

    def answer(called: str, body: Json) -> Json:
        if "/owners" in called:
            return body | {"results": [each | {"firstName": "A\0da"} for each in body["results"]]}
        for each in body.get("results", ()) if "/objects/deals" in called else ():
            each["properties"] |= {"dealstage": "disc\0overy", "deal_currency_code": "E\0UR"}
            for entries in (each.get("propertiesWithHistory") or {}).values():
                entries[:] = [entry | {"sourceId": "userId:1\0", "sourceType": "C\0RM"} for entry in entries]
        return body

    between.answer = answer
    assert following(hubspot, engine, between).cycle().trouble is None
    assert mirror_of(engine).deal().pick("stage", "currency") == ("Discovery", "EUR")
    assert mirror_of(engine).owner("7").name == "Ada Weaver"


def test_associations_that_cannot_be_read_are_asked_for(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """An odd list of them inside a record is not taken for none."""
    made, mill = deal(), hubspot.account.create("companies", {"name": "Mill"})
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")

    def answer(called: str, body: Json) -> Json:
        listed = body.get("results", ()) if "/objects/deals" in called else ()
        return body | {"results": [each | {"associations": "odd"} for each in listed]} if listed else body

    between.answer = answer
    assert following(hubspot, engine, between).cycle().trouble is None
    assert mirror_of(engine).deal().account_id == mill


AGAIN = {"paging": {"next": {"after": "1"}}}


@contextmanager
def no_end(between: Between) -> Iterator[None]:
    """Fail where more is asked for than any of these tests needs."""
    between.calls = 0
    yield
    assert between.calls < CALLS


def test_a_list_that_names_the_same_page_again_ends(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """It is told as trouble, with what was listed and what to do, and not asked for again and again."""
    deal()

    def answer(called: str, body: Json) -> Json:
        return body | AGAIN if "/objects/deals" in called else body

    between.answer = answer
    with no_end(between):
        trouble = following(hubspot, engine, between).cycle().trouble
    assert "list of deals: HubSpot's paging is stuck" in str(trouble)


def test_a_search_that_passes_over_the_key_ends(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """Where the same records come again and more are promised, the poll ends with trouble; later it finds them."""
    made = deal()
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.account.update("deals", made, {"amount": "3"})
    hubspot.clock.advance(60)

    def ask(called: str, body: Json) -> Json:
        for group in body.get("filterGroups", ()):
            group["filters"] = [each for each in group["filters"] if each["operator"] != "GT"]
        return body

    between.ask, answer = ask, between.answer
    between.answer = lambda called, body: body | {"total": 2} if body.get("total") else body
    with no_end(between):
        trouble = syncer.cycle().trouble
    assert "search of deals: HubSpot's paging is stuck" in str(trouble)
    between.ask, between.answer = answer, answer
    hubspot.clock.advance(60)
    assert (syncer.cycle().trouble, mirror_of(engine).deal().amount_minor) == (None, 300)


def test_ids_are_compared_as_numbers(hubspot: Followed, engine: Engine, between: Between) -> None:
    """After 9 comes 10: pages of one record each lead on."""
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    made = [hubspot.account.create("deals", {"dealname": "Looms"}, object_id=each) for each in ("8", "9", "10", "11")]
    hubspot.clock.advance(60)
    between.ask = lambda called, body: body | {"limit": 1} if called.endswith("/deals/search") else body
    assert syncer.cycle().trouble is None
    assert mirror_of(engine).count("deal") == len(made)


def test_a_list_of_owners_that_names_the_same_page_again_ends(hubspot: Followed, between: Between) -> None:
    """As a list of records does."""
    source = replace(hubspot, url=between.url).source(persistence=ONCE)
    between.answer = lambda called, body: body | AGAIN if "/owners" in called else body
    with no_end(between):
        told = [each.what for each in source.describe().problems]
    assert any("list of owners: HubSpot's paging is stuck" in each for each in told)


def test_links_that_name_the_same_page_again_end(hubspot: Followed, deal: Make, between: Between) -> None:
    """As a list of records does, and the record is named."""
    source = replace(hubspot, url=between.url).source(persistence=ONCE)
    made, mill = deal(), hubspot.account.create("companies", {"name": "Mill"})
    hubspot.account.associate("deals", made, "companies", mill, label="Primary")

    def answer(called: str, body: Json) -> Json:
        return body | {"results": [each | AGAIN for each in body["results"]]} if "/associations/" in called else body

    between.ask = lambda called, body: (
        {"inputs": [{"id": each["id"]} for each in body["inputs"]]} if "/associations/" in called else body
    )
    between.answer = answer
    with no_end(between), pytest.raises(TransientError, match=f"links of deals {made} with companies"):
        source.links(next(each for each in source.streams if each.name == "deals"), [made])


@pytest.mark.parametrize("odd", ["soon", None])
def test_a_deletion_at_an_instant_that_is_none_is_one_all_the_same(
    hubspot: Followed, engine: Engine, deal: Make, between: Between, odd: Any
) -> None:
    """What is archived goes, at the present where nothing better is told."""
    made = deal()
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.account.archive("deals", made)
    hubspot.clock.advance(86_400)
    between.calls = 0

    def answer(called: str, body: Json) -> Json:
        listed = body.get("results", ()) if "/objects/" in called else ()
        return body | {"results": [each | {"archivedAt": odd, "updatedAt": odd} for each in listed]} if listed else body

    between.answer = answer
    assert syncer.cycle().trouble is None
    assert mirror_of(engine).count("deal", deleted=True) == 1
