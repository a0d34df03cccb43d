"""Loading `rules/organisation.yaml`: strict, and all problems at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ros_sync import clock
from ros_sync.config_files import ConfigFile, Node
from ros_sync.errors import OrganisationError
from ros_sync.money import is_currency
from ros_sync.organisation.calendars import BusinessCalendar
from ros_sync.organisation.company import STANDARD, CompanyProfile, Organisation, standard_calendar
from ros_sync.organisation.fiscal_reader import read_fiscal_calendar
from ros_sync.organisation.hours import CalendarReader
from ros_sync.organisation.rates_reader import RatesReader
from ros_sync.organisation.roster import EMAIL, RosterReader

VERSION = 1
RESERVED = {"owner", "company"}  # a rule's clock says `calendar: owner` or `calendar: company`
_CHANNEL = re.compile(r"#[^\s#<>]+")

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

    def read(self, root: Node) -> Organisation:
        top = self.config.entries(root, _TOP, _NEEDED)
        self.config.version(top.get("version"), VERSION)
        calendar_nodes = self.config.named(top.get("calendars"))
        for name in RESERVED & calendar_nodes.keys():
            message = f"a calendar can't be called {name!r}: in rules, it means the {name}'s own calendar"
            self.config.problem(calendar_nodes[name], message, "choose another name")
        self.calendar_names = {*calendar_nodes, STANDARD}
        company = self._company(self.config.entries(top.get("company"), _COMPANY))
        reader = CalendarReader(self.config, company.timezone)
        read = {name: reader.read(name, node) for name, node in calendar_nodes.items()}
        calendars: dict[str, BusinessCalendar] = {STANDARD: standard_calendar(company.timezone)}
        calendars.update({name: calendar for name, calendar in read.items() if calendar is not None})
        rosters = RosterReader(self.config, self.calendar_names).read(top.get("teams"), top.get("people"))
        rates = RatesReader(self.config, company.currency).read(top.get("rates"))
        days = sorted({each.since for each in rosters if each.since} | {day for day in rates if day})
        first = Organisation(company, rates[None], calendars, rosters[0].teams, rosters[0].people)
        later, held = [], (rosters[0], rates[None])
        by_day = {each.since: each for each in rosters}
        for day in days:
            held = (by_day.get(day, held[0]), rates.get(day, held[1]))
            later.append((day, replace(first, rates=held[1], teams=held[0].teams, people=held[0].people)))
        return replace(first, later=tuple(later))

    def _company(self, entry: Mapping[str, Node]) -> CompanyProfile:
        currency = self._text(entry, "currency")
        if currency and not is_currency(currency):
            self.config.problem(entry["currency"], f"{currency!r} isn't an ISO 4217 code", "write it like EUR")
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
        if address and not (EMAIL.fullmatch(address) or _CHANNEL.fullmatch(address)):
            self.config.problem(entry[key], f"{address!r} is not an e-mail address or a #channel")
        return address if address is None or address.startswith("#") else address.lower()

    def _calendar(self, entry: Mapping[str, Node]) -> str | None:
        return self.config.choice(entry.get("calendar"), self.calendar_names)

    def _timezone(self, entry: Mapping[str, Node]) -> str | None:
        zone = self.config.read(entry.get("timezone"), clock.zone)
        return zone.key if zone is not None else None

    def _text(self, entry: Mapping[str, Node], name: str) -> str | None:
        return self.config.text(entry.get(name))
