"""Search: filters and sorts over what the index knows, which lags behind the records."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.definitions import created_property, modified_property
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.records import Properties, Record, read_instant

MAX_PAGE, DEFAULT_PAGE = 200, 10  # HubSpot, "Search the CRM", limitations
MAX_RESULTS = 10_000  # of one query, however it is paged
MAX_GROUPS, MAX_FILTERS = 5, 18
ID = "hs_object_id"

Matches = Callable[[str | None], bool]
Comparable = float | str


@dataclass(slots=True)
class Found:
    """One page of results: the records with their properties as the index knows them; `after` is where it goes on."""

    total: int
    rows: list[tuple[Record, Properties, int]]
    after: str | None


@dataclass(slots=True)
class SearchIndex:
    """Answers searches of one account. The ids that match a query are kept until something changes."""

    account: HubSpotAccount
    _kept: dict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=dict)

    def find(self, object_type: str, query: Mapping[str, Any]) -> Found:
        """Answer a search; HubSpotError (400) for one that cannot be answered."""
        limit = _limit(query)
        start = _after(query)
        if start + limit > MAX_RESULTS:
            raise _wrong(f"the search results cannot be paged past {MAX_RESULTS}")
        groups = _groups(query)
        last_id, rest = _key(groups)
        sort = _sort(query)
        ids = self._matching(object_type, rest, str(query.get("query") or ""), sort)
        if last_id is not None:
            ids = ids[bisect_right(ids, last_id) :] if sort in (None, (ID, False)) else [i for i in ids if i > last_id]
        page = ids[start : start + limit]
        following = start + limit
        after = str(following) if following < len(ids) else None
        return Found(len(ids), [self._row(object_type, each) for each in page], after)

    def _row(self, object_type: str, number: int) -> tuple[Record, Properties, int]:
        record = self.account.records[object_type][str(number)]
        known = self._known(record)
        assert known is not None
        return record, known[0], known[2]

    def _known(self, record: Record) -> tuple[Properties, bool, int] | None:
        """What the index knows of a record: properties, whether it is archived, when it was changed."""
        if not record.documents:
            return record.properties, record.archived_at is not None, record.updated_at
        document = record.indexed(int(self.account.now().timestamp() * 1000))
        return (document.properties, document.archived, document.updated_at) if document else None

    def _matching(
        self, object_type: str, groups: list[list[dict[str, Any]]], words: str, sort: tuple[str, bool] | None
    ) -> list[int]:
        key = (object_type, repr((groups, words, sort)))
        kept = self._kept.get(key)
        if kept and kept[0] == self.account.changed and not self.account.search_lag_seconds:
            return kept[1]
        tests = [[self._test(object_type, each) for each in group] for group in groups]
        found = []
        for number in self.account.order[object_type]:
            known = self._known(self.account.records[object_type][str(number)])
            if known is None or known[1]:
                continue
            properties = known[0]
            if words and not any(words.lower() in (value or "").lower() for value in properties.values()):
                continue
            if not tests or any(all(fits(properties.get(name)) for name, fits in group) for group in tests):
                found.append(number)
        if sort not in (None, (ID, False)):
            found = self._sorted(object_type, found, sort)
        self._kept = {key: (self.account.changed, found)}
        return found

    def _sorted(self, object_type: str, ids: list[int], sort: tuple[str, bool]) -> list[int]:
        name, descending = sort
        kind = self._kind(object_type, name)

        def key(number: int) -> tuple[bool, Comparable]:
            value = self._row(object_type, number)[1].get(name)
            return (True, _comparable(value, kind)) if value else (False, 0.0 if kind != "string" else "")

        return sorted(ids, key=key, reverse=descending)

    def _kind(self, object_type: str, name: str) -> str:
        definition = self.account.properties[object_type].get(name)
        if definition is None:
            raise _wrong(f"There was a problem with the request: property {name} does not exist")
        kind = definition.type
        return kind if kind in ("number", "datetime", "date") else "string"

    def _test(self, object_type: str, given: Mapping[str, Any]) -> tuple[str, Matches]:
        """One filter as a test of the property's value."""
        name, operator = str(given.get("propertyName")), str(given.get("operator"))
        if name in ("createdate", "lastmodifieddate") and name not in self.account.properties[object_type]:
            name = created_property(object_type) if name == "createdate" else modified_property(object_type)
        kind = self._kind(object_type, name)
        try:
            return name, _operator(operator, given, kind)
        except (TypeError, ValueError):
            raise _wrong(f"the value of the filter on {name} cannot be read as {kind}") from None


