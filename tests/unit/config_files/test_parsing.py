"""A file that cannot be read is one problem with its place, and no file can make the reader run away."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.config_files import MAX_FILE_BYTES, Mapping, Node, Scalar, Sequence, parsing
from ros_sync.errors import MappingError, RuleError


def read(tmp_path: Path, content: str | bytes) -> Node:
    """The nodes of a file with this content."""
    path = tmp_path / "sheet.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parsing.read(path, "sheet.yaml", RuleError)


def test_nodes_know_their_places(tmp_path: Path) -> None:
    """Line and column count from 1, lists in paths too; a key has the path of its value."""
    root = read(tmp_path, "people:\n  - ada\n  - {name: 'cem'}\n")
    name = (Scalar("name", False, 3, 6, "people[2].name"), Scalar("cem", True, 3, 12, "people[2].name"))
    people: list[Node] = [Scalar("ada", False, 2, 5, "people[1]"), Mapping(3, 5, "people[2]", [name])]
    assert Mapping(1, 1, "", [(Scalar("people", False, 1, 1, "people"), Sequence(2, 3, "people", people))]) == root


def test_a_key_that_comes_twice_is_kept_for_the_sheet_to_tell(tmp_path: Path) -> None:
    """The second of two values is not lost here, so that its place can be told."""
    root = read(tmp_path, "a: 1\na: 2\n")
    assert isinstance(root, Mapping)
    assert ["1", "2"] == [value.value for _, value in root.items if isinstance(value, Scalar)]


def test_a_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    """A file saved as UTF-8 with a mark is read as one without."""
    assert read(tmp_path, b"a: 1\n") == read(tmp_path, b"\xef\xbb\xbfa: 1\n")


EMPTY = "sheet.yaml: the file is empty (it begins with `version: 1`)"
DEEP = "this is nested more than 20 deep (check the brackets and indentation)"
CHECK = "(check quotes, brackets and indentation here)"
KEY = "a key must be a word (quote text that begins with [ or {)"
ALIASES = (
    "anchors and aliases aren't supported here (write out the value, or put text that begins with & or * in quotes)"
)


@pytest.mark.parametrize("content", ["a:\n", "a: # remark\n", "a: {b:\n  }\n"])
def test_nothing_stands_where_its_key_does(tmp_path: Path, content: str) -> None:
    """The place of a value that was left out is not the next line's."""
    node = read(tmp_path, content)
    while isinstance(node, Mapping):
        node = node.items[0][1]
    assert 1 == node.line


@pytest.mark.parametrize(
    "content,problem",
    [
        ("", EMPTY),
        ("\n# nothing but a remark\n", EMPTY),
        ("---\n...\n", EMPTY),
        (b'a: 1\nb: "M\xfcller"\n', "sheet.yaml:2:6: the file isn't UTF-8 (save it as UTF-8)"),
        ("a: 1\n".encode("utf-16"), "sheet.yaml:1:1: the file isn't UTF-8 (save it as UTF-8)"),
        (
            b"#" * (MAX_FILE_BYTES + 1),
            "sheet.yaml: the file is larger than 4,000,000 bytes (is it the right file?)",
        ),
        ("a:\n\t- b\n", "sheet.yaml:2:1: tab character found (indent with spaces)"),
        ("a:\n  b:\n  \t- c\n", "sheet.yaml:3:3: tab character found (indent with spaces)"),
        ("a: [1\n", f"sheet.yaml:2:1: invalid YAML: expected ',' or ']', but got '<stream end>' {CHECK}"),
        (
            "a: 1\nb: x\x01\n",
            "sheet.yaml:2:5: invalid YAML: a character that isn't allowed, U+0001 (remove it)",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "sheet.yaml:2:1: a second document starts here (one file holds one document; remove `---`)",
        ),
        (
            "a:\n  - b: {c: 1}\n   d: 2\n",
            (
                "sheet.yaml:3:4: this line is indented by 3 spaces, and those that it belongs to by 4 (indent it "
                "by 4 spaces)"
            ),
        ),
        (
            "a:\n  b: 1\n   c: 2\n",
            (
                "sheet.yaml:3:4: this line is indented by 3 spaces, and those that it belongs to by 2 (indent it "
                "by 2 spaces)"
            ),
        ),
        (
            "a:\n    - b\n   - c\n",
            (
                "sheet.yaml:3:4: this line is indented by 3 spaces, and those that it belongs to by 4 (indent it "
                "by 4 spaces)"
            ),
        ),
        (
            "a:\n b: 1\nc: d: e\n",
            "sheet.yaml:3:5: a colon and a space within a value need quotes around it (put it in double quotes)",
        ),
        ("a: &x [1]\nb: *x\n", f"sheet.yaml:1:4: {ALIASES}"),
        ("a: *gone\n", f"sheet.yaml:1:4: {ALIASES}"),
        (
            "a: !!python/name:os.system x\n",
            (
                "sheet.yaml:1:4: tags aren't supported here (put text that begins with ! in quotes; in a condition "
                "use `not`)"
            ),
        ),
        ("{[a]: 1}\n", f"sheet.yaml:1:2: {KEY}"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: str | bytes, problem: str) -> None:
    """The problem names the place, what is wrong and what to do."""
    with pytest.raises(RuleError) as caught:
        read(tmp_path, content)
    assert problem == str(caught.value)


@pytest.mark.parametrize(
    "content,column,problem",
    [
        ("[" * 20_000 + "]" * 20_000, 21, DEEP),
        ("{a: " * 20_000, 81, DEEP),
        ("- " * 20_000, 41, DEEP),
        ("{" * 20_000, 2, KEY),
        ("? " * 20_000, 3, KEY),
    ],
)
def test_deep_nesting_is_refused_at_the_first_bracket_too_many(
    tmp_path: Path, content: str, column: int, problem: str
) -> None:
    """However deep it goes on, it is not read any further."""
    with pytest.raises(RuleError) as caught:
        read(tmp_path, content)
    assert f"sheet.yaml:1:{column}: {problem}" == str(caught.value)


def test_an_alias_bomb_is_harmless(tmp_path: Path) -> None:
    """Aliases of aliases are refused at the first anchor, before anything is unfolded."""
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(RuleError, match=r"^sheet\.yaml:1:5: anchors and aliases"):
        read(tmp_path, bomb)


def test_a_file_that_is_not_there_says_where_one_comes_from(tmp_path: Path) -> None:
    """The problem is of the asked kind and names the command that lays a file out."""
    with pytest.raises(MappingError, match=r"^none: the file cannot be read: No such file.*ros-sync init"):
        parsing.read(tmp_path / "none.yaml", "none", MappingError)


@given(st.text(alphabet="ab01 \n\t-:?[]{},&*!|>'\"%@#\\~\r\x00\x85\u2028\ufeff\U0001f600", max_size=40))
def test_every_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in a file gives nodes or the one kind of error, with a place inside the file if with any."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode())
    try:
        line = parsing.read(path, "any.yaml", RuleError).line
    except RuleError as error:
        line = (error.where.line if error.where else None) or 1
    assert 1 <= line <= len(text) + 1
