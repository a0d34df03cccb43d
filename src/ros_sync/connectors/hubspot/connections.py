"""Connections to one host, for addresses of thousands of characters, by the version of its API that each call uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hubspot
import hubspot.crm.associations.v4
import hubspot.crm.objects
import hubspot.crm.owners
import hubspot.crm.pipelines
import hubspot.crm.properties
import hubspot.oauth
import urllib3
from urllib3.exceptions import MaxRetryError, ResponseError

from ros_sync.connectors.hubspot.versions import Versions

# Each of the client's packages has an exception of its own for an answer that is no success.
_REFUSALS = tuple(
    package.ApiException
    for package in (
        hubspot.crm.objects,
        hubspot.crm.associations.v4,
        hubspot.crm.owners,
        hubspot.crm.pipelines,
        hubspot.crm.properties,
        hubspot.oauth,
    )
)
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0


class HostPool(urllib3.PoolManager):
    """A pool manager that knows `base_url` (scheme, host, port, no path) by heart; other addresses go the usual way.

    urllib3 looks at each character of an address twice, once to find out where it leads. A list of HubSpot's names
    every property in it. Redirects are refused, as they are where the client's retries are switched off. `versions`
    says where the paths that the client knows lead.
    """

    def __init__(self, base_url: str, versions: Versions, **pool: Any) -> None:
        super().__init__(**pool)
        self._base = base_url
        self._versions = versions

    def urlopen(  # type: ignore[override]  # as in urllib3 itself
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> urllib3.BaseHTTPResponse:
        """Make a call; MaxRetryError for a redirect."""
        path = url.removeprefix(self._base)
        if path == url or not path.startswith("/"):
            return super().urlopen(method, url, redirect=redirect, **kw)
        pool = self.connection_from_url(self._base)
        kw.setdefault("headers", self.headers)
        response = pool.urlopen(method, self._versions.path(path), redirect=False, assert_same_host=False, **kw)
        if redirect and response.get_redirect_location():
            response.drain_conn()
            raise MaxRetryError(pool, url, ResponseError("too many redirects"))
        return response


def answered(call: Callable[..., Any]) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers of a call, whatever HubSpot answered."""
    try:
        answer = call(_preload_content=False, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
    except _REFUSALS as refusal:
        if refusal.status == 0:  # the client's own: TLS failed
            raise urllib3.exceptions.SSLError(str(refusal.reason)) from refusal
        return int(refusal.status), str(refusal.body or "").encode(), refusal.headers or {}
    return int(answer.status), answer.data, answer.headers
