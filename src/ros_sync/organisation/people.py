"""Who is who: the people of the organisation file and the owners of every CRM, as one directory.

An owner and a member of the file are one person when they share an e-mail; an owner without one is recognised by name
where exactly one member has that name. What the file says wins; what it leaves out is taken from the owners, in the
order of (source, id).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time

from ros_sync import clock
from ros_sync.organisation.calendars import BusinessCalendar, wall_instant
from ros_sync.organisation.company import Member, Organisation
from ros_sync.organisation.team_tree import levels, with_those_above


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """An owner as a CRM knows them. `manager` is an id of the same source, an e-mail or a name."""

    source: str
    id: str
    name: str | None = None
    email: str | None = None
    active: bool | None = None
    timezone: str | None = None
    team: str | None = None
    manager: str | None = None
    role: str | None = None
    region: str | None = None
    slack_user: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who works here, or did.

    `key` never changes: the e-mail, lower-cased, or `source:id` where there is none. `manager` is the key of their own
    manager; `manager_named` is who they are said to report to where nobody here is known by that. `calendar` is the
    name of a calendar of the organisation: their own, else their team's or that of one above it, else the company's.
    `level` is what the file says, else that of the highest team that they lead.
    """

    key: str
    name: str
    email: str | None
    timezone: str
    team: str | None
    manager: str | None
    role: str | None
    level: str | None
    region: str | None
    calendar: str
    slack_user: str | None
    active: bool
    manager_named: str | None = None

    def due_at(self, day: date, at: time) -> datetime:
        """The instant of a time of day where the person is.

        What they are asked for by a day is due in their own zone.
        """
        return wall_instant(day, at, clock.zone(self.timezone))


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody, and as the lead of which team they are met; None: as themselves."""

    person: Person
    leads: str | None = None


@dataclass(slots=True)
class _Known:
    """What the file and the CRMs say of one person, before it is made one."""

    key: str
    member: Member | None = None
    owners: list[OwnerRow] = field(default_factory=list)

    def first(self, name: str) -> str | None:
        """The first owner's value of a field that is not missing."""
        return next((value for owner in self.owners if (value := getattr(owner, name))), None)

    @property
    def timezone(self) -> str | None:
        """The first owner's time zone that is one: a CRM may say anything."""
        return next((each.timezone for each in self.owners if each.timezone and clock.is_zone(each.timezone)), None)

    @property
    def name(self) -> str:
        own = self.member.name if self.member else None
        return own or self.first("name") or self.email or self.key

    @property
    def email(self) -> str | None:
        return self.member.email if self.member else _lower(self.first("email"))

    @property
    def active(self) -> bool:
        """Active where the file says so; else unless every CRM that says anything says they are not."""
        if self.member and self.member.active is not None:
            return self.member.active
        said = [owner.active for owner in self.owners if owner.active is not None]
        return any(said) or not said


