"""What can be set, and where it is read: `ros-sync.toml` and `.env` of the workspace, and `ROS_SYNC_*` variables.

A variable overrides `.env`, `.env` overrides the TOML file, and what none of them names has a default. The key
`token` of the section `[slack]` is the variable `ROS_SYNC_SLACK__TOKEN`. This is the only module that reads the
environment. Secrets are `SecretStr`; each can also be given as the path of a file that holds it (`token_file`).
"""

from __future__ import annotations

import errno
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ros_sync.errors import ProblemsError, RosSyncError, SettingsError, Where, WorkspaceError
from ros_sync.fields import did_you_mean

FILE_NAME = "ros-sync.toml"
ENV_FILE_NAME = ".env"
ENV_PREFIX = "ROS_SYNC_"
ENV_DELIMITER = "__"
WORKSPACE_VARIABLE = f"{ENV_PREFIX}WORKSPACE"
# Variables of ours that are no settings: where the workspace is, and which browser the tests drive.
_OTHER_VARIABLES = frozenset({WORKSPACE_VARIABLE, f"{ENV_PREFIX}CHROMIUM"})
# Kubernetes gives every pod variables for each service, so a service called ros-sync fills our prefix with its own:
# Kubernetes documentation, "Discovering services", environment variables.
_SERVICE_LINK = re.compile(r"ROS_SYNC_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")

_SQLITE_FILE = "sqlite:///"
_POSTGRESQL = re.compile(r"postgres(ql)?(\+psycopg)?(?=://)")
# How SQLAlchemy's make_url finds the port: a password may hold anything but @.
_PORT = re.compile(r"[^:]*://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::([^/?]*))?")
_MAX_PORT = 65_535
_MAX_SECRET_BYTES = 65_536  # ours: a URL, a token, or a key
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
            f"expected a port from 0 to {_MAX_PORT} in the database URL, as in postgresql://user:password@host:5432/name; "
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
    """A version of a part of HubSpot's API: the number that the official client knows (if there is one), or a release's date."""

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


class _Section(BaseModel):
    # Unknown keys are found by `load`, which knows their places.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class DatabaseSettings(_Section):
    """`[database]`."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        SecretStr("sqlite:///ros-sync.db"),
        description="where the mirror is kept; a relative SQLite path starts at the workspace",
    )
    url_file: Path | None = Field(None, description="a file that holds `url`")


class SlackSettings(_Section):
    """`[slack]`."""

    token: SecretStr | None = Field(None, description="the app's bot token; without one, messages go to the terminal")
    token_file: Path | None = Field(None, description="a file that holds `token`")
    api_url: Annotated[str, AfterValidator(_api_url)] = Field("https://slack.com/api/", description="Slack's Web API")
    signing_secret: SecretStr | None = Field(None, description="by which requests from Slack are recognised")
    signing_secret_file: Path | None = Field(None, description="a file that holds `signing_secret`")


class HubSpotSettings(_Section):
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
        100, ge=1, le=10_000, description="calls in ten seconds until HubSpot says what the account may do"
    )
    search_per_second: Count = Field(5, ge=1, le=100, description="searches in a second")
    api_version: Annotated[str, _api_version("")] = Field(
        "",
        description="the release of HubSpot's API that all calls use; without one, those that the official client knows",
    )
    api_version_objects: Annotated[str, _api_version("v3")] = Field("", description="the one that reads and writes use")
    api_version_search: Annotated[str, _api_version("v3")] = Field("", description="the one that searches use")
    api_version_associations: Annotated[str, _api_version("v4")] = Field("", description="the one of associations")
    api_version_owners: Annotated[str, _api_version("v3")] = Field("", description="the one of owners")
    api_version_pipelines: Annotated[str, _api_version("v3")] = Field("", description="the one of pipelines")
    api_version_properties: Annotated[str, _api_version("v3")] = Field("", description="the one of properties")
    api_version_account: Annotated[str, _api_version("v3")] = Field("", description="the one of the account's details")
    api_version_token: Annotated[str, _api_version("v1")] = Field("", description="the one that renews OAuth tokens")


class SyncSettings(_Section):
    """`[sync]`."""

    poll_seconds: Count = Field(60, ge=1, le=86_400, description="seconds from one poll of a CRM to the next")
    hints_seconds: Count = Field(
        5, ge=1, le=3_600, description="seconds from one look at what webhooks said to the next"
    )
    stale_seconds: Count = Field(
        900, ge=60, le=2_592_000, description="seconds after which a CRM that was not read completely counts as stale"
    )
    deletion_share: Annotated[float, BeforeValidator(_no_boolean)] = Field(
        0.10,
        ge=0,
        le=1,
        description="the share of a stream's records that may be deleted in a day; more of them are held",
    )
    deletion_at_least: Count = Field(
        50, ge=1, le=1_000_000, description="fewer deletions of a stream in a day are never held"
    )

    @model_validator(mode="after")
    def _outlasts_a_poll(self) -> SyncSettings:
        if self.stale_seconds <= self.poll_seconds:
            raise ValueError(
                f"expected sync.stale_seconds to be more than sync.poll_seconds, found {self.stale_seconds} and "
                f"{self.poll_seconds}: a CRM would count as stale before each poll"
            )
        return self


class WebSettings(_Section):
    """`[web]`."""

    host: str = Field("127.0.0.1", min_length=1, description="the address that `serve` listens on")
    port: Count = Field(8377, ge=0, le=_MAX_PORT, description="its port; 0 lets the system choose one")
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        "", description="its address as the CRMs call it, where that is another one (behind a proxy)"
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="the bearer token that `/metrics` asks for; without one it answers this machine alone",
    )
    metrics_token_file: Path | None = Field(None, description="a file that holds `metrics_token`")


class HealthSettings(_Section):
    """`[health]`."""

    ping_url: Annotated[SecretStr | None, AfterValidator(_ping_url)] = Field(
        None, description="an outside monitor's address that `serve` calls once a minute while all is well"
    )
    ping_url_file: Path | None = Field(None, description="a file that holds `ping_url`")


class ScheduleSettings(_Section):
    """`[schedule]`."""

    tick_seconds: Count = Field(300, ge=1, le=86_400, description="seconds from one tick to the next")
    deliver_seconds: Count = Field(20, ge=1, le=86_400, description="seconds from one look into the outbox to the next")


class LogSettings(_Section):
    """`[log]`."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="the least important lines that are shown"
    )
    format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)] = Field(
        "auto", description="`auto` is console on a terminal and JSON lines elsewhere"
    )


