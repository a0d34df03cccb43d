from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest
from tests.integration.workspace.conftest import RULES, Place, rule

from ros_sync.errors import RosSyncError
from ros_sync.mirror.config_versions import broken_files, history, latest


def a_pipe(place: Place) -> None:
    (place.folder / "rules/one.yaml").unlink()
    os.mkfifo(place.folder / "rules/one.yaml")


def a_folder(place: Place) -> None:
    (place.folder / "rules/one.yaml").unlink()
    (place.folder / "rules/one.yaml").mkdir()


def a_link_to_nowhere(place: Place) -> None:
    (place.folder / "rules/one.yaml").unlink()
    (place.folder / "rules/one.yaml").symlink_to("nowhere.yaml")


def content(broken: str | bytes) -> Callable[[Place], None]:
    return lambda place: place.write("rules/one.yaml", broken)


BREAKS = {
    "empty": content(""),
    "blank": content("\n\n# nothing\n"),
    "cut": content((RULES + rule("first"))[:-30]),
    "cut behind a key": content(RULES + "  - id: first\n    title:"),
    "no key that is needed": content("rules: []\n"),
    "foreign": content("people:\n  - ann\n"),
    "a text": content("just words"),
    "invalid YAML": content("version: 1\nrules: [}\n"),
    "not UTF-8": content(b"version: 1\nrules: [] # \xff\n"),
    "NUL": content(b"version: 1\0\n"),
    "tab": content("version: 1\nrules:\n\t- id: first\n"),
    "too large": content(b"#" * 4_000_001),
    "condition": content(RULES + rule("first", when="amount >")),
    "field": content(RULES + rule("first", when="nosuch is 1")),
    "inhibitor": content(RULES + rule("first", "inhibited_by: [nosuch]")),
    "calendar": content(
        RULES + rule("first") + "    clock: {starts: created, stops: [closed], within: 1 hour, calendar: nosuch}\n"
    ),
    "twice": content(RULES + rule("first") + rule("first")),
    "another's": content(RULES + rule("first") + rule("second")),
    "itself": content(RULES + rule("first", "inhibited_by: [first]")),
    "version": content((RULES + rule("first")).replace("version: 1", "version: 2")),
    "pipe": a_pipe,
    "folder": a_folder,
    "link": a_link_to_nowhere,
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_rule_file_stops_nothing(place: Place, how: str) -> None:
    """Whatever is wrong with it, its last good version goes on beside what the others say now, also after a restart."""
    place.now()
    BREAKS[how](place)
    place.rules("two.yaml", rule("second"), rule("third"))
    expected = (["first", "second", "third"], ["rules/one.yaml"])
    assert expected == (place.rule_ids(), place.broken())
    place.restart()
    assert expected == (place.rule_ids(), place.broken())


def test_what_is_broken_is_told_with_its_place_and_what_is_used(place: Place) -> None:
    """Another process sees the place, the reason, since when, and from when the version in use is."""
    place.now()
    place.write("rules/one.yaml", RULES + rule("first", when="amount >"))
    place.now()
    (seen,) = broken_files(place.engine)
    used = latest(place.engine.connect())["rules/one.yaml"]
    assert ("rules/one.yaml", 6, used.effective_from) == (seen.path, seen.line, seen.version_in_use_from)
    assert f"{seen.where} cannot be used; the version of" in seen.reason
    place.write("rules/one.yaml", "version: [")
    place.now()
    (still,) = broken_files(place.engine)
    assert (seen.since, True) == (still.since, seen.message != still.message)


def test_a_file_that_is_put_right_is_used_again(place: Place) -> None:
    """What stands there is used, nothing is broken, and a version was kept only of what was good."""
    place.now()
    place.write("rules/one.yaml", "version: [")
    place.now()
    place.rules("one.yaml", rule("mended"))
    assert (["mended", "second"], []) == (place.rule_ids(), place.broken())
    with place.engine.connect() as connection:
        texts = [version.text for version in history(connection, "rules/one.yaml")]
    assert [RULES + rule("first"), RULES + rule("mended")] == texts


def test_a_byte_order_mark_makes_no_version(place: Place) -> None:
    """An editor that puts a mark before the text changes nothing."""
    place.now()
    place.write("rules/one.yaml", b"\xef\xbb\xbf" + (RULES + rule("first")).encode())
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())
    with place.engine.connect() as connection:
        assert 1 == len(history(connection, "rules/one.yaml"))