class Directory:
    """Everybody, by key, by e-mail and by the owner ids of each CRM."""

    def __init__(self, organisation: Organisation, owners: Iterable[OwnerRow] = ()) -> None:
        self.organisation = organisation
        self._led: dict[str, list[str]] = defaultdict(list)  # by person, the teams that they lead
        for team in organisation.teams.values():
            if team.manager:
                self._led[team.manager].append(team.name)
        self._levels = levels(organisation.teams)
        known, self._keys = _gather(organisation, owners)
        names = _Names(known.values())
        self._people = {key: self._person(each, names) for key, each in known.items()}
        self._names = names
        self._calendars: dict[tuple[str, str], BusinessCalendar] = {}  # by name and zone

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people.values())

    def __len__(self) -> int:
        return len(self._people)

    @property
    def fallback(self) -> str | None:
        """The e-mail or `#channel` that is told what reaches nobody else."""
        return self.organisation.company.fallback

    def person(self, key: str) -> Person | None:
        """The person of that key."""
        return self._people.get(key)

    def person_of(self, source: str, owner_id: str | None) -> Person | None:
        """The person behind an owner id of a CRM; None where there is no id or nobody is known by it."""
        key = self._keys.get((source, owner_id)) if owner_id is not None else None
        return self._people.get(key) if key is not None else None

    def owner_of(self, source: str, owner_id: str | None, named: str | None = None) -> Person | None:
        """The person behind a record's owner id, or behind the e-mail or name that the CRM gives where it has no id."""
        key = self._names.meant(source, named) if named else None
        return self.person_of(source, owner_id) or (self._people.get(key) if key else None)

    def find(self, email: str) -> Person | None:
        """The person with that e-mail, in capitals or not."""
        return self._people.get(email.strip().lower())

    def manager_of(self, person: Person) -> Person | None:
        """The person's own manager, else who leads their team, else the one above it; nobody is their own manager."""
        return next((post.person for post in self.above(Post(person))), None)

    def above(self, post: Post) -> list[Post]:
        """Those to whom somebody reports, the one who is asked first at the beginning.

        Their own manager, where one is named. Else who leads the team above that which they lead at this `post`, or
        else their own team, or one above it. Who has neither, and leads several teams, reports to those above each.
        """
        person = post.person
        own = self._people.get(person.manager) if person.manager else None
        if own is not None and own.key != person.key:
            return [Post(own)]
        teams = self.organisation.teams
        led = teams.get(post.leads) if post.leads else None
        ways = ([led.parent] if led else [], [person.team], [teams[name].parent for name in self._led[person.key]])
        for way in ways:
            found = {each.person.key: each for name in way if (each := self._leader(name, person)) is not None}
            if found:
                return list(found.values())
        return []

    def _leader(self, team: str | None, person: Person) -> Post | None:
        """Who leads a team, or the next one above it that somebody else leads."""
        for each in with_those_above(self.organisation.teams, team):
            lead = self._people.get(each.manager) if each.manager else None
            if lead is not None and lead.key != person.key:
                return Post(lead, each.name)
        return None

    def calendar_of(self, source: str, owner: str | None) -> BusinessCalendar:
        """The calendar of an owner, given by id, e-mail or name; the company's where the owner is unknown.

        One that names no time zone is kept in the owner's own.
        """
        person = self.owner_of(source, owner, owner)
        calendar = self.organisation.calendar(person.calendar if person else None)
        if person is None or calendar.zone_given or person.timezone == calendar.timezone.key:
            return calendar
        key = (calendar.name, person.timezone)
        if key not in self._calendars:
            try:
                self._calendars[key] = replace(calendar, timezone=clock.zone(person.timezone))
            except ValueError:  # what a CRM says may be no zone at all
                self._calendars[key] = calendar
        return self._calendars[key]

    def _person(self, known: _Known, names: _Names) -> Person:
        member = known.member or Member(email="")
        manager, manager_named = names.manager_of(known)
        company = self.organisation.company
        team = member.team or known.first("team")
        line = list(with_those_above(self.organisation.teams, team))
        return Person(
            key=known.key,
            name=known.name,
            email=known.email,
            timezone=member.timezone or known.timezone or company.timezone,
            team=team,
            manager=manager,
            role=member.role or known.first("role"),
            level=member.level or self._level(known.key),
            region=member.region or known.first("region") or next((each.region for each in line if each.region), None),
            calendar=member.calendar or next((each.calendar for each in line if each.calendar), company.calendar),
            slack_user=member.slack or known.first("slack_user"),
            active=known.active,
            manager_named=manager_named,
        )

    def _level(self, key: str) -> str | None:
        """The highest level of the teams that somebody leads."""
        led = self._led.get(key, ())
        return max((self._levels[name] for name in led if name in self._levels), default=None)


class _Names:
    """Finds whom an e-mail, a name or an owner id means."""

    def __init__(self, known: Iterable[_Known]) -> None:
        self._by_owner: dict[tuple[str, str], str] = {}
        self._keys: set[str] = set()
        by_name: dict[str, set[str]] = defaultdict(set)
        for each in known:
            self._keys.add(each.key)
            by_name[each.name.casefold()].add(each.key)
            for owner in each.owners:
                self._by_owner[owner.source, owner.id] = each.key
        self._by_name = {name: min(keys) for name, keys in by_name.items() if len(keys) == 1}

    def manager_of(self, known: _Known) -> tuple[str | None, str | None]:
        """The key of a person's manager, and the words for one where no key is found."""
        if known.member and known.member.manager:
            return known.member.manager, None
        said = None
        for owner in known.owners:
            if not owner.manager:
                continue
            key = self.meant(owner.source, owner.manager)
            if key is not None and key != known.key:
                return key, None
            said = said or (owner.manager if key is None else None)
        return None, said

    def meant(self, source: str, said: str) -> str | None:
        """The key of whom an owner id of that source, an e-mail or a name means.

        A name that two people have, nobody.
        """
        by_id = self._by_owner.get((source, said))
        if by_id is not None:
            return by_id
        return said.lower() if said.lower() in self._keys else self._by_name.get(said.casefold())


def _gather(
    organisation: Organisation, owners: Iterable[OwnerRow]
) -> tuple[dict[str, _Known], dict[tuple[str, str], str]]:
    """Everybody by key with what is said of them, and the key behind each owner id."""
    known = {email: _Known(email, member) for email, member in organisation.people.items()}
    members = _members_by_name(organisation.people)
    keys: dict[tuple[str, str], str] = {}
    for owner in sorted(owners, key=lambda row: (row.source, row.id)):
        key = _lower(owner.email) or members.get((owner.name or "").casefold()) or f"{owner.source}:{owner.id}"
        known.setdefault(key, _Known(key)).owners.append(owner)
        keys[owner.source, owner.id] = key
    return known, keys


def _members_by_name(people: Mapping[str, Member]) -> dict[str, str]:
    """The e-mails of members by name, for names that only one of them has."""
    emails: dict[str, list[str]] = defaultdict(list)
    for email, member in people.items():
        if member.name:
            emails[member.name.casefold()].append(email)
    return {name: found[0] for name, found in emails.items() if len(found) == 1}


def _lower(email: str | None) -> str | None:
    return (email.strip().lower() or None) if email else None
