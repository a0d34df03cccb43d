"""Who may call: the tokens of an app and of a service key, which never end, and OAuth's, which live half an hour."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from ros_sync.sandbox.hubspot.errors import HubSpotError

ACCESS_TOKEN_LIFE = timedelta(minutes=30)  # HubSpot, "OAuth": expires_in 1800
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-client-secret"
HUB_ID, USER_ID = 62515001, 101
_FORMAT = re.compile(r"[A-Za-z0-9_-]*")  # what is none is answered with 530; no token at all with 401
_OBJECTS = ("deals", "contacts", "companies")
SCOPES = (
    "oauth", "crm.objects.owners.read",
    *(f"crm.objects.{name}.{way}" for name in _OBJECTS for way in ("read", "write")),
    *(f"crm.schemas.{name}.{way}" for name in _OBJECTS for way in ("read", "write")),
    "sales-email-read", "crm.pipelines.orders.read",
)  # fmt: skip


@dataclass(slots=True)
class Access:
    """An access token: its scopes, and when it ends (None: never)."""

    scopes: tuple[str, ...]
    ends_at: datetime | None = None


class Tokens:
    """The tokens that this account accepts."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._numbers = count(1)
        self.private_app = "pat-sandbox-00000001"
        self.service_key = "pat-sandbox-service-key-00000001"
        self.refresh_token = "refresh-sandbox-1"  # noqa: S105  # it opens a sandbox
        self.rotate_refresh_tokens = False
        self.refreshes = 0
        self.known: dict[str, Access] = {self.private_app: Access(SCOPES), self.service_key: Access(SCOPES)}

    def limit_scopes(self, scopes: tuple[str, ...]) -> None:
        """Give the private app and the service key these scopes only."""
        self.known[self.private_app] = Access(scopes)
        self.known[self.service_key] = Access(scopes)

    def check(self, header: str) -> Access:
        """The access that an Authorization header gives.

        HubSpotError (401, or 530 for no token's format) where it gives none.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer" and not _FORMAT.fullmatch(token.strip()):
            raise HubSpotError.wrong_format()
        access = self.known.get(token.strip())
        if scheme.lower() != "bearer" or access is None:
            words = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
            raise HubSpotError(401, words, "INVALID_AUTHENTICATION")
        if access.ends_at is not None and access.ends_at <= self._now():
            raise HubSpotError.expired(access.ends_at, self._now())
        return access

    def expire_all(self) -> None:
        """Let every OAuth access token have ended."""
        for access in self.known.values():
            if access.ends_at is not None:
                access.ends_at = self._now()

    def refreshed(self, form: dict[str, str]) -> dict[str, object]:
        """Answer the refresh grant; HubSpotError (400) for other grants and unknown secrets."""
        given = (form.get("client_id"), form.get("client_secret"), form.get("refresh_token"))
        if form.get("grant_type") != "refresh_token" or given != (CLIENT_ID, CLIENT_SECRET, self.refresh_token):
            raise HubSpotError.oauth(*_refused_grant(form))
        number = next(self._numbers)
        self.refreshes += 1
        if self.rotate_refresh_tokens:
            self.refresh_token = f"refresh-sandbox-{number + 1}"
        token = f"access-sandbox-{number}"
        self.known[token] = Access(SCOPES, self._now() + ACCESS_TOKEN_LIFE)
        seconds = int(ACCESS_TOKEN_LIFE.total_seconds())
        return {
            "access_token": token,
            "refresh_token": self.refresh_token,
            "expires_in": seconds,
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": HUB_ID,
            "user_id": USER_ID,
            "scopes": list(SCOPES),
        }

    def scopes_of(self, token: str) -> dict[str, object]:
        """What may be asked of a private app's token.

        HubSpotError (403) for a service key, which no app stands behind.
        """
        if token == self.service_key:
            raise HubSpotError(403, "This token does not belong to a private app.", "FORBIDDEN")
        described = self.described(token)
        return {
            "hubId": described["hub_id"], "appId": described["app_id"], "userId": described["user_id"],
            "scopes": described["scopes"],
        }  # fmt: skip

    def described(self, token: str) -> dict[str, object]:
        """What `GET /oauth/v1/access-tokens/{token}` says."""
        access = self.known.get(token)
        if access is None:
            raise HubSpotError.not_found()
        ends = access.ends_at
        seconds = int((ends - self._now()).total_seconds()) if ends else 0
        return {
            "token": token, "user": "admin@loom.example", "hub_domain": "loom.example", "hub_id": HUB_ID,
            "app_id": 54321, "user_id": USER_ID, "expires_in": seconds, "scopes": list(access.scopes),
            "token_type": "access",
        }  # fmt: skip


def scope_of(object_type: str, *, write: bool, schema: bool = False) -> str:
    """The scope for an object's records or definitions; engagements go with the contacts (HubSpot, "Scopes")."""
    name = object_type if object_type in _OBJECTS else "contacts"
    return f"crm.{'schemas' if schema else 'objects'}.{name}.{'write' if write else 'read'}"


def _refused_grant(form: dict[str, str]) -> tuple[str, str, str]:
    """Why a grant is refused: the word of OAuth, why, and HubSpot's own word."""
    if form.get("grant_type") != "refresh_token":
        return "unsupported_grant_type", "grant type is unsupported", "BAD_GRANT_TYPE"
    if form.get("client_id") != CLIENT_ID:
        return "invalid_client", "missing or unknown client id", "BAD_CLIENT_ID"
    if form.get("client_secret") != CLIENT_SECRET:
        return "invalid_client", "missing or invalid client secret", "BAD_CLIENT_SECRET"
    return "invalid_grant", "refresh token is invalid, expired or revoked", "BAD_REFRESH_TOKEN"
