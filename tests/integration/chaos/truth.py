"""Whether a mirror says what the account says: compared with the sandbox's own records, past the connector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select, text

from ros_sync.mirror.tables import CHANGE
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


def _rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _presence(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    wanted = {
        name: {r.id for r in account.records[kind].values() if r.archived_at is None} for kind, name in KINDS.items()
    }
    wanted["activity"] = {
        f"{kind}/{r.id}" for kind in ACTIVITIES for r in account.records[kind].values() if r.archived_at is None
    }
    wanted["owner"] = set(account.owners)
    for name, ids in wanted.items():
        held = {row[0] for row in _rows(engine, f"SELECT id FROM {name} WHERE deleted_at IS NULL")}
        if held != ids:
            yield f"{name}: missing {sorted(ids - held)[:5]}, too many {sorted(held - ids)[:5]}"


def _deals(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    query = (
        "SELECT id, name, amount_minor, stage, owner_id, next_step, competitor, account_id FROM deal WHERE "
        "deleted_at IS NULL"
    )
    for record_id, *held in _rows(engine, query):
        record = account.records["deals"].get(record_id)
        if record is None:
            continue
        get = record.properties.get
        linked = account.links_of(record, "companies")
        primary = [each for each, labels in linked if "Primary" in labels] or [each for each, _ in linked]
        wanted = [get("dealname"), _minor(get("amount")), _label(account, get("dealstage")), get("hubspot_owner_id"),
                  get("hs_next_step"), get("competitor"), min(primary, key=int, default=None)]  # fmt: skip
        if held != wanted:
            yield f"deal {record_id}: {held}, and HubSpot says {wanted}"


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
    query = (
        select(CHANGE.c.record_id, CHANGE.c.field, CHANGE.c.at, CHANGE.c.old, CHANGE.c.new)
        .where(CHANGE.c.object == "deal", CHANGE.c.field.in_(sorted(readers)))
        .order_by(CHANGE.c.at, CHANGE.c.id)
    )
    with engine.connect() as connection:
        for record_id, field, at, old, new in connection.execute(query):
            held[record_id, field].append((_micros(at), old, new))
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
    query = (
        "SELECT record_id, \"old\", \"new\" FROM change WHERE object = 'deal' AND field = 'next_step' ORDER BY at, id"
    )
    for record_id, old, new in _rows(engine, query):
        found[record_id].append((old, new))
    for record_id, changes in found.items():
        record = account.records["deals"].get(record_id)
        if record is None or record.archived_at is not None:
            continue
        chained = all(before[1] == after[0] for before, after in pairwise(changes))
        order = [entry.value for entry in record.history.get("hs_next_step", ())]
        places = [order.index(new) for _, new in changes if new in order]
        if not chained or places != sorted(set(places)) or changes[-1][1] != record.properties.get("hs_next_step"):
            yield f"next steps of deal {record_id}: {changes}, and HubSpot says {order}"


def _versions(engine: Engine) -> Iterator[str]:
    """The past states of a record follow each other without a gap up to the present one."""
    for name in ("deal", "contact", "account", "lead"):
        spans: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
        for record_id, start, end in _rows(engine, f"SELECT id, valid_from, valid_to FROM {name}_version"):
            spans[record_id].append((start, end))
        for record_id, start in _rows(engine, f"SELECT id, valid_from FROM {name}"):
            spans[record_id].append((start, None))
        for record_id, its in spans.items():
            its.sort(key=lambda span: (span[0], span[1] is None))
            if any(end != following for (_, end), (following, _) in pairwise(its)):
                yield f"versions of {name} {record_id}: {its}"


def _redirects(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    for kind, name in KINDS.items():
        held = dict(_rows(engine, f"SELECT old_id, new_id FROM redirect WHERE object = '{name}' AND new_id != ''"))
        for old, new in account.merged[kind].items():
            record = account.find(kind, new)
            if record is not None and record.archived_at is None and held.get(old) not in (None, record.id):
                yield f"redirect of {name} {old}: {held.get(old)}, and HubSpot says {record.id}"


def _erased(engine: Engine, account: HubSpotAccount) -> Iterator[str]:
    """Of persons who are no more nothing is left but their id."""
    known = set(account.records["contacts"]) | set(account.merged["contacts"])
    for table in ("contact", "contact_version", "lead", "lead_version"):
        left = {row[0] for row in _rows(engine, f"SELECT DISTINCT id FROM {table}")} - known
        if left:
            yield f"{table} still has persons that HubSpot erased: {sorted(left)[:5]}"


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
