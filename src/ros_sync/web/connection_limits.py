"""What a stranger may cost: how many connections there are, how long each may take, how much of what it sent is held.

uvicorn bounds neither the time of headers and bodies nor what it reads of them. Here each connection has a deadline for
whatever its peer owes. Where there are too many, new ones wait unread while others end; the one that has kept us
waiting longest makes room. Where too much is held for requests that are under way, the one that holds most is dropped,
and of large ones a few are read at a time. An honest webhook is small and comes at once, and is none of them.
"""

from __future__ import annotations

import asyncio
import ctypes
from dataclasses import dataclass
from enum import Enum
from typing import Any

import h11
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What all connections of a server may use together, and how long one may take."""

    connections: int = 256
    queue: int = (
        256  # more of them, of which nothing is read until there is room; all together below the usual 1,024 files
    )
    grace_seconds: float = 1.0  # that a connection has before it may have to make room for another one
    held_bytes: int = 8 * 1_048_576  # sent with requests that are not answered yet, over all connections
    small_bytes: int = (
        65_536  # of a request that is read without waiting: a hundred events of a webhook are about 40 KB
    )
    large: int = (
        8  # requests beyond that which are read at a time: reading a flood of them would keep the others waiting
    )
    header_seconds: float = 10.0  # from connecting, or from a request's first byte, to the end of its headers
    body_seconds: float = 15.0  # from there to the end of its body
    idle_seconds: int = 5  # between two requests of one connection
    write_seconds: float = 10.0  # for a peer that does not take its answer


class Phase(Enum):
    """What a connection is waiting for."""

    HEADERS = "headers"
    BODY = "body"
    IDLE = "idle"
    OURS = "ours"  # nothing: the answer is being worked out


OWED = (Phase.HEADERS, Phase.BODY)  # what a peer has begun and not finished
LOOK_AGAIN_SECONDS = 0.1
READ_BYTES = 16_384  # at a time, so that a peer is not owed more than it is just sending


class Crowd:
    """The connections of one server, and those that wait to be read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.members: set[BoundedConnection] = set()
        self._queue: dict[BoundedConnection, None] = {}  # in the order in which they came
        self._large: set[BoundedConnection] = set()
        self._large_queue: dict[BoundedConnection, None] = {}  # of those nothing more is read for now
        self._again: asyncio.TimerHandle | None = None
        self._dropped = False  # whether any was, since it was last empty here

    def admit(self, connection: BoundedConnection) -> None:
        """Read this connection now, or when there is room; drop it where too many wait for that."""
        if not self._queue and self._has_room(connection.loop.time()):
            self._take(connection)
        elif len(self._queue) < self.limits.queue:
            connection.transport.pause_reading()
            self._queue[connection] = None
            self._look_again(connection.loop)
        else:
            connection.drop("crowded_out")

    def leave(self, connection: BoundedConnection) -> None:
        """Let the next one in."""
        self._queue.pop(connection, None)
        if connection in self.members:
            self.members.discard(connection)
            self._look_again(connection.loop, at_once=True)
        if self._dropped and not self.members:
            self._dropped = False
            connection.loop.call_later(LOOK_AGAIN_SECONDS, give_memory_back)

    def may_be_large(self, connection: BoundedConnection) -> bool:
        """Whether more than a little of its request may be read now.

        Else it waits for its turn, as its deadline allows.
        """
        if connection in self._large:
            return True
        if len(self._large) < self.limits.large:
            self._large.add(connection)
            return True
        self._large_queue.setdefault(connection)
        return False

    def small_again(self, connection: BoundedConnection) -> None:
        """Let the next large request be read."""
        self._large_queue.pop(connection, None)
        if connection not in self._large:
            return
        self._large.discard(connection)
        if self._large_queue:
            following = next(iter(self._large_queue))
            del self._large_queue[following]
            self._large.add(following)
            following.transport.resume_reading()

    def note_drop(self) -> None:
        """Remember that there was a crowd, so that its memory is given back when it has gone."""
        self._dropped = True

    def bound_what_is_held(self) -> None:
        """Drop those that hold most until no more is held than allowed."""
        while sum(each.held for each in self.members) > self.limits.held_bytes:
            max(self.members, key=lambda each: each.held).drop("holds_too_much")

    def _look_again(self, loop: asyncio.AbstractEventLoop, *, at_once: bool = False) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._queue:
            self._again = loop.call_later(0 if at_once else LOOK_AGAIN_SECONDS, self._let_in, loop)

    def _let_in(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._queue and self._has_room(loop.time()):
            connection = next(iter(self._queue))
            del self._queue[connection]
            self._take(connection)
            connection.transport.resume_reading()
        self._look_again(loop)

    def _take(self, connection: BoundedConnection) -> None:
        self.members.add(connection)
        connection.enter(Phase.HEADERS)

    def _has_room(self, now: float) -> bool:
        """Whether there is room for one more, after one that keeps us waiting was dropped where need be."""
        if len(self.members) < self.limits.connections:
            return True
        idle = [each for each in self.members if each.phase is Phase.IDLE]
        slow = [each for each in self.members if each.phase in OWED and now - each.since > self.limits.grace_seconds]
        if not (idle or slow):
            return False
        min(idle or slow, key=lambda each: each.since).drop("makes_room")
        return True


class BoundedConnection(H11Protocol):
    """One connection, with a deadline for whatever its peer owes."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        crowd: Crowd,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.crowd = crowd
        self.phase = Phase.HEADERS
        self.since = self.loop.time()
        self.held = 0
        self._requests = 0  # answered
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take the connection when there is room for it."""
        super().connection_made(transport)
        # asyncio's selector transports; it reads 256 KiB at a time
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        self.crowd.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and what it held."""
        self._leave()
        super().connection_lost(exc)
        if self.cycle is not None:  # None before the first
            self.cycle.body = bytearray()  # connection and cycle refer to each other, and are collected late

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent; the deadline runs on until it has sent all that it owes."""
        if self.phase is Phase.IDLE:
            self.enter(Phase.HEADERS)
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # nonsense behind a request that is answered: uvicorn would answer it once more
            self.drop("makes_no_sense")
            return
        # None before the first
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.held += len(data)
            self.crowd.bound_what_is_held()
            if self.held > self.crowd.limits.small_bytes and not self.crowd.may_be_large(self):
                self.transport.pause_reading()
        self._look()

    def on_response_complete(self) -> None:
        """Let go of what was sent with the request.

        What still comes of its body is thrown away, and has its deadline.
        """
        self.cycle.body = bytearray()
        self.held = 0
        self.crowd.small_again(self)
        self._requests += 1
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Give a peer that does not take its answer so long, and no longer."""
        super().pause_writing()
        self.loop.call_later(self.crowd.limits.write_seconds, self._give_up_writing)

    def drop(self, reason: str) -> None:
        """Close the connection without another word."""
        log.debug("connection_dropped", reason=reason, phase=self.phase.value)
        self.crowd.note_drop()
        self._leave()
        self.transport.abort()

    def enter(self, phase: Phase) -> None:
        """Begin to wait for something else, and give it its time."""
        limits = self.crowd.limits
        seconds = {
            Phase.HEADERS: limits.header_seconds,
            Phase.BODY: limits.body_seconds,
            Phase.IDLE: limits.idle_seconds,
        }.get(phase)
        self.phase, self.since = phase, self.loop.time()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.drop, "too_slow")

    def _look(self) -> None:
        """Enter the phase that the protocol is in now."""
        if self.transport.is_closing():
            self.enter(Phase.OURS)
            self.loop.call_later(self.crowd.limits.write_seconds, self.transport.abort)
            return
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            phase = Phase.BODY
        elif theirs is not h11.IDLE:
            phase = Phase.OURS
        elif self._is_between_requests():
            phase = Phase.IDLE
        else:
            phase = Phase.HEADERS
        if phase is not self.phase:
            self.enter(phase)

    def _is_between_requests(self) -> bool:
        received, _closed = self.conn.trailing_data
        return self._requests > 0 and not received

    def _give_up_writing(self) -> None:
        if self.flow.write_paused:
            self.drop("does_not_read")

    def _leave(self) -> None:
        self.crowd.small_again(self)
        self.crowd.leave(self)
        self.held = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def give_memory_back() -> None:
    """Let the C library return what was freed to the system; glibc keeps it otherwise, others have no such function."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
