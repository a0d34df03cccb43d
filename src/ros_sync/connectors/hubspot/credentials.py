"""The account that a workspace's settings open: tokens, the versions of the API, and the client that calls it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from ros_sync.connectors.hubspot.client import HubSpotClient, Persistence
from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.connectors.hubspot.tokens import SERVICE_KEYS, OAuthTokens, PrivateAppToken, Tokens, is_token
from ros_sync.connectors.hubspot.versions import Api, Versions
from ros_sync.connectors.pace import Pace
from ros_sync.errors import SettingsError, Where
from ros_sync.settings import Settings

OAUTH_FILE = ".hubspot-oauth.json"


def client_of(
    settings: Settings,
    pace: Pace,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    attempts: int | None = None,
) -> HubSpotClient:
    """What calls the account; SettingsError where credentials are missing."""
    return HubSpotClient(
        tokens_of(settings, now),
        pace,
        now=now,
        sleep=sleep,
        api_url=settings.hubspot.api_url,
        versions=versions_of(settings),
        persistence=None if attempts is None else Persistence(attempts=attempts),
    )


def versions_of(settings: Settings) -> Versions:
    """The version of HubSpot's API that each call uses, as far as the settings say."""
    hubspot = settings.hubspot
    chosen = {api: getattr(hubspot, f"api_version_{api}") or hubspot.api_version for api in Api}
    return Versions({api: version for api, version in chosen.items() if version})


def tokens_of(settings: Settings, now: Callable[[], datetime]) -> Tokens:
    """Where HubSpot's access token comes from; SettingsError where nothing is set."""
    hubspot = settings.hubspot
    if hubspot.token is not None:
        token = hubspot.token.get_secret_value()
        if not is_token(token):
            raise SettingsError(
                "hubspot.token isn't an access token: it contains invalid characters",
                where=Where(key="hubspot.token"),
                hint="copy only the token, without quotation marks, spaces, or the word Bearer",
            )
        return PrivateAppToken(token)
    if hubspot.refresh_token is None or not hubspot.client_id or hubspot.client_secret is None:
        raise SettingsError(
            "no credentials set for HubSpot",
            where=Where(key="hubspot.token"),
            hint=f"create a service key in HubSpot ({SERVICE_KEYS}) and set ROS_SYNC_HUBSPOT__TOKEN in .env to its "
            "token; or, with OAuth, set ROS_SYNC_HUBSPOT__CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN there",
        )
    secret = hubspot.client_secret.get_secret_value()
    exchange = partial(refresh, hubspot.api_url, hubspot.client_id, secret, versions=versions_of(settings))
    return OAuthTokens(hubspot.refresh_token.get_secret_value(), exchange, settings.workspace / OAUTH_FILE, now)
