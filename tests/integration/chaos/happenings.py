"""What goes on in the account while it is followed: everything that a company does to its CRM, at random."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

from tests.integration.chaos.follower import SharedClock

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.errors import HubSpotError

PRIMARY = "Primary"
STAGES = ("qualification", "discovery", "evaluation", "proposal", "negotiation", "closedwon", "closedlost")
FORECASTS = ("PIPELINE", "BEST_CASE", "COMMIT")
PAUSES = (0, 0, 0, 0.001, 0.05, 1, 15, 45, 130, 400)  # seconds of the account's clock between two happenings
LONG_PAUSES = (3_700, 9_000, 90_000)
ACTIVITIES = ("calls", "emails", "meetings", "notes", "tasks")


class Happenings:
    """A random history. `done` counts what happened."""

    def __init__(self, account: HubSpotAccount, clock: SharedClock, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._account = account
        self._clock = clock
        self._rng = Random(seed)
        self._numbers = iter(range(1, 10**9))
        self._acts = (
            [self._create] * 6 + [self._edit] * 14 + [self._archive] * 2 + [self._restore] * 2 + [self._merge] * 2
            + [self._associate] * 4 + [self._dissociate] * 2 + [self._activity] * 4 + [self._erase, self._bulk,
                self._owner, self._hide]
        )  # fmt: skip

    def happen(self) -> None:
        """Let one thing happen."""
        act = self._rng.choice(self._acts)
        pauses = LONG_PAUSES if self._rng.random() < 0.01 else PAUSES
        self._clock.advance(self._rng.choice(pauses))
        try:
            with self._account.lock:
                act()
        except HubSpotError:
            return  # such as a merge of a record with itself
        self.done[act.__name__.strip("_")] += 1

    def _pick(self, kind: str, *, archived: bool = False) -> str:
        """A record; HubSpotError where there is none."""
        found = [each.id for each in self._account.records[kind].values() if (each.archived_at is not None) is archived]
        if not found:
            raise HubSpotError.not_found()
        return self._rng.choice(found)

    def _create(self) -> None:
        number, rng = next(self._numbers), self._rng
        kind = rng.choice(("deals", "deals", "contacts", "companies"))
        if kind == "deals":
            made = self._account.create("deals", {"pipeline": "default", **self._deal(), "dealname": f"Deal {number}"})
            if self._account.records["companies"] and rng.random() < 0.6:
                self._account.associate("deals", made, "companies", self._pick("companies"), label=PRIMARY)
        elif kind == "contacts":
            given = {
                "email": f"p{number}@mill.example",
                "firstname": f"P{number}",
                "hubspot_owner_id": self._owner_id(),
            }
            if rng.random() < 0.6:
                given["lifecyclestage"] = "marketingqualifiedlead"
            self._account.create("contacts", given)
        else:
            self._account.create("companies", {"name": f"Mill {number}", "domain": f"m{number}.example"})

    def _deal(self) -> dict[str, str | None]:
        rng = self._rng
        day = (self._clock() + timedelta(days=rng.randint(-20, 200))).date()
        return {
            "dealstage": rng.choice(STAGES),
            "amount": rng.choice((None, str(rng.randint(1, 99_999)), f"{rng.randint(1, 999)}.5")),
            "closedate": f"{day.isoformat()}T00:00:00Z",
            "hubspot_owner_id": self._owner_id(),
            "hs_manual_forecast_category": rng.choice(FORECASTS),
            "hs_next_step": f"Step {next(self._numbers)}",
        }

    def _owner_id(self) -> str:
        return self._rng.choice(sorted(self._account.owners))

    def _edit(self) -> None:
        kind = self._rng.choice(("deals", "deals", "deals", "contacts", "companies"))
        record = self._pick(kind)
        if kind == "deals":
            given = self._deal()
            names = self._rng.sample(sorted(given), self._rng.randint(1, 3))
            self._account.update("deals", record, {name: given[name] for name in names}, by=self._owner_id())
        elif kind == "contacts":
            changes = {"lastname": f"L{next(self._numbers)}", "hubspot_owner_id": self._owner_id()}
            self._account.update("contacts", record, changes)
        else:
            self._account.update("companies", record, {"industry": f"I{next(self._numbers)}"})

    def _bulk(self) -> None:
        """Many records on one and the same millisecond."""
        ids = [each.id for each in self._account.records["deals"].values() if each.archived_at is None]
        changes: dict[str, str | None] = {"competitor": f"C{next(self._numbers)}"}
        if self._rng.random() < 0.3:
            changes["hs_manual_forecast_category"] = self._rng.choice(FORECASTS)
        self._account.move_bulk("deals", self._rng.sample(ids, len(ids) // 2), changes, at=self._clock())

    def _archive(self) -> None:
        kind = self._rng.choice(("deals", "contacts", "companies", "calls", "notes"))
        self._account.archive(kind, self._pick(kind))

    def _restore(self) -> None:
        kind = self._rng.choice(("deals", "deals", "contacts", "companies", "calls"))
        self._account.restore(kind, self._pick(kind, archived=True))

    def _merge(self) -> None:
        kind = self._rng.choice(("deals", "contacts", "companies"))
        self._account.merge(kind, self._pick(kind), self._pick(kind))

    def _erase(self) -> None:
        self._account.erase("contacts", self._pick("contacts"))

    def _associate(self) -> None:
        one, other = self._rng.choice((("deals", "contacts"), ("deals", "companies"), ("contacts", "companies")))
        label = PRIMARY if other == "companies" and self._rng.random() < 0.3 else None
        self._account.associate(one, self._pick(one), other, self._pick(other), label=label)

    def _dissociate(self) -> None:
        one, other = self._rng.choice((("deals", "contacts"), ("deals", "companies"), ("contacts", "companies")))
        record = self._pick(one)
        linked = self._account.associations_of(one, record, other)
        if not linked:
            raise HubSpotError.not_found()
        self._account.dissociate(one, record, other, self._rng.choice(linked))

    def _activity(self) -> None:
        kind, at = self._rng.choice(ACTIVITIES), self._clock().isoformat().replace("+00:00", "Z")
        properties: dict[str, str | None] = {"hs_timestamp": at, "hubspot_owner_id": self._owner_id()}
        if kind == "calls":
            properties["hs_call_direction"] = self._rng.choice(("INBOUND", "OUTBOUND"))
        elif kind == "emails":
            properties["hs_email_direction"] = self._rng.choice(("INCOMING_EMAIL", "EMAIL"))
        elif kind == "tasks":
            properties["hs_task_completion_date"] = at
        made = self._account.create(kind, properties)
        self._account.associate(kind, made, "deals", self._pick("deals"))
        if self._rng.random() < 0.7:
            self._account.associate(kind, made, "contacts", self._pick("contacts"))

    def _owner(self) -> None:
        number = next(self._numbers)
        self._account.add_owner(str(1_000 + number), f"o{number}@loom.example", "Owner", str(number))

    def _hide(self) -> None:
        """A property is taken away from us for a while."""
        visible = self._account.visible("deals", "champion")
        self._account.hide_property("deals", "champion", hidden=visible)
