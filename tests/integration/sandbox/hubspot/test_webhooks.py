"""Webhooks of the sandbox's HubSpot: what they say, how they are signed, and how badly they are delivered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

import pytest
from hubspot.utils.signature import Signature
from tests.integration.sandbox.hubspot.conftest import NOW, Sandbox

from ros_sync import clock
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.webhooks import RETRY_SECONDS, DeliveryPlan, WebhookSender

SECRET = "a-secret"
Start = Callable[..., WebhookSender]


class Receiver:
    """Takes webhooks and answers with `statuses` in turn, then with 200."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.broken_off = 0
        self.statuses: list[int] = []
        self.came = Event()
        self.go_on = Event()
        self.go_on.set()
        self._lock = Lock()
        taken = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                taken.go_on.wait(10)
                self.send_response(taken.take(body, length, dict(self.headers)))
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/hubspot?tenant=1"

    def take(self, body: bytes, length: int, headers: dict[str, str]) -> int:
        with self._lock:
            if len(body) < length:
                self.broken_off += 1
            else:
                self.bodies.append(body)
                self.headers.append(headers)
            self.came.set()
            return self.statuses.pop(0) if self.statuses else 200

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in json.loads(body)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def start(sandbox: Sandbox, receiver: Receiver) -> Iterator[Start]:
    """Begin to listen to the account; what is due is sent by `flush`."""
    made: list[WebhookSender] = []

    def begin(version: str = "v3", **plan: Any) -> WebhookSender:
        sender = WebhookSender(
            sandbox.account, receiver.url, SECRET, plan=DeliveryPlan(**plan), version=version, faults=sandbox.faults
        )
        made.append(sender)
        return sender

    yield begin
    for sender in made:
        sender.stop()


