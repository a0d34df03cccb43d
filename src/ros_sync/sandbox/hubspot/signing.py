"""Signatures of HubSpot's webhooks, version 1 to 3."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signed(secret: str, method: str, url: str, body: bytes, timestamp: int, version: str = "v3") -> dict[str, str]:
    """The headers of a signed request (HubSpot, "Validating requests from HubSpot"); `timestamp` in milliseconds."""
    headers = {"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/)"}
    if version == "v1":
        digest = hashlib.sha256(secret.encode() + body).hexdigest()
        return headers | {"X-HubSpot-Signature": digest, "X-HubSpot-Signature-Version": "v1"}
    if version == "v2":
        digest = hashlib.sha256(secret.encode() + method.encode() + url.encode() + body).hexdigest()
        return headers | {"X-HubSpot-Signature": digest, "X-HubSpot-Signature-Version": "v2"}
    text = method.encode() + url.encode() + body + str(timestamp).encode()
    mac = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return headers | {"X-HubSpot-Signature-v3": mac, "X-HubSpot-Request-Timestamp": str(timestamp)}
