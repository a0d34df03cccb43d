from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ros_sync.settings import ENV_PREFIX, settings_keys

REPOSITORY = Path(__file__).parents[3]
DEPLOY = REPOSITORY / "deploy"
SLACK_SOURCES = REPOSITORY / "src/ros_sync/notifiers/slack"

# Slack's method references, "Required scopes" of a bot token; history is read of direct messages and of channels.
SCOPES_OF_METHOD: dict[str, set[str]] = {
    "auth.test": set(),
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"im:history", "channels:history"},
    "conversations.list": {"channels:read"},
    "conversations.open": {"im:write"},
    "users.info": {"users:read"},
    "users.lookupByEmail": {"users:read.email", "users:read"},
}


def manifest() -> dict[str, Any]:
    """The Slack app's manifest."""
    loaded: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "slack-app-manifest.yaml")
    return loaded


def unit() -> configparser.ConfigParser:
    """The systemd unit; of keys that stand more than once, all values, one a line."""

    class Repeated(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and key in self:
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.ConfigParser(strict=False, interpolation=None, dict_type=Repeated, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(DEPLOY / "ros-sync.service")
    return parser


def test_manifest_has_the_scopes_that_the_code_needs() -> None:
    """The app asks for the scopes of the methods that the code calls, and for no other."""
    source = "\n".join(path.read_text() for path in SLACK_SOURCES.glob("*.py"))
    called = set(re.findall(r"_call\(\s*\"([a-z]+\.[a-zA-Z]+)\"", source))
    needed = set().union(*(SCOPES_OF_METHOD[method] for method in called))
    assert sorted(needed) == sorted(manifest()["oauth_config"]["scopes"]["bot"])


def test_manifest_keeps_to_slacks_limits() -> None:
    """Name and descriptions are within the lengths that the app manifest reference gives."""
    display = manifest()["display_information"]
    lengths = [len(display["name"]), len(display["description"]), len(display["long_description"])]
    assert [length <= limit for length, limit in zip(lengths, (35, 140, 4000), strict=True)] == [True] * 3
    # The same page: a long description has at least 174 characters.
    assert len(display["long_description"]) >= 174


def test_unit_runs_the_command() -> None:
    """The unit starts `ros-sync serve`."""
    command = shlex.split(unit()["Service"]["ExecStart"])
    assert (Path(command[0]).name, command[1:]) == ("ros-sync", ["serve"])


@pytest.mark.parametrize(
    "key,value",
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("StateDirectory", "ros-sync"),
        ("Restart", "on-failure"),
        ("CapabilityBoundingSet", ""),
    ],
)
def test_unit_is_hardened(key: str, value: str) -> None:
    """The unit takes from the process what it does not need."""
    assert value == unit()["Service"][key]


@pytest.mark.parametrize("file", ["ros-sync.service", "Containerfile", "README.md", "slack-app-manifest.yaml"])
def test_variables_are_known(file: str) -> None:
    """Each ROS_SYNC_ variable that deploy/ names is a setting, or the workspace."""
    known = {ENV_PREFIX + key.replace(".", "__").upper() for key in settings_keys()} | {f"{ENV_PREFIX}WORKSPACE"}
    assert set(re.findall(r"\bROS_SYNC_\w+", (DEPLOY / file).read_text())) - known == set()


def test_image_installs_by_hash() -> None:
    """The image installs the dependencies out of the lock file, by their hashes."""
    assert "--no-deps --require-hashes -r requirements.lock" in (DEPLOY / "Containerfile").read_text()


def test_image_is_pinned() -> None:
    """Each image it builds on has a digest, nothing is installed without hashes, and no other image reads the file."""
    text = (DEPLOY / "Containerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, flags=re.MULTILINE))
    bases = [
        re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], each)
        for each in re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    ]
    assert [each for each in bases if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", each)] == []
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps dist/*.whl" not in line] == []
    assert "--no-build-isolation" in text
    assert "# syntax" not in text


def test_image_is_built_with_what_builds_the_wheel() -> None:
    """The build lock names what pyproject.toml's build-system asks for, with hashes."""
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["build-system"]["requires"]
    lock = (REPOSITORY / "requirements-build.lock").read_text()
    names = [re.split(r"[<>=~!]", each)[0] for each in wanted]
    assert [name for name in names if not re.search(rf"^{name}==\S+ \\\n +--hash=sha256:", lock, re.MULTILINE)] == []


def test_build_is_given_what_it_copies_and_no_secret() -> None:
    """`.dockerignore` leaves everything out but what the image copies."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
    wanted = sorted(name for line in copied for name in line.split() if not name.startswith("./"))
    assert wanted == sorted(line[1:] for line in lines if line.startswith("!"))
    assert "*" in lines


def test_image_says_whether_it_is_well() -> None:
    """The image asks the health page of the port that it serves on."""
    text = (DEPLOY / "Containerfile").read_text()
    port = re.search(r"--port\W+(\d+)", text)
    assert port is not None
    assert re.search(rf"^HEALTHCHECK .*\n.*http://127\.0\.0\.1:{port[1]}/healthz", text, re.MULTILINE)


def test_image_copies_what_is_there() -> None:
    """Each file and folder that the image is built of is in the repository."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_image_does_not_run_as_root() -> None:
    """The last user that the image names is an ordinary one."""
    assert re.findall(r"^USER (\S+)$", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)[-1] == "ros-sync"
