"""Whether a request comes from HubSpot: the signature of its webhooks, versions 1 to 3.

HubSpot, "Validating requests from HubSpot". Nothing that a stranger can send raises: every oddity is a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ros_sync import clock
from ros_sync.connectors.webhooks import SignatureCheck

MAX_BODY_BYTES = 1_048_576  # HubSpot sends at most 100 events at once, of well under 10 KB each
MAX_AGE_SECONDS = 300  # older requests are replays; HubSpot's own library lets those from the future pass, we do not
SIGNATURE_V3, TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
SIGNATURE, VERSION = "x-hubspot-signature", "x-hubspot-signature-version"
_TIMESTAMP = re.compile(r"[0-9]{1,16}")
# The characters of the address that are signed as themselves though they are sent percent-encoded.
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HubSpotVerifier:
    """Knows HubSpot's requests by the app's secret (`connectors.webhooks.Verifier`)."""

    secret: str = field(repr=False)
    max_body_bytes: int = MAX_BODY_BYTES

    def refusal(self, headers: Mapping[str, str], now: datetime) -> SignatureCheck | None:
        """Why a request is not HubSpot's, whatever its body may be."""
        return refusal(headers, now)

    def verify(
        self, *, method: str, uri: str, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> SignatureCheck:
        """Check the signature of a whole request."""
        return verify(self.secret, method=method, uri=uri, body=body, headers=headers, now=now)


def refusal(headers: Mapping[str, str], now: datetime) -> SignatureCheck | None:
    """Why a request is not HubSpot's, whatever its body may be; None where that depends on the body.

    So a stranger's body need not be taken at all.
    """
    if SIGNATURE_V3 not in headers and SIGNATURE not in headers:
        return SignatureCheck(ok=False, reason="there is no signature")
    version = "v3" if SIGNATURE_V3 in headers else headers.get(VERSION, "v1")
    if SIGNATURE_V3 not in headers and version not in ("v1", "v2"):
        return SignatureCheck(ok=False, reason="the signature's version is not known")
    if (version == "v3" or TIMESTAMP in headers) and (reason := _untimely(headers.get(TIMESTAMP, ""), now)):
        return SignatureCheck(ok=False, reason=reason, version=version)
    return None


def verify(
    secret: str, *, method: str, uri: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> SignatureCheck:
    """Check the signature that the headers carry; names of headers in lower case.

    `uri` is the address that HubSpot called, with its query. Where a version 3 signature is there, it alone counts. The
    older ones sign no timestamp; where one comes with them all the same, it has to be of the present.
    """
    if refused := refusal(headers, now):
        return refused
    if SIGNATURE_V3 in headers:
        timestamp = headers[TIMESTAMP]
        text = _bytes(method + decoded(uri)) + body + timestamp.encode()
        expected = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
        return _compared(expected, headers[SIGNATURE_V3], "v3")
    version = headers.get(VERSION, "v1")
    signed = secret.encode() + body if version == "v1" else _bytes(secret + method + uri) + body
    return _compared(hashlib.sha256(signed).hexdigest(), headers[SIGNATURE], version)


def _untimely(timestamp: str, now: datetime) -> str | None:
    """Why a request with this timestamp (milliseconds) is not taken; None for one of the present."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return "there is no timestamp"
    if abs(clock.to_micros(now) // 1_000 - int(timestamp)) > MAX_AGE_SECONDS * 1_000:
        return "the timestamp is too old, or lies in the future"
    return None


def decoded(uri: str) -> str:
    """The address as it is signed: some of its percent-encoded characters stand for themselves."""
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], uri)


def _compared(expected: str, given: str, version: str) -> SignatureCheck:
    if hmac.compare_digest(expected.encode(), _bytes(given)):
        return SignatureCheck(ok=True, reason="", version=version)
    return SignatureCheck(ok=False, reason="the signature is another one", version=version)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
