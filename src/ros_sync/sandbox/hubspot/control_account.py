"""The orders that furnish an account: properties, owners, pipelines, settings, tokens, and what happens to records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.limits import Limits
from ros_sync.sandbox.hubspot.taking_over import Automation, Does
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET, SCOPES

Body = Mapping[str, Any]
Act = Callable[[str, Body], Any]


_SETTINGS = frozenset(("search_lag_seconds", "time_zone", "currency", "history_versions", "limits", "scopes"))


class AccountOrders:
    """What can be ordered of an account whatever it is for. Each order's docstring is its JSON."""

    def __init__(self, account: HubSpotAccount) -> None:
        self._account = account

    def order_properties(self, body: Body) -> Any:
        """A property.

        `{"do": "define|remove|hide|show", "object": "deals", "name": "team_size", "type": "number", "options": []}`
        """
        kind, name, account = str(body["object"]), str(body["name"]), self._account
        acts: dict[str, Callable[[], None]] = {
            "define": lambda: account.define_property(
                kind,
                name,
                str(body["type"]),
                str(body.get("field_type", "text")),
                body.get("label"),
                tuple(map(str, body.get("options", ()))),
                calculated=bool(body.get("calculated", False)),
            ),
            "remove": lambda: account.remove_property(kind, name),
            "hide": lambda: account.hide_property(kind, name),
            "show": lambda: account.hide_property(kind, name, hidden=False),
        }
        acts[str(body["do"])]()
        return {"properties": len(account.properties[kind])}

    def order_automations(self, body: Body) -> Any:
        """What becomes of a property when it is written over the API.

        `{"object": "deals", "property": "amount", "do": "ignore|set_back|set", "value": "5"}`; `{}`: no more.
        """
        automations = self._account.automations
        if not body:
            automations.clear()
        else:
            value = body.get("value")
            ordered = Automation(Does(body["do"]), None if value is None else str(value))
            automations.order(str(body["object"]), str(body["property"]), ordered)
        return {"ordered": bool(body)}

    def order_owners(self, body: Body) -> Any:
        """`{"do": "add|archive", "id": "7", "email": …, "first_name": …, "last_name": …, "teams": [["1", "DACH"]]}`."""
        if body["do"] == "archive":
            self._account.archive_owner(str(body["id"]))
        elif body["do"] == "add":
            teams = [(str(team_id), str(name)) for team_id, name in body.get("teams", ())]
            self._account.add_owner(
                str(body["id"]), str(body["email"]), str(body["first_name"]), str(body["last_name"]), teams
            )
        else:
            raise ValueError("do is add or archive")
        return {"owners": len(self._account.owners)}

    def order_pipelines(self, body: Body) -> Any:
        """A pipeline.

        `{"do": "add|rename|remove", "id": "default", "label": "Sales",
        "stages": [{"id", "label", "closed", "probability"}]}`

        With `stage`, the same of one stage: `{"do": "rename", "id": "default", "stage": "won", "label": "Signed"}`.
        """
        kind, pipeline, account = str(body.get("object", "deals")), str(body["id"]), self._account
        act = (str(body["do"]), "stage" in body)
        if act == ("add", False):
            stages = [
                (str(each["id"]), str(each["label"]), place, _metadata(each))
                for place, each in enumerate(body["stages"])
            ]
            account.add_pipeline(kind, pipeline, str(body["label"]), stages)
        elif act == ("rename", False):
            account.change_pipeline(kind, pipeline, label=str(body["label"]))
        elif act == ("remove", False):
            account.remove_pipeline(kind, pipeline)
        elif act == ("add", True):
            account.put_stage(kind, pipeline, str(body["stage"]), label=str(body["label"]), metadata=_metadata(body))
        elif act == ("rename", True):
            account.put_stage(kind, pipeline, str(body["stage"]), label=str(body["label"]))
        elif act == ("remove", True):
            account.remove_stage(kind, pipeline, str(body["stage"]))
        else:
            raise ValueError("do is add, rename or remove")
        return {each.id: [stage.id for stage in each.stages] for each in account.pipelines[kind].values()}

    def order_settings(self, body: Body) -> Any:
        """Settings of the account.

        `{"search_lag_seconds": 30, "time_zone": "Europe/Berlin", "currency": "EUR", "history_versions": 20,
        "limits": {"calls_per_ten_seconds": 190, "search_per_second": 5, "daily": 650000}, "scopes": ["…"]}`

        Each key alone will do. `limits` may be "real" or "none"; `scopes` are those of the private app and of the
        service key, "all" gives all back.
        """
        unknown = sorted(set(body) - _SETTINGS)
        if unknown:
            raise ValueError(f"there is no setting {unknown[0]}")
        if body.get("scopes", "all") != "all" and not set(map(str, body["scopes"])) <= set(SCOPES):
            raise ValueError(f"there are these scopes: {', '.join(SCOPES)}")
        account = self._account
        with account.lock:
            if "search_lag_seconds" in body:
                account.search_lag_seconds = float(body["search_lag_seconds"])
            if "time_zone" in body:
                account.set_time_zone(str(body["time_zone"]))
            if "currency" in body:
                account.currency = str(body["currency"])
            if "history_versions" in body:
                account.history_versions = body["history_versions"]
            if "limits" in body:
                account.meter.limits = _limits(body["limits"])
            if "scopes" in body:
                account.tokens.limit_scopes(SCOPES if body["scopes"] == "all" else tuple(map(str, body["scopes"])))
        return self.described({})

    def order_tokens(self, body: Body) -> Any:
        """`{"rotate_refresh_tokens": true, "expire": true}`: OAuth refresh tokens change at each use.

        Access tokens end now.
        """
        tokens = self._account.tokens
        with self._account.lock:
            tokens.rotate_refresh_tokens = bool(body.get("rotate_refresh_tokens", tokens.rotate_refresh_tokens))
            if body.get("expire"):
                tokens.expire_all()
        return {"refreshes": tokens.refreshes, "rotate_refresh_tokens": tokens.rotate_refresh_tokens}

    def described(self, _body: Body) -> Any:
        """What a client needs to know of the account."""
        account = self._account
        return {
            "portal_id": account.portal_id,
            "now": account.now().isoformat(),
            "token": account.token,
            "service_key": account.tokens.service_key,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": account.tokens.refresh_token,
            "time_zone": account.time_zone,
            "search_lag_seconds": account.search_lag_seconds,
            "records": {kind: len(account.live_ids[kind]) for kind in account.live_ids},
            "archived": {kind: len(account.archived_ids[kind]) for kind in account.archived_ids},
        }

    def change_records(self, body: Body) -> Any:
        """What is done with records.

        `{"do": "create|update|archive|restore|merge|erase|associate|dissociate|bulk|read", "object": "deals", …}`, or
        `{"all": [order, …]}`.
        """
        if "all" in body:
            return {"results": [self.change_records(each) for each in body["all"]]}
        account = self._account
        acts: dict[str, Act] = {
            "create": self._create,
            "update": self._update,
            "bulk": self._bulk,
            "archive": lambda kind, body: account.archive(kind, str(body["id"]), at=_at(body)),
            "restore": lambda kind, body: account.restore(kind, str(body["id"]), at=_at(body)),
            "erase": lambda kind, body: account.erase(kind, str(body["id"]), at=_at(body)),
            "merge": lambda kind, body: {"id": account.merge(kind, str(body["id"]), str(body["other"]), at=_at(body))},
            "associate": lambda kind, body: account.associate(
                kind, str(body["id"]), str(body["to"]), str(body["to_id"]), label=body.get("label")
            ),
            "dissociate": lambda kind, body: account.dissociate(
                kind, str(body["id"]), str(body["to"]), str(body["to_id"])
            ),
            "read": lambda kind, _body: self._read(kind),
        }
        return acts[str(body["do"])](str(body["object"]), body) or {}

    def _create(self, kind: str, body: Body) -> Any:
        made = self._account.create(
            kind, body.get("properties", {}), at=_at(body), by=body.get("by"), object_id=body.get("id")
        )
        return {"id": made}

    def _update(self, kind: str, body: Body) -> None:
        self._account.update(kind, str(body["id"]), body["properties"], at=_at(body), by=body.get("by"))

    def _bulk(self, kind: str, body: Body) -> None:
        at = _at(body) or self._account.now()
        self._account.move_bulk(kind, list(map(str, body["ids"])), body["properties"], at=at)

    def _read(self, kind: str) -> Any:
        """Every record of a kind, archived ones too, with histories: what a test compares a mirror with."""
        account = self._account
        with account.lock:
            return {
                "records": {
                    record.id: {
                        "properties": record.properties,
                        "archived_at": record.archived_at,
                        "updated_at": record.updated_at,
                        "history": {name: [[each.at, each.value] for each in entries] for name,
                                    entries in record.history.items()},
                        "links": {to: [each for each, _ in account.links_of(record, to)] for to in record.links},
                    }
                    for record in account.records[kind].values()
                },
                "merged": account.merged[kind],
            }  # fmt: skip


def moment(text: object) -> datetime:
    """An instant out of JSON; ValueError where it has no zone."""
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone, such as Z")
    return at


def _at(body: Body) -> datetime | None:
    return moment(body["at"]) if "at" in body else None


def _metadata(stage: Body) -> dict[str, str]:
    return {
        "isClosed": str(bool(stage.get("closed", False))).lower(),
        "probability": str(stage.get("probability", "0.5")),
    }


def _limits(given: Any) -> Limits:
    if given == "real":
        return Limits.like_hubspot()
    return Limits() if given == "none" else Limits(**given)
