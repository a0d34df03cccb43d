"""The people of the little company: who sells what where, who manages whom, and who leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from ros_sync.sandbox.world.names import COMPANY, MAIL_DOMAIN


@dataclass(frozen=True, slots=True)
class Region:
    """A region with its time zone, currency, calendar and the country whose holidays it keeps."""

    name: str
    tz: str
    currency: str
    calendar: str
    country: str
    language: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team of sellers, the region it works in and the segments it sells to."""

    name: str
    region: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here. `manager` is an e-mail address; `left` the first day without them.

    `role` is seller, manager or revops; `level` is L1, L2 or L3 for managers. `in_slack` is false for the one who
    never joined it.
    """

    id: str
    name: str
    email: str
    tz: str
    region: str
    role: str
    level: str | None = None
    team: str | None = None
    manager: str | None = None
    segment: str | None = None
    language: str = "en"
    in_slack: bool = True
    left: date | None = None

    def works_on(self, day: date) -> bool:
        """Whether the person is still here on that day."""
        return self.left is None or day < self.left


REGIONS = (
    Region("EMEA", "Europe/Berlin", "EUR", "berlin", "DE", "de"),
    Region("AMER", "America/New_York", "USD", "new-york", "US", "en"),
    Region("APAC", "Asia/Singapore", "SGD", "singapore", "SG", "en"),
)
TEAMS = (
    Team("DACH Enterprise", "EMEA", ("strategic", "enterprise")),
    Team("Europe Mid-Market", "EMEA", ("mid-market", "smb")),
    Team("Americas Enterprise", "AMER", ("strategic", "enterprise")),
    Team("Americas Mid-Market", "AMER", ("mid-market", "smb")),
    Team("Asia Enterprise", "APAC", ("strategic", "enterprise")),
    Team("Asia Mid-Market", "APAC", ("mid-market", "smb")),
)
# One unit of each currency in the company's own (EUR), as its finance department fixed them.
RATES = {"USD": "0.92", "SGD": "0.68", "JPY": "0.0061"}

_CHIEF = ("Thandeka Vries-Okoro", "thandeka")
_REVOPS = ("Ottilie Brandvold", "revops")
_HEADS = {
    "EMEA": ("Matthäus Winterfeldt", "matthaeus"),
    "AMER": ("Saoirse O'Hanrahan", "saoirse"),
    "APAC": ("Priyanka Devadasani", "priyanka"),
}
_TEAM_PEOPLE = {  # the first one leads the team
    "DACH Enterprise": (
        ("Jörg Kräuterfeld", "joerg"), ("Annelie Süßkind", "annelie"), ("Łukasz Wiśniarek", "lukasz"),
        # a Turkish letter
        ("Élodie Marchetain", "elodie"), ("İpek Yıldıraner", "ipek"), ("Zoltán Bükkösd", "zoltan"),  # noqa: RUF001
        ("Fenna van 't Hek", "fenna"), ("Νεφέλη Σταυρίδου", "nefeli"),
    ),
    "Europe Mid-Market": (
        ("Sørine Ågesen-Holt", "soerine"), ("Niamh Ní Dhuibhir", "niamh"), ("Хелена Зоринец", "helena"),
        ("Iker Etxezarraga", "iker"), ("Ljósbrá Hafsteins", "ljosbra"), ("Ștefan Codrescu", "stefan"),
        ("Chiara Dell'Ombra", "chiara"), ("Tomáš Jedličný", "tomas"),
    ),
    "Americas Enterprise": (
        # the apostrophe that phones type
        ("Delphine Arceneau", "delphine"), ("Marcus O’Toolan", "marcus"),  # noqa: RUF001
    ("Xiomara Peñaloza", "xiomara"),
        ("Tallulah Greywater", "tallulah"), ("João Carvalhinho", "joao"), ("Keisha Abernathwaite", "keisha"),
        ("Wyatt Steelesmith", "wyatt"), ("Ana-Lucía Ñúñegas", "analucia"),
    ),
    "Americas Mid-Market": (
        ("Rosalind Thackerby", "rosalind"), ("D'Shawn Merriweather-Cole", "dshawn"), ("Beatriz Quintanares", "beatriz"),
        ("Óscar Villafranca-Ruiz", "oscar"), ("Harlan Petersham", "harlan"), ("Imani Lockridge", "imani"),
        ("Théo Bellerivage", "theo"), ("Cassidy Wren Oakhollow", "cassidy"),
    ),
    "Asia Enterprise": (
        ("Kavitha Ramanujapuram", "kavitha"), ("林雨辰 (Yuchen Lin)", "yuchen"), ("水無月 あかり", "akari"),
        ("Nguyễn Thị Hoài Thương", "thuong"), ("Aroha Te Whetūrangi", "aroha"), ("서하늘", "haneul"),
        ("Siti Nurhaliyah binte Osmani", "siti"),
    ),
    "Asia Mid-Market": (
        ("Bao-Long Trươngvu", "baolong"), ("Anjali Krishnaveni", "anjali"), ("ปาริชาต วงศ์ทองดี", "parichat"),
        ("Te Ahu Pōmarekura", "teahu"), ("陳思羽", "siyu"), ("Farhana D'Rozarioh", "farhana"),
        ("ليان الحمدانية", "layan"),
    ),
}  # fmt: skip
# Two leave in the story: one whose deals were mostly handed over, one only weeks before the story's Monday.
_LEAVERS = {"wyatt": 95, "zoltan": 178}  # days after the world's start
_NOT_IN_SLACK = "cassidy"


def cast(start: date) -> tuple[Person, ...]:
    """Everybody, sellers last, in an order that never changes; those who leave do so a fixed time after `start`."""
    home = REGIONS[0]
    chief = _person("101", _CHIEF, home, role="manager", level="L3")
    revops = _person("102", _REVOPS, home, role="revops", manager=chief.email)
    heads = [
        _person(str(103 + at), _HEADS[region.name], region, role="manager", level="L2", manager=chief.email)
        for at, region in enumerate(REGIONS)
    ]
    leaders, sellers = [], []
    for at, team in enumerate(TEAMS):
        region, (first, *rest) = region_named(team.region), _TEAM_PEOPLE[team.name]
        head = _mail(_HEADS[region.name][1])
        leader = _person(
            str(111 + at), first, region, role="manager", level="L1", team=team.name, manager=head, language="en"
        )
        leaders.append(leader)
        sellers += [
            _person(
                str(200 + 10 * at + place),
                entry,
                region,
                role="seller",
                team=team.name,
                manager=leader.email,
                segment=team.segments[place % len(team.segments)],
                language=region.language,
                in_slack=entry[1] != _NOT_IN_SLACK,
                left=start + timedelta(days=_LEAVERS[entry[1]]) if entry[1] in _LEAVERS else None,
            )
            for place, entry in enumerate(rest)
        ]
    return (chief, revops, *heads, *leaders, *sellers)


def region_named(name: str) -> Region:
    """The region of that name."""
    return next(region for region in REGIONS if region.name == name)


def team_for(region: str, segment: str) -> Team:
    """The team that sells to that segment in that region."""
    return next(team for team in TEAMS if team.region == region and segment in team.segments)


class Roster:
    """The sellers, by team and by day."""

    def __init__(self, people: tuple[Person, ...]) -> None:
        self.people = people
        self.by_id = {person.id: person for person in people}
        self._by_email = {person.email: person for person in people}
        self._teams = {
            team.name: [person for person in people if person.team == team.name and person.role == "seller"]
            for team in TEAMS
        }

    def manager_of(self, person: Person) -> Person:
        """The person's manager; the CRO is their own."""
        return self._by_email[person.manager] if person.manager else person

    def seller(self, team: str, day: date, rng: Random) -> Person:
        """Somebody of that team who works on that day, drawn by `rng`."""
        return rng.choice([person for person in self._teams[team] if person.works_on(day)])


