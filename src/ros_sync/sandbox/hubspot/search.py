"""Search: filters and sorts over what the index knows, which lags behind the records."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.definitions import created_property, modified_property
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.index import Document, Index
from ros_sync.sandbox.hubspot.records import read_instant

MAX_PAGE, DEFAULT_PAGE = 200, 10  # HubSpot, "Search the CRM", limitations
MAX_RESULTS = 10_000  # of one query, however it is paged
MAX_GROUPS, MAX_FILTERS_IN_GROUP, MAX_FILTERS = 5, 6, 18
MAX_QUERY_CHARS = 3_000
KEPT_RESULTS = 16  # queries whose result is kept until the index changes
ID = "hs_object_id"
FOREVER = 1 << 62

Matches = Callable[[str | None], bool]
Test = tuple[str, Matches]
Comparable = float | str


@dataclass(slots=True)
class Found:
    """One page of results, as the index knows them; `after` is where it goes on."""

    total: int
    rows: list[Document]
    after: str | None


@dataclass(slots=True)
class SearchIndex:
    """Answers searches of one account. The ids that match a query are kept until something changes."""

    account: HubSpotAccount
    _kept: OrderedDict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=OrderedDict)

    def find(self, object_type: str, query: Mapping[str, Any]) -> Found:
        """Answer a search; HubSpotError (400) for one that cannot be answered."""
        limit = _limit(query)
        start = _after(query)
        if start + limit > MAX_RESULTS:
            raise _wrong(f"The maximum paging depth is {MAX_RESULTS}: after plus limit goes beyond it")
        groups = _groups(query)
        words = str(query.get("query") or "")
        if len(words) > MAX_QUERY_CHARS:
            raise _wrong(f"The query is longer than {MAX_QUERY_CHARS} characters")
        last_id, rest = _key(groups)
        sort = _sort(query)
        index = self.account.indexes[object_type]
        index.catch_up(int(self.account.now().timestamp() * 1000))
        ids = self._matching(object_type, index, rest, words.lower(), sort)
        if last_id is not None:
            ids = ids[bisect_right(ids, last_id) :] if sort in (None, (ID, False)) else [i for i in ids if i > last_id]
        page = ids[start : start + limit]
        following = start + limit
        after = str(following) if following < len(ids) else None
        return Found(len(ids), [index.documents[each] for each in page], after)

    def _matching(
        self,
        object_type: str,
        index: Index,
        groups: list[list[dict[str, Any]]],
        words: str,
        sort: tuple[str, bool] | None,
    ) -> list[int]:
        tests = [[self._test(object_type, each) for each in group] for group in groups]
        kind = self._kind(object_type, sort[0]) if sort else "number"
        sort = (self._real_name(object_type, sort[0]), sort[1]) if sort else None
        key = (object_type, repr((groups, words, sort)))
        kept = self._kept.get(key)
        if kept and kept[0] == index.version:
            return kept[1]
        found = [number for number, known in self._candidates(object_type, index, groups) if _fits(known, tests, words)]
        found.sort()
        if sort is not None and sort != (ID, False):
            found = _ordered(index, found, sort, kind)
        self._kept[key] = (index.version, found)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_RESULTS:
            self._kept.popitem(last=False)
        return found

    def _candidates(
        self, object_type: str, index: Index, groups: list[list[dict[str, Any]]]
    ) -> Iterable[tuple[int, Document]]:
        """The documents that can match at all: those in the stretch of modified instants that one group asks for."""
        if len(groups) != 1:
            return index.documents.items()
        low, high = 0, FOREVER
        for each in groups[0]:
            if self._real_name(object_type, str(each.get("propertyName"))) != modified_property(object_type):
                continue
            operator, value = each.get("operator"), str(each.get("value"))
            if operator in ("GT", "GTE", "EQ", "BETWEEN"):
                low = max(low, read_instant(value))
            if operator in ("LT", "LTE", "EQ"):
                high = min(high, read_instant(value))
            if operator == "BETWEEN":
                high = min(high, read_instant(str(each.get("highValue"))))
        if (low, high) == (0, FOREVER):
            return index.documents.items()
        return index.modified_between(low, high)

    def _real_name(self, object_type: str, name: str) -> str:
        """The property that a filter means: two names stand for those of every kind of record."""
        if name in ("createdate", "lastmodifieddate") and name not in self.account.properties[object_type]:
            return created_property(object_type) if name == "createdate" else modified_property(object_type)
        return name

    def _kind(self, object_type: str, name: str) -> str:
        name = self._real_name(object_type, name)
        if not self.account.visible(object_type, name):
            raise _wrong(f"There was a problem with the request: property {name} does not exist")
        kind = self.account.properties[object_type][name].type
        return kind if kind in ("number", "datetime", "date") else "string"

    def _test(self, object_type: str, given: Mapping[str, Any]) -> Test:
        """One filter as a test of the property's value."""
        name, operator = str(given.get("propertyName")), str(given.get("operator"))
        kind = self._kind(object_type, name)
        try:
            return self._real_name(object_type, name), _operator(operator, given, kind)
        except (KeyError, TypeError, ValueError):
            raise _wrong(f"the value of the filter on {name} cannot be read as {kind}") from None