class PathSettings(_Section):
    """`[paths]`, relative to the workspace."""

    connectors: Path = Field(Path("connectors"), description="the folder of mapping files")
    rules: Path = Field(Path("rules"), description="the folder of rule files")


class Settings(_Section):
    """Everything that can be set, of one workspace. Made by `load`."""

    workspace: Path
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


def settings_keys() -> dict[str, FieldInfo]:
    """Every key that can be set, as `section.key`, in the order of the reference page."""
    return {
        f"{section}.{key}": info for section, model in _sections().items() for key, info in model.model_fields.items()
    }


def secrets_in_toml(settings: Settings) -> list[str]:
    """The keys, as `section.key`, of secrets that stand in the workspace's ros-sync.toml, which is no place for them."""
    document = _parse(settings.workspace / FILE_NAME, _read(settings.workspace / FILE_NAME))
    given = {f"{section}.{key}" for section, keys in document.items() if isinstance(keys, dict) for key in keys}
    found = [key for key, info in settings_keys().items() if key in given and _is_secret(info)]
    return [key for key in found if key != "database.url" or settings.database_shown not in settings.database_url]


def find_workspace(given: Path | None = None) -> Path:
    """The workspace's folder: `given`, else ROS_SYNC_WORKSPACE, else the nearest folder upwards with a ros-sync.toml.

    Raises WorkspaceError where there is none.
    """
    named = given or (Path(value) if (value := os.environ.get(WORKSPACE_VARIABLE)) else None)
    if named is not None:
        folder = named.expanduser().resolve()
        if (folder / FILE_NAME).is_file():
            return folder
        raise WorkspaceError(
            f"there is no {FILE_NAME} in this folder",
            where=Where(file=str(folder)),
            hint=f"`ros-sync init {named}` makes one",
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise WorkspaceError(
        f"there is no {FILE_NAME} in this folder or above it",
        where=Where(file=str(here)),
        hint="go to your workspace, name it with --workspace DIR, or make one with `ros-sync init DIR`",
    )


def load(workspace: Path) -> Settings:
    """Read the settings of a workspace.

    Raises SettingsError for one problem and ProblemsError for several: an unknown key, a value of the wrong kind, a
    missing file, a syntax error. Each names its file and line or its variable, and what was expected.
    """
    origins = _Origins.read(workspace)
    problems: list[RosSyncError] = list(origins.unknown_keys())
    try:
        settings = Settings.model_validate({**origins.values(), "workspace": workspace})
    except ValidationError as error:
        problems += [_problem(details, origins) for details in error.errors(include_url=False)]
    else:
        settings, missing = _with_secret_files(settings, origins)
        problems += [*missing, *_missing_folders(settings, origins)]
        if not problems:
            return settings
    # `from None`: pydantic's own error would carry the values, secrets among them, into a traceback.
    raise (problems[0] if len(problems) == 1 else ProblemsError(problems)) from None


def _sections() -> dict[str, type[_Section]]:
    return {
        name: info.annotation
        for name, info in Settings.model_fields.items()
        if isinstance(info.annotation, type) and issubclass(info.annotation, _Section)
    }


def _variable(key: str) -> str:
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


@dataclass(frozen=True, slots=True)
class _Origins:
    """What each source says of which key, and the lines where the keys stand. Names of variables are in capitals."""

    toml_file: Path
    document: Mapping[str, Any]
    toml_lines: Mapping[str, int]
    env_file: Path
    env_values: Mapping[str, str]
    env_lines: Mapping[str, int]
    environment: Mapping[str, str]
    env_broken: Mapping[str, int]

    @classmethod
    def read(cls, workspace: Path) -> _Origins:
        toml_file, env_file = workspace / FILE_NAME, workspace / ENV_FILE_NAME
        text = _read(toml_file)
        environment = _in_capitals(os.environ)
        env_text = _read(env_file) if env_file.is_file() else ""
        return cls(
            toml_file, _parse(toml_file, text), _lines_of_toml(text), env_file, _values_of_env(env_text),
            _lines_of_env(env_text), environment, _broken_lines_of_env(env_text),
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """What is set, by section: a variable overrides `.env`, which overrides the TOML file."""
        values = {name: dict(each) if isinstance(each, dict) else each for name, each in self.document.items()}
        variables = {**self.env_values, **self.environment}
        for key in settings_keys():
            value = variables.get(_variable(key))
            if value is not None:
                section, _, name = key.partition(".")
                if not isinstance(values.get(section), dict):
                    values[section] = {}
                values[section][name] = value
        return values

    def where(self, key: str) -> Where:
        """Where the value of `section.key` was read."""
        variable = _variable(key)
        if variable in self.environment:
            return Where(file="environment", key=variable)
        if variable in self.env_lines:
            return Where(file=str(self.env_file), line=self.env_lines[variable], key=variable)
        return Where(file=str(self.toml_file), line=self.toml_lines.get(key), key=key)

    def unknown_keys(self) -> Iterator[SettingsError]:
        """A problem for each key and variable that is none of ours."""
        known = settings_keys()
        for section, content in self.document.items():
            if section not in _sections():
                yield self._unknown(section, "section" if isinstance(content, dict) else "key", _sections())
            elif isinstance(content, dict):
                for name in content:
                    if f"{section}.{name}" not in known:
                        yield self._unknown(f"{section}.{name}", "key", known)
        variables = {_variable(key) for key in known}
        for name, line in self.env_broken.items():
            where = Where(file=str(self.env_file), line=line, key=name)
            yield SettingsError("this line says nothing: there is no = behind the name", where=where)
        in_environment = [(name, Where(file="environment", key=name)) for name in sorted(self.environment)]
        in_file = [(name, Where(file=str(self.env_file), line=line, key=name)) for name, line in self.env_lines.items()]
        for name, where in [*in_environment, *in_file]:
            ours = name in variables or name in _OTHER_VARIABLES or _SERVICE_LINK.fullmatch(name)
            if name.startswith(ENV_PREFIX) and not ours:
                yield SettingsError("there is no such setting", where=where, hint=did_you_mean(name, variables))

    def _unknown(self, key: str, what: str, known: Mapping[str, Any]) -> SettingsError:
        where = Where(file=str(self.toml_file), line=self.toml_lines.get(key), key=key)
        return SettingsError(f"there is no such {what}", where=where, hint=did_you_mean(key, known))


def _read(file: Path) -> str:
    where = Where(file=str(file))
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SettingsError("the settings file is missing", where=where, hint="`ros-sync init DIR` makes one") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(
            "expected UTF-8 text", where=Where(file=str(file), line=line), hint="save it as UTF-8"
        ) from None
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}", where=where) from None
    if text.startswith("\ufeff"):
        raise SettingsError("the file begins with a byte-order mark", where=where, hint="save it as UTF-8 without one")
    return text


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", str(error))
        message = str(error).replace(place[0], "") if place else str(error)
        line, column = (int(place[1]), int(place[2])) if place and place[1] else (text.count("\n") + 1, None)
        where = Where(file=str(file), line=line, column=column)
        hint = 'expected lines such as `port = 8377` or `level = "info"` below a [section]'
        raise SettingsError(f"this is not TOML: {message}", where=where, hint=hint) from None


def _lines_of_toml(text: str) -> dict[str, int]:
    """The line of each section and `section.key`: tomllib keeps no positions, and this is for messages alone."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", line):
            section = header[1]
            lines.setdefault(section, number)
        elif pair := re.match(r"""\s*["']?([\w.-]+)["']?\s*=""", line):
            lines.setdefault(f"{section}.{pair[1]}" if section else pair[1], number)
    return lines


def _lines_of_env(text: str) -> dict[str, int]:
    pattern = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*[^\s#]")
    found = ((pattern.match(line), number) for number, line in enumerate(text.splitlines(), start=1))
    return {match[1].upper(): number for match, number in found if match}


def _in_capitals(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Variables that are not empty, whichever way their names are written."""
    return {name.upper(): value for name, value in variables.items() if value}


def _values_of_env(text: str) -> dict[str, str]:
    if not text:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  # not loaded where there is no such file

    return _in_capitals(dotenv_values(stream=StringIO(text)))


def _broken_lines_of_env(text: str) -> dict[str, int]:
    """Lines that begin with a name of ours and give it no value, by that name."""
    pattern = re.compile(rf"\s*(?:export\s+)?({ENV_PREFIX}\w+)(?!\w|\s*=)")
    found = ((pattern.match(line), number) for number, line in enumerate(text.splitlines(), start=1))
    return {match[1]: number for match, number in found if match}


def _problem(details: ErrorDetails, origins: _Origins) -> SettingsError:
    key = ".".join(str(part) for part in details["loc"][:2])
    info = settings_keys().get(key)
    found = "" if info is None or _is_secret(info) else f", found {details['input']!r}"
    return SettingsError(f"{_expected(details, info)}{found}", where=origins.where(key))


def _expected(details: ErrorDetails, info: FieldInfo | None) -> str:
    """Say what was expected, in words that need no knowledge of pydantic; its own words where there are none."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in ("greater_than_equal", "less_than_equal") and info is not None:
        bounds = {type(item).__name__: getattr(item, "ge", getattr(item, "le", None)) for item in info.metadata}
        whole = "whole " if info.annotation is int else ""
        return f"expected a {whole}number from {bounds['Ge']} to {bounds['Le']}"
    words = {
        "value_error": str(context.get("error")),
        "literal_error": f"expected {context.get('expected')}",
        "string_too_short": "expected text that is not empty",
        "string_type": "expected text",
        "path_type": "expected a path",
        "model_type": "expected a section with keys of its own",
    }
    if kind.startswith("float"):
        return "expected a number"
    return words.get(kind) or ("expected a whole number" if kind.startswith("int") else details["msg"])


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in (info.annotation, *get_args(info.annotation))


def _with_secret_files(settings: Settings, origins: _Origins) -> tuple[Settings, list[SettingsError]]:
    """Fill each secret that is given as a file; also the problems met on the way."""
    problems: list[SettingsError] = []
    sections: dict[str, _Section] = {}
    for name in _sections():
        section: _Section = getattr(settings, name)
        values = section.model_dump(exclude_unset=True)
        for key in [key for key in type(section).model_fields if key.endswith("_file") and getattr(section, key)]:
            secret, where = key.removesuffix("_file"), origins.where(f"{name}.{key}")
            if secret in section.model_fields_set:
                problems.append(
                    SettingsError(f"both {secret!r} and {key!r} are given", where=where, hint="keep one of them")
                )
                continue
            try:
                values[secret] = _secret_in(settings.workspace / getattr(section, key), where)
                sections[name] = type(section).model_validate(values)
            except SettingsError as problem:
                problems.append(problem)
            except ValidationError as error:
                problems.append(SettingsError(_expected(error.errors()[0], None), where=where))
    return settings.model_copy(update=sections), problems


def _secret_in(file: Path, where: Where) -> SecretStr:
    from ros_sync.sheets.regular import open_regular  # noqa: PLC0415  # for those who keep secrets in files

    try:
        with open_regular(file) as opened:
            content = opened.read(_MAX_SECRET_BYTES + 1)
        value = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = None
        if isinstance(error, OSError) and error.errno == errno.EINVAL:
            hint = "settings are read by each command, so a file it must be: one that you alone may read, or a line of .env"
        raise SettingsError(f"the file {file} cannot be read: {reason}", where=where, hint=hint) from None
    if len(content) > _MAX_SECRET_BYTES:
        raise SettingsError(
            f"the file {file} is larger than any secret", where=where, hint="put the secret alone into it"
        )
    if not value:
        raise SettingsError(f"the file {file} is empty", where=where, hint="put the secret into it")
    return SecretStr(value)


def _missing_folders(settings: Settings, origins: _Origins) -> Iterator[SettingsError]:
    # Only where it was named: a workspace without mapping files is a fair beginning.
    for key in sorted(settings.paths.model_fields_set):
        folder = settings.workspace / getattr(settings.paths, key)
        if not folder.is_dir():
            yield SettingsError(
                f"there is no folder {folder}", where=origins.where(f"paths.{key}"), hint="make it, or correct the path"
            )
