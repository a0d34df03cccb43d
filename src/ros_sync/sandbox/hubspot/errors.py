"""Refusals as HubSpot words them."""

from __future__ import annotations

from typing import Any, Self
from uuid import uuid4


class HubSpotError(Exception):
    """A call that is refused: status, category and further keys of the body."""

    def __init__(
        self, status: int, message: str, category: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.headers = headers or {}
        self.more = more

    @classmethod
    def not_found(cls) -> Self:
        """404, as for a record that is not there."""
        return cls(404, "resource not found", "OBJECT_NOT_FOUND")

    def body(self) -> dict[str, Any]:
        """The body that HubSpot sends with it."""
        return {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid4()),
            "category": self.category,
            **self.more,
        }
