"""Changes that people ask for here, written to the CRM: asked for, carried out, kept as the audit trail.

Asking is a row in `write_back`; carrying it out is a call. What is asked for is done once, whatever is killed in
between: an attempt that broke off is made again, and finds what it did already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from ros_sync import clock
from ros_sync.connectors.source import Page, Source, Stream, WriteConflictError, WriteRequest, WriteResult
from ros_sync.errors import DailyLimitError, PermanentError, RosSyncError, StoppedError, Where
from ros_sync.fields import Kind, StoredValue, did_you_mean, to_stored, unprintable
from ros_sync.mirror import redirects
from ros_sync.mirror.bookkeeping import WRITE_BACK_REQUEST
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.store import as_text
from ros_sync.money import Money
from ros_sync.organisation.people import Directory
from ros_sync.organisation.rights import may_change
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import quota_exhausted
from ros_sync.sync.stream_state import save_state, state_of

log = structlog.get_logger(__name__)

CUSTOM = "custom."


class RequestState(StrEnum):
    """What became of a write-back request."""

    OPEN = "open"
    DONE = "done"
    CONFLICT = "conflict"
    REFUSED = "refused"
    PARTLY = "partly"  # the CRM took some of it over


class WriteTarget(Protocol):
    """What carrying out a write-back request needs of whoever follows the source."""

    @property
    def engine(self) -> Engine:
        """The mirror."""

    @property
    def source(self) -> Source:
        """The CRM."""

    def now(self) -> datetime:
        """The present."""

    def take_in(self, stream: Stream, page: Page) -> None:
        """Let the mirror show at once what the CRM has now, with its history as far as that can be read now."""


@dataclass(frozen=True, slots=True)
class WriteBackRequest:
    """What somebody wants changed.

    `changes` are in stored form; `expected` is what they saw, None: what the mirror shows.

    `asked_by` is who they say they are, `os_user` the user of the machine who ran the command, where it came that way.
    """

    object: str
    record_id: str
    changes: Mapping[str, StoredValue]
    asked_by: str
    expected: Mapping[str, StoredValue] | None = None
    os_user: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request so far, in words; `found` are the fields as the CRM has them after a conflict."""

    number: int
    state: RequestState
    words: str
    found: Mapping[str, StoredValue]


