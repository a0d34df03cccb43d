"""Whether a request comes from HubSpot."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ros_sync import clock
from ros_sync.connectors.hubspot.signatures import decoded, verify

VECTORS = Path(__file__).parents[5] / "shared/data/webhook_vectors.json"
SECRET, URI = "a-secret-of-the-app", "https://ros.example/webhooks/hubspot?a=b"
BODY = b'[{"eventId":1,"subscriptionType":"deal.propertyChange","objectId":123}]'
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="../shared is not beside this checkout")


def vectors() -> list[dict[str, Any]]:
    if not VECTORS.exists():
        return []
    return [each for each in json.loads(VECTORS.read_text())["vectors"] if each["name"].startswith("hs-")]


def signed(body: bytes = BODY, uri: str = URI, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """The headers of a request that HubSpot signed."""
    timestamp = str(clock.to_micros(at) // 1_000)
    text = b"POST" + uri.encode() + body + timestamp.encode()
    mac = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {"x-hubspot-signature-v3": mac, "x-hubspot-request-timestamp": timestamp}


@needs_vectors
@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_vectors_of_the_vendor_pass(vector: dict[str, Any]) -> None:
    """Signatures out of HubSpot's documents and its libraries' tests are accepted, at the time that they name."""
    if vector["version"] == "v3":
        headers = {"x-hubspot-signature-v3": vector["signature"], "x-hubspot-request-timestamp": vector["timestamp"]}
        now = clock.from_micros(int(vector["timestamp"]) * 1_000)
    else:
        headers = {"x-hubspot-signature": vector["signature"], "x-hubspot-signature-version": vector["version"]}
        now = NOW
    verdict = verify(
        vector["secret"],
        method=vector["method"],
        uri=vector["uri"],
        body=vector["body"].encode(),
        headers=headers,
        now=now,
    )
    assert (verdict.ok, verdict.version) == (True, vector["version"])


@needs_vectors
def test_the_characters_that_are_signed_as_themselves() -> None:
    """Each of HubSpot's table is decoded before the signature is worked out; others stay."""
    table = json.loads(VECTORS.read_text())["hubspot_v3_rules"]["decode_in_uri"]
    assert {code: decoded(code) for code in table} == table
    assert decoded("%20%26%2f") == "%20%26/"


@pytest.mark.parametrize("seconds, ok", [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_requests_are_of_the_present(seconds: int, ok: bool) -> None:  # the expected outcome
    """A stale request is a replay, and one from the future is refused alike."""
    headers = signed(at=NOW - timedelta(seconds=seconds))
    assert verify(SECRET, method="POST", uri=URI, body=BODY, headers=headers, now=NOW).ok is ok


def test_a_version_three_signature_alone_counts() -> None:
    """A right old signature does not help a request whose version 3 signature is wrong."""
    old = hashlib.sha256(SECRET.encode() + BODY).hexdigest()
    headers = signed(secret="another") | {"x-hubspot-signature": old, "x-hubspot-signature-version": "v1"}
    assert not verify(SECRET, method="POST", uri=URI, body=BODY, headers=headers, now=NOW).ok


def test_a_hundred_thousand_forgeries() -> None:
    """However signature, timestamp, body or address are changed: nothing is accepted, and nothing raises."""
    rng = Random(20260302)
    accepted = 0
    for number in range(100_000):
        headers, body, uri = signed(), BODY, URI
        kind = number % 5
        if kind == 0:
            headers["x-hubspot-signature-v3"] = _spoiled(headers["x-hubspot-signature-v3"], rng)
        elif kind == 1:
            headers["x-hubspot-request-timestamp"] = _spoiled(headers["x-hubspot-request-timestamp"], rng)
        elif kind == 2:
            place = rng.randrange(len(body))
            body = body[:place] + bytes([body[place] ^ rng.randint(1, 255)]) + body[place + 1 :]
        elif kind == 3:
            uri = _spoiled(uri, rng)
        else:
            del headers[rng.choice(sorted(headers))]
        accepted += verify(SECRET, method="POST", uri=uri, body=body, headers=headers, now=NOW).ok
    assert accepted == 0


def _spoiled(text: str, rng: Random) -> str:
    """The text with something wrong in it."""
    place = rng.randrange(len(text))
    way = rng.randrange(4)
    if way == 0:
        return text[:place] + text[place + 1 :]
    if way == 1:
        return text[:place] + chr(rng.randint(0x80, 0xFFFF)) + text[place:]
    if way == 2:
        return text + rng.choice(("=", "0", "\n", "ü", "\ud800", "\0"))
    other = rng.choice([each for each in "abcXYZ0123456789+/" if each != text[place]])
    return text[:place] + other + text[place + 1 :]
