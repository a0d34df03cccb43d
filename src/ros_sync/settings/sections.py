"""What can be set, section by section, with what each value must be and what it is without being set.

Secrets are `SecretStr`; each can also be given as the path of a file that holds it (`token_file`).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo

_SQLITE_FILE = "sqlite:///"
_POSTGRESQL = re.compile(r"postgres(ql)?(\+psycopg)?(?=://)")
# How SQLAlchemy's make_url finds the port: a password may hold anything but @.
_PORT = re.compile(r"[^:]*://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::([^/?]*))?")
_MAX_PORT = 65_535
# HubSpot, "API versioning": dated versions are released in March and September, the first one was 2026-03.
_RELEASE = re.compile(r"[0-9]{4}-(03|09)")
_FIRST_RELEASE = "2026-03"
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^?]*@")
_PASSWORD_PARAMETER = re.compile(r"(?<=[?&]password=)[^&]*")  # libpq takes it there too


def _no_boolean(value: Any) -> Any:
    # pydantic reads true as the number 1, which is never what a person meant.
    if isinstance(value, bool):
        raise ValueError("expected a whole number")  # noqa: TRY004  # pydantic turns ValueError alone into a problem
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not (url == "sqlite://" or url.startswith(_SQLITE_FILE) or _POSTGRESQL.match(url)):
        raise ValueError("expected a database URL: sqlite:///ros-sync.db or postgresql://user:password@host/name")
    port = None if url.startswith("sqlite://") else _PORT.match(url)
    # What stands in the port's place may be half a password, so it is not quoted.
    if port and port[1] and not (re.fullmatch("[0-9]{1,5}", port[1]) and int(port[1]) <= _MAX_PORT):
        raise ValueError(
            f"expected a port from 0 to {_MAX_PORT} in the database URL, as in "
            "postgresql://user:password@host:5432/name; "
            "in a password, write @ as %40, : as %3A, / as %2F"
        )
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _api_url(value: str) -> str:
    return f"{_address(value, 'https://slack.com/api/').rstrip('/')}/"


def _hubspot_url(value: str) -> str:
    return _address(value, "https://api.hubapi.com").rstrip("/")


def _api_version(numbered: str) -> AfterValidator:
    """A version of a part of HubSpot's API.

    The number that the official client knows (if there is one), or a release's date.
    """

    def check(value: str) -> str:
        if value in ("", numbered) or (_RELEASE.fullmatch(value) and value >= _FIRST_RELEASE):
            return value
        other = f"{numbered}, or " if numbered else ""
        raise ValueError(
            f"expected {other}a release of HubSpot's API, which come in March and September from {_FIRST_RELEASE} on, "
            "such as 2026-09"
        )

    return AfterValidator(check)


def _public_url(value: str) -> str:
    return _address(value, "https://ros-sync.example.com").rstrip("/") if value else ""


def _address(value: str, example: str) -> str:
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"expected a URL such as {example}") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"expected a URL such as {example}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("expected https, because the token travels with each call (http is for this machine only)")
    return value


def _ping_url(value: SecretStr | None) -> SecretStr | None:
    """An address that is pinged. It may hold a secret, so that no part of it is quoted."""
    if value is None:
        return None
    try:
        parts = urlsplit(value.get_secret_value())
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("expected an http or https URL, such as https://hc-ping.com/your-uuid")
    return value


Count = Annotated[int, BeforeValidator(_no_boolean)]


class SettingsSection(BaseModel):
    """A section of `ros-sync.toml`."""

    # Unknown keys are found by `load`, which knows their places.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class DatabaseSettings(SettingsSection):
    """`[database]`."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        SecretStr("sqlite:///ros-sync.db"),
        description="where the mirror is kept; a relative SQLite path starts at the workspace",
    )
    url_file: Path | None = Field(None, description="a file that holds `url`")


class SlackSettings(SettingsSection):
    """`[slack]`."""

    token: SecretStr | None = Field(
        None, description="the app's bot token; without one, messages are printed to the terminal"
    )
    token_file: Path | None = Field(None, description="a file that holds `token`")
    api_url: Annotated[str, AfterValidator(_api_url)] = Field("https://slack.com/api/", description="Slack's Web API")
    signing_secret: SecretStr | None = Field(None, description="verifies requests from Slack")
    signing_secret_file: Path | None = Field(None, description="a file that holds `signing_secret`")


class HubSpotSettings(SettingsSection):
    """`[hubspot]`."""

    token: SecretStr | None = Field(None, description="the access token: a service key's, or an app's")
    token_file: Path | None = Field(None, description="a file that holds `token`")
    api_url: Annotated[str, AfterValidator(_hubspot_url)] = Field("https://api.hubapi.com", description="HubSpot's API")
    client_id: str = Field("", description="with OAuth: the app's client id")
    client_secret: SecretStr | None = Field(
        None, description="the app's client secret: OAuth, and webhooks' signatures"
    )
    client_secret_file: Path | None = Field(None, description="a file that holds `client_secret`")
    refresh_token: SecretStr | None = Field(None, description="with OAuth: the refresh token")
    refresh_token_file: Path | None = Field(None, description="a file that holds `refresh_token`")
    calls_per_ten_seconds: Count = Field(
        100, ge=1, le=10_000, description="calls per ten seconds, until HubSpot reports the account's limit"
    )
    search_per_second: Count = Field(5, ge=1, le=100, description="searches per second")
    api_version: Annotated[str, _api_version("")] = Field(
        "",
        description=(
            "the release of HubSpot's API that all calls use; without one, those that the official client knows"
        ),
    )
    api_version_objects: Annotated[str, _api_version("v3")] = Field("", description="the one that reads and writes use")
    api_version_search: Annotated[str, _api_version("v3")] = Field("", description="the one that searches use")
    api_version_associations: Annotated[str, _api_version("v4")] = Field("", description="the one of associations")
    api_version_owners: Annotated[str, _api_version("v3")] = Field("", description="the one of owners")
    api_version_pipelines: Annotated[str, _api_version("v3")] = Field("", description="the one of pipelines")
    api_version_properties: Annotated[str, _api_version("v3")] = Field("", description="the one of properties")
    api_version_account: Annotated[str, _api_version("v3")] = Field("", description="the one of the account's details")
    api_version_token: Annotated[str, _api_version("v1")] = Field("", description="the one that renews OAuth tokens")


