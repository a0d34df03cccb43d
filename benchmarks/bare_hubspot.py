"""The floor of following HubSpot: urllib3, orjson and executemany. Nothing is compared, converted or understood.

It makes the same calls as ours for records, and writes the same columns of the same tables, as they come: of each deal
the properties in the columns that they are mapped to, those of the company as one JSON object, and in the columns that
ours works out (what a stage brings with it, the amount at home, the account, the first close date, pushes, stage
entries) whatever is at hand without working anything out; a version for each instant at which a tracked property
changed (or for the state that ended, where a deal is polled), with the same columns; the links. It writes no change
history, and commits as seldom as ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from benchmarks.hubspot_account import OWN_PROPERTIES, PROPERTIES, STANDARD, TRACKED

MODIFIED = "hs_lastmodifieddate"
PAGE, SEARCH_PAGE, HISTORY_PAGE = 50, 200, 50
PAGES_A_COMMIT = 40
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=FILE", "cache_size=-32768")
ASKED = (*PROPERTIES, MODIFIED)
COLUMNS = (
    "source", "id", "valid_from", "run_id", "name", "amount_minor", "currency", "pipeline", "stage", "close_date",
    "created_at", "owner_id", "forecast_category", "next_step", "next_step_date", "deal_type", "segment", "region",
    "competitor", "closing_plan", "contacts_engaged", "champion", "modified_at", "custom",
    "stage_kind", "stage_position", "stage_order", "probability", "amount_home_minor", "owner_named", "account_id",
    "first_close_date", "stage_entered_at", "advanced_at", "stage_entry_known", "push_count", "fiscal_push_count",
    "pull_in_count", "days_pushed", "net_slip_days", "stage_days_before",
)  # fmt: skip
AT_HAND = (
    "dealstage",
    "dealstage",
    "dealstage",
    "dealstage",
    "amount",
    "owner",
    "company",
    "closedate",
    "createdate",
    "createdate",
)
NOUGHT = (0,) * 7  # of the counts


class Bare:
    """One floor run over one database, which has the mirror's tables."""

    def __init__(self, url: str, token: str, database: Path) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        )
        self._connection = sqlite3.connect(database, isolation_level=None)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    def warm_up(self) -> None:
        """Open the connection."""
        self._pool.request("GET", f"{self._url}/crm/v3/objects/deals?limit=1")

    def close(self) -> None:
        """Leave a database of one file."""
        self._connection.close()

    def backfill(self) -> int:
        """List every deal with histories and associations; the number of deals."""
        query: dict[str, Any] = {
            "limit": PAGE,
            "archived": "false",
            "properties": ",".join(ASKED),
            "propertiesWithHistory": ",".join(TRACKED),
            "associations": "companies",
        }
        count = pages = 0
        while True:
            if pages % PAGES_A_COMMIT == 0:
                self._connection.execute("BEGIN")
            answer = self._pool.request("GET", f"{self._url}/crm/v3/objects/deals?{urlencode(query)}")
            body = orjson.loads(answer.data)
            results = body["results"]
            self._write(results, [_instants(result) for result in results])
            self._write_links(results)
            count += len(results)
            pages += 1
            following = body.get("paging", {}).get("next")
            if pages % PAGES_A_COMMIT == 0 or not following:
                self._connection.execute("COMMIT")
            if not following:
                return count
            query["after"] = following["after"]

    def changes(self, since: int, tracked_ids: Sequence[str]) -> int:
        """Search what changed since (milliseconds), read the histories of those in question; the number of deals."""
        last, count = "0", 0
        self._connection.execute("BEGIN")
        while True:
            asked = {
                "filterGroups": [
                    {
                        "filters": [
                            {"propertyName": MODIFIED, "operator": "GTE", "value": str(since)},
                            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
                        ]
                    }
                ],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "properties": ASKED,
                "limit": SEARCH_PAGE,
            }
            body = self._post("/crm/v3/objects/deals/search", asked)
            results = body["results"]
            self._write(results, [[result["updatedAt"]] * 2 for result in results])
            count += len(results)
            if not results or body["total"] <= len(results):
                break
            last = results[-1]["id"]
        for start in range(0, len(tracked_ids), HISTORY_PAGE):
            asked = {
                "inputs": [{"id": each} for each in tracked_ids[start : start + HISTORY_PAGE]],
                "properties": ASKED,
                "propertiesWithHistory": TRACKED,
            }
            self._post("/crm/v3/objects/deals/batch/read", asked)
        self._connection.execute("COMMIT")
        return count

    def _post(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return dict(orjson.loads(self._pool.request("POST", self._url + path, body=orjson.dumps(asked)).data))

    def _write(self, results: list[dict[str, Any]], instants: list[list[Any]]) -> None:
        """The deals as they are, and a version for each two instants of theirs that follow each other."""
        rows, versions = [], []
        for result, moments in zip(results, instants, strict=True):
            properties = result["properties"]
            own = {name: properties[name] for name in OWN_PROPERTIES}
            values = (
                *map(properties.get, STANDARD), properties[MODIFIED], orjson.dumps(own).decode(),
                *map(properties.get, AT_HAND), *NOUGHT,
            )  # fmt: skip
            rows.append(("hubspot", result["id"], moments[-1], 1, *values))
            versions += [("hubspot", result["id"], since, 1, *values, until) for since, until in pairwise(moments)]
        self._insert("deal", COLUMNS, rows)
        self._insert("deal_version", (*COLUMNS, "valid_to"), versions)

    def _write_links(self, results: list[dict[str, Any]]) -> None:
        links = [
            ("hubspot", "deals", result["id"], "companies", link["id"], link["type"], 1)
            for result in results
            for link in result.get("associations", {}).get("companies", {}).get("results", ())
        ]
        self._insert("record_link", ("source", "stream", "record_id", "to_stream", "to_id", "label", "since"), links)

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _instants(result: dict[str, Any]) -> list[str]:
    history = result["propertiesWithHistory"]
    return sorted({entry["timestamp"] for entries in history.values() for entry in entries})