def test_a_new_file_that_is_broken_stops_no_other(place: Place) -> None:
    """Nothing of it is used; what its rules are is not known, so the rules are not all there."""
    place.now()
    place.write("rules/three.yaml", "version: [")
    assert (["first", "second"], ["rules/three.yaml"], False) == (
        place.rule_ids(),
        place.broken(),
        place.now().rules.complete,
    )
    assert None is broken_files(place.engine)[0].version_in_use_from


def test_files_that_were_broken_from_the_first_are_told_as_errors(place: Place) -> None:
    """Where nothing can be used and nothing ever could, there is nothing to go on with."""
    for name in ("one.yaml", "two.yaml"):
        place.write(f"rules/{name}", "version: [")
    with pytest.raises(RosSyncError, match=r"one\.yaml:1:11"):
        place.now().company()
    assert ["rules/one.yaml", "rules/two.yaml"] == place.broken()


def test_a_removed_file_is_retired(place: Place) -> None:
    """Its rules are gone, nothing is broken, and its history says when that was."""
    place.now()
    (place.folder / "rules/two.yaml").unlink()
    assert (["first"], [], True) == (place.rule_ids(), place.broken(), place.now().rules.complete)
    with place.engine.connect() as connection:
        assert [True, False] == [bool(version.text) for version in history(connection, "rules/two.yaml")]
    place.restart()
    assert (["first"], []) == (place.rule_ids(), place.broken())


def test_a_renamed_file_is_the_same_rules(place: Place) -> None:
    """Under its new name it is used, and the old name is retired."""
    place.now()
    (place.folder / "rules/two.yaml").rename(place.folder / "rules/second.yaml")
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())


def test_a_removed_file_can_come_back(place: Place) -> None:
    """It is one version more of the same file."""
    place.now()
    (place.folder / "rules/two.yaml").unlink()
    place.now()
    place.rules("two.yaml", rule("second"))
    assert ["first", "second"] == place.rule_ids()
    with place.engine.connect() as connection:
        assert [1, 2, 3] == [version.number for version in history(connection, "rules/two.yaml")]


def unmounted(place: Place) -> None:
    shutil.rmtree(place.folder / "rules")


def emptied(place: Place) -> None:
    unmounted(place)
    (place.folder / "rules").mkdir()


def a_file_instead(place: Place) -> None:
    unmounted(place)
    (place.folder / "rules").write_text("")


def organisation_alone(place: Place) -> None:
    for name in ("one.yaml", "two.yaml"):
        (place.folder / "rules" / name).unlink()


@pytest.mark.parametrize("vanish", [unmounted, emptied, a_file_instead, organisation_alone])
def test_a_folder_that_vanished_retires_nothing(place: Place, vanish: Callable[[Place], None]) -> None:
    """A volume that is not mounted says nothing about rules: all go on, and it is told."""
    place.organisation(people=", {email: ann@example.com}")
    place.now()
    vanish(place)
    expected = (["first", "second"], True, {"rules/one.yaml", "rules/two.yaml"})
    for _ in range(2):
        in_force = place.now()
        told = {path for path in place.broken() if path != "rules/organisation.yaml"}
        assert expected == (place.rule_ids(), "ann@example.com" in in_force.organisation.people, told)
        place.restart()


def test_an_editors_own_files_are_no_rules(place: Place) -> None:
    """What begins with a dot (a lock of Emacs, a shadow file of macOS) is not looked at."""
    (place.folder / "rules/.#one.yaml").symlink_to("ann@desk.4711")
    place.write("rules/._one.yaml", b"\0\5\x16\7")
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())


def test_another_folder_in_the_settings_retires_the_former_ones_files(place: Place) -> None:
    """The rules are those of the folder that the settings name now."""
    place.now()
    (place.folder / "rules").rename(place.folder / "regeln")
    (place.folder / "ros-sync.toml").write_text('[paths]\nrules = "regeln"\n')
    place.restart()
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())


def test_secrets_are_not_kept(place: Place) -> None:
    """Only what RevOps configures is in the table."""
    place.connector()
    place.now()
    with place.engine.connect() as connection:
        kept = latest(connection)
    paths = {"connectors/hubspot.yaml", "rules/one.yaml", "rules/organisation.yaml", "rules/two.yaml"}
    assert (paths, False) == (set(kept), any("secret" in str(version.text) for version in kept.values()))
