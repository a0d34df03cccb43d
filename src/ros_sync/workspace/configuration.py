"""What is in force of the files that RevOps configures, kept up to date, with its past in the database."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ros_sync import clock
from ros_sync.connectors.vendor import ConnectorFile
from ros_sync.errors import ProblemsError, RosSyncError, RuleError, Where
from ros_sync.mirror import config_versions
from ros_sync.mirror.config_versions import BrokenFile, Role, Version
from ros_sync.organisation.company import Organisation
from ros_sync.settings import Settings
from ros_sync.workspace.choices import (
    Chosen,
    Readings,
    choose_connectors,
    choose_organisation,
    mappings_in,
    organisation_in,
)
from ros_sync.workspace.company import Company
from ros_sync.workspace.files import Look, Scanner, files_of, of_role, unsettled_seconds

if TYPE_CHECKING:
    from ros_sync.rules.model import RuleSet

log = structlog.stdlib.get_logger(__name__)

_PERSON = re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+")  # messages quote what the file says; nobody's address goes into a log
MAX_WAITS = 5  # seconds, about: whoever writes a file for longer than that is taken at their word


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force: the organisation, the rules, the CRMs that are followed; and the files that cannot be used."""

    organisation: Organisation
    rules: RuleSet
    followed: tuple[ConnectorFile, ...]
    broken: tuple[BrokenFile, ...]
    no_rules: tuple[RosSyncError, ...] = ()

    def company(self) -> Company:
        """The organisation and the rules.

        RosSyncError or ProblemsError where no rule file can be used, nor ever could.
        """
        _refuse(self.no_rules)
        return Company(self.organisation, self.rules)


class Configuration:
    """The files of one workspace; safe to be asked from several threads.

    `wall` gives seconds since 1970 by the clock that stamps files.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        now: Callable[[], datetime] = clock.now,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._now, self._wall, self._sleep = now, wall, sleep
        self._scanner = Scanner(settings, wall=wall)
        self._readings = Readings()
        self._lock = Lock()
        self._versions: dict[str, Version] | None = None
        self._broken: tuple[BrokenFile, ...] = ()
        self._seen: Look | None = None
        self._in_force: InForce | None = None
        self._told: set[tuple[str, int | None, str]] = set()

    def current(self) -> InForce:
        """What is in force now. Nothing is read or written where no file changed.

        Raises RosSyncError where the organisation cannot be used and never could.
        """
        with self._lock:
            versions = self._known()
            look = self._settled_look(versions)
            if self._in_force is None or look != self._seen:
                self._in_force = self._renew(look, versions)
            return self._in_force

    def followed(self) -> tuple[Organisation, list[ConnectorFile], list[Chosen]]:
        """The organisation and the CRMs that are followed, without the rules; and the files that cannot be used.

        For one cycle of a source: nothing is kept. Raises as `current` does, and for a connector file of which there is
        no good version.
        """
        with self._lock:
            files, _ = files_of(self._scanner.look(), self._known())
            self._readings.begin()
            organisation = choose_organisation(files, self._readings)
            connectors = choose_connectors(of_role(files, Role.CONNECTOR), self._readings)
        chosen = [*([organisation] if organisation else []), *connectors]
        _refuse([each.problem for each in chosen if each.text is None])
        return organisation_in(organisation), mappings_in(connectors), [each for each in chosen if each.problem]

    def _known(self) -> dict[str, Version]:
        if self._versions is None:
            with self._engine.connect() as connection:
                self._broken = tuple(config_versions.broken_files(connection))
                self._versions = config_versions.latest(connection)
        return self._versions

    def _settled_look(self, versions: Mapping[str, Version]) -> Look:
        live = {path: version for path, version in versions.items() if version.text is not None}
        look = self._scanner.look()
        for _ in range(MAX_WAITS):
            wait = 0.0 if look == self._seen else unsettled_seconds(look, live, self._wall())
            if not wait:
                break
            self._sleep(wait)
            look = self._scanner.look()
        return look

    def _renew(self, look: Look, versions: Mapping[str, Version]) -> InForce:
        from ros_sync.workspace.rule_choices import decide  # noqa: PLC0415  # a cycle of a source needs no rules

        files, removed = files_of(look, versions)
        choice = decide(files, self._readings)
        now = self._now()
        broken = tuple(self._as_broken(each, now) for each in choice.all if each.problem is not None)
        self._tell(broken)
        kept = self._keep(choice.all, removed, broken, now)
        organisation = choice.organisation
        self._seen = look if kept else None  # what could not be kept is tried again
        if organisation is not None and organisation.text is None:
            if self._in_force is not None:
                return self._in_force
            _refuse([organisation.problem])
        no_rules: list[RosSyncError] = []
        if not choice.rule_set.files:
            no_rules = [each.problem for each in choice.rules if each.problem] or [_no_rules(look)]
        followed = tuple(mappings_in(choice.connectors))
        return InForce(organisation_in(organisation), choice.rule_set, followed, broken, tuple(no_rules))

    def _as_broken(self, chosen: Chosen, now: datetime) -> BrokenFile:
        problem, version = chosen.problem, chosen.file.version
        assert problem is not None
        where = problem.where or Where()
        more = f" (and {chosen.more} more)" if chosen.more else ""
        since = next((each.since for each in self._broken if each.path == chosen.file.path), now)
        used_from = version.effective_from if version is not None and chosen.text is not None else None
        words = problem.message + more
        return BrokenFile(chosen.file.path, where.line, where.column, words, problem.hint, since, used_from)

    def _tell(self, broken: Sequence[BrokenFile]) -> None:
        """Log each file that cannot be used, once and not whenever it is met."""
        told = {(each.path, each.line, each.message): each for each in broken}
        for key, each in told.items():
            if key not in self._told:
                used = each.version_in_use_from
                log.error(
                    "config_file_broken",
                    file=each.where,
                    error=_PERSON.sub("…@…", each.message),
                    in_use_from=used and used.isoformat(),
                )
        if self._told and not told:
            log.info("config_files_usable")
        self._told = set(told)

    def _keep(
        self, chosen: Sequence[Chosen], removed: Sequence[Version], broken: tuple[BrokenFile, ...], now: datetime
    ) -> bool:
        """Write down what came into force, and what cannot be used; whether that could be done.

        Nothing new, no write.
        """
        texts = {
            each.file.path: (each.file.role, each.text.decode())
            for each in chosen
            if each.is_new and each.text is not None
        }
        gone = {version.path: (version.role, None) for version in removed}
        if not texts and not gone and broken == self._broken:
            return True
        try:
            with self._engine.begin() as connection:
                known = config_versions.latest(connection)
                added = config_versions.keep(connection, {**texts, **gone}, known, now)
                config_versions.note_broken(connection, broken)
        except SQLAlchemyError as error:  # another process was quicker, or the disk is full: no reason to stop
            log.warning("config_not_kept", error=type(error).__name__)
            self._versions = None
            return False
        self._versions = {**known, **added}
        self._broken = broken
        for path, version in added.items():
            event = "config_file_removed" if version.text is None else "config_file_in_force"
            log.info(event, file=path, version=version.number)
        return True


def _refuse(problems: Sequence[RosSyncError | None]) -> None:
    found = [problem for problem in problems if problem is not None]
    if found:
        raise found[0] if len(found) == 1 else ProblemsError(found)


def _no_rules(look: Look) -> RosSyncError:
    words = look.gone.get(Role.RULES, "no rule files in this folder")
    hint = "rule files end in .yaml; `ros-sync init` creates some"
    return RuleError(words, where=Where(look.folders[Role.RULES]), hint=hint)
