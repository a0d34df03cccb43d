"""One call of the API as the server read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ros_sync.sandbox.hubspot.definitions import OBJECT_TYPES, SINGULAR, TYPE_IDS
from ros_sync.sandbox.hubspot.errors import HubSpotError

Json = dict[str, Any]
Answer = tuple[int, Json | None]
OK, CREATED, NO_CONTENT, MULTI_STATUS = 200, 201, 204, 207
MAX_BATCH, MAX_BATCH_WITH_HISTORY = 100, 50  # HubSpot, objects API: batch/read, propertiesWithHistory
_NAMES = {name.lower(): kind for kind in OBJECT_TYPES for name in (kind, TYPE_IDS[kind], SINGULAR[kind], kind[:-1])}


@dataclass(slots=True)
class Call:
    """The parts of its path, its query and its body; `dated` where the path names a release instead of a number."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    form: dict[str, str] = field(default_factory=dict)
    client: str = "integration"
    dated: bool = False

    @property
    def object_type(self) -> str:
        """The object type of the path, under any of its names; HubSpotError (404) for one that is not here."""
        return object_type(self.path["type"])

    @property
    def archived(self) -> bool:
        """Whether it asks for what is archived."""
        return self.query.get("archived", "false").lower() == "true"

    def names(self, key: str) -> list[str]:
        """A comma-separated query parameter."""
        return [name for name in self.query.get(key, "").split(",") if name]

    def limit(self, default: int, most: int) -> int:
        """How many results are asked for; HubSpotError (400) where they are too many, or no number."""
        text = self.query.get("limit", str(default))
        if not text.isdigit() or not 0 < int(text) <= most:
            raise wrong(f"Invalid limit {text}: limit must be between 1 and {most}")
        return int(text)

    def mapping(self) -> Mapping[str, Any]:
        """The body as an object; HubSpotError (400) for another one."""
        if not isinstance(self.body, dict):
            raise wrong("Invalid input JSON: a request body was expected, but none found")
        return self.body

    def inputs(self, most: int, what: str = "") -> list[Any]:
        """The `inputs` of a batch; HubSpotError (400) where they are too many. `what` is `for …`."""
        inputs = list(self.mapping().get("inputs") or ())
        if len(inputs) > most:
            words = f"The maximum number of inputs supported in a batch request{what} is {most}."
            raise wrong(f"{words} Please reduce the number of items and try again")
        return inputs


Handler = Callable[[Call], Answer]


def object_type(name: str) -> str:
    """An object type under any of its names; HubSpotError (404) for one that is not here."""
    kind = _NAMES.get(name.lower()) or ("companies" if name.lower() == "company" else None)
    if kind is None:
        raise HubSpotError(404, f"Unable to infer object type from: {name}", "OBJECT_NOT_FOUND")
    return kind


def wrong(words: str, **more: Any) -> HubSpotError:
    """The refusal of a call that cannot be answered."""
    return HubSpotError(400, words, "VALIDATION_ERROR", **more)
