"""What happens to any real account beside its business: records archived and restored, merged, moved, erased."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from ros_sync.sandbox.hubspot.account import HubSpotAccount

ARCHIVED, RESTORED, MERGED, MOVED = 4, 2, 2, 5  # a week


def wear(account: HubSpotAccount, since: datetime, until: datetime) -> None:
    """Let a share of a week's wear happen between two instants; alike each time for the same instants."""
    rng = Random(f"wear:{since.isoformat()}:{until.isoformat()}")
    share = (until - since) / timedelta(weeks=1)
    open_deals = [
        record.id
        for record in account.records["deals"].values()
        if record.archived_at is None and not str(record.properties.get("dealstage")).startswith("closed")
    ]
    if len(open_deals) < ARCHIVED + 2 * MERGED + MOVED:
        return
    picked = rng.sample(open_deals, _count(ARCHIVED, share) + 2 * _count(MERGED, share) + _count(MOVED, share))

    def moment() -> datetime:
        return since + (until - since) * rng.uniform(0.1, 0.9)

    archived = [picked.pop() for _ in range(_count(ARCHIVED, share))]
    for deal in archived:
        account.archive("deals", deal, at=moment())
    for deal in archived[: _count(RESTORED, share)]:
        account.restore("deals", deal, at=until)
    for _ in range(_count(MERGED, share)):
        account.merge("deals", picked.pop(), picked.pop(), at=moment())
    companies = [each.id for each in account.records["companies"].values() if each.archived_at is None]
    for deal in picked:
        for old in account.associations_of("deals", deal, "companies"):
            account.dissociate("deals", deal, "companies", old)
        account.associate("deals", deal, "companies", rng.choice(companies), label="Primary")
    leads = [
        each.id for each in account.records["contacts"].values() if each.properties.get("hs_lifecyclestage_lead_date")
    ]
    if leads and share >= 1:
        account.erase("contacts", rng.choice(leads), at=moment())


def _count(a_week: int, share: float) -> int:
    return round(a_week * min(share, 1.0))
