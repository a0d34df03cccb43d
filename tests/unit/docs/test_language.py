"""What people read is the English of a native speaker: a wall against turns of phrase that were swept out once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
# "is no number", but not "there is no number" and "is no longer".
ODD = re.compile(
    (
        r"(?<!there )\b(?:is|are) no (?!longer|more|fewer|one\b)[a-z{]|\bmend(?:s|ed|ing)?\b|\bnobody (?:that "
        r")?(?:we know|knows)"
    ),
    re.IGNORECASE,
)
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / "how-to").glob("*.md"),
    ROOT / "docs" / "quick-start.md",
    ROOT / "deploy" / "README.md",
]


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The texts of a module that are no docstrings, with their lines.

    Of an f-string the parts with what stands between.
    """
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            documents |= {id(part) for part in node.values}
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def test_messages_read_as_a_native_speaker_writes_them() -> None:
    """No text of the program says "is no number", "mend" or "nobody we know"."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for line, text in _texts(ast.parse(path.read_text()))
        if ODD.search(text) and not re.fullmatch(r"\w+", text)  # a key of JSON is renamed with the next version of it
    ]

    assert found == []


def test_pages_read_as_a_native_speaker_writes_them() -> None:
    """Neither do the pages that a newcomer and an operator read first."""
    found = [f"{path.name}: {match[0]}" for path in PAGES for match in ODD.finditer(" ".join(path.read_text().split()))]

    assert found == []
