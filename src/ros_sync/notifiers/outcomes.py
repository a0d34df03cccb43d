"""What to do with a message, and what a failure means for it: decisions, made of values and `now`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ros_sync.errors import AmbiguousError, AuthExpiredError, PermanentError, RateLimitedError, RosSyncError
from ros_sync.notifiers.notifier import MessageGoneError, OutgoingMessage
from ros_sync.outbox.rate_limits import MAX_HOLD
from ros_sync.outbox.tables import AttemptOutcome, MessageState


@dataclass(frozen=True, slots=True)
class Patience:
    """How long delivery waits for what. All in seconds.

    `settle`: how long a history may lag behind a post; between two looks for an unconfirmed message.
    `lease`: how long a call may take before its worker is taken for dead; well above the client's timeouts.
    `first_retry`, `longest_retry`: the wait after a failure doubles from the first to the longest.
    `second_look`: after that an undeliverable message is tried again, or an unconfirmed one that could not be looked
    for.
    """

    settle: float = 60.0
    lease: float = 300.0
    first_retry: float = 30.0
    longest_retry: float = 3600.0
    second_look: float = 86_400.0


class DeliveryStep(StrEnum):
    """What to do next with a message."""

    POST = "post"
    EDIT = "edit"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of a try: the message's new state, from when on to try again, and why, in words."""

    attempt: AttemptOutcome
    state: MessageState
    reason: str | None = None
    not_before: datetime | None = None
    forget_stream_state: bool = False


def next_step(outgoing: OutgoingMessage) -> DeliveryStep:
    """Decide what to do with a message that is due: an unconfirmed post is looked for before anything else."""
    if outgoing.is_edit:
        return DeliveryStep.EDIT
    return DeliveryStep.LOOK if outgoing.state == MessageState.UNCONFIRMED else DeliveryStep.POST


def retry_at(failures: int, now: datetime, patience: Patience) -> datetime:
    """When to try again after that many failures in a row: doubling from the first wait to the longest."""
    doublings = min(failures, 20)  # two to the power of 20 first waits are beyond any longest wait
    return now + timedelta(seconds=min(patience.first_retry * 2**doublings, patience.longest_retry))


def outcome_of(error: RosSyncError, outgoing: OutgoingMessage, now: datetime, patience: Patience) -> DeliveryOutcome:
    """Say what a failed post or edit means for the message.

    An edit may be repeated freely, so that only a post can be left unconfirmed.
    """
    reason = words_of(error)
    match error:
        case AmbiguousError() if not outgoing.is_edit:
            return DeliveryOutcome(AttemptOutcome.UNCONFIRMED, MessageState.UNCONFIRMED, reason, now)
        case RateLimitedError(retry_after_seconds=seconds):
            return DeliveryOutcome(AttemptOutcome.RATE_LIMITED, MessageState.WAITING, reason, now + _asked_for(seconds))
        case AuthExpiredError():
            return DeliveryOutcome(AttemptOutcome.FAILED, MessageState.WAITING, reason, now)
        case MessageGoneError():
            # Nobody wants a message that was deleted to come back only to say that all is done.
            state = MessageState.DELIVERED if outgoing.document.done else MessageState.WAITING
            return DeliveryOutcome(AttemptOutcome.REFUSED, state, reason, now, forget_stream_state=True)
        case PermanentError():
            again = now + timedelta(seconds=patience.second_look)
            return DeliveryOutcome(AttemptOutcome.REFUSED, MessageState.UNDELIVERABLE, reason, again)
        case _:
            return DeliveryOutcome(
                AttemptOutcome.FAILED, MessageState.WAITING, reason, retry_at(outgoing.failures, now, patience)
            )


def outcome_of_looking(
    error: RosSyncError, outgoing: OutgoingMessage, now: datetime, patience: Patience
) -> DeliveryOutcome:
    """Say what it means that an unconfirmed message could not be looked for.

    It stays unconfirmed, never posted blindly.
    """
    reason = f"it may have been posted, but this couldn't be checked: {error.message}"
    match error:
        case RateLimitedError(retry_after_seconds=seconds):
            until = now + _asked_for(seconds)
        case AuthExpiredError():
            until = now
        case PermanentError():
            until = now + timedelta(seconds=patience.second_look)
        case _:
            until = retry_at(outgoing.failures, now, patience)
    return DeliveryOutcome(AttemptOutcome.UNCONFIRMED, MessageState.UNCONFIRMED, reason, until)


def words_of(error: RosSyncError) -> str:
    """What happened and what to do, as the reason of a message."""
    return error.message if error.hint is None else f"{error.message} ({error.hint})"


def _asked_for(seconds: float) -> timedelta:
    """How long the other side asked to wait, for as long as a rate key may be closed."""
    return timedelta(seconds=min(seconds, MAX_HOLD.total_seconds()))


def unexpected(error: Exception, kind: type[RosSyncError] = AmbiguousError) -> RosSyncError:
    """Name a failure that nobody foresaw by the most careful kind, so that its message is looked for, not lost."""
    if isinstance(error, RosSyncError):
        return error
    return kind(f"{type(error).__name__} inside ros-sync: {error}", hint="this is a bug in ros-sync; please report it")
