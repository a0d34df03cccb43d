from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.settings.complaints import complaint

from ros_sync.errors import ProblemsError, RosSyncError, SettingsError, Where, WorkspaceError
from ros_sync.settings import Settings, find_workspace, load, settings_keys

TEMPLATE = Path(__file__).parents[3] / "src/ros_sync/workspace/templates/ros-sync.toml"
REFERENCE = Path(__file__).parents[3] / "docs/reference/settings.md"
TOKEN = "xoxb-1234567890-secret"

Workspace = Callable[..., Path]


def test_defaults_need_no_key(workspace: Workspace) -> None:
    """An empty settings file gives the defaults."""
    settings = load(workspace())
    assert (settings.web.port, settings.schedule.tick_seconds, settings.slack.token) == (8377, 300, None)


def test_file_is_read(workspace: Workspace) -> None:
    """A key of the TOML file replaces the default."""
    assert load(workspace("[web]\nport = 9000")).web.port == 9000


def test_env_file_overrides_the_file(workspace: Workspace) -> None:
    """A variable of the workspace's .env overrides the TOML file."""
    assert load(workspace("[web]\nport = 9000", "ROS_SYNC_WEB__PORT=9001")).web.port == 9001


def test_environment_overrides_all(workspace: Workspace) -> None:
    """A variable of the environment overrides .env and the TOML file."""
    assert load(workspace("[web]\nport = 9000", "ROS_SYNC_WEB__PORT=9001", WEB__PORT="9002")).web.port == 9002


def test_sources_are_merged_key_by_key(workspace: Workspace) -> None:
    """A variable replaces its own key and leaves the other keys of the section."""
    settings = load(workspace('[web]\nport = 9000\nhost = "::1"', WEB__PORT="9002"))
    assert (settings.web.host, settings.web.port) == ("::1", 9002)


def test_empty_variable_counts_as_unset(workspace: Workspace) -> None:
    """A variable set to nothing leaves the file's value."""
    assert load(workspace("[web]\nport = 9000", WEB__PORT="")).web.port == 9000


@pytest.mark.parametrize(
    "toml,message",
    [
        ("[web]\nprot = 1", "ros-sync.toml:2, web.prot: there is no such key (did you mean 'web.port'?)"),
        ("\n[wbe]\nport = 1", "ros-sync.toml:2, wbe: there is no such section (did you mean 'web'?)"),
        ("[web]\nport = true", "ros-sync.toml:2, web.port: expected a whole number, found True"),
        ('[web]\nport = "many"', "ros-sync.toml:2, web.port: expected a whole number, found 'many'"),
        ("[web]\nport = 1.5", "ros-sync.toml:2, web.port: expected a whole number, found 1.5"),
        (
            "[sync]\ndeletion_share = 10",
            "ros-sync.toml:2, sync.deletion_share: expected a number from 0 to 1, found 10",
        ),
        (
            "[sync]\ndeletion_share = 'a tenth'",
            "ros-sync.toml:2, sync.deletion_share: expected a number, found 'a tenth'",
        ),
        ("[web]\nport = 70000", "ros-sync.toml:2, web.port: expected a whole number from 0 to 65535, found 70000"),
        ("[web]\nhost = 7", "ros-sync.toml:2, web.host: expected text, found 7"),
        ('[web]\nhost = ""', "ros-sync.toml:2, web.host: expected text that is not empty, found ''"),
        (
            '[log]\nlevel = "loud"',
            "ros-sync.toml:2, log.level: expected 'debug', 'info', 'warning' or 'error', found 'loud'",
        ),
        ("web = 3", "ros-sync.toml:1, web: expected a section with keys of its own"),
        (
            '[slack]\napi_url = "http://slack.example/api"',
            (
                "ros-sync.toml:2, slack.api_url: expected https, because the token travels with each call "
                "(http is for this machine only), found 'http://slack.example/api'"
            ),
        ),
        (
            '[slack]\napi_url = "slack"',
            "ros-sync.toml:2, slack.api_url: expected a URL such as https://slack.com/api/, found 'slack'",
        ),
        (
            "[web]\nport 3\n",
            (
                "ros-sync.toml:2:6: this is not TOML: Expected '=' after a key in a key/value pair "
                '(expected lines such as `port = 8377` or `level = "info"` below a [section])'
            ),
        ),
    ],
)
def test_bad_file(workspace: Workspace, toml: str, message: str) -> None:
    """What is wrong in the file is told with line, key, what was expected and what was found."""
    assert message == complaint(workspace(toml))


