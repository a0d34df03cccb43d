"""What a vendor's webhooks are to whoever takes them in: whether it is the vendor's, which change events it brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ros_sync import clock
from ros_sync.connectors.source import ChangeEvent


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Whether a request comes from the vendor, and why not. `reason` is for the log, never for the sender."""

    ok: bool
    reason: str
    version: str | None = None


class Verifier(Protocol):
    """Tells the vendor's requests from those of strangers. Nothing that a stranger can send may make it raise."""

    @property
    def max_body_bytes(self) -> int:
        """The size of the largest body that the vendor sends, amply."""

    def refusal(self, headers: Mapping[str, str], now: datetime) -> SignatureCheck | None:
        """Why a request is not the vendor's, whatever its body may be; None where that depends on the body."""

    def verify(
        self, *, method: str, uri: str, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> SignatureCheck:
        """Judge a whole request. Names of headers are in lower case, `uri` is the address called, with its query."""


@dataclass(frozen=True, slots=True)
class ChangeEvents:
    """What a request says happened, by source; `others` is how many of its entries say nothing to any source."""

    by_source: Mapping[str, Sequence[ChangeEvent]]
    others: int = 0

    def __len__(self) -> int:
        """The number of events."""
        return sum(map(len, self.by_source.values()))


@dataclass(frozen=True, slots=True)
class WebhookReceiver:
    """What takes the requests of one vendor in.

    `read` gives the events of a body (ValueError where it cannot be read), `keep` stores them and gives the number of
    new ones. `public_url` is the address of this server as the vendor calls it, where that is not the one that arrives
    here (behind a proxy).
    """

    verifier: Verifier = field(repr=False)  # it knows the secret
    read: Callable[[bytes], ChangeEvents]
    keep: Callable[[ChangeEvents], int]
    public_url: str | None = None
    now: Callable[[], datetime] = clock.now
