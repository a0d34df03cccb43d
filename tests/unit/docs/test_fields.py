"""The reference of fields is what the mirror's tables say. `python tests/unit/docs/test_fields.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.rules.object_schema import OBJECTS, schema_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "fields.md"
BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"


def section(mirrored: MirroredObject) -> str:
    """One object: what it is, whether rules can be written on it, and its fields."""
    use = "Rules can be written on it." if mirrored.name in OBJECTS else "Rules are not written on it; it is looked up."
    lines = [f"## `{mirrored.name}`", "", f"{mirrored.table.info['doc']} {use}", ""]
    lines += ["| field | kind | filled by | what it is |", "| --- | --- | --- | --- |"]
    for field in mirrored.fields.values():
        filled = "ros-sync" if field.name in mirrored.computed else "the mapping"
        lines.append(f"| `{field.name}` | {field.kind} | {filled} | {field.doc} |")
    if mirrored.name in OBJECTS:
        derived = (field for name, field in schema_of(mirrored.name).fields.items() if name not in mirrored.fields)
        lines += [f"| `{field.name}` | {field.kind} | ros-sync, in rules alone | {field.doc} |" for field in derived]
    return "\n".join(lines)


def written() -> str:
    """The generated part of the page."""
    return "\n\n".join(section(mirrored) for mirrored in objects().values())


def page_with(generated: str) -> str:
    """The page, its generated part replaced."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def test_the_page_is_up_to_date() -> None:
    """Every object and field stands in the reference, with its kind and meaning."""
    assert page_with(written()) == PAGE.read_text(encoding="utf-8")


def test_every_field_says_what_it_is() -> None:
    """No field is without a line of documentation."""
    silent = [
        f"{name}.{field.name}" for name, each in objects().items() for field in each.fields.values() if not field.doc
    ]
    assert [] == silent


if __name__ == "__main__":
    PAGE.write_text(page_with(written()), encoding="utf-8")
