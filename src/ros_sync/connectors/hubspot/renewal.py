"""Renewing an OAuth access token: one call, with a refresh token, by no access token."""

from __future__ import annotations

from typing import Any

import hubspot
import orjson
import urllib3

from ros_sync.connectors.hubspot.connections import HostPool, answered
from ros_sync.connectors.hubspot.failures import HTTP_MULTIPLE, HTTP_OK, refresh_failure
from ros_sync.connectors.hubspot.versions import Versions
from ros_sync.errors import TransientError, Where

Json = dict[str, Any]


def refresh(
    api_url: str, client_id: str, client_secret: str, refresh_token: str, *, versions: Versions | None = None
) -> Json:
    """A new access token for a refresh token; AuthExpiredError or TransientError where there is none.

    No error holds what was sent: the errors of the client and of urllib3 tell of answers and addresses alone.
    """
    url = api_url.rstrip("/")
    tokens = hubspot.HubSpot(host=url, retry=urllib3.Retry(0)).oauth.tokens_api
    rest = tokens.api_client.rest_client
    rest.pool_manager = HostPool(url, versions or Versions(), **rest.pool_manager.connection_pool_kw)
    form = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    where = Where(record="renewal of the access token")
    try:
        status, data, _ = answered(lambda **raw: tokens.create(**form, **raw))
    except (urllib3.exceptions.HTTPError, UnicodeDecodeError) as error:  # as in `HubSpotClient._called`
        raise TransientError(f"the connection to HubSpot was lost: {type(error).__name__}", where=where) from error
    if not HTTP_OK <= status < HTTP_MULTIPLE:
        for secret in (client_secret, refresh_token):
            data = data.replace(secret.encode(), b"***") if secret else data  # an answer may quote what was sent
        raise refresh_failure(status, data, where)
    try:
        answer = dict(orjson.loads(data))
    except (orjson.JSONDecodeError, TypeError, ValueError):
        answer = {}
    if not isinstance(answer.get("access_token"), str) or not answer["access_token"]:
        raise TransientError("HubSpot's response contains no access token", where=where)
    return answer