def ask(connection: Connection, source: Source, request: WriteBackRequest, directory: Directory, now: datetime) -> int:
    """Keep a write-back request, to be carried out; its number.

    PermanentError where the field is not written back, the record is not there, or the person may not change it.
    """
    writable = source.writable.get(request.object, frozenset())
    for name, value in request.changes.items():
        if name not in writable:
            hint = f"the connector file's `write:` lists what can; {did_you_mean(name, writable)}"
            raise PermanentError(f"{request.object}.{name} can't be written back", where=Where(key=name), hint=hint)
        field = objects()[request.object].settable.get(name)
        reason = _unfit(field.kind if field else None, value, source.facts.max_text_chars)
        if reason:
            raise PermanentError(f"{name} {reason}", where=Where(key=name))
    if not request.changes:
        raise PermanentError("nothing to change")
    mirrored = objects()[request.object]
    record_id = redirects.resolve(connection, source.name, request.object, [request.record_id]).get(
        request.record_id, request.record_id
    )
    row = _present(connection, mirrored, source.name, record_id)
    if row is None or row["deleted_at"] is not None:
        raise PermanentError(
            f"{request.object} {request.record_id} doesn't exist (any more)",
            where=Where(record=request.record_id),
            hint="run `ros-sync sync` to bring the mirror up to date",
        )
    owner = directory.owner_of(source.name, row["owner_id"], row["owner_named"])
    right = may_change(directory.find(request.asked_by), owner, directory)
    if not right.granted:
        log.warning("write_refused", object=request.object, record=record_id)  # the reason names people
        raise PermanentError(
            f"{request.asked_by} isn't allowed to change this: {right.reason}", where=Where(record=record_id)
        )
    shown = {name: _stored_value(mirrored, row, name) for name in request.changes}
    values = {
        "source": source.name,
        "object": request.object,
        "record_id": record_id,
        "changes": dict(request.changes),
        "expected": shown | dict(request.expected or {}),
        "asked_by": request.asked_by.strip().lower(),
        "os_user": request.os_user,
        "asked_at": now,
        "state": RequestState.OPEN,
        "attempts": 0,
    }
    made = connection.execute(insert(WRITE_BACK_REQUEST).values(**values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _unfit(kind: Kind | None, value: StoredValue, max_text_chars: int) -> str | None:
    """Why a value cannot be one of that kind (None: the company's own, of any); None where it can."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) > max_text_chars:
        return f"is longer than {max_text_chars:,} characters"
    if isinstance(value, str) and (odd := unprintable(value)) is not None:
        return f"holds {odd}, which is not to be written to a CRM"
    types = {Kind.MONEY: int, Kind.NUMBER: int | float, Kind.BOOLEAN: bool, Kind.INSTANT: int, Kind.DATE: str}
    fits = isinstance(value, types.get(kind, object)) if kind else True
    try:
        if kind is Kind.DATE:
            date.fromisoformat(str(value))
        elif kind is Kind.INSTANT and fits:
            clock.from_micros(int(value))
    except (ValueError, OverflowError):
        fits = False
    if isinstance(value, bool) and kind in (Kind.MONEY, Kind.NUMBER, Kind.INSTANT):
        fits = False
    return None if fits else f"is not of the kind {kind}: {str(value)[:40]!r}"


def execute_open(work: WriteTarget) -> list[Outcome]:
    """Carry out every write-back request of the source that is open, in the order in which they were asked."""
    with work.engine.connect() as connection:
        state = state_of(connection, work.source.name)
        query = select(WRITE_BACK_REQUEST.c.id).where(
            WRITE_BACK_REQUEST.c.source == work.source.name, WRITE_BACK_REQUEST.c.state == RequestState.OPEN
        )
        numbers = list(connection.execute(query.order_by(WRITE_BACK_REQUEST.c.id)).scalars())
    if quota_exhausted(state.get("quota_exhausted_until"), work.now()):
        return []
    done: list[Outcome] = []
    for number in numbers:
        done.append(execute(work, number))
        with work.engine.connect() as connection:
            if quota_exhausted(state_of(connection, work.source.name).get("quota_exhausted_until"), work.now()):
                break  # the day's calls are used up: the others have not been tried
    return done


def execute(work: WriteTarget, number: int) -> Outcome:
    """Carry one write-back request out. Where the CRM cannot be reached it stays open, and says why."""
    row = _claim(work, number)
    if row is None:
        return outcome_of(work, number)
    stream = next((each for each in work.source.streams if row["object"] in each.objects), None)
    if stream is None:
        return _close(work, row, RequestState.REFUSED, f"the connector file no longer syncs {row['object']}s")
    say = _speaker(work, row)

    def note(taken: Collection[str]) -> str:
        changes = {name: value for name, value in row["changes"].items() if name in taken}
        told = ", ".join(f"{name.replace('_', ' ')}: {say(name, value)}" for name, value in changes.items())
        return f"{told} (asked for by {row['asked_by']}, ros-sync no. {row['id']} of {work.source.name})"

    # A second attempt may find that the first one arrived although its answer got lost: the vendor looks for that.
    again = row["attempts"] > 0
    write_request = WriteRequest(
        row["record_id"], row["changes"], row["expected"], note=note, again=again, asked_at=row["asked_at"]
    )
    try:
        result = work.source.write(stream, write_request)
    except WriteConflictError as error:
        now_so = "; ".join(f"{name.replace('_', ' ')} is {say(name, value)} now" for name, value in error.found.items())
        work.take_in(stream, error.page)  # what somebody else wrote is known by now, and people decide by it
        return _close(work, row, RequestState.CONFLICT, f"{error.message}: {now_so}", error.found)
    except StoppedError:
        raise  # the request stays open, for the next process
    except Exception as error:  # noqa: BLE001  # one write-back request must not keep the others from being carried out
        return _failed(work, row, error)
    if result.page is not None:
        work.take_in(stream, result.page)
    vendor = work.source.facts.display_name
    words = f"it already had this value in {vendor}" if result.already_set else "written"
    done = RequestState.DONE
    if result.lacking:
        # A CRM may report success and ignore what a rule of the account forbids: only reading again tells.
        lacking = "; ".join(
            f"{name.replace('_', ' ')} is {say(name, lack.now)}: {lack.why}" for name, lack in result.lacking.items()
        )
        done = RequestState.PARTLY if result.lacking.keys() < row["changes"].keys() else RequestState.REFUSED
        part = "part of it" if done is RequestState.PARTLY else "it"
        words = f"{vendor} reported success, but {part} didn't take effect: {lacking}"
    if result.trouble is not None:
        return _unfinished(work, row, words, result, done)
    return _close(work, row, done, words, {name: lack.now for name, lack in result.lacking.items()})


def _unfinished(work: WriteTarget, row: RowMapping, words: str, result: WriteResult, done: RequestState) -> Outcome:
    """The value is there, and the rest failed: what can still be done keeps the request open, what cannot is said."""
    error = result.trouble
    lack = "the note about who asked couldn't be added" if result.page is not None else "it couldn't be read back"
    if isinstance(error, PermanentError):
        return _close(work, row, done, f"{words}, but {lack}: {error}")
    if isinstance(error, DailyLimitError):
        _exhaust_quota(work, error)
    return _close(work, row, RequestState.OPEN, f"{words}, but {lack} yet; `ros-sync serve` tries again: {error}")


def _failed(work: WriteTarget, row: RowMapping, error: Exception) -> Outcome:
    """What could not be written now stays open; what never can be is refused."""
    if isinstance(error, DailyLimitError):
        _exhaust_quota(work, error)
        return _close(
            work, row, RequestState.OPEN, f"queued; `ros-sync serve` will do it when calls are allowed again: {error}"
        )
    if isinstance(error, PermanentError):
        return _close(work, row, RequestState.REFUSED, str(error))
    if isinstance(error, RosSyncError):
        return _close(work, row, RequestState.OPEN, f"queued; `ros-sync serve` will retry: {error}")
    log.error("write_failed", number=row["id"], exc_info=error)
    words = f"it failed, but may have been written: {type(error).__name__}; the log has the details"
    return _close(work, row, RequestState.REFUSED, words)


def _exhaust_quota(work: WriteTarget, error: DailyLimitError) -> None:
    """The day's calls are used up: nobody reads or writes this source until there are new ones."""
    with writing(work.engine, work.source.name) as connection:
        save_state(
            connection, work.source.name, work.now(), quota_exhausted_until=error.resume_at, trouble=error.message
        )


def outcome_of(work: WriteTarget, number: int) -> Outcome:
    """What has become of a write-back request."""
    with work.engine.connect() as connection:
        row = connection.execute(select(WRITE_BACK_REQUEST).where(WRITE_BACK_REQUEST.c.id == number)).mappings().one()
    return Outcome(number, RequestState(row["state"]), row["outcome"] or "", {})


def _claim(work: WriteTarget, number: int) -> RowMapping | None:
    """The request with its attempts so far, one more of which is noted; None where it is no longer open."""
    with writing(work.engine, work.source.name) as connection:
        query = select(WRITE_BACK_REQUEST).where(
            WRITE_BACK_REQUEST.c.id == number, WRITE_BACK_REQUEST.c.state == RequestState.OPEN
        )
        row = connection.execute(query).mappings().first()
        if row is not None:
            connection.execute(
                update(WRITE_BACK_REQUEST).where(WRITE_BACK_REQUEST.c.id == number).values(attempts=row["attempts"] + 1)
            )
        return row


def _close(
    work: WriteTarget, row: RowMapping, state: RequestState, words: str, found: Mapping[str, StoredValue] | None = None
) -> Outcome:
    with writing(work.engine, work.source.name) as connection:
        values: dict[str, Any] = {"state": state, "outcome": words}
        if state is not RequestState.OPEN:
            values["done_at"] = work.now()
        connection.execute(update(WRITE_BACK_REQUEST).where(WRITE_BACK_REQUEST.c.id == row["id"]).values(**values))
    log.info(
        "write_back", number=row["id"], source=row["source"], object=row["object"], record=row["record_id"],
        fields=sorted(row["changes"]), state=state,
    )  # fmt: skip
    return Outcome(row["id"], state, words, found or {})


def _speaker(work: WriteTarget, row: RowMapping) -> Callable[[str, StoredValue], str]:
    """Says what a field of the write-back request's record holds, for people."""
    mirrored = objects()[row["object"]]
    with work.engine.connect() as connection:
        present = _present(connection, mirrored, row["source"], row["record_id"])
    currency = present["currency"] if present is not None and "currency" in present else None

    def say(name: str, value: StoredValue) -> str:
        kind = mirrored.settable[name].kind if name in mirrored.settable else Kind.TEXT
        if value is None:
            return "empty"
        if kind is Kind.MONEY and currency:
            return str(Money(int(value), currency))
        if kind is Kind.INSTANT:
            return f"{clock.from_micros(int(value)):%Y-%m-%d %H:%M} UTC"
        return f"“{value}”" if kind is Kind.TEXT else as_text(value) or ""

    return say


def _present(connection: Connection, mirrored: MirroredObject, source: str, record_id: str) -> RowMapping | None:
    table = mirrored.table
    query = select(table).where(table.c.source == source, table.c.id == record_id)
    return connection.execute(query).mappings().first()


def _stored_value(mirrored: MirroredObject, row: RowMapping, name: str) -> StoredValue:
    if name.startswith(CUSTOM):
        return (row["custom"] or {}).get(name.removeprefix(CUSTOM))
    return to_stored(mirrored.settable[name].kind, row[mirrored.columns[name]])
