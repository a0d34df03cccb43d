from __future__ import annotations

import io
import json
import logging
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Literal

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from ros_sync import logs
from ros_sync.errors import RosSyncError
from ros_sync.settings import LogSettings

TOKEN = "xoxb-123456789012-abcdefghij"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Put the standard library's and structlog's set-up back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    caps = {name: logging.getLogger(name).level for name in logs._CAPS}
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, cap in caps.items():
        logging.getLogger(name).setLevel(cap)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def configured(
    stream: io.StringIO | None = None, form: Literal["auto", "console", "json"] = "json", **more: Any
) -> io.StringIO:
    """Set up logging to a stream of its own; the stream."""
    stream = stream or io.StringIO()
    logs.configure(LogSettings(format=form), stream=stream, **more)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines that were logged as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_elsewhere() -> None:
    """Where the stream is no terminal, a line is a JSON object with event, level, logger and what is bound."""
    stream = configured(form="auto")
    structlog.stdlib.get_logger("ros_sync.x").info("batch_written", rows=3)
    (line,) = lines(stream)
    line.pop("timestamp")
    assert line == {"event": "batch_written", "level": "info", "logger": "ros_sync.x", "rows": 3}


def test_console_on_a_terminal() -> None:
    """On a terminal a line is for people."""
    stream = configured(Terminal(), "auto")
    structlog.stdlib.get_logger("ros_sync.x").info("batch_written")
    assert not stream.getvalue().startswith("{")


def test_standard_loggers_go_the_same_way() -> None:
    """A logger of the standard library comes out in the same form, without what it puts into its words."""
    stream = configured()
    logging.getLogger("some.library").warning("odd: %s", "this")
    assert [(line["event"], line["level"]) for line in lines(stream)] == [("odd: %s", "warning")]


def test_warnings_are_logged() -> None:
    """Python's warnings come out as log lines."""
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    assert [line["logger"] for line in lines(stream)] == ["py.warnings"]


def test_level_is_kept() -> None:
    """Lines below the level are left out."""
    stream = configured(at_least="warning")
    structlog.stdlib.get_logger("ros_sync.x").info("batch_written")
    assert stream.getvalue() == ""


def test_setting_up_twice_says_it_once() -> None:
    """Setting logging up again replaces the first set-up."""
    configured()
    stream = configured()
    structlog.stdlib.get_logger("ros_sync.x").info("batch_written")
    assert len(lines(stream)) == 1


@pytest.mark.parametrize("library", ["slack_sdk.web.client", "sqlalchemy.engine.Engine", "urllib3.connectionpool"])
def test_libraries_do_not_log_their_requests(library: str) -> None:
    """The debug lines of libraries, which hold requests and parameters, are left out at every level."""
    stream = io.StringIO()
    logs.configure(LogSettings(level="debug", format="json"), stream=stream)
    logging.getLogger(library).debug("body with people's data")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "text,expected",
    [
        (f"token {TOKEN}!", "token ***!"),
        ("xapp-1-A0123-456-abcdef and xoxe.xoxp-1-Mi0yLTM", "*** and ***"),
        ("postgresql://me:p@ss@host/db", "postgresql://me:***@host/db"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("a box-office at https://example.com:8080/x", "a box-office at https://example.com:8080/x"),
    ],
)
def test_masking(text: str, expected: str) -> None:
    """Tokens and passwords in URLs are masked, and nothing else is."""
    assert expected == logs.masked(text)


@pytest.mark.parametrize("value", [TOKEN, [TOKEN], {"a": {"b": TOKEN}}, (1, TOKEN), RosSyncError(TOKEN)])
def test_secret_in_a_value_is_masked(value: Any) -> None:
    """A token is masked wherever it stands in what is bound to a line."""
    stream = configured()
    structlog.stdlib.get_logger("ros_sync.x").info("called", answer=value)
    assert (TOKEN in stream.getvalue(), "***" in stream.getvalue()) == (False, True)


@pytest.mark.parametrize("form", ["json", "console"])
def test_secret_in_a_traceback_is_masked(form: Literal["console", "json"]) -> None:
    """A token in an exception's message, or in a local variable, does not come out with the traceback."""
    stream = configured(form=form)
    local = TOKEN
    try:
        int(local)  # its message quotes what it was given
    except ValueError:
        structlog.stdlib.get_logger("ros_sync.x").exception("job_failed")
    assert (TOKEN in stream.getvalue(), "Traceback" in stream.getvalue()) == (False, True)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_full_disk_is_words_and_no_traceback(form: Literal["console", "json"]) -> None:
    """Whoever logs it, and with whatever traceback: a full disk is one line with the words "disk full"."""
    stream = configured(form=form)
    try:
        meet_a_full_disk()
    except OperationalError as error:
        structlog.get_logger().error("stream_failed", exc_info=error)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    told = stream.getvalue()
    assert (2, 2, False) == (told.count("\n"), told.count("disk full"), "Traceback" in told or "Zelda" in told)


def test_requests_that_make_no_sense_are_not_logged() -> None:
    """Whoever reaches the port may send any number of them."""
    stream = configured()
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert stream.getvalue() == ""


def meet_a_full_disk() -> None:
    """Fail as a statement does on a full disk."""
    raise OperationalError("UPDATE alert SET text = 'Zelda'", {}, full_disk())


def full_disk() -> sqlite3.Error:
    """What SQLite raises where the database may have no more pages."""
    with closing(sqlite3.connect(":memory:")) as connection, connection:
        connection.execute("PRAGMA max_page_count=2")
        try:
            connection.execute("CREATE TABLE big AS SELECT zeroblob(1000000)")
        except sqlite3.Error as error:
            return error
    raise AssertionError
