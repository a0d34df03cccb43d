"""Whether a mirror says what the account says: compared with the sandbox's own records, past the connector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.records import Record, read_instant

FORECASTS = {
    "PIPELINE": "pipeline",
    "BEST_CASE": "best case",
    "COMMIT": "commit",
    "CLOSED": "closed",
    "OMIT": "omitted",
}
KINDS = {"deals": "deal", "contacts": "contact", "companies": "account"}
ACTIVITIES = ("calls", "emails", "meetings", "notes", "tasks")


def untruths(engine: Engine, account: HubSpotAccount) -> list[str]:
    """Everything in which the mirror differs from the account."""
    with account.lock:
        return [
            *_presence(engine, account),
            *_deals(engine, account),
            *_histories(engine, account),
            *_loose_histories(engine, account),
            *_versions(engine),
            *_redirects(engine, account),
            *_erased(engine, account),
        ]


def _presence(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    wanted = {
        name: {r.id for r in account.records[kind].values() if r.archived_at is None} for kind, name in KINDS.items()
    }
    wanted["activity"] = {
        f"{kind}/{r.id}" for kind in ACTIVITIES for r in account.records[kind].values() if r.archived_at is None
    }
    wanted["owner"] = set(account.owners)
    for name, ids in wanted.items():
        held = {each.id for each in mirror_of(engine).records(name, deleted=False)}
        if held != ids:
            yield f"{name}: missing {sorted(ids - held)[:5]}, too many {sorted(held - ids)[:5]}"


def _deals(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    compared = ("name", "amount_minor", "stage", "owner_id", "next_step", "competitor", "account_id")
    for deal in mirror_of(engine).deals(deleted=False):
        record, held = account.records["deals"].get(deal.id), list(deal.pick(*compared))
        if record is None:
            continue
        get = record.properties.get
        linked = account.links_of(record, "companies")
        primary = [each for each, labels in linked if "Primary" in labels] or [each for each, _ in linked]
        wanted = [get("dealname"), _minor(get("amount")), _label(account, get("dealstage")), get("hubspot_owner_id"),
                  get("hs_next_step"), get("competitor"), min(primary, key=int, default=None)]  # fmt: skip
        if held != wanted:
            yield f"deal {deal.id}: {held}, and HubSpot says {wanted}"


def _histories(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    """Of tracked properties the change history has each change of the CRM once, in order."""
    readers = {
        "stage": ("dealstage", lambda value: _label(account, value)),
        "close_date": ("closedate", lambda value: _day(value, ZoneInfo(account.time_zone))),
        "amount_minor": ("amount", lambda value: None if value in (None, "") else str(_minor(value))),
        "owner_id": ("hubspot_owner_id", lambda value: value or None),
        "forecast_category": ("hs_manual_forecast_category", lambda value: FORECASTS.get(value or "")),
    }
    held: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for change in _in_order(mirror_of(engine).changes("deal", name=list(readers))):
        held[change.record_id, change.field].append((_micros(change.at), change.old, change.new))
    for record in account.records["deals"].values():
        if record.archived_at is not None:
            continue
        for field, (name, read) in readers.items():
            wanted = list(_differences(record, name, read))
            if held[record.id, field] != wanted:
                yield f"history of {field} of deal {record.id}:\n  {held[record.id, field]}\n  {wanted}"


def _differences(record: Record, name: str, read: Any) -> Iterator[tuple[int, str | None, str | None]]:
    merged: list[tuple[int, str | None]] = []
    for entry in record.history.get(name, ()):
        if merged and merged[-1][0] == entry.at:
            merged.pop()
        merged.append((entry.at, read(entry.value)))
    born = read_instant(record.properties["createdate"] or "")
    if merged and merged[0][0] > born:
        merged.insert(0, (0, None))
    for (_, old), (at, new) in pairwise(merged):
        if old != new:
            yield at * 1_000, old, new


def _loose_histories(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    """Of other properties each change that was seen stands once, in order, and leads to what is there now."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for change in _in_order(mirror_of(engine).changes("deal", name="next_step")):
        found[change.record_id].append((change.old, change.new))
    for record_id, changes in found.items():
        record = account.records["deals"].get(record_id)
        if record is None or record.archived_at is not None:
            continue
        chained = all(before[1] == after[0] for before, after in pairwise(changes))
        order = [entry.value for entry in record.history.get("hs_next_step", ())]
        states = [order.index(new) for _, new in changes if new in order]
        if not chained or states != sorted(set(states)) or changes[-1][1] != record.properties.get("hs_next_step"):
            yield f"next steps of deal {record_id}: {changes}, and HubSpot says {order}"


def _versions(engine: Engine) -> Iterator[str]:
    """The past states of a record follow each other without a gap up to the present one."""
    for name in ("deal", "contact", "account", "lead"):
        spans: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        for each in mirror_of(engine).versions(name):
            spans[each.id].append((each.valid_from, each.valid_to))
        for each in mirror_of(engine).records(name):
            spans[each.id].append((each.valid_from, None))
        for record_id, its in spans.items():
            its.sort(key=lambda span: (span[0], span[1] is None))
            if any(end != following for (_, end), (following, _) in pairwise(its)):
                yield f"versions of {name} {record_id}: {its}"


def _redirects(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    for kind, name in KINDS.items():
        held = {each.old_id: each.new_id for each in mirror_of(engine).redirects(name) if each.new_id}
        for old, new in account.merged[kind].items():
            record = account.find(kind, new)
            if record is not None and record.archived_at is None and held.get(old) not in (None, record.id):
                yield f"redirect of {name} {old}: {held.get(old)}, and HubSpot says {record.id}"


def _erased(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    """Of persons who are no more nothing is left but their id."""
    known = set(account.records["contacts"]) | set(account.merged["contacts"])
    for kind in ("contact", "contact_version", "lead", "lead_version"):
        left = {each.id for each in mirror_of(engine).records(kind)} - known
        if left:
            yield f"{kind} still has persons that HubSpot erased: {sorted(left)[:5]}"


def _in_order(changes: Iterable[Any]) -> list[Any]:
    """As they happened: by their instants, and as they were written where those are the same."""
    return sorted(changes, key=lambda change: change.at)


def _day(value: str | None, zone: ZoneInfo) -> str | None:
    """The day of an instant: midnight UTC is that day, another one the day in the account's zone."""
    if not value:
        return None
    at = datetime.fromisoformat(value)
    return (at if at.strftime("%H%M%S%f") == "000000000000" else at.astimezone(zone)).date().isoformat()


def _label(account: HubSpotAccount, stage_id: str | None) -> str | None:
    stages = account.pipelines["deals"]["default"].stages
    return next((stage.label for stage in stages if stage.id == stage_id), stage_id)


def _minor(amount: str | None) -> int | None:
    return int(Decimal(amount) * 100) if amount else None


def _micros(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
