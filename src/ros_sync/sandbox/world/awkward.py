"""Records as real CRMs hold them to everybody's regret. Each comes into the world on a set day after its start."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ros_sync.sandbox.world.archetypes import FORGETFUL, HEALTHY, NEGLECTED, STALLING, Archetype
from ros_sync.sandbox.world.events import Row

HOSTILE_NAME = "<!channel> *free* <http://x|y>"
LONGEST_NAME = 255  # HubSpot and Salesforce both cut names at about this many characters


@dataclass(frozen=True, slots=True)
class AwkwardDeal:
    """A deal with these fields instead of ordinary ones, `day` days after the world's start."""

    day: int
    fields: Row
    archetype: Archetype = NEGLECTED
    owned: bool = True


AWKWARD_DEALS = (
    AwkwardDeal(150, {"name": HOSTILE_NAME}),
    AwkwardDeal(152, {"name": 'Quoted "final, final" offer, part 2'}),
    AwkwardDeal(155, {"name": "Two lines\nin one name"}),
    AwkwardDeal(157, {"name": "🚀 Loom Core 🧶 für Überflieger 👩‍🚀"}, FORGETFUL),
    AwkwardDeal(159, {"name": "مشروع النسيج الكبير ٢٠٢٦"}),
    AwkwardDeal(161, {"name": "Reversed \u202eelbisrever\u202c tail"}, STALLING),
    AwkwardDeal(162, {"name": ("A name that somebody pasted a whole paragraph into, " * 6)[:LONGEST_NAME]}),
    AwkwardDeal(164, {"name": '=HYPERLINK("http://x.example","click")'}),
    AwkwardDeal(166, {"name": "`code` _under_ ~gone~ @here &amp; <@U0000>"}),
    AwkwardDeal(168, {"name": "O'Quilty & Söhne; \\ 100 % \t tabbed"}, HEALTHY),
    AwkwardDeal(169, {"name": "NULL", "amount": Decimal(0)}),
    AwkwardDeal(171, {"name": "Amount to be confirmed", "amount": None}),
    AwkwardDeal(173, {"name": "渋谷 roll-out", "currency": "JPY", "amount": Decimal(12_500_000)}),
    AwkwardDeal(175, {"name": "Nobody's deal"}, owned=False),
    AwkwardDeal(178, {"name": "Nothing to pay yet", "amount": Decimal(0)}, HEALTHY),
)
