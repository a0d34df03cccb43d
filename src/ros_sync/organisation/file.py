"""Loading `rules/organisation.yaml`: strict, and all problems at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ros_sync import clock
from ros_sync.config_files import ConfigFile, Node, Scalar
from ros_sync.errors import OrganisationError
from ros_sync.fields import did_you_mean
from ros_sync.money import is_currency
from ros_sync.organisation.calendars import BusinessCalendar
from ros_sync.organisation.company import STANDARD, CompanyProfile, Member, Organisation, Team, standard_calendar
from ros_sync.organisation.fiscal_reader import read_fiscal_calendar
from ros_sync.organisation.hours import CalendarReader

VERSION = 1
LEVELS = ("L1", "L2", "L3")  # first-line manager, regional head, CRO
RESERVED = {"owner", "company"}  # a rule's clock says `calendar: owner` or `calendar: company`
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_CHANNEL = re.compile(r"#[^\s#<>]+")
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")  # Slack: user ids begin with U or W

# No exchange rate lies outside; reading 1e999999 as a whole number would cost a gigabyte.
_LEAST_RATE, _MOST_RATE = Decimal("1e-12"), Decimal("1e12")

_TOP = ("version", "company", "rates", "calendars", "teams", "people")
_COMPANY = (
    "name",
    "currency",
    "timezone",
    "calendar",
    "fiscal_year_starts",
    "fiscal_year",
    "fallback",
    "customer_success",
)
_TEAM = ("name", "manager", "region", "calendar")
_PERSON = ("email", "name", "manager", "team", "role", "level", "region", "calendar", "timezone", "slack", "active")
_NEEDED = {"version": f"begin the file with `version: {VERSION}`", "company": "add `company: {name: …, currency: EUR}`"}


def load(path: Path, *, shown_as: str | None = None, content: bytes | None = None) -> Organisation:
    """Read an organisation file; `shown_as` is the name that problems give it (default: the path).

    `content` is what it holds, where that was read already.

    Raises ProblemsError holding one OrganisationError for each problem, in reading order.
    """
    config = ConfigFile(path, OrganisationError, shown_as=shown_as, content=content)
    root = config.root()
    organisation = _Reader(config).read(root) if root is not None else Organisation()
    config.close()
    return organisation


class _Reader:
    """Reads the parts of one file, each in terms of those before it."""

    def __init__(self, config: ConfigFile) -> None:
        self.config = config
        self.calendar_names: set[str] = set()
        self.teams: dict[str, Team] = {}
        self.emails: set[str] = set()
        self.manager_nodes: dict[str, Node] = {}

    def read(self, root: Node) -> Organisation:
        top = self.config.entries(root, _TOP, _NEEDED)
        self.config.version(top.get("version"), VERSION)
        calendar_nodes = self.config.named(top.get("calendars"))
        for name in RESERVED & calendar_nodes.keys():
            message = f"no calendar can be called {name!r}: in rules the word means the {name}'s own"
            self.config.problem(calendar_nodes[name], message, "give it another name")
        self.calendar_names = {*calendar_nodes, STANDARD}
        company = self._company(self.config.entries(top.get("company"), _COMPANY))
        reader = CalendarReader(self.config, company.timezone)
        read = {name: reader.read(name, node) for name, node in calendar_nodes.items()}
        calendars: dict[str, BusinessCalendar] = {STANDARD: standard_calendar(company.timezone)}
        calendars.update({name: calendar for name, calendar in read.items() if calendar is not None})
        entries = [self.config.entries(node, _PERSON, {"email": None}) for node in self.config.items(top.get("people"))]
        self._collect_emails(entries)
        self._teams(self.config.items(top.get("teams")))
        return Organisation(
            company=company,
            rates=self._rates(top.get("rates"), company.currency),
            calendars=calendars,
            teams=self.teams,
            people=self._people(entries),
        )

    def _company(self, entry: Mapping[str, Node]) -> CompanyProfile:
        currency = self._text(entry, "currency")
        if currency and not is_currency(currency):
            self.config.problem(entry["currency"], f"{currency!r} is not an ISO 4217 code", "write it like EUR")
        default = CompanyProfile()
        return CompanyProfile(
            name=self._text(entry, "name") or default.name,
            currency=currency or default.currency,
            timezone=self._timezone(entry) or default.timezone,
            calendar=self._calendar(entry) or default.calendar,
            fiscal_year=read_fiscal_calendar(self.config, entry),
            fallback=self._address(entry, "fallback"),
            customer_success=self._address(entry, "customer_success"),
        )

    def _address(self, entry: Mapping[str, Node], key: str) -> str | None:
        """An e-mail address, lower-cased, or a `#channel`."""
        address = self._text(entry, key)
        if address and not (_EMAIL.fullmatch(address) or _CHANNEL.fullmatch(address)):
            self.config.problem(entry[key], f"{address!r} is neither an e-mail nor a #channel")
        return address if address is None or address.startswith("#") else address.lower()

    def _rates(self, node: Node | None, home: str) -> dict[str, Decimal]:
        rates: dict[str, Decimal] = {}
        for currency, value in self.config.named(node).items():
            rate = self.config.read(value, _rate)
            if not is_currency(currency):
                self.config.problem(value, f"{currency!r} is not an ISO 4217 code", "write it like USD")
            elif currency == home and rate not in (None, Decimal(1)):
                self.config.problem(value, f"{currency} is the company's own currency", "its rate is 1; leave it out")
            elif rate is not None:
                rates[currency] = rate
        return rates

    def _teams(self, nodes: list[Node]) -> None:
        for node in nodes:
            entry = self.config.entries(node, _TEAM, {"name": None})
            name = self._text(entry, "name")
            if name is None:
                continue
            if name in self.teams:
                self.config.problem(entry["name"], f"there are two teams {name!r}", "give each its own name")
            manager, calendar = self._manager(entry), self._calendar(entry)
            self.teams[name] = Team(name, manager, self._text(entry, "region"), calendar)

    def _collect_emails(self, entries: list[dict[str, Node]]) -> None:
        for entry in entries:
            email = self._text(entry, "email")
            if email is None:
                continue
            if not _EMAIL.fullmatch(email):
                self.config.problem(entry["email"], f"{email!r} is not an e-mail address")
            elif email.lower() in self.emails:
                self.config.problem(entry["email"], f"{email} is in this file twice", "keep one entry for each person")
            else:
                self.emails.add(email.lower())

    def _people(self, entries: list[dict[str, Node]]) -> dict[str, Member]:
        people: dict[str, Member] = {}
        for entry in entries:
            # Its own problems were noted when the e-mails were collected.
            node = entry.get("email")
            email = node.value.strip().lower() if isinstance(node, Scalar) else ""
            if email not in self.emails or email in people:
                continue
            people[email] = Member(
                email=email,
                name=self._text(entry, "name"),
                manager=self._manager(entry),
                team=self.config.choice(entry.get("team"), self.teams),
                role=self._text(entry, "role"),
                level=self.config.choice(entry.get("level"), LEVELS),
                region=self._text(entry, "region"),
                calendar=self._calendar(entry),
                timezone=self._timezone(entry),
                slack=self._slack(entry),
                active=self.config.flag(entry.get("active")),
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
                self.config.problem(
                    self.manager_nodes[at],
                    f"these manage each other: {circle}",
                    "one of them is wrong",
                    key=f"{at}.manager",
                )
            settled.update(line)

    def _manager(self, entry: Mapping[str, Node]) -> str | None:
        email = self._text(entry, "manager")
        if email is None:
            return None
        if email.lower() not in self.emails:
            hint = did_you_mean(email.lower(), self.emails) if self.emails else ""
            hint = hint if hint.startswith("did") else "add them to `people`"
            self.config.problem(entry["manager"], f"nobody in `people` has the e-mail {email!r}", hint)
            return None
        return email.lower()

    def _calendar(self, entry: Mapping[str, Node]) -> str | None:
        return self.config.choice(entry.get("calendar"), self.calendar_names)

    def _timezone(self, entry: Mapping[str, Node]) -> str | None:
        zone = self.config.read(entry.get("timezone"), clock.zone)
        return zone.key if zone is not None else None

    def _slack(self, entry: Mapping[str, Node]) -> str | None:
        user = self._text(entry, "slack")
        if user is not None and not _SLACK_USER.fullmatch(user):
            hint = (
                "it is in the person's Slack profile under `Copy member ID`, such as U012345; without it the "
                "e-mail is used"
            )
            self.config.problem(entry["slack"], f"{user!r} is not a Slack user id", hint)
            return None
        return user

    def _text(self, entry: Mapping[str, Node], name: str) -> str | None:
        return self.config.text(entry.get(name))


def _rate(text: str) -> Decimal:
    """An exchange rate, read exactly as written; ValueError where it is none."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or not _LEAST_RATE <= rate <= _MOST_RATE:
        raise ValueError(f"expected a number above 0, such as 0.92, found {text!r}")
    return rate
