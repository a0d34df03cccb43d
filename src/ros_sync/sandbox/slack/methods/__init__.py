"""Slack's Web API methods, each a function of one call; written from Slack's public method reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ros_sync.sandbox.slack.limits import Tier
from ros_sync.sandbox.slack.methods import chat, conversations, reactions, users
from ros_sync.sandbox.slack.methods.call import Answer, Call

HISTORY_SCOPES = ("channels:history", "groups:history", "im:history")
READ_SCOPES = ("channels:read", "groups:read", "im:read")


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it does, of which scopes the token must hold one, and its rate tier."""

    carry_out: Callable[[Call], Answer]
    scopes: tuple[str, ...]
    tier: Tier


METHODS: dict[str, Method] = {
    "auth.test": Method(users.auth_test, (), Tier.SPECIAL),
    "users.list": Method(users.list_, ("users:read",), Tier.TIER_2),
    "users.info": Method(users.info, ("users:read",), Tier.TIER_4),
    "users.lookupByEmail": Method(users.lookup_by_email, ("users:read.email",), Tier.TIER_3),
    "conversations.open": Method(conversations.open_, ("im:write",), Tier.TIER_3),
    "conversations.list": Method(conversations.list_, READ_SCOPES, Tier.TIER_2),
    "conversations.info": Method(conversations.info, READ_SCOPES, Tier.TIER_3),
    "conversations.history": Method(conversations.history, HISTORY_SCOPES, Tier.TIER_3),
    "conversations.replies": Method(conversations.replies, HISTORY_SCOPES, Tier.TIER_3),
    "chat.postMessage": Method(chat.post_message, ("chat:write",), Tier.SPECIAL),
    "chat.postEphemeral": Method(chat.post_ephemeral, ("chat:write",), Tier.TIER_4),
    "chat.update": Method(chat.update, ("chat:write",), Tier.TIER_3),
    "chat.delete": Method(chat.delete, ("chat:write",), Tier.TIER_3),
    "chat.getPermalink": Method(chat.get_permalink, (), Tier.SPECIAL),
    "reactions.add": Method(reactions.add, ("reactions:write",), Tier.TIER_3),
}