def test_all_problems_at_once(workspace: Workspace) -> None:
    """Problems of the file, of .env and of the environment are told together."""
    folder = workspace("[web]\nprot = 1", "ROS_SYNC_WEB__HSOT=x", LOG__LEVEL="loud", FOO="1")
    with pytest.raises(ProblemsError) as caught:
        load(folder)
    places = [str(problem.where).replace(f"{folder}/", "") for problem in caught.value.problems]
    assert places == [
        "ros-sync.toml:2, web.prot",
        "environment, ROS_SYNC_FOO",
        ".env:1, ROS_SYNC_WEB__HSOT",
        "environment, ROS_SYNC_LOG__LEVEL",
    ]


def test_one_problem_is_a_settings_error(workspace: Workspace) -> None:
    """A single problem is raised as itself."""
    with pytest.raises(SettingsError):
        load(workspace("[web]\nport = true"))


def test_missing_file(tmp_path: Path) -> None:
    """A folder without the settings file is told, with what makes one."""
    assert complaint(tmp_path) == "ros-sync.toml: the settings file is missing (`ros-sync init DIR` makes one)"


def test_wrong_encoding(tmp_path: Path) -> None:
    """A settings file in Latin-1 is told with the line of the first odd byte."""
    (tmp_path / "ros-sync.toml").write_bytes("[web]\n# für\n".encode("latin-1"))
    assert complaint(tmp_path) == "ros-sync.toml:2: expected UTF-8 text (save it as UTF-8)"


def test_byte_order_mark(tmp_path: Path) -> None:
    """A byte-order mark is told as such."""
    (tmp_path / "ros-sync.toml").write_bytes(b"\xef\xbb\xbf[web]\n")
    expected = "ros-sync.toml: the file begins with a byte-order mark (save it as UTF-8 without one)"
    assert expected == complaint(tmp_path)


def test_kubernetes_service_links_are_no_settings(workspace: Workspace) -> None:
    """The variables that Kubernetes makes for a service called ros-sync are passed over."""
    folder = workspace(
        PORT="tcp://10.0.0.1:80", SERVICE_HOST="10.0.0.1", PORT_8377_TCP_ADDR="10.0.0.1", WEB_SERVICE_PORT="1"
    )
    assert load(folder).web.port == 8377


def test_secret_is_not_in_the_repr(workspace: Workspace) -> None:
    """The repr of the settings does not hold the token."""
    settings = load(workspace(SLACK__TOKEN=TOKEN))
    assert settings.slack.token is not None
    assert (settings.slack.token.get_secret_value(), TOKEN in repr(settings)) == (TOKEN, False)


@pytest.mark.parametrize("url", ["sqlite://ros-sync.db", "sqlite:/ros-sync.db", "sqlite3:///ros-sync.db"])
def test_a_sqlite_url_has_three_slashes(workspace: Workspace, url: str) -> None:
    """Another number of them is told with the right one, and not by the library that opens databases."""
    assert "expected a database URL: sqlite:///ros-sync.db or" in complaint(workspace(DATABASE__URL=url))


def test_secret_is_not_in_a_complaint(workspace: Workspace) -> None:
    """A complaint about a secret does not quote it."""
    message = complaint(workspace(DATABASE__URL="mysql://root:hunter2@host/db"))
    expected = "expected a database URL: sqlite:///ros-sync.db or postgresql://user:password@host/name"
    assert f"environment, ROS_SYNC_DATABASE__URL: {expected}" == message


