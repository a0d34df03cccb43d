"""Loading `rules/organisation.yaml`: strict, and all problems at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, Node

from ros_sync import clock
from ros_sync.fields import did_you_mean
from ros_sync.money import is_currency
from ros_sync.organisation.calendars import BusinessCalendar
from ros_sync.organisation.company import STANDARD, Company, Member, Organisation, Team, standard_calendar
from ros_sync.organisation.fiscal import MONTHS, FiscalYear
from ros_sync.organisation.hours import CalendarReader
from ros_sync.organisation.reading import Sheet

VERSION = 1
LEVELS = ("L1", "L2", "L3")  # first-line manager, regional head, CRO
RESERVED = {"owner", "company"}  # a rule's clock says `calendar: owner` or `calendar: company`
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_CHANNEL = re.compile(r"#[^\s#<>]+")
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")  # Slack: user ids begin with U or W

_TOP = ("version", "company", "rates", "calendars", "teams", "people")
_COMPANY = ("name", "currency", "timezone", "calendar", "fiscal_year_starts", "fallback")
_TEAM = ("name", "manager", "region", "calendar")
_PERSON = ("email", "name", "manager", "team", "role", "level", "region", "calendar", "timezone", "slack", "active")


def load(path: Path, *, shown_as: str | None = None) -> Organisation:
    """Read an organisation file; `shown_as` is the name that problems give it (default: the path).

    Raises ProblemsError holding one OrganisationError for each problem, in reading order.
    """
    sheet = Sheet(shown_as or str(path))
    root = sheet.root(path)
    organisation = _Reader(sheet).read(root) if root is not None else Organisation()
    sheet.close()
    return organisation


class _Reader:
    """Reads the parts of one file, each in terms of those before it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.calendar_names: set[str] = set()
        self.teams: dict[str, Team] = {}
        self.emails: set[str] = set()
        self.manager_nodes: dict[str, Node] = {}

    def read(self, root: Node) -> Organisation:
        top = self.sheet.mapping(root, "", _TOP)
        if not isinstance(root, MappingNode):
            return Organisation()
        self._version(root, top)
        if "company" not in top:
            self.sheet.problem(root, "company", "there is no `company`", "add `company: {name: …, currency: EUR}`")
        calendar_nodes = self.sheet.mapping(top["calendars"], "calendars") if "calendars" in top else {}
        for name in RESERVED & calendar_nodes.keys():
            message = f"no calendar can be called {name!r}: in rules the word means the {name}'s own"
            self.sheet.problem(calendar_nodes[name], f"calendars.{name}", message, "give it another name")
        self.calendar_names = {*calendar_nodes, STANDARD}
        company = self._company(self.sheet.mapping(top["company"], "company", _COMPANY) if "company" in top else {})
        reader = CalendarReader(self.sheet, company.timezone)
        read = {name: reader.read(name, node, f"calendars.{name}") for name, node in calendar_nodes.items()}
        calendars: dict[str, BusinessCalendar] = {STANDARD: standard_calendar(company.timezone)}
        calendars.update({name: calendar for name, calendar in read.items() if calendar is not None})
        people_nodes = self.sheet.sequence(top["people"], "people") if "people" in top else []
        entries = [
            (node, self.sheet.mapping(node, f"people[{number}]", _PERSON))
            for number, node in enumerate(people_nodes, 1)
        ]
        self._collect_emails(entries)
        self._teams(self.sheet.sequence(top["teams"], "teams") if "teams" in top else [])
        return Organisation(
            company=company,
            rates=self._rates(top.get("rates"), company.currency),
            calendars=calendars,
            teams=self.teams,
            people=self._people(entries),
        )

    def _version(self, root: Node, top: Mapping[str, Node]) -> None:
        node = top.get("version")
        if node is None:
            self.sheet.problem(root, "version", "there is no `version`", f"begin the file with `version: {VERSION}`")
            return
        version = self.sheet.whole(node, "version")
        if version is not None and version != VERSION:
            self.sheet.problem(
                node, "version", f"version {version} is not known", f"this ros-sync reads version {VERSION}"
            )

    def _company(self, entry: Mapping[str, Node]) -> Company:
        given = partial(_given, self.sheet, entry, "company")
        fallback = given("fallback")
        if fallback and not (_EMAIL.fullmatch(fallback) or _CHANNEL.fullmatch(fallback)):
            self._refuse(entry, "company", "fallback", f"{fallback!r} is neither an e-mail nor a #channel")
        starts = self.sheet.whole(entry.get("fiscal_year_starts"), "company.fiscal_year_starts")
        if starts is not None and not 1 <= starts <= MONTHS:
            self._refuse(entry, "company", "fiscal_year_starts", f"{starts} is no month", "use 1 to 12")
            starts = None
        currency = given("currency")
        if currency and not is_currency(currency):
            self._refuse(entry, "company", "currency", f"{currency!r} is no ISO 4217 code", "write it like EUR")
        default = Company()
        return Company(
            name=given("name") or default.name,
            currency=currency or default.currency,
            timezone=self._timezone(entry, "company") or default.timezone,
            calendar=self._calendar(entry, "company") or default.calendar,
            fiscal_year=FiscalYear(starts) if starts else default.fiscal_year,
            fallback=fallback if fallback is None or fallback.startswith("#") else fallback.lower(),
        )

    def _rates(self, node: Node | None, home: str) -> dict[str, Decimal]:
        rates: dict[str, Decimal] = {}
        for currency, value in (self.sheet.mapping(node, "rates") if node is not None else {}).items():
            key = f"rates.{currency}"
            rate = self.sheet.decimal(value, key)
            if not is_currency(currency):
                self.sheet.problem(value, key, f"{currency!r} is no ISO 4217 code", "write it like USD")
            elif currency == home and rate not in (None, Decimal(1)):
                self.sheet.problem(
                    value, key, f"{currency} is the company's own currency", "its rate is 1; leave it out"
                )
            elif rate is not None:
                rates[currency] = rate
        return rates

    def _teams(self, nodes: list[Node]) -> None:
        for number, node in enumerate(nodes, 1):
            key = f"teams[{number}]"
            entry = self.sheet.mapping(node, key, _TEAM)
            given = partial(_given, self.sheet, entry, key)
            name = self._required(node, entry, key, "name")
            if name is None:
                continue
            if name in self.teams:
                self._refuse(entry, key, "name", f"there are two teams {name!r}", "give each its own name")
            manager, calendar = self._manager(entry, key), self._calendar(entry, key)
            self.teams[name] = Team(name, manager, given("region"), calendar)

    def _collect_emails(self, entries: list[tuple[Node, dict[str, Node]]]) -> None:
        for number, (node, entry) in enumerate(entries, 1):
            key = f"people[{number}]"
            email = self._required(node, entry, key, "email")
            if email is None:
                continue
            if not _EMAIL.fullmatch(email):
                self._refuse(entry, key, "email", f"{email!r} is no e-mail address")
            elif email.lower() in self.emails:
                self._refuse(entry, key, "email", f"{email} is in this file twice", "keep one entry for each person")
            else:
                self.emails.add(email.lower())

    def _people(self, entries: list[tuple[Node, dict[str, Node]]]) -> dict[str, Member]:
        people: dict[str, Member] = {}
        for number, (_node, entry) in enumerate(entries, 1):
            key = f"people[{number}]"
            given = partial(_given, self.sheet, entry, key)
            # Its own problems were noted when the e-mails were collected.
            email = str(entry["email"].value).strip().lower() if "email" in entry else ""
            if email not in self.emails or email in people:
                continue
            people[email] = Member(
                email=email,
                name=given("name"),
                manager=self._manager(entry, key),
                team=self._one_of(entry, key, "team", self.teams),
                role=given("role"),
                level=self._one_of(entry, key, "level", LEVELS),
                region=given("region"),
                calendar=self._calendar(entry, key),
                timezone=self._timezone(entry, key),
                slack=self._slack(entry, key),
                active=self.sheet.flag(entry.get("active"), f"{key}.active"),
            )
            if "manager" in entry:
                self.manager_nodes[email] = entry["manager"]
        self._refuse_cycles(people)
        return people

    def _refuse_cycles(self, people: Mapping[str, Member]) -> None:
        """Note each circle of managers once, at the first of its people in the file."""
        settled: set[str] = set()
        for email in people:
            line: list[str] = []
            at: str | None = email
            while at is not None and at not in settled and at not in line:
                line.append(at)
                at = people[at].manager if at in people else None
            if at in line:
                circle = " -> ".join([*line[line.index(at) :], at])
                self.sheet.problem(
                    self.manager_nodes[at],
                    f"{at}.manager",
                    f"these manage each other: {circle}",
                    "one of them is wrong",
                )
            settled.update(line)

    def _manager(self, entry: Mapping[str, Node], key: str) -> str | None:
        email = _given(self.sheet, entry, key, "manager")
        if email is None:
            return None
        if email.lower() not in self.emails:
            hint = did_you_mean(email.lower(), self.emails) if self.emails else ""
            hint = hint if hint.startswith("did") else "add them to `people`"
            self._refuse(entry, key, "manager", f"nobody in `people` has the e-mail {email!r}", hint)
            return None
        return email.lower()

    def _calendar(self, entry: Mapping[str, Node], key: str) -> str | None:
        return self._one_of(entry, key, "calendar", self.calendar_names)

    def _one_of(
        self, entry: Mapping[str, Node], key: str, name: str, known: Mapping[str, object] | set[str] | tuple[str, ...]
    ) -> str | None:
        value = _given(self.sheet, entry, key, name)
        if value is None or value in known:
            return value
        self._refuse(entry, key, name, f"there is no {name} {value!r}", did_you_mean(value, known))
        return None

    def _timezone(self, entry: Mapping[str, Node], key: str) -> str | None:
        name = _given(self.sheet, entry, key, "timezone")
        if name is None:
            return None
        try:
            return clock.zone(name).key
        except ValueError as error:
            self._refuse(entry, key, "timezone", str(error))
            return None

    def _slack(self, entry: Mapping[str, Node], key: str) -> str | None:
        user = _given(self.sheet, entry, key, "slack")
        if user is not None and not _SLACK_USER.fullmatch(user):
            hint = "it is in the person's Slack profile under `Copy member ID`, such as U012345; without it the e-mail is used"
            self._refuse(entry, key, "slack", f"{user!r} is no Slack user id", hint)
            return None
        return user

    def _required(self, node: Node, entry: Mapping[str, Node], key: str, name: str) -> str | None:
        before = len(self.sheet.problems)
        value = _given(self.sheet, entry, key, name)
        if value is None and isinstance(node, MappingNode) and len(self.sheet.problems) == before:
            self.sheet.problem(entry.get(name, node), f"{key}.{name}", f"the {name} is missing")
        return value

    def _refuse(self, entry: Mapping[str, Node], key: str, name: str, message: str, hint: str | None = None) -> None:
        self.sheet.problem(entry[name], f"{key}.{name}", message, hint)


def _given(sheet: Sheet, entry: Mapping[str, Node], key: str, name: str) -> str | None:
    return sheet.text(entry.get(name), f"{key}.{name}")
