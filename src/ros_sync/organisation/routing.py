"""Whom a message reaches: a pure decision over the directory, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from ros_sync.organisation.people import Directory, Person, Post

OWNER = "owner"
MANAGER = "manager"
CUSTOMER_SUCCESS = "customer_success"


@dataclass(frozen=True, slots=True)
class RecordOwner:
    """The owner of a record as the mirror has it: `named` is whom the CRM names where no id is known for them."""

    source: str
    id: str | None
    named: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes, and why there.

    One of `person` and `channel` is set, or neither: then it is kept as undeliverable for the `reason`. `redirected`
    says that someone else was meant.
    """

    person: Person | None
    channel: str | None
    reason: str
    redirected: bool = False

    @property
    def key(self) -> str | None:
        """The person's key or the `#channel`; None where it reaches nobody."""
        return self.person.key if self.person else self.channel


def route(to: str, record_owner: RecordOwner | None, directory: Directory) -> Recipient:
    """Decide who gets a message addressed to `owner`, `manager`, `customer_success`, an e-mail or a `#channel`.

    Customer success is whom the organisation names; where it names nobody, the owner's manager.

    Who is unknown or no longer active is stood in for by their manager, and so on upwards; then by the company's
    fallback. Where even that is missing the recipient is nobody, with the reason.
    """
    reason = None
    if to == CUSTOMER_SUCCESS:
        to, reason = directory.organisation.company.customer_success or MANAGER, "customer success"
    if to.startswith("#"):
        return Recipient(None, to, reason or f"addressed to {to}")
    if to in (OWNER, MANAGER):
        return _of_record(to, record_owner, directory)
    person = directory.find(to)
    if person is None:
        return _fallback(f"{to} is not in the directory", directory)
    return _upwards(Post(person), reason or f"addressed to {person.name}", directory)


def _of_record(to: str, record_owner: RecordOwner | None, directory: Directory) -> Recipient:
    if record_owner is None or (record_owner.id is None and not record_owner.named):
        return _fallback("the record has no owner", directory)
    owner = directory.owner_of(record_owner.source, record_owner.id, record_owner.named)
    if owner is None:
        said = record_owner.named or record_owner.id
        return _fallback(
            f"the record's owner, {said!r}, is not in the directory: add them to organisation.yaml", directory
        )
    if to == OWNER:
        return _upwards(Post(owner), "owns the record", directory)
    above = directory.above(Post(owner))
    if not above:
        return _fallback(_without_manager(owner), directory)
    return _upwards(above[0], f"manages {owner.name}, who owns the record", directory)


def _upwards(post: Post, reason: str, directory: Directory) -> Recipient:
    """The person at a post, or the first of those above it who is active.

    Who leads several teams is stood in for by whoever is above the team in question.
    """
    seen: set[str] = set()
    person, why = post.person, reason
    at = person
    while not at.active:
        seen.add(at.key)
        post = next(iter(directory.above(post)), post)
        above = post.person
        if above.key in seen:
            return _fallback(f"{at.name} is no longer active and {_without_manager(at)}", directory)
        why = (
            f"manages {at.name}, who "
            f"{'is no longer active' if at is not person else f'{reason} but is no longer active'}"
        )
        at = above
    return Recipient(at, None, why, redirected=at is not person)


def _without_manager(person: Person) -> str:
    if person.manager_named:
        return (
            f"the manager of {person.name}, {person.manager_named!r}, is not in the directory: add them to "
            "organisation.yaml"
        )
    return f"{person.name} has no manager"


def _fallback(reason: str, directory: Directory) -> Recipient:
    fallback = directory.fallback
    if fallback is None:
        return Recipient(None, None, f"{reason}; set company.fallback in organisation.yaml", redirected=True)
    if fallback.startswith("#"):
        return Recipient(None, fallback, reason, redirected=True)
    person = directory.find(fallback) or _by_email_alone(fallback, directory)
    if person.active:
        return Recipient(person, None, reason, redirected=True)
    return Recipient(None, None, f"{reason}; the fallback {fallback} is no longer active", redirected=True)


def _by_email_alone(email: str, directory: Directory) -> Person:
    """The fallback may be a mailbox that is nobody in particular."""
    company = directory.organisation.company
    return Person(
        key=email.lower(),
        name=email,
        email=email.lower(),
        timezone=company.timezone,
        team=None,
        manager=None,
        role=None,
        level=None,
        region=None,
        calendar=company.calendar,
        slack_user=None,
        active=True,
    )
