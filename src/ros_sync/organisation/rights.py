"""Who may have a record changed in the CRM through us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ros_sync.organisation.people import Directory, Person, Post

REVOPS = "revops"  # the role of those who may change any record, as organisation.yaml names it
REVOPS_SAID = "`role: revops` in rules/organisation.yaml"


@dataclass(frozen=True, slots=True)
class Right:
    """Whether somebody may, and why or why not."""

    granted: bool
    reason: str


def may_change(asker: Person | None, owner: Person | None, directory: Directory) -> Right:
    """Whether `asker` may change a record of `owner`: their own, those of the people below them, RevOps all of them."""
    if asker is None:
        return Right(
            granted=False,
            reason="that e-mail address is not in the directory; add it under `people:` in rules/organisation.yaml",
        )
    if not asker.active:
        return Right(granted=False, reason=f"{asker.name} no longer works here")
    if (asker.role or "").casefold().replace(" ", "") == REVOPS:
        return Right(granted=True, reason="RevOps can change any record")
    if owner is None:
        return Right(granted=False, reason=f"the record has no owner, so only RevOps can change it ({REVOPS_SAID})")
    if asker.key in (owner.key, *(each.key for each in _all_above(owner, directory))):
        own = "they own the record" if asker.key == owner.key else f"{owner.name} reports to them"
        return Right(granted=True, reason=own)
    return Right(
        granted=False,
        reason=f"the record belongs to {owner.name}, who does not report to {asker.name}; only the owner, their "
        f"managers and RevOps can change it ({REVOPS_SAID})",
    )


def _all_above(person: Person, directory: Directory) -> Iterator[Person]:
    """Everybody to whom somebody reports, directly or through others."""
    seen: set[tuple[str, str | None]] = set()
    waiting = [Post(person)]
    while waiting:
        for post in directory.above(waiting.pop()):
            if (post.person.key, post.leads) not in seen:
                seen.add((post.person.key, post.leads))
                waiting.append(post)
                yield post.person
