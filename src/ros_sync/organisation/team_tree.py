"""Teams as a tree: what stands above a team, and the level of who leads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ros_sync.organisation.company import Team

FIRST_LINE, REGION, COMPANY = LEVELS = ("L1", "L2", "L3")  # first-line manager, regional head, CRO


def with_those_above(teams: Mapping[str, Team], name: str | None) -> Iterator[Team]:
    """The team of that name and, in turn, the teams above it; nothing where there is no such team."""
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        team = teams.get(name)
        if team is None:
            return
        yield team
        name = team.parent


def levels(teams: Mapping[str, Team]) -> dict[str, str]:
    """By team, the level of who leads it.

    A team at the top is the company's (L3), one without teams below it has sellers (L1), those between are regions
    (L2). A team that stands in no tree, neither above nor below another, has none.
    """
    above = {team.parent for team in teams.values()} - {None}
    found = {}
    for name, team in teams.items():
        if name in above:
            found[name] = REGION if team.parent else COMPANY
        elif team.parent:
            found[name] = FIRST_LINE
    return found


def circles(above: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Each circle of names that stand above each other, once, at the first of them: its names, ending in that one."""
    settled: set[str] = set()
    for name in above:
        line: list[str] = []
        at: str | None = name
        while at is not None and at not in settled and at not in line:
            line.append(at)
            at = above.get(at)
        if at in line:
            assert at is not None
            yield [*line[line.index(at) :], at]
        settled.update(line)