@pytest.mark.parametrize("port", ["port", "99999", "-1", "5432x"])
def test_port_of_the_database_that_is_none(workspace: Workspace, port: str) -> None:
    """A database URL whose port is not a number is told as a setting, without its password."""
    message = complaint(workspace(DATABASE__URL=f"postgresql://u:hunter2@h:{port}/db"))
    expected = "environment, ROS_SYNC_DATABASE__URL: expected a port from 0 to 65535 in the database URL"
    assert (expected, False) == (message[: len(expected)], "hunter2" in message)


def test_secret_is_not_in_the_chain_of_errors(workspace: Workspace) -> None:
    """No error that carries the values hangs on to the one that is raised."""
    with pytest.raises(RosSyncError) as caught:
        load(workspace("[web]\nport = true", SLACK__TOKEN=TOKEN))
    assert caught.value.__suppress_context__


def test_secret_from_a_file(workspace: Workspace) -> None:
    """A secret can be given as the path of a file that holds it, relative to the workspace."""
    folder = workspace('[slack]\ntoken_file = "token"\napi_url = "https://slack.example/api"')
    (folder / "token").write_text(f"{TOKEN}\n")
    slack = load(folder).slack
    assert slack.token is not None
    assert (slack.token.get_secret_value(), slack.api_url) == (TOKEN, "https://slack.example/api/")


def test_missing_secret_file(workspace: Workspace) -> None:
    """A secret's file that does not exist is told with its key."""
    folder = workspace('[slack]\n\ntoken_file = "token"')
    expected = "ros-sync.toml:3, slack.token_file: the file token cannot be read: No such file or directory"
    assert expected == complaint(folder)


SECRET_FILES = [key for key in settings_keys() if key.endswith("_file")]


@pytest.mark.parametrize("key", SECRET_FILES)
@pytest.mark.parametrize("kind", ["named pipe", "device"])
def test_what_is_no_file_holds_no_secret(workspace: Workspace, tmp_path: Path, key: str, kind: str) -> None:
    """It is refused before it is opened: a pipe would be waited for, for ever."""
    place = tmp_path / "special" if kind == "named pipe" else Path("/dev/zero")
    if kind == "named pipe":
        os.mkfifo(place)
    section, _, name = key.partition(".")
    told = complaint(workspace(f'[{section}]\n{name} = "{place}"'))
    wanted = (f"ros-sync.toml:2, {key}: the file", f"this is a {kind}, not a file (", "a line of .env)")
    assert [words for words in wanted if words not in told] == []


def test_a_file_that_is_larger_than_any_secret_is_refused(workspace: Workspace) -> None:
    """Somebody named the wrong one; it is not read to its end."""
    folder = workspace('[slack]\ntoken_file = "token"')
    (folder / "token").write_text("x" * 65_537)
    expected = "the file token is larger than any secret (put the secret alone into it)"
    assert complaint(folder).replace(f"{folder}/", "") == f"ros-sync.toml:2, slack.token_file: {expected}"


def test_empty_secret_file(workspace: Workspace) -> None:
    """A secret's file with nothing in it is told."""
    folder = workspace('[slack]\ntoken_file = "token"')
    (folder / "token").write_text("\n")
    assert complaint(folder) == "ros-sync.toml:2, slack.token_file: the file token is empty (put the secret into it)"


def test_secret_given_twice(workspace: Workspace) -> None:
    """A secret that is given both as value and as file is refused."""
    folder = workspace('[slack]\ntoken_file = "token"', SLACK__TOKEN=TOKEN)
    expected = "ros-sync.toml:2, slack.token_file: both 'token' and 'token_file' are given (keep one of them)"
    assert expected == complaint(folder)


def test_database_url_from_a_file_is_checked(workspace: Workspace) -> None:
    """A database URL out of a file is held to the same form."""
    folder = workspace('[database]\nurl_file = "url"')
    (folder / "url").write_text("nonsense")
    expected = "expected a database URL: sqlite:///ros-sync.db or postgresql://user:password@host/name"
    assert f"ros-sync.toml:2, database.url_file: {expected}" == complaint(folder)


def test_missing_rules_folder(workspace: Workspace) -> None:
    """A folder that is named and not there is told with its key."""
    folder = workspace('[paths]\nrules = "regeln"')
    assert complaint(folder) == "ros-sync.toml:2, paths.rules: there is no folder regeln (make it, or correct the path)"