def _operator(operator: str, given: Mapping[str, Any], kind: str) -> Matches:  # noqa: PLR0911  # a table of HubSpot's operators
    if operator == "HAS_PROPERTY":
        return bool
    if operator == "NOT_HAS_PROPERTY":
        return lambda value: not value
    if operator in ("IN", "NOT_IN"):
        wanted = {_comparable(str(each), kind) for each in given["values"]}
        inside = operator == "IN"
        return lambda value: bool(value) and (_comparable(value, kind) in wanted) is inside
    bound = _comparable(str(given["value"]), kind)
    if operator == "BETWEEN":
        high = _comparable(str(given["highValue"]), kind)
        return lambda value: bool(value) and bound <= _comparable(value, kind) <= high  # type: ignore[operator]  # of one kind
    if operator == "CONTAINS_TOKEN":
        token = str(given["value"]).strip("*").lower()
        return lambda value: token in (value or "").lower()
    if operator == "NOT_CONTAINS_TOKEN":
        token = str(given["value"]).strip("*").lower()
        return lambda value: token not in (value or "").lower()
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "EQ": lambda a, b: a == b,
        "NEQ": lambda a, b: a != b,
        "GT": lambda a, b: a > b,
        "GTE": lambda a, b: a >= b,
        "LT": lambda a, b: a < b,
        "LTE": lambda a, b: a <= b,
    }
    if operator not in compare:
        raise _wrong(f"there is no operator {operator}")
    fits = compare[operator]
    if operator == "NEQ":
        return lambda value: not value or fits(_comparable(value, kind), bound)
    return lambda value: bool(value) and fits(_comparable(value, kind), bound)


def _comparable(value: str | None, kind: str) -> Comparable:
    text = value or ""
    if kind == "number":
        return float(text)
    if kind in ("datetime", "date"):
        return float(read_instant(text))
    return text.lower()


def _groups(query: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    groups = [list(group.get("filters") or ()) for group in query.get("filterGroups") or ()]
    if query.get("filters"):
        groups.append(list(query["filters"]))
    if len(groups) > MAX_GROUPS or sum(map(len, groups)) > MAX_FILTERS:
        raise _wrong(f"at most {MAX_GROUPS} filter groups and {MAX_FILTERS} filters are allowed")
    return [group for group in groups if group]


def _key(groups: list[list[dict[str, Any]]]) -> tuple[int | None, list[list[dict[str, Any]]]]:
    """A lower bound on the id, taken out of a query of one group, so that paging by key stays quick."""
    if len(groups) != 1:
        return None, groups
    keys = [each for each in groups[0] if each.get("propertyName") == ID and each.get("operator") == "GT"]
    if len(keys) != 1 or not str(keys[0].get("value")).isdigit():
        return None, groups
    rest = [each for each in groups[0] if each is not keys[0]]
    return int(str(keys[0]["value"])), [rest] if rest else []


def _sort(query: Mapping[str, Any]) -> tuple[str, bool] | None:
    sorts = query.get("sorts") or ()
    if not sorts:
        return None
    first = sorts[0]
    if isinstance(first, str):
        return first.lstrip("-"), first.startswith("-")
    return str(first.get("propertyName")), first.get("direction") == "DESCENDING"


def _limit(query: Mapping[str, Any]) -> int:
    limit = int(query.get("limit") or DEFAULT_PAGE)
    if not 0 < limit <= MAX_PAGE:
        raise _wrong(f"limit must be between 1 and {MAX_PAGE}")
    return limit


def _after(query: Mapping[str, Any]) -> int:
    after = str(query.get("after") or "0")
    if not after.isdigit():
        raise _wrong("after must be a number")
    return int(after)


def _wrong(words: str) -> HubSpotError:
    return HubSpotError(400, words, "VALIDATION_ERROR")
