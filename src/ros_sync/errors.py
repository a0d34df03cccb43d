"""What can go wrong, and what to do about it.

Each error says what happened, where, and what to do. The class docstring is the default message.
The five below `RosSyncError` that name a kind of failure (`Transient` and its siblings) tell a caller
whether trying again can help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Where:
    """A place a person can go to: a file with line and column (both from 1), a key in it, or a record and its field."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None
    record: str | None = None

    def __str__(self) -> str:
        """`file:line:column`, then the key or the record, leaving out what is not known."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return ", ".join(part for part in (place, self.key, self.record) if part)


def first_line(kind: type[RosSyncError]) -> str:
    """The words of a kind of error, whatever happened: the first line of its docstring."""
    return (kind.__doc__ or "").split("\n", 1)[0].strip()


class RosSyncError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, *, where: Where | None = None, hint: str | None = None) -> None:
        self.message = message or first_line(type(self))
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        """Where, what happened, and what to do, as one line for a person."""
        text = f"{self.where}: {self.message}" if self.where and str(self.where) else self.message
        return f"{text} ({self.hint})" if self.hint else text


class TransientError(RosSyncError):
    """The other side failed in a way that may pass; trying again later can help."""


class RateLimitedError(TransientError):
    """The other side asked to slow down."""

    def __init__(self, message: str | None = None, *, retry_after_seconds: float, where: Where | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message, where=where)


class DailyLimitError(TransientError):
    """The day's calls to the other side are used up."""

    def __init__(
        self, message: str | None = None, *, resume_at: datetime, where: Where | None = None, hint: str | None = None
    ) -> None:
        self.resume_at = resume_at
        super().__init__(message, where=where, hint=hint)


class StaleWriteError(RosSyncError):
    """The record was changed in the CRM meanwhile; nothing was written."""


class AuthExpiredError(RosSyncError):
    """The credentials are no longer accepted."""


class PermanentError(RosSyncError):
    """The other side refused, and will refuse the same call again."""


class AmbiguousError(RosSyncError):
    """The connection broke after the call was sent: it may have been carried out or not."""


class StoppedError(RosSyncError):
    """The program was asked to stop; what was under way goes on when it is started again."""


class SettingsError(RosSyncError):
    """A setting is missing, unknown or of the wrong kind."""


class WorkspaceError(RosSyncError):
    """The workspace folder is not as it should be."""


class DatabaseBusyError(RosSyncError):
    """Another ros-sync process is using this database."""


class DatabaseTooNewError(RosSyncError):
    """The database was written by a newer version of ros-sync."""


class DatabaseTroubleError(RosSyncError):
    """The database cannot be used at the moment."""


class DiskFullError(DatabaseTroubleError):
    """disk full: the database cannot be written"""  # noqa: D400, D415  # the default message, as it is searched for


class MappingError(RosSyncError):
    """A mapping file in connectors/ cannot be used."""


class ImportRefusedError(RosSyncError):
    """The file cannot be imported."""


class OrganisationError(RosSyncError):
    """The organisation file cannot be used."""


class RuleError(RosSyncError):
    """A rule file cannot be used."""


class ProblemsError(RosSyncError):
    """Several problems were found at once; `problems` holds them in reading order.

    `warnings` are doubts about what can be read in the same files.
    """

    def __init__(self, problems: list[RosSyncError], *, warnings: Sequence[RosSyncError] = ()) -> None:
        self.problems = problems
        self.warnings = tuple(warnings)
        super().__init__("\n".join(str(problem) for problem in problems))
