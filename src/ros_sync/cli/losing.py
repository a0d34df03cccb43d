"""Which rules are off for a source, or do without a field, as nothing fills it; and how that is told."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.source import Source
from ros_sync.errors import RosSyncError
from ros_sync.mirror.database import open_engine
from ros_sync.settings import Settings
from ros_sync.sync.ingest.derived import worked_out
from ros_sync.terminal import shown
from ros_sync.workspace.company import company_of

# Rules are loaded where something is looked for: neither a sync nor an import needs them.
if TYPE_CHECKING:
    from ros_sync.rules.fitting import Fit
    from ros_sync.rules.model import Rule

MAP = "Map a column of the export to them in the mapping file."


def losing_of(settings: Settings, source: Source) -> list[Fit]:
    """The rules that lose something by what a source that is followed does not fill."""
    from ros_sync.rules.fitting import fits  # noqa: PLC0415  # see above

    derived = worked_out(source.streams, source.given)
    return fits(
        _rules(settings), {name: fields | derived.get(name, frozenset()) for name, fields in source.filled.items()}
    )


def exports_losing(settings: Settings, others: Container[str] = ()) -> dict[str, list[Fit]]:
    """By source of exports, those that lose something by what no mapping fills; `others` are left out."""
    from ros_sync.rules.fitting import filled, fits  # noqa: PLC0415  # see above

    rules = _rules(settings)
    try:
        engine = open_engine(settings.database_url, read_only=True)
    except RosSyncError:  # that there is none, or that it is to be upgraded, is another finding
        return {}
    try:
        with engine.connect() as connection:
            known = filled(connection)
    except SQLAlchemyError:  # as above
        return {}
    finally:
        engine.dispose()
    found = {name: fits(rules, there) for name, there in sorted(known.items()) if name not in others}
    return {name: lost for name, lost in found.items() if lost}


def _rules(settings: Settings) -> list[Rule]:
    """The rules that are not retired; none where they cannot be read: `rules check` says why."""
    from ros_sync.rules.model import Status  # noqa: PLC0415  # see above

    try:
        return [rule for rule in company_of(settings).rules if rule.status is not Status.RETIRED]
    except RosSyncError:
        return []


def connect(vendor: str) -> str:
    """What to do where nothing in the account of a vendor fills them."""
    return f"Run `ros-sync connect {vendor}` to find properties for them, or to create them."


def show_losing(invocation: Invocation, losing: Sequence[Fit], todo: str) -> None:
    """Say which rules are off, and which do without a field, as nothing fills it, and what to do about that."""
    from ros_sync.rules.language.wording import field_name  # noqa: PLC0415  # see above

    for each in losing:
        names = ", ".join(field_name(name) for name in each.fields)
        words = f"rule {each.rule_id} is off" if each.off else f"rule {each.rule_id} works without {names}"
        reason = f": no data for {names}" if each.off else " (no data)"
        invocation.out.print(f"[yellow]{shown(words + reason)}[/yellow]", highlight=False, soft_wrap=True)
    if losing:
        invocation.out.print(f"  [dim]{todo}[/dim]", highlight=False, soft_wrap=True)
