"""What a log line leaves out for people's sake."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import DataError, IntegrityError

from ros_sync import logs
from ros_sync.errors import PermanentError, RosSyncError, Where
from ros_sync.log_privacy import discreet
from ros_sync.settings import LogSettings

NAME, EMAIL = "Zofia Ostrowska", "zofia@loom.example"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Give what is logged; put everything back afterwards."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (threading.excepthook, sys.unraisablehook)
    found = io.StringIO()
    caps = {name: logging.getLogger(name).level for name in logs._CAPS}
    logs.configure(LogSettings(format="json"), stream=found)
    yield found
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    threading.excepthook, sys.unraisablehook = hooks
    for name, cap in caps.items():
        logging.getLogger(name).setLevel(cap)


def line(stream: io.StringIO) -> dict[str, Any]:
    """The one line that was logged."""
    (found,) = stream.getvalue().splitlines()
    loaded: dict[str, Any] = json.loads(found)
    return loaded


@pytest.mark.parametrize(
    "text,expected",
    [
        (f"{NAME!r} is not a number", "'…' is not a number"),
        (f"{NAME + chr(39)!r} is not a number", '"…" is not a number'),
        ("the owner's record isn't the team's", "the owner's record isn't the team's"),
        (f"HubSpot refused (400 X): “not “{NAME}”, “{EMAIL}””", "HubSpot refused (400 X): “…”"),
        (f"HubSpot refused: “first\n{NAME}”", "HubSpot refused: “…”"),
        (f"{EMAIL} is in this file twice", "… is in this file twice"),
        ("postgresql://me@db.example.com/x", "postgresql://me@db.example.com/x"),
        (f'invalid input syntax for type bigint: "{NAME}"', 'invalid input syntax for type bigint: "…"'),
        (f"ungültige Eingabesyntax für Typ bigint: »{NAME}«", "ungültige Eingabesyntax für Typ bigint: »…«"),
        (f"syntaxe en entrée invalide : « {NAME} »", "syntaxe en entrée invalide : «…»"),
        (f"nieprawidłowa składnia: „{NAME}” i „{NAME}”", "nieprawidłowa składnia: „…” i „…”"),
        (f"bad value 'O'{NAME}' of the record's owner", "bad value '…' of the record's owner"),
        ("rules/a.yaml:3:4: `stage` is missing", "rules/a.yaml:3:4: `stage` is missing"),
    ],
)
def test_what_stands_in_quotation_marks_is_left_out(text: str, expected: str) -> None:
    """A text from outside is quoted, and what is quoted does not reach a log; apostrophes and our own words stay."""
    assert expected == discreet(text)


ERRORS: dict[str, Callable[[], Exception]] = {
    "python's": lambda: KeyError(NAME),
    "python's, unquoted": lambda: ValueError(f"cannot read {NAME}"),
    "os": lambda: FileNotFoundError(2, "No such file or directory", NAME),
    "unicode": lambda: UnicodeEncodeError("utf-8", f"{NAME}\ud800", 15, 16, NAME),
    "ours": lambda: RosSyncError(
        f"{NAME!r} is not a number", where=Where(file="x.csv", line=3), hint=f"write {NAME!r}"
    ),
    "sqlite": lambda: IntegrityError(
        "INSERT", {"name": NAME}, sqlite3.IntegrityError(f"bad value {NAME!r}"), hide_parameters=True
    ),
    "parameters": lambda: DataError("INSERT", {"name": NAME}, Exception("out of range")),
    "postgresql's detail": lambda: IntegrityError(
        "INSERT", {}, Exception(f"duplicate key\nDETAIL: Key (name)=({NAME})")
    ),
    "a group": lambda: ExceptionGroup("several", [ValueError(NAME), KeyError(NAME)]),
}


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("how", ["exception", "exc_info", "value", "library", "chained", "thread"])
def test_no_error_s_words_reach_the_log(stream: io.StringIO, kind: str, how: str) -> None:
    """However an error is logged, its kind and place are there, and what it quotes is not."""
    log = structlog.stdlib.get_logger("ros_sync.x")
    error = ERRORS[kind]()
    try:
        _raising(error, chained=how == "chained")
    except Exception as caught:
        if how in ("exception", "chained"):
            log.exception("job_failed")
        elif how == "exc_info":
            log.error("job_failed", exc_info=caught)  # noqa: TRY400  # as the program's own lines do
        elif how == "value":
            # as above
            told = {"kind": type(error).__name__, "error": caught, "errors": [caught], "by": {"stream": caught}}
            log.error("job_failed", **told)  # noqa: TRY400
        elif how == "library":
            # as uvicorn does
            logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=caught)  # noqa: TRY400
        else:
            logs.log_what_nobody_catches()
            thread = threading.Thread(target=_raising, args=(caught,))
            thread.start()
            thread.join()
    text = stream.getvalue()
    assert (True, False) == (type(error).__name__ in text, "Zofia" in text)


def _raising(error: Exception, *, chained: bool = False) -> None:
    if not chained:
        raise error
    try:
        _raising(error)
    except Exception as inner:
        raise PermanentError(f"it failed: “{NAME}”") from inner


def test_a_traceback_still_tells_the_place(stream: io.StringIO) -> None:
    """File, line and function of every frame are there."""
    try:
        _raising(ValueError(NAME))
    except ValueError:
        structlog.stdlib.get_logger("ros_sync.x").exception("job_failed")
    assert "test_log_privacy.py" in line(stream)["exception"]
    assert "in _raising" in line(stream)["exception"]


@pytest.mark.parametrize(
    "logger,words,expected",
    [
        ("urllib3.connectionpool", ("Retrying after connection broken: %s", f"/contacts?email={EMAIL}"),
         "Retrying after connection broken: %s"),
        ("asyncio", (f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{NAME}')>",),
         "Task exception was never retrieved"),
        ("some.library", (f"cannot read '{NAME}' of {EMAIL}",), "cannot read '…' of …"),
        ("apscheduler.scheduler", ('Execution of job "%s" skipped', "tick"), 'Execution of job "tick" skipped'),
    ],
)  # fmt: skip
def test_a_library_s_line_is_its_own_words(
    stream: io.StringIO, logger: str, words: tuple[str, ...], expected: str
) -> None:
    """What it puts into them may be anybody's; the scheduler's are the names of our jobs."""
    logging.getLogger(logger).error(*words)
    assert expected == line(stream)["event"]


def test_a_warning_s_place_is_told_and_not_its_text(stream: io.StringIO) -> None:
    """Warnings of libraries may quote values."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"Expected `int` but got `{NAME}`", UserWarning, stacklevel=1)
    assert ("test_log_privacy.py" in line(stream)["event"], "Zofia" in stream.getvalue()) == (True, False)


def test_debug_shows_everything(stream: io.StringIO) -> None:
    """Who asks for level debug is looking for a fault, and sees what led to it."""
    logs.configure(LogSettings(level="debug", format="json"), stream=stream)
    structlog.stdlib.get_logger("ros_sync.x").debug("row_read", said=repr(NAME))
    assert NAME in stream.getvalue()
