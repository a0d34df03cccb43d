"""The CRMs that a workspace follows over their API: connector file, credentials, pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.cli.company import connector_files, custom_kinds, load_connector
from ros_sync.connectors.hubspot.client import HubSpotClient, Persistence
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.rate_limits import limits_of
from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import SERVICE_KEYS, OAuthTokens, PrivateAppToken, Tokens, is_token
from ros_sync.connectors.hubspot.versions import Api, Versions
from ros_sync.connectors.pace import MemoryPace, Pace
from ros_sync.errors import SettingsError, Where
from ros_sync.fields import did_you_mean
from ros_sync.settings import Settings
from ros_sync.sync.policy import Cadence
from ros_sync.sync.rates import DatabasePace

VENDOR = "hubspot"  # whose limits these are
OAUTH_FILE = ".hubspot-oauth.json"
LAY_OUT = "`ros-sync init DIR` lays out connectors/hubspot.yaml"


def sources_of(
    settings: Settings,
    only: str | None = None,
    *,
    now: Callable[[], datetime] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
    pace: Pace | None = None,
    engine: Engine | None = None,
    mappings: Iterable[HubSpotMapping] | None = None,
    persistence: Persistence | None = None,
) -> list[HubSpotSource]:
    """The sources that the workspace follows; `only` names one. `mappings`: the connector files as they are in force.

    With an `engine` the pace is kept in its database, for every process that calls. All connector files share the
    credentials of `[hubspot]`, so one account, so one pace. `persistence`: how often a call is tried, where not as usual.

    Raises SettingsError where credentials are missing, or where there is no source of that name.
    """
    found = {}
    pace = pace or pace_of(settings, engine, sleep)
    if mappings is None:
        mappings = [load_connector(path) for path in connector_files(settings)]
    for mapping in mappings:
        client = HubSpotClient(
            hubspot_tokens(settings, now),
            pace,
            now=now,
            sleep=sleep,
            api_url=settings.hubspot.api_url,
            versions=versions_of(settings),
            persistence=persistence,
        )
        found[mapping.source] = HubSpotSource(mapping, client, now=now)
    if only is not None:
        if only not in found:
            raise SettingsError(f"no source is called {only!r}", hint=did_you_mean(only, found))
        return [found[only]]
    return list(found.values())


def client_of(settings: Settings) -> HubSpotClient:
    """What calls the account, for commands that follow no source; SettingsError where credentials are missing."""
    return HubSpotClient(
        hubspot_tokens(settings, clock.now),
        pace_of(settings, None),
        now=clock.now,
        sleep=time.sleep,
        api_url=settings.hubspot.api_url,
        versions=versions_of(settings),
    )


def pace_of(settings: Settings, engine: Engine | None, sleep: Callable[[float], None] = time.sleep) -> Pace:
    """The pace of calls to the account, kept in the database where there is one."""
    rates = limits_of(settings.hubspot.calls_per_ten_seconds, settings.hubspot.search_per_second)
    if engine is None:
        return MemoryPace(rates, sleep=sleep)
    return DatabasePace(engine, VENDOR, rates, sleep=sleep)


def versions_of(settings: Settings) -> Versions:
    """The version of HubSpot's API that each call uses, as far as the settings say."""
    hubspot = settings.hubspot
    chosen = {api: getattr(hubspot, f"api_version_{api}") or hubspot.api_version for api in Api}
    return Versions({api: version for api, version in chosen.items() if version})


def cadence_of(settings: Settings) -> Cadence:
    """How a CRM is followed, as far as the settings say."""
    return Cadence(deletion_share=settings.sync.deletion_share, deletion_at_least=settings.sync.deletion_at_least)


def refuse_unreadable(settings: Settings) -> None:
    """Raise what is wrong with any file of `connectors/`: one that cannot be read does not say which CRM it is about."""
    custom_kinds(settings)


def refuse_unfollowed(
    settings: Settings, mappings: Collection[HubSpotMapping] | None = None, *, hint: str = LAY_OUT
) -> None:
    """Raise SettingsError where no CRM is followed over its API, by the connector files in force (`mappings`) if given.

    Without them, raise also what `refuse_unreadable` raises.
    """
    if mappings is None:
        refuse_unreadable(settings)
    if not (connector_files(settings) if mappings is None else mappings):
        raise SettingsError(
            f"no CRM is followed over its API: there is no connector file in {settings.connectors_folder}", hint=hint
        )


def is_followed(settings: Settings, mappings: Collection[HubSpotMapping]) -> bool:
    """Whether a connector file is in force, and there are credentials to go with it."""
    hubspot = settings.hubspot
    return bool(mappings) and (hubspot.token is not None or hubspot.refresh_token is not None)


def hubspot_tokens(settings: Settings, now: Callable[[], datetime]) -> Tokens:
    """Where HubSpot's access token comes from; SettingsError where nothing is set."""
    hubspot = settings.hubspot
    if hubspot.token is not None:
        token = hubspot.token.get_secret_value()
        if not is_token(token):
            raise SettingsError(
                "hubspot.token is not an access token: it holds characters that none has",
                where=Where(key="hubspot.token"),
                hint="copy the token alone, without quotation marks, spaces, or the word Bearer",
            )
        return PrivateAppToken(token)
    if hubspot.refresh_token is None or not hubspot.client_id or hubspot.client_secret is None:
        raise SettingsError(
            "there are no credentials for HubSpot",
            where=Where(key="hubspot.token"),
            hint=f"create a service key in HubSpot ({SERVICE_KEYS}) and set ROS_SYNC_HUBSPOT__TOKEN in .env to its token; "
            "or, with OAuth, set ROS_SYNC_HUBSPOT__CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN there",
        )
    secret = hubspot.client_secret.get_secret_value()
    exchange = partial(refresh, hubspot.api_url, hubspot.client_id, secret, versions=versions_of(settings))
    return OAuthTokens(hubspot.refresh_token.get_secret_value(), exchange, settings.workspace / OAUTH_FILE, now)
