"""Where each value was read, and messages about it.

`ros-sync.toml` and `.env` of the workspace, and `ROS_SYNC_*` variables. A variable overrides `.env`, `.env` overrides
the TOML file, and what none of them names has a default. The key `token` of the section `[slack]` is the variable
`ROS_SYNC_SLACK__TOKEN`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ros_sync.errors import SettingsError, Where
from ros_sync.fields import did_you_mean
from ros_sync.settings.sections import is_secret, sections, settings_keys

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


def variable_of(key: str) -> str:
    """The variable that sets `section.key`."""
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


@dataclass(frozen=True, slots=True)
class Origins:
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
    def read(cls, workspace: Path) -> Origins:
        """Read the workspace's files and the environment."""
        toml_file, env_file = workspace / FILE_NAME, workspace / ENV_FILE_NAME
        text = read_file(toml_file)
        environment = _in_capitals(os.environ)
        env_text = read_file(env_file) if env_file.is_file() else ""
        return cls(
            toml_file, parse_toml(toml_file, text), _lines_of_toml(text), env_file, _values_of_env(env_text),
            _lines_of_env(env_text), environment, _broken_lines_of_env(env_text),
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """What is set, by section: a variable overrides `.env`, which overrides the TOML file."""
        values = {name: dict(each) if isinstance(each, dict) else each for name, each in self.document.items()}
        variables = {**self.env_values, **self.environment}
        for key in settings_keys():
            value = variables.get(variable_of(key))
            if value is not None:
                section, _, name = key.partition(".")
                if not isinstance(values.get(section), dict):
                    values[section] = {}
                values[section][name] = value
        return values

    def where(self, key: str) -> Where:
        """Where the value of `section.key` was read."""
        variable = variable_of(key)
        if variable in self.environment:
            return Where(file="environment", key=variable)
        if variable in self.env_lines:
            return Where(file=str(self.env_file), line=self.env_lines[variable], key=variable)
        return Where(file=str(self.toml_file), line=self.toml_lines.get(key), key=key)

    def unknown_keys(self) -> Iterator[SettingsError]:
        """A problem for each key and variable that is none of ours."""
        known = settings_keys()
        for section, content in self.document.items():
            if section not in sections():
                yield self._unknown(section, "section" if isinstance(content, dict) else "key", sections())
            elif isinstance(content, dict):
                for name in content:
                    if f"{section}.{name}" not in known:
                        yield self._unknown(f"{section}.{name}", "key", known)
        variables = {variable_of(key) for key in known}
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


def read_file(file: Path) -> str:
    """The text of a settings file; SettingsError where it cannot be had."""
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


def parse_toml(file: Path, text: str) -> dict[str, Any]:
    """What `ros-sync.toml` says; SettingsError where it is not TOML."""
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


def problem_of(details: ErrorDetails, origins: Origins) -> SettingsError:
    """What pydantic found, with the place of the value."""
    key = ".".join(str(part) for part in details["loc"][:2])
    info = settings_keys().get(key)
    found = "" if info is None or is_secret(info) else f", found {details['input']!r}"
    return SettingsError(f"{expected(details, info)}{found}", where=origins.where(key))


def expected(details: ErrorDetails, info: FieldInfo | None) -> str:
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
