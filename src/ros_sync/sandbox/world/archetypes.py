"""How deals behave: a handful of characters that every sales floor knows."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Archetype:
    """The character of a deal. Days are calendar days, shares and chances 0 to 1.

    `share` is how many deals are born so. `pace` stretches the time in each stage. `optimism` is the first close date
    as a share of the days that it will really take. `hush` is the age at which the buyer falls silent, `silence` for
    how long, `mend` the chance that the buyer then answers. `forgets` is the chance that nothing follows a next step.
    `dwell` are the days in the one stage where a stuck deal sits.
    """

    name: str
    share: float
    buyer_gap: tuple[int, int] = (7, 13)
    seller_gap: tuple[int, int] = (20, 36)
    pace: float = 1.0
    optimism: float = 1.25
    push_days: tuple[int, int] = (12, 30)
    loss: float = 0.15
    hush: tuple[int, int] | None = None
    silence: tuple[int, int] = (20, 56)
    mend: float = 1.0
    forgets: float = 0.035
    forgotten: tuple[int, int] = (6, 18)
    dwell: tuple[int, int] | None = None


HEALTHY = Archetype("healthy", 0.38)
DRIFTING = Archetype("drifting", 0.13, pace=1.7, optimism=0.3, push_days=(26, 36), loss=0.10)
STALLING = Archetype("stalling", 0.24, hush=(8, 45), mend=0.5)
GHOSTED = Archetype("ghosted", 0.06, seller_gap=(60, 90), hush=(4, 25), silence=(35, 80), mend=0.0, forgets=0.3)
HASTY = Archetype("hasty", 0.05, buyer_gap=(2, 6), pace=0.35, optimism=0.8, loss=0.12)
FORGETFUL = Archetype("forgetful", 0.05, forgets=0.5, forgotten=(10, 32))
STUCK = Archetype("stuck", 0.09, dwell=(95, 170), optimism=2.0, push_days=(40, 80), loss=0.05)
# No deal is born neglected: it is the character of the awkward ones that must stay open and without a next step.
NEGLECTED = Archetype("neglected", 0.0, pace=8.0, optimism=0.5, forgets=1.0, forgotten=(400, 500))

ARCHETYPES = (HEALTHY, DRIFTING, STALLING, GHOSTED, HASTY, FORGETFUL, STUCK)


def draw(rng: Random) -> Archetype:
    """A character, as often as its share says."""
    return rng.choices(ARCHETYPES, weights=[archetype.share for archetype in ARCHETYPES])[0]