class SyncSettings(SettingsSection):
    """`[sync]`."""

    poll_seconds: Count = Field(60, ge=1, le=86_400, description="seconds between polls of a CRM")
    events_seconds: Count = Field(5, ge=1, le=3_600, description="seconds between checks for webhook events")
    stale_seconds: Count = Field(
        900, ge=60, le=2_592_000, description="seconds after which a CRM that wasn't fully read counts as stale"
    )
    deletion_share: Annotated[float, BeforeValidator(_no_boolean)] = Field(
        0.10,
        ge=0,
        le=1,
        description="the share of a stream's records that may be deleted in a day; more are held",
    )
    deletion_at_least: Count = Field(
        50, ge=1, le=1_000_000, description="fewer deletions per stream and day are never held"
    )

    @model_validator(mode="after")
    def _outlasts_a_poll(self) -> SyncSettings:
        if self.stale_seconds <= self.poll_seconds:
            raise ValueError(
                f"expected sync.stale_seconds to be more than sync.poll_seconds, found {self.stale_seconds} and "
                f"{self.poll_seconds}: a CRM would count as stale before each poll"
            )
        return self


class WebSettings(SettingsSection):
    """`[web]`."""

    host: str = Field("127.0.0.1", min_length=1, description="the address `serve` listens on")
    port: Count = Field(8377, ge=0, le=_MAX_PORT, description="its port; 0 lets the system choose one")
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        "", description="its public address for CRMs, if different (behind a proxy)"
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="the bearer token required by `/metrics`; without one, only this machine can read it",
    )
    metrics_token_file: Path | None = Field(None, description="a file that holds `metrics_token`")


class HealthSettings(SettingsSection):
    """`[health]`."""

    ping_url: Annotated[SecretStr | None, AfterValidator(_ping_url)] = Field(
        None, description="an external monitor's URL that `serve` calls once a minute while all is well"
    )
    ping_url_file: Path | None = Field(None, description="a file that holds `ping_url`")


class ScheduleSettings(SettingsSection):
    """`[schedule]`."""

    tick_seconds: Count = Field(300, ge=1, le=86_400, description="seconds between ticks")
    deliver_seconds: Count = Field(20, ge=1, le=86_400, description="seconds between deliveries from the outbox")


class LogSettings(SettingsSection):
    """`[log]`."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="the lowest level to log"
    )
    format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)] = Field(
        "auto", description="`auto` is console on a terminal and JSON lines elsewhere"
    )


class PathSettings(SettingsSection):
    """`[paths]`, relative to the workspace."""

    connectors: Path = Field(Path("connectors"), description="the folder of mapping files")
    rules: Path = Field(Path("rules"), description="the folder of rule files")


class Settings(SettingsSection):
    """Everything that can be set, of one workspace. Made by `load`."""

    workspace: Path
    notes: tuple[str, ...] = ()  # what whoever runs a command should know: keys under former names
    database: DatabaseSettings = DatabaseSettings()
    slack: SlackSettings = SlackSettings()
    hubspot: HubSpotSettings = HubSpotSettings()
    sync: SyncSettings = SyncSettings()
    web: WebSettings = WebSettings()
    health: HealthSettings = HealthSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    log: LogSettings = LogSettings()
    paths: PathSettings = PathSettings()

    @property
    def database_url(self) -> str:
        """The database's URL with the driver that is used, and with an absolute path for SQLite. Holds the password."""
        url = self.database.url.get_secret_value()
        if not url.startswith(_SQLITE_FILE):
            return _POSTGRESQL.sub("postgresql+psycopg", url)
        file = url.removeprefix(_SQLITE_FILE)
        return url if file in ("", ":memory:") else f"{_SQLITE_FILE}{self.workspace / file}"

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None for one in memory and for another database."""
        file = self.database_url.removeprefix(_SQLITE_FILE)
        return None if file == self.database_url or file in ("", ":memory:") else Path(file)

    @property
    def database_shown(self) -> str:
        """The database as it may be shown: a path, or the URL without its password."""
        shown = _PASSWORD.sub(r"\1:***@", self.database_url)
        return _PASSWORD_PARAMETER.sub("***", shown).removeprefix(_SQLITE_FILE)

    @property
    def connectors_folder(self) -> Path:
        """The folder of mapping files, absolute."""
        return self.workspace / self.paths.connectors

    @property
    def rules_folder(self) -> Path:
        """The folder of rule files, absolute."""
        return self.workspace / self.paths.rules


def sections() -> dict[str, type[SettingsSection]]:
    """The sections by name."""
    return {
        name: info.annotation
        for name, info in Settings.model_fields.items()
        if isinstance(info.annotation, type) and issubclass(info.annotation, SettingsSection)
    }


def settings_keys() -> dict[str, FieldInfo]:
    """Every key that can be set, as `section.key`, in the order of the reference page."""
    return {
        f"{section}.{key}": info for section, model in sections().items() for key, info in model.model_fields.items()
    }


def is_secret(info: FieldInfo) -> bool:
    """Whether a key holds a secret, which no message may quote."""
    return SecretStr in (info.annotation, *get_args(info.annotation))
