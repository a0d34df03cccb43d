"""Logging, set up once: lines for people on a terminal, JSON lines elsewhere, always to stderr, never a secret.

structlog and the standard library's loggers go the same way. Events have fixed snake_case names; what they are
about is bound to them. What is left out of them for people's sake: `log_privacy`.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ros_sync import clock, log_privacy
from ros_sync.settings import LogSettings
from ros_sync.workspace.vendors import VENDORS

# Slack documentation, "Tokens": bot, user, app-level, configuration and refresh tokens.
_SLACK_TOKEN = re.compile(r"\bx(?:ox[a-z]|app|we|oxe\.xox[a-z])(?:\.xox[a-z])?-[\w-]{4,}")
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s:/@]*):[^\s]+@")
_BEARER = re.compile(r"(?i)\bbearer\s+[\w.~+/=-]{8,}")
MASK = "***"

# Loggers of libraries that say too much below these levels: Slack's SDK logs whole requests, SQLAlchemy parameters, and
# uvicorn warns of each request that makes no sense, of which a stranger may send any number.
_CAPS = {
    "apscheduler": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
    "slack_sdk": logging.INFO,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.INFO,
    "uvicorn": logging.ERROR,
    **{logger: logging.INFO for vendor in VENDORS.values() for logger in vendor.loggers},
}


def warn(event: str, **about: object) -> None:
    """Log a warning of a process that keeps running."""
    structlog.get_logger("ros_sync").warning(event, **about)


def configure(settings: LogSettings, *, stream: TextIO | None = None, at_least: str | None = None) -> None:
    """Send all logging to `stream` (default stderr) in the form and from the level that the settings name.

    `at_least` raises the level (to "warning", say) for commands whose output already tells what they did.
    """
    stream = stream or sys.stderr
    level = max(_level(settings.level), _level(at_least or "debug"))
    form = settings.format if settings.format != "auto" else ("console" if stream.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        _add_timestamp,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[log_privacy.foreign_words, *shared],
            use_get_message=False,
            pass_foreign_args=True,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                _name_known_troubles,
                log_privacy.without_people,
                _mask_secrets,
                *_renderers(form, colours=stream.isatty()),
            ],
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, cap in _CAPS.items():
        logging.getLogger(name).setLevel(max(level, cap))
    logging.captureWarnings(True)


def log_what_nobody_catches() -> None:
    """Let what ends a thread, or happens where nobody can be told, be logged like all else.

    Python would print its words.
    """
    threading.excepthook = _log_end_of_thread
    sys.unraisablehook = _log_unraisable


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread is not None else None
        structlog.stdlib.get_logger(__name__).error("thread_ended", thread=name, exc_info=args.exc_value)


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    structlog.stdlib.get_logger(__name__).error("error_without_a_caller", exc_info=args.exc_value)


def masked(text: str) -> str:
    """The text without Slack tokens, bearer tokens and passwords in URLs."""
    text = _SLACK_TOKEN.sub(MASK, text)
    text = _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", text)
    return _BEARER.sub(f"Bearer {MASK}", text)


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


def _renderers(form: str, *, colours: bool) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True)]
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]


def _add_timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["timestamp"] = clock.now().isoformat(timespec="milliseconds")
    return event


def _name_known_troubles(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say in words, without a traceback, what is nobody's mistake: a full or locked database, somebody who hung up."""
    given = event.get("exc_info")
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        return event
    from ros_sync.mirror.troubles import trouble_of  # noqa: PLC0415  # not loaded for commands that log no error

    trouble = trouble_of(error)
    if trouble is not None:
        event.pop("exc_info")
        event["error"] = str(trouble)
    return event


def _mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _masked_value(value) for key, value in event.items()}


def _masked_value(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _masked_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(value))
