"""The account's API: each method answers one kind of call. Paths, tokens, limits and faults are `app`'s."""

from __future__ import annotations

from ros_sync.sandbox.hubspot.association_calls import AssociationCalls
from ros_sync.sandbox.hubspot.record_calls import RecordCalls
from ros_sync.sandbox.hubspot.schema_calls import SchemaCalls
from ros_sync.sandbox.hubspot.settings_calls import SettingsCalls


class Api(RecordCalls, AssociationCalls, SchemaCalls, SettingsCalls):
    """Answers calls. Every method gives (status, body) or raises HubSpotError; the caller holds the account's lock."""
