"""Refusals as HubSpot words them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import uuid4


class HubSpotError(Exception):
    """A call that is refused: status, category and further keys of the body.

    `word` is what the body calls its status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        category: str | None,
        *,
        word: str = "error",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.word = word
        self.headers = headers or {}
        self.more = more

    @classmethod
    def not_found(cls) -> Self:
        """404, as for a record that is not there."""
        return cls(404, "resource not found", "OBJECT_NOT_FOUND")

    @classmethod
    def expired(cls, ended_at: datetime, now: datetime) -> Self:
        """401, as for an access token that has run out."""
        ago = int((now - ended_at).total_seconds())
        words = f"The OAuth token used to make this call expired {ago} second(s) ago."
        ended = ended_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return cls(401, words, "EXPIRED_AUTHENTICATION", context={"expire time": [ended]})

    @classmethod
    def oauth(cls, error: str, why: str, word: str) -> Self:
        """400, as of a renewal: with the words of OAuth (RFC 6749) beside HubSpot's own."""
        return cls(400, why, None, word=word, error=error, error_description=why)

    @classmethod
    def wrong_format(cls) -> Self:
        """530, as for a token that does not have the format of one."""
        return cls(530, "The access token has the wrong format.", None)

    @classmethod
    def missing_scopes(cls, scopes: Sequence[str]) -> Self:
        """403, as for a token without one of the scopes that would do."""
        error = {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": list(scopes)},
        }
        return cls(
            403, "This app hasn't been granted all required scopes to make this call. Read more about required "
                 "scopes here: "
            "https://developers.hubspot.com/scopes.", "MISSING_SCOPES",
            errors=[error], links={"scopes": "https://developers.hubspot.com/scopes"},
        )  # fmt: skip

    def body(self) -> dict[str, Any]:
        """The body that HubSpot sends with it."""
        body = {"status": self.word, "message": self.message, "correlationId": str(uuid4()), **self.more}
        return body if self.category is None else body | {"category": self.category}