def test_events_say_what_happened(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """Creation, change, end, return, merge and erasure are told under the names of HubSpot's documents."""
    sender = start()
    one, two = sandbox.deals(2)
    contact = sandbox.account.create("contacts", {"email": "jo@mill.example"})
    sandbox.account.update("deals", one, {"amount": "5"})
    sandbox.account.archive("deals", two)
    sandbox.account.restore("deals", two)
    new = sandbox.account.merge("deals", one, two)
    sandbox.account.erase("contacts", contact)
    sender.flush()
    events = receiver.events()
    assert [event["subscriptionType"] for event in events] == [
        "deal.creation", "deal.creation", "contact.creation", "deal.propertyChange", "deal.deletion", "deal.restore",
        "deal.merge", "deal.deletion", "contact.privacyDeletion",
    ]  # fmt: skip
    change, merge = events[3], events[6]
    assert (change["objectId"], change["propertyName"], change["propertyValue"]) == (int(one), "amount", "5")
    assert (merge["primaryObjectId"], merge["mergedObjectIds"], merge["newObjectId"]) == (
        int(one),
        [int(two)],
        int(new),
    )
    assert {(event["portalId"], event["attemptNumber"]) for event in events} == {(sandbox.account.portal_id, 0)}


def test_both_sides_of_an_association_are_told(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """Each side has an event of its own; those of activities are generic and name their types."""
    (deal,) = sandbox.deals(1)
    contact = sandbox.account.create("contacts", {"email": "jo@mill.example"})
    note = sandbox.account.create("notes", {"hs_note_body": "Hello"})
    sender = start()
    sandbox.account.associate("deals", deal, "contacts", contact)
    sandbox.account.dissociate("deals", deal, "contacts", contact)
    sandbox.account.associate("notes", note, "deals", deal)
    sender.flush()
    told = [
        (event["subscriptionType"], event["fromObjectId"], event["associationRemoved"]) for event in receiver.events()
    ]
    assert told == [
        ("deal.associationChange", int(deal), False), ("contact.associationChange", int(contact), False),
        ("deal.associationChange", int(deal), True), ("contact.associationChange", int(contact), True),
        ("object.associationChange", int(note), False), ("object.associationChange", int(deal), False),
    ]  # fmt: skip
    assert [event.get("objectTypeId") for event in receiver.events()[4:]] == ["0-46", "0-3"]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_official_client_accepts_the_signature(
    sandbox: Sandbox, receiver: Receiver, start: Start, version: str
) -> None:
    """Each version of the signature is what HubSpot's own library expects."""
    sender = start(version)
    sandbox.clock.move_to(clock.now())  # the library looks at the system's
    sandbox.deals(1)
    sender.flush()
    headers = receiver.headers[0]
    assert Signature.is_valid(
        signature=headers.get("X-HubSpot-Signature-v3") or headers["X-HubSpot-Signature"],
        client_secret=SECRET,
        request_body=receiver.bodies[0].decode(),
        http_uri=receiver.url,
        signature_version=version,
        timestamp=headers.get("X-HubSpot-Request-Timestamp"),
    )


def test_batches_hold_a_hundred(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """What is due at once comes in requests of a hundred events."""
    sender = start()
    sandbox.deals(250)
    sender.flush()
    assert [len(json.loads(body)) for body in receiver.bodies] == [100, 100, 50]


def test_late_twice_and_out_of_order(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """Each event comes in the end, some of them twice, and not in the order in which they happened."""
    sender = start(late_share=0.5, late_seconds=600, twice_share=0.5, shuffled=True)
    ids = sandbox.deals(200)
    sender.flush()
    first = [event["objectId"] for event in receiver.events()]
    sandbox.clock.advance(601)
    sender.flush()
    every = [event["objectId"] for event in receiver.events()]
    assert (sorted(set(every)), first == sorted(first)) == (list(map(int, ids)), False)
    assert (50 < len(set(first)) < 150, len(every) > 250) == (True, True)


@pytest.mark.parametrize("status", [500, 503, 429, 422])
def test_a_failure_is_tried_again_ten_times(sandbox: Sandbox, receiver: Receiver, start: Start, status: int) -> None:
    """The waits grow, each attempt says its number, and after the tenth the event is lost."""
    sender = start()
    sandbox.deals(1)
    receiver.statuses = [status] * 20
    sender.flush()
    for seconds in RETRY_SECONDS:
        sandbox.clock.advance(seconds - 1)
        assert sender.flush() == 0
        sandbox.clock.advance(1)
        sender.flush()
    assert [event["attemptNumber"] for event in receiver.events()] == list(range(11))
    assert (sender.waiting, sender.sent.dropped, list(RETRY_SECONDS)) == (0, 1, sorted(RETRY_SECONDS))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_refusal_is_not_tried_again(sandbox: Sandbox, receiver: Receiver, start: Start, status: int) -> None:
    """These answers end an event."""
    sender = start()
    sandbox.deals(1)
    receiver.statuses = [status]
    sender.flush()
    assert (sender.waiting, sender.sent.dropped, sender.sent.statuses) == (0, 1, {status: 1})


def test_deliveries_fail_on_order(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """A request is broken off, sent without awaiting the answer, cut short, signed long ago, or answered between."""
    sender = start()
    for kind in ("drop_before", "drop_after", "broken_json", "expired_token", "status"):
        receiver.came.clear()
        sandbox.deals(1)
        sandbox.faults.next("webhook", Fault(kind, status=502))
        sender.flush()
        if kind != "status":
            assert receiver.came.wait(5)
    assert (receiver.broken_off, len(receiver.bodies), sender.waiting) == (1, 3, 3)
    with pytest.raises(json.JSONDecodeError):
        json.loads(receiver.bodies[1])
    stamps = [int(headers["X-HubSpot-Request-Timestamp"]) for headers in receiver.headers]
    assert stamps[2] == int(NOW.timestamp() * 1000) - 3_600_000
    sandbox.clock.advance(61)
    sender.flush()
    assert [event["attemptNumber"] for event in json.loads(receiver.bodies[-1])] == [1, 1, 1]


def test_a_call_s_faults_leave_deliveries_alone(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """Failures of any call, or at random, are those of the API; deliveries fail where they are named."""
    sender = start()
    sandbox.faults.next("*", Fault("status"))
    sandbox.faults.at_random(1.0, 1, [Fault("status")])
    sandbox.deals(1)
    sender.flush()
    assert sender.sent.statuses == {200: 1}
    sandbox.faults.at_random(1.0, 1, [Fault("status")], ["webhook"])
    sandbox.deals(1)
    sender.flush()
    assert sender.sent.statuses == {200: 1, 503: 1}


def test_an_answer_that_comes_too_late_is_a_failure(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """The event is sent again, though the receiver took it."""
    sender = start(timeout_seconds=0.1)
    sandbox.deals(1)
    receiver.go_on.clear()
    sender.flush()
    receiver.go_on.set()
    sandbox.clock.advance(60)
    sender.flush()
    assert sender.sent.statuses == {0: 1, 200: 1}


def test_only_what_is_subscribed_is_sent(sandbox: Sandbox, receiver: Receiver, start: Start) -> None:
    """An app hears of the types of events that it subscribed to."""
    sender = start(subscriptions=("deal.deletion",))
    (one,) = sandbox.deals(1)
    sandbox.account.archive("deals", one)
    sender.flush()
    assert [event["subscriptionType"] for event in receiver.events()] == ["deal.deletion"]
