"""HubSpot among the vendors (`connectors.vendor.Vendor`). What a method needs is loaded by it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ros_sync.connectors.hubspot.mapping import NAME, HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.vendor import ConnectorFile, Fitting, Objects, Vendor

if TYPE_CHECKING:
    from ros_sync.connectors.hubspot.source import HubSpotSource
    from ros_sync.connectors.pace import Pace, RateLimits
    from ros_sync.connectors.webhooks import Verifier
    from ros_sync.settings import Settings


class HubSpot:
    """HubSpot, whose account the settings of `[hubspot]` open: one, for every connector file."""

    name = NAME

    def read(self, path: Path, objects: Objects, *, content: bytes | None = None) -> HubSpotMapping:
        """Read a connector file."""
        return load_hubspot(path, objects, content=content)

    def has_credentials(self, settings: Settings) -> bool:
        """Whether there is a token, or what one is had with."""
        return settings.hubspot.token is not None or settings.hubspot.refresh_token is not None

    def secret_files(self, settings: Settings) -> list[Path]:
        """The files that settings name, and the one in which OAuth's tokens are kept."""
        from ros_sync.connectors.hubspot.credentials import OAUTH_FILE  # noqa: PLC0415  # see above

        section = settings.hubspot
        named = [getattr(section, key) for key in type(section).model_fields if key.endswith("_file")]
        return [settings.workspace / name for name in (OAUTH_FILE, *filter(None, named))]

    def rate_limits(self, settings: Settings) -> RateLimits:
        """HubSpot's limits, as far as the settings say."""
        from ros_sync.connectors.hubspot.call_limits import limits_of  # noqa: PLC0415  # see above

        return limits_of(settings.hubspot.calls_per_ten_seconds, settings.hubspot.search_per_second)

    def source(
        self,
        settings: Settings,
        file: ConnectorFile,
        pace: Pace,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        attempts: int | None = None,
    ) -> HubSpotSource:
        """What follows the account by that file."""
        from ros_sync.connectors.hubspot.credentials import client_of  # noqa: PLC0415  # see above
        from ros_sync.connectors.hubspot.source import HubSpotSource  # noqa: PLC0415  # see above

        client = client_of(settings, pace, now=now, sleep=sleep, attempts=attempts)
        return HubSpotSource(_own(file), client, now=now)

    def unreached(self) -> str:
        """What to do where HubSpot cannot be reached."""
        return (
            "check hubspot.api_url (omit it to use HubSpot itself) and that this machine can reach it; "
            "then run this again"
        )

    def verifier(self, settings: Settings) -> Verifier | None:
        """What knows HubSpot's signatures; None without the app's secret."""
        from ros_sync.connectors.hubspot.signatures import HubSpotVerifier  # noqa: PLC0415  # see above

        secret = settings.hubspot.client_secret
        return None if secret is None else HubSpotVerifier(secret.get_secret_value())

    def verified_by(self) -> str:
        """The setting that holds the app's secret."""
        return "hubspot.client_secret"

    def creatable(self) -> Collection[str]:
        """The fields whose properties can be created."""
        from ros_sync.connectors.hubspot.candidates import NOT_MADE, WANTED  # noqa: PLC0415  # see above

        return [each.name for each in WANTED if each.name not in NOT_MADE]

    def fitting(self, settings: Settings, file: ConnectorFile, text: str, pace: Pace) -> Fitting:
        """Look at the account, to fit a connector file to it."""
        import time  # noqa: PLC0415  # see above

        from ros_sync import clock  # noqa: PLC0415  # see above
        from ros_sync.connectors.hubspot.account_fitting import AccountFitting  # noqa: PLC0415  # see above
        from ros_sync.connectors.hubspot.credentials import client_of  # noqa: PLC0415  # see above

        return AccountFitting(client_of(settings, pace, now=clock.now, sleep=time.sleep), _own(file), text)


def _own(file: ConnectorFile) -> HubSpotMapping:
    assert isinstance(file, HubSpotMapping), file
    return file


VENDOR: Vendor = HubSpot()
