"""What a log line leaves out, so that nothing that a customer or a colleague is called by reaches a log.

Errors quote what they stumbled over, for the person who reads them; texts of databases, of Python and of a CRM do so
too. By convention a text from outside stands in quotation marks. In a log, from level info on, whatever
stands in quotation marks is left out, and so are e-mail addresses, the messages of exceptions that are not ours, and
what libraries put into their lines. At level debug everything stands as it is.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

from sqlalchemy.exc import DBAPIError
from structlog.typing import EventDict, WrappedLogger

from ros_sync.errors import RosSyncError

LEFT_OUT = "…"
_QUOTED = re.compile(
    r"“.*”"  # to the last one: a text from outside may hold some itself
    r"|\"(?:\\.|[^\"\\\n])*\""
    r"|(?<!\w)'(?:\\.|[^'\\\n]|(?<=\w)'(?=\w))*'(?!\w)"  # with the apostrophe of a name inside
    r"|»[^«\n]*«|«[^»\n]*»|„[^“”\n]*[“”]",  # PostgreSQL quotes so in the server's language (lc_messages)
    re.DOTALL,
)
_EMAIL = re.compile(r"(?<![\w./:+*-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_OWN = frozenset(("event", "level", "logger", "timestamp", "exception"))
_TRUSTED = ("apscheduler",)  # its arguments are the names of our own jobs
_MAX_CHAIN = 10


def discreet(text: str) -> str:
    """The text without what stands in quotation marks, and without e-mail addresses."""
    return _EMAIL.sub(LEFT_OUT, _QUOTED.sub(lambda found: f"{found[0][0]}{LEFT_OUT}{found[0][-1]}", text))


def told(error: BaseException) -> str:
    """An error as a log may tell it: ours by its words, a database's by its first line, any other by its kind alone."""
    words = _words(error)
    if isinstance(error, RosSyncError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _words(error: BaseException) -> str:
    if isinstance(error, RosSyncError):
        return discreet(str(error))
    if isinstance(error, DBAPIError) and error.orig is not None:
        first = (str(error.orig).splitlines() or [""])[0]  # PostgreSQL's next lines quote whole rows
        return f"{type(error.orig).__name__}: {discreet(first)}"
    return (error.strerror or "") if isinstance(error, OSError) else ""


def traceback_of(error: BaseException, *, depth: int = 0) -> str:
    """Where an error came from, and those that led to it, without their messages."""
    parts = []
    former = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if former is not None and depth < _MAX_CHAIN:
        parts.append(traceback_of(former, depth=depth + 1) + "\n\nwhich led to:\n")
    words = _words(error)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    parts.append(_frames(error.__traceback__) + (f"{kind}: {words}" if words else kind))
    if isinstance(error, BaseExceptionGroup) and depth < _MAX_CHAIN:
        parts.extend(traceback_of(each, depth=depth + 1) for each in error.exceptions)
    return "\n".join(parts)


def foreign_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Of what a library logs, the words that it always says: neither what it puts into them nor what follows them.

    The names of our own jobs, in the scheduler's lines, stay.
    """
    given = event.pop("positional_args", None)
    record = event["_record"]
    if record.levelno <= logging.DEBUG or record.name.split(".")[0] in _TRUSTED:
        event["event"] = record.msg % given if given else str(record.msg)
    elif record.name == "py.warnings":  # `file:line: Category: text`, then the line itself
        event["event"] = ": ".join(str(given[0] if given else record.msg).split(": ")[:2])
    else:
        event["event"] = (str(record.msg).splitlines() or [""])[0]
    return event


def without_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The line without what people wrote or are called by, and with its exception as it may be told."""
    debug = event.get("level") == "debug"
    error = _error_of(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = "".join(traceback.format_exception(error)) if debug else traceback_of(error)
    if debug:
        return event
    ours = event.get("logger", "").split(".")[0] in ("ros_sync", *_TRUSTED)
    return {
        key: value if key in _OWN and (ours or key != "event") else _discreet_value(value)
        for key, value in event.items()
    }


def _discreet_value(value: Any) -> Any:
    if isinstance(value, str):
        return discreet(value)
    if isinstance(value, BaseException):
        return told(value)
    if isinstance(value, dict):
        return {_discreet_value(key): _discreet_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_discreet_value(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return discreet(str(value))


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    found = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given else None
    return found if isinstance(found, BaseException) else None


def _frames(where: TracebackType | None) -> str:
    return "Traceback (most recent call last):\n" + "".join(traceback.format_tb(where))