def _fits(known: Document, tests: list[list[Test]], words: str) -> bool:
    properties = known.properties
    if words and not any(words in (value or "").lower() for value in properties.values()):
        return False
    return not tests or any(all(fits(properties.get(name)) for name, fits in group) for group in tests)


def _ordered(index: Index, ids: list[int], sort: tuple[str, bool], kind: str) -> list[int]:
    name, descending = sort

    def key(number: int) -> tuple[bool, Comparable]:
        known = _stored(index.documents[number].properties.get(name), kind)
        return (False, 0.0 if kind != "string" else "") if known is None else (True, known)

    return sorted(ids, key=key, reverse=descending)


# a table of HubSpot's operators
def _operator(operator: str, given: Mapping[str, Any], kind: str) -> Matches:  # noqa: PLR0911
    if operator == "HAS_PROPERTY":
        return bool
    if operator == "NOT_HAS_PROPERTY":
        return lambda value: not value
    if operator in ("IN", "NOT_IN"):
        wanted = {_comparable(str(each), kind) for each in given["values"]}
        inside = operator == "IN"
        return lambda value: (known := _stored(value, kind)) is not None and (known in wanted) is inside
    bound = _comparable(str(given["value"]), kind)
    if operator == "BETWEEN":
        high = _comparable(str(given["highValue"]), kind)
        # of one kind
        return lambda value: (
            (known := _stored(value, kind)) is not None and bound <= known <= high  # type: ignore[operator]
        )
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
        return lambda value: _stored(value, kind) != bound
    return lambda value: (known := _stored(value, kind)) is not None and fits(known, bound)


def _stored(value: str | None, kind: str) -> Comparable | None:
    """A record's value as it is compared; None where there is none, or none of that kind."""
    try:
        return _comparable(value, kind) if value else None
    except ValueError:
        return None


def _comparable(text: str, kind: str) -> Comparable:
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
    if any(len(group) > MAX_FILTERS_IN_GROUP for group in groups):
        raise _wrong(f"at most {MAX_FILTERS_IN_GROUP} filters are allowed in a filter group")
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
    limit = query.get("limit") or DEFAULT_PAGE
    if not isinstance(limit, int):
        raise _wrong("limit must be a number")
    if not 0 < limit <= MAX_PAGE:
        raise _wrong(f"Limit exceeded: limit must be between 1 and {MAX_PAGE}, it is {limit}")
    return limit


def _after(query: Mapping[str, Any]) -> int:
    after = str(query.get("after") or "0")
    if not after.isdigit():
        raise _wrong("after must be a number")
    return int(after)


def _wrong(words: str) -> HubSpotError:
    return HubSpotError(400, words, "VALIDATION_ERROR")
