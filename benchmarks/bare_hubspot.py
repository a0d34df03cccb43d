"""The floor of following HubSpot: urllib3, orjson and executemany. Nothing is compared, converted or understood.

It makes the same calls as ours, writes as many columns of each deal (as they come), one version for each instant at
which a tracked property changed, with the same columns, and the links.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from benchmarks.hubspot_account import PROPERTIES

TRACKED = ("dealstage", "closedate", "amount", "hs_manual_forecast_category", "hubspot_owner_id", "pipeline")
MODIFIED = "hs_lastmodifieddate"
PAGE, SEARCH_PAGE, HISTORY_PAGE = 50, 200, 50
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32768")
ASKED = (*PROPERTIES, MODIFIED)


class Bare:
    """One floor run over one database."""

    def __init__(self, url: str, token: str, database: Path) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        )
        self._connection = sqlite3.connect(database, isolation_level=None)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f'"{name}"' for name in ASKED)
        for table, key in (("deal", "source, id"), ("deal_version", "source, id, valid_from")):
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (source, id, valid_from, valid_to, run_id, {columns}, PRIMARY KEY ({key}))"
            )
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS link (source, id, to_id, label, PRIMARY KEY (source, id, to_id, label))"
        )

    def backfill(self) -> int:
        """List every deal with histories and associations; the number of deals."""
        query: dict[str, Any] = {
            "limit": PAGE,
            "properties": ",".join(ASKED),
            "propertiesWithHistory": ",".join(TRACKED),
            "associations": "companies",
        }
        count = 0
        while True:
            answer = self._pool.request("GET", f"{self._url}/crm/v3/objects/deals?{urlencode(query)}")
            body = orjson.loads(answer.data)
            results = body["results"]
            self._write(results)
            self._write_links(results)
            count += len(results)
            following = body.get("paging", {}).get("next")
            if not following:
                return count
            query["after"] = following["after"]

    def changes(self, since: str, tracked_ids: Iterable[str]) -> int:
        """Search what changed since, read the histories of those in question; the number of deals."""
        last, count = "0", 0
        while True:
            asked = {
                "filterGroups": [
                    {
                        "filters": [
                            {"propertyName": MODIFIED, "operator": "GTE", "value": since},
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
            self._write(results)
            count += len(results)
            if not results or body["total"] <= len(results):
                break
            last = results[-1]["id"]
        ids = list(tracked_ids)
        for start in range(0, len(ids), HISTORY_PAGE):
            asked = {
                "inputs": [{"id": each} for each in ids[start : start + HISTORY_PAGE]],
                "properties": ASKED,
                "propertiesWithHistory": TRACKED,
            }
            self._write(self._post("/crm/v3/objects/deals/batch/read", asked)["results"])
        return count

    def _post(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return dict(orjson.loads(self._pool.request("POST", self._url + path, body=orjson.dumps(asked)).data))

    def _write(self, results: list[dict[str, Any]]) -> None:
        rows, versions = [], []
        for result in results:
            get = result["properties"].get
            values = [get(name) for name in ASKED]
            rows.append(("hubspot", result["id"], result["updatedAt"], None, 1, *values))
            history = result.get("propertiesWithHistory")
            if history:
                instants = sorted({entry["timestamp"] for entries in history.values() for entry in entries})
                versions += [("hubspot", result["id"], since, until, 1, *values) for since, until in pairwise(instants)]
        marks = ", ".join("?" * (len(ASKED) + 5))
        self._connection.execute("BEGIN")
        self._connection.executemany(f"INSERT OR REPLACE INTO deal VALUES ({marks})", rows)
        self._connection.executemany(f"INSERT OR REPLACE INTO deal_version VALUES ({marks})", versions)
        self._connection.execute("COMMIT")

    def _write_links(self, results: list[dict[str, Any]]) -> None:
        links = [
            ("hubspot", result["id"], link["id"], link["type"])
            for result in results
            for link in result.get("associations", {}).get("companies", {}).get("results", ())
        ]
        self._connection.executemany("INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?)", links)
