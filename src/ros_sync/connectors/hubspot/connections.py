"""Connections to one host, for addresses of thousands of characters: its part of an address is not read anew each time."""

from __future__ import annotations

from typing import Any

import urllib3
from urllib3.exceptions import MaxRetryError, ResponseError


class HostPool(urllib3.PoolManager):
    """A pool manager that knows `base_url` (scheme, host, port, no path) by heart; other addresses go the usual way.

    urllib3 looks at each character of an address twice, once to find out where it leads. A list of HubSpot's names every
    property in it. Redirects are refused, as they are where the client's retries are switched off.
    """

    def __init__(self, base_url: str, **pool: Any) -> None:
        super().__init__(**pool)
        self._base = base_url

    def urlopen(  # type: ignore[override]  # as in urllib3 itself
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> urllib3.BaseHTTPResponse:
        """Make a call; MaxRetryError for a redirect."""
        path = url.removeprefix(self._base)
        if path == url or not path.startswith("/"):
            return super().urlopen(method, url, redirect=redirect, **kw)
        pool = self.connection_from_url(self._base)
        kw.setdefault("headers", self.headers)
        response = pool.urlopen(method, path, redirect=False, assert_same_host=False, **kw)
        if redirect and response.get_redirect_location():
            response.drain_conn()
            raise MaxRetryError(pool, url, ResponseError("too many redirects"))
        return response