@pytest.mark.parametrize(
    "url,normal,shown",
    [
        ("sqlite:///ros-sync.db", "sqlite:///{folder}/ros-sync.db", "{folder}/ros-sync.db"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db", "/var/lib/x.db"),
        ("postgresql://u:p@h/n", "postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:***@h/n"),
        ("postgresql://h/n?password=p", "postgresql+psycopg://h/n?password=p", "postgresql+psycopg://h/n?password=***"),
        ("postgres://h:5432/n", "postgresql+psycopg://h:5432/n", "postgresql+psycopg://h:5432/n"),
        (
            "postgresql://u:p:/q@[::1]:5/n",
            "postgresql+psycopg://u:p:/q@[::1]:5/n",
            "postgresql+psycopg://u:***@[::1]:5/n",
        ),
        ("postgresql+psycopg://u:p%40q@h/n", "postgresql+psycopg://u:p%40q@h/n", "postgresql+psycopg://u:***@h/n"),
    ],
)
def test_database_url(workspace: Workspace, url: str, normal: str, shown: str) -> None:
    """The database's URL is given the driver and an absolute path, and is shown without its password."""
    folder = workspace(DATABASE__URL=url)
    settings = load(folder)
    expected = (normal.format(folder=folder), shown.format(folder=folder))
    assert expected == (settings.database_url, settings.database_shown)


def test_plain_http_is_for_this_machine(workspace: Workspace) -> None:
    """Slack's API may be on this machine without TLS, as the sandbox's is."""
    assert load(workspace(SLACK__API_URL="http://127.0.0.1:8080/api")).slack.api_url == "http://127.0.0.1:8080/api/"


def test_settings_cannot_be_changed(workspace: Workspace) -> None:
    """What was read stays as it was read."""
    with pytest.raises(ValueError, match="frozen"):
        load(workspace()).web.port = 1  # type: ignore[misc]  # that it is refused at run time too is the point


def test_workspace_is_found_upwards(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace is the nearest folder upwards that holds the settings file."""
    folder = workspace()
    (folder / "rules" / "more").mkdir(parents=True)
    monkeypatch.chdir(folder / "rules" / "more")
    assert folder == find_workspace()


def test_variable_names_the_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROS_SYNC_WORKSPACE names the workspace from anywhere."""
    folder = workspace()
    monkeypatch.setenv("ROS_SYNC_WORKSPACE", str(folder))
    monkeypatch.chdir("/")
    assert (folder, folder) == (find_workspace(), load(find_workspace()).workspace)


def test_given_workspace_wins(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace that is given overrides the variable, and the settings know it."""
    folder = workspace()
    monkeypatch.setenv("ROS_SYNC_WORKSPACE", "/nowhere")
    assert folder == load(find_workspace(folder)).workspace


def test_no_workspace(tmp_path: Path) -> None:
    """A given folder without settings is refused with the way to make one."""
    with pytest.raises(WorkspaceError, match="init"):
        find_workspace(tmp_path)


def test_a_source_cannot_be_stale_before_each_poll(workspace: Workspace) -> None:
    """A threshold that no poll could keep is refused, with both numbers and the section's line."""
    folder = workspace("[sync]\npoll_seconds = 3600\n")
    with pytest.raises(SettingsError, match="found 900 and 3600") as caught:
        load(folder)
    assert "sync.stale_seconds" in str(caught.value)
    assert Where(file=str(folder / "ros-sync.toml"), line=1, key="sync") == caught.value.where


def test_every_key_is_in_the_reference() -> None:
    """The reference page has a line for each key that can be set, and for no other."""
    documented = re.findall(r"^\| `(\w+\.\w+)`", REFERENCE.read_text(), flags=re.MULTILINE)
    assert list(settings_keys()) == documented


def test_template_shows_the_defaults(workspace: Workspace) -> None:
    """Taking the # away from the template's defaults changes nothing."""
    text = re.sub(r"^# (?=\w+ = )(?!\w+_file)", "", TEMPLATE.read_text(), flags=re.MULTILINE)
    folder = workspace(text)
    (folder / "connectors").mkdir()
    (folder / "rules").mkdir()
    assert Settings(workspace=folder, _env_file=None).model_dump() == load(folder).model_dump()
    assert load(folder).model_dump() == load(workspace("")).model_dump()


def test_template_shows_every_key() -> None:
    """The template has a line for each key, except for secrets, which belong elsewhere."""
    shown = re.findall(r"^# (\w+) = ", TEMPLATE.read_text(), flags=re.MULTILINE)
    secrets = {"token", "signing_secret", "client_secret", "refresh_token", "metrics_token", "ping_url"}
    elsewhere = {*secrets, "url_file"}
    assert sorted(key.split(".")[1] for key in settings_keys() if key.split(".")[1] not in elsewhere) == sorted(shown)


@pytest.mark.parametrize(
    "line", ["ROS_SYNC_SLACK__TOKEN", "export ROS_SYNC_SLACK__TOKEN", "ROS_SYNC_SLACK__TOKEN: xoxb-1"]
)
def test_a_line_of_the_env_file_without_a_value_is_told(tmp_path: Path, line: str) -> None:
    """A forgotten equals sign is a mistake with its line, not a setting that is quietly left out."""
    (tmp_path / "ros-sync.toml").touch()
    (tmp_path / ".env").write_text(f"# mine\n{line}\n")
    with pytest.raises(RosSyncError) as caught:
        load(tmp_path)
    assert (".env:2" in str(caught.value), "no = behind the name" in str(caught.value)) == (True, True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://monitor.example/very-secret",
        "very-secret",
        "https://",
        "file:///very-secret",
        "http://x:99999/very-secret",
    ],
)
def test_a_ping_goes_to_http_alone_and_is_never_quoted(tmp_path: Path, url: str) -> None:
    """An address of another kind is refused with what was expected; it may hold a secret, so nothing of it is shown."""
    (tmp_path / "ros-sync.toml").write_text(f'[health]\nping_url = "{url}"\n')
    with pytest.raises(RosSyncError) as caught:
        load(tmp_path)
    assert ("an http or https URL" in str(caught.value), "secret" in str(caught.value)) == (True, False)


def test_a_ping_address_is_a_secret(tmp_path: Path) -> None:
    """It does not print, and may stand in a file of its own."""
    (tmp_path / "url").write_text("https://monitor.example/very-secret\n")
    (tmp_path / "ros-sync.toml").write_text('[health]\nping_url_file = "url"\n')
    settings = load(tmp_path)
    assert settings.health.ping_url is not None
    assert ("https://monitor.example/very-secret", False) == (
        settings.health.ping_url.get_secret_value(),
        "very-secret" in repr(settings),
    )


def test_a_short_token_for_the_figures_is_refused(tmp_path: Path) -> None:
    """A token that can be guessed is none; it is not quoted either."""
    (tmp_path / "ros-sync.toml").write_text('[web]\nmetrics_token = "hunter2"\n')
    with pytest.raises(RosSyncError) as caught:
        load(tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ['api_version = "v3"', 'api_version = "2026-04"', 'api_version = "2025-09"', 'api_version_search = "v4"',
     'api_version_associations = "v3"', 'api_version_token = "v2"', 'api_version_owners = "latest"'],
)  # fmt: skip
def test_a_version_that_hubspot_does_not_have_is_refused(tmp_path: Path, line: str) -> None:
    """A release comes in March or September; of the numbers, the one that the official client knows."""
    (tmp_path / "ros-sync.toml").write_text(f"[hubspot]\n{line}\n")
    with pytest.raises(SettingsError, match="such as 2026-09"):
        load(tmp_path)


@pytest.mark.parametrize(
    "line", ['api_version = "2026-09"', 'api_version_search = "v3"', 'api_version_token = "2027-03"']
)
def test_versions_of_hubspot_s_api_can_be_set(tmp_path: Path, line: str) -> None:
    """For all calls or for a part of them."""
    (tmp_path / "ros-sync.toml").write_text(f"[hubspot]\n{line}\n")
    key, _, value = line.partition(" = ")
    assert getattr(load(tmp_path).hubspot, key) == value.strip('"')
