"""The dead man's ping.

A request to an outside monitor that goes out while all is well, and whose absence is the alarm.
"""

from __future__ import annotations

import structlog
import urllib3

TIMEOUT_SECONDS = 10.0
_SUCCESS = range(200, 300)

log = structlog.stdlib.get_logger(__name__)


class PingUrl:
    """Calls an address (http or https). The address may hold a secret, so that no part of it is ever logged."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(num_pools=1, retries=False)
        self._failed: str | None = None

    def __call__(self) -> None:
        """Send it; a failure is one line in the log, and another one only where it fails in another way."""
        trouble = self._sent()
        if trouble is not None and trouble != self._failed:
            log.warning("ping_failed", reason=trouble)
        self._failed = trouble

    def _sent(self) -> str | None:
        """Send it; what went wrong, in words without the address."""
        try:
            answer = self._pool.request("GET", self._url, timeout=TIMEOUT_SECONDS, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return type(error).__name__
        return None if answer.status in _SUCCESS else f"HTTP {answer.status}"
