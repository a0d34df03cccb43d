"""Posting webhooks, whole or with a connection that fails on the way."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import sleep
from urllib.parse import urlsplit

import urllib3

from ros_sync.sandbox.hubspot.faults import FaultKind


class Poster:
    """Posts to one address. `post` gives the answer's status, 0 where there was none."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout_seconds)

    def post(self, body: bytes, headers: dict[str, str], fault: str = "", seconds: float = 0.0) -> int:
        """Send a request; `fault` spoils it: slow, drop_before or drop_after."""
        try:
            if fault in (FaultKind.SLOW, FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER):
                return self._spoilt(body, headers, fault, seconds)
            return self._pool.request("POST", self._url, body=body, headers=headers).status
        except (OSError, HTTPException, urllib3.exceptions.HTTPError):
            return 0

    def _spoilt(self, body: bytes, headers: dict[str, str], fault: str, seconds: float) -> int:
        parts = urlsplit(self._url)
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = make(parts.netloc, timeout=self._timeout_seconds)
        try:
            connection.putrequest("POST", parts.path + (f"?{parts.query}" if parts.query else ""))
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            half = len(body) // 2
            connection.send(body[:half])
            if fault == FaultKind.DROP_BEFORE:
                return 0
            if fault == FaultKind.SLOW:
                sleep(seconds)
            connection.send(body[half:])
            if fault == FaultKind.DROP_AFTER:
                return 0
            return connection.getresponse().status
        finally:
            connection.close()
