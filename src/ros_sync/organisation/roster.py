"""Reading the teams and the people of organisation.yaml, as they are from each day on that the file names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ros_sync import clock
from ros_sync.config_files import ConfigFile, Node, Scalar
from ros_sync.fields import did_you_mean
from ros_sync.organisation.company import Member, Team
from ros_sync.organisation.dated_entries import SINCE, UNTIL, DatedEntry, DatedReader, holding
from ros_sync.organisation.team_tree import LEVELS, circles

EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")  # Slack: user ids begin with U or W
_TEAM = ("name", "parent", "manager", "region", "calendar")
_PERSON = ("email", "name", "manager", "team", "role", "level", "region", "calendar", "timezone", "slack", "active")
_LATER = "or, where something changes on a day, give the later entry a `since: 2026-05-01`"


@dataclass(frozen=True, slots=True)
class Roster:
    """The teams by name and the people by e-mail (lower-cased) from a day on; None: before all days that are named."""

    since: date | None
    teams: Mapping[str, Team]
    people: Mapping[str, Member]


class RosterReader:
    """Reads the teams and the people of one file. `calendars` are the names of its calendars."""

    def __init__(self, config: ConfigFile, calendars: set[str]) -> None:
        self._config = config
        self._calendars = calendars
        self._dated = DatedReader(config)
        self._teams: dict[str, list[DatedEntry]] = {}
        self._people: dict[str, list[DatedEntry]] = {}
        self._noted: set[tuple[int, int]] = set()  # places of which it was told that they do not fit

    def read(self, teams: Node | None, people: Node | None) -> list[Roster]:
        """The roster before all days that are named, and the one from each of these days on."""
        person_entries = list(self._entries(people, _PERSON, "email"))
        team_entries = list(self._entries(teams, _TEAM, "name"))
        self._name_people([entry for _, entry in person_entries])
        for _, entry in team_entries:
            name = self._config.text(entry.get("name"))
            if name is not None:
                self._teams.setdefault(name, [])
        for node, entry in team_entries:
            self._add(self._teams, _written(entry.get("name")), node, entry, _TEAM[1:], self._team)
        for node, entry in person_entries:
            self._add(self._people, _written(entry.get("email")).lower(), node, entry, _PERSON[1:], self._person)
        for name, entries in self._teams.items():
            self._dated.in_order(entries, "name", (f"duplicate team {name!r}", f"give each its own name, {_LATER}"))
        for email, entries in self._people.items():
            twice = f"{email} is in this file twice", f"keep one entry for each person, {_LATER}"
            self._dated.in_order(entries, "email", twice)
        return list(self._rosters())

    # ---- entries

    def _entries(self, node: Node | None, keys: tuple[str, ...], key: str) -> Iterator[tuple[Node, dict[str, Node]]]:
        for item in self._config.items(node):
            yield item, self._config.entries(item, (*keys, SINCE, UNTIL), {key: None})

    def _name_people(self, entries: list[dict[str, Node]]) -> None:
        for entry in entries:
            email = self._config.text(entry.get("email"))
            if email is None:
                continue
            if not EMAIL.fullmatch(email):
                self._config.problem(entry["email"], f"{email!r} isn't an e-mail address")
            else:
                self._people.setdefault(email.lower(), [])

    def _add(
        self,
        known: dict[str, list[DatedEntry]],
        name: str,
        node: Node,
        entry: dict[str, Node],
        keys: tuple[str, ...],
        read: Callable[[Mapping[str, Node]], dict[str, Any]],
    ) -> None:
        """Read an entry; one without a name that can be used was noted when names were collected."""
        since, until = self._dated.span(entry)
        if name in known:
            values: dict[str, Any] = dict.fromkeys(self._dated.ended(node, keys, dated=SINCE in entry))
            values |= {key: value for key, value in read(entry).items() if key in entry}
            known[name].append(DatedEntry(values, entry, since, until))

    def _team(self, entry: Mapping[str, Node]) -> dict[str, Any]:
        return {
            "parent": self._config.choice(entry.get("parent"), self._teams),
            "manager": self._manager(entry),
            "region": self._config.text(entry.get("region")),
            "calendar": self._config.choice(entry.get("calendar"), self._calendars),
        }

    def _person(self, entry: Mapping[str, Node]) -> dict[str, Any]:
        zone = self._config.read(entry.get("timezone"), clock.zone)
        return {
            "name": self._config.text(entry.get("name")),
            "manager": self._manager(entry),
            "team": self._config.choice(entry.get("team"), self._teams),
            "role": self._config.text(entry.get("role")),
            "level": self._config.choice(entry.get("level"), LEVELS),
            "region": self._config.text(entry.get("region")),
            "calendar": self._config.choice(entry.get("calendar"), self._calendars),
            "timezone": zone.key if zone is not None else None,
            "slack": self._slack(entry),
            "active": self._config.flag(entry.get("active")),
        }

    def _manager(self, entry: Mapping[str, Node]) -> str | None:
        email = self._config.text(entry.get("manager"))
        if email is None:
            return None
        if email.lower() not in self._people:
            hint = did_you_mean(email.lower(), self._people) if self._people else ""
            hint = hint if hint.startswith("did") else "add them to `people`"
            self._config.problem(entry["manager"], f"no one in `people` has the e-mail {email!r}", hint)
            return None
        return email.lower()

    def _slack(self, entry: Mapping[str, Node]) -> str | None:
        user = self._config.text(entry.get("slack"))
        if user is not None and not _SLACK_USER.fullmatch(user):
            hint = (
                "it is in the person's Slack profile under `Copy member ID`, such as U012345; without it the "
                "e-mail is used"
            )
            self._config.problem(entry["slack"], f"{user!r} isn't a Slack user id", hint)
            return None
        return user

    # ---- day by day

    def _rosters(self) -> Iterator[Roster]:
        """A roster for each day from which on something else holds; each takes over what is the same."""
        days: dict[date | None, tuple[set[str], set[str]]] = {None: (set(self._teams), set(self._people))}
        for place, known in enumerate((self._teams, self._people)):
            for name, entries in known.items():
                for step in {step for entry in entries for step in entry.steps}:
                    days.setdefault(step, (set(), set()))[place].add(name)
        teams: dict[str, Team] = {}
        people: dict[str, Member] = {}
        nodes: dict[tuple[str, str], Mapping[str, Node]] = {}
        for day in sorted(days, key=lambda each: each or date.min):
            teams, people = dict(teams), dict(people)
            for name in (each for each in self._teams if each in days[day][0]):
                _put(teams, nodes, ("team", name), holding(self._teams[name], day), Team)
            for email in (each for each in self._people if each in days[day][1]):
                _put(people, nodes, ("person", email), holding(self._people[email], day), Member)
            roster = Roster(day, teams, people)
            self._check(roster, nodes)
            yield roster

    def _check(self, roster: Roster, nodes: Mapping[tuple[str, str], Mapping[str, Node]]) -> None:
        """Note what does not fit on that day: teams and people who are not there yet, or no more, and circles."""
        teams, people = roster.teams, roster.people
        for name, team in teams.items():
            self._expect(roster, nodes["team", name], "parent", team.parent, teams)
            self._expect(roster, nodes["team", name], "manager", team.manager, people)
        for email, member in people.items():
            self._expect(roster, nodes["person", email], "team", member.team, teams)
            self._expect(roster, nodes["person", email], "manager", member.manager, people)
        for circle in circles({email: member.manager for email, member in people.items()}):
            self._refuse(roster, circle, nodes["person", circle[0]]["manager"], "circular reporting line", "manager")
        for circle in circles({name: team.parent for name, team in teams.items()}):
            self._refuse(roster, circle, nodes["team", circle[0]]["parent"], "these stand above each other", "parent")

    def _expect(
        self, roster: Roster, nodes: Mapping[str, Node], key: str, name: str | None, there: Mapping[str, object]
    ) -> None:
        if name is None or name in there:
            return
        when = f"on {roster.since}" if roster.since else "before its first `since`"
        hint = "let this hold from the same day on (`since`), or have an entry of that one without `since`"
        self._note(nodes[key], f"{name!r} is not in this file {when}", hint)

    def _refuse(self, roster: Roster, circle: list[str], node: Node, what: str, key: str) -> None:
        when = f" from {roster.since} on" if roster.since else ""
        words = f"{what}{when}: {' -> '.join(circle)}"
        self._note(node, words, "one of them is wrong", key=f"{circle[0]}.{key}")

    def _note(self, node: Node, message: str, hint: str, *, key: str | None = None) -> None:
        """Note a problem at a place once, however many days it is the same on."""
        if (node.line, node.column) not in self._noted:
            self._noted.add((node.line, node.column))
            self._config.problem(node, message, hint, key=key)


def _put(
    known: dict[str, Any],
    nodes: dict[tuple[str, str], Mapping[str, Node]],
    key: tuple[str, str],
    held: Any,
    make: Callable[..., Any],
) -> None:
    if held is None:
        known.pop(key[1], None)
    else:
        known[key[1]] = make(key[1], **held.values)
        nodes[key] = held.nodes


def _written(node: Node | None) -> str:
    return node.value.strip() if isinstance(node, Scalar) else ""
