"""The open connections of the server, so that one can be cut off in the middle of a call."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Connections:
    """Transports by the address of the other side."""

    def __init__(self) -> None:
        self._transports: dict[Peer, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Give uvicorn's HTTP protocol, which notes each connection here."""
        transports = self._transports

        class NotedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                self.peer = _peer(transport.get_extra_info("peername"))
                transports[self.peer] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.peer, None)
                super().connection_lost(exc)

        return NotedProtocol

    def cut(self, peer: Any) -> None:
        """Drop the connection from that address at once, without an answer."""
        transport = self._transports.get(_peer(peer))
        if transport is not None:
            transport.abort()


def _peer(address: Any) -> Peer:
    return cast("Peer", tuple(address)[:2])