def organisation_yaml(people: tuple[Person, ...], day: date) -> str:
    """The company as a `rules/organisation.yaml`: who works there on that day, and who manages whom."""
    revops = next(person for person in people if person.role == "revops")
    lines = [
        f"# {COMPANY}, the sandbox's invented company.",
        "version: 1",
        (
            f"company: {{name: {COMPANY}, currency: EUR, timezone: Europe/Berlin, calendar: berlin, "
            f"fiscal_year_starts: 1, fallback: {revops.email}}}"
        ),
        "rates: {" + ", ".join(f'{code}: "{rate}"' for code, rate in RATES.items()) + "}  # one unit in EUR",
        "calendars:",
    ]
    lines += [
        f'  {region.calendar}: {{timezone: {region.tz}, hours: {{mon-fri: "09:00-17:00"}},'
        f" holidays: {{country: {region.country}}}, closed: [2025-12-24, 2025-12-31]}}"
        for region in REGIONS
    ]
    lines.append("teams:")
    lines += [
        f"  - {{name: {team.name}, manager: {_leader(people, team.name).email}, region: {team.region},"
        f" calendar: {region_named(team.region).calendar}}}"
        for team in TEAMS
    ]
    lines.append("people:")
    lines += [_entry(person, day) for person in people]
    return "\n".join(lines) + "\n"


def _entry(person: Person, day: date) -> str:
    given = {
        "email": person.email,
        "name": json.dumps(person.name, ensure_ascii=False),  # a JSON string is a YAML string
        "manager": person.manager,
        "team": person.team,
        "role": person.role,
        "level": person.level,
        "calendar": None if person.team else region_named(person.region).calendar,  # a team's is that of its people
        "active": None if person.works_on(day) else "false",
    }
    return "  - {" + ", ".join(f"{key}: {value}" for key, value in given.items() if value) + "}"


def _leader(people: tuple[Person, ...], team: str) -> Person:
    return next(person for person in people if person.team == team and person.level == "L1")


def _mail(mailbox: str) -> str:
    return f"{mailbox}@{MAIL_DOMAIN}"


def _person(id_: str, entry: tuple[str, str], region: Region, **more: Any) -> Person:
    """Somebody of that region; `entry` is their name and mailbox."""
    name, mailbox = entry
    return Person(id=id_, name=name, email=_mail(mailbox), tz=region.tz, region=region.name, **more)
