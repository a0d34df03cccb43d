"""Calls about the account itself and about tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from zoneinfo import ZoneInfo

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.calls import OK, Answer, Call, Json
from ros_sync.sandbox.hubspot.records import iso, millis


class SettingsCalls:
    """Answers calls about an account and who may call it."""

    account: HubSpotAccount

    def account_details(self, _call: Call) -> Answer:
        """GET /account-info/v3/details."""
        account = self.account
        offset = account.now().astimezone(ZoneInfo(account.time_zone)).utcoffset() or timedelta()
        hours, minutes = divmod(abs(int(offset.total_seconds())) // 60, 60)
        return OK, {
            "portalId": account.portal_id, "accountType": "STANDARD", "timeZone": account.time_zone,
            "companyCurrency": account.currency, "additionalCurrencies": [],
            "utcOffset": f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}",
            "utcOffsetMilliseconds": int(offset.total_seconds() * 1000), "uiDomain": "app-eu1.hubspot.com",
            "dataHostingLocation": "eu1",
        }  # fmt: skip

    def daily_usage(self, _call: Call) -> Answer:
        """GET /account-info/v3/api-usage/daily/private-apps."""
        account = self.account
        tomorrow = account.now().astimezone(ZoneInfo(account.time_zone)) + timedelta(days=1)
        midnight = tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
        usage = {
            "name": "private-apps-api-calls-daily", "usageLimit": account.meter.limits.daily or 0,
            "currentUsage": account.meter.used_today, "collectedAt": iso(millis(account.now())),
            "fetchStatus": "SUCCESS", "resetsAt": iso(millis(midnight)),
        }  # fmt: skip
        return OK, {"results": [usage]}

    def token(self, call: Call) -> Answer:
        """POST /oauth/v1/token, and /oauth/2026-03/token."""
        return OK, cast("Json", self.account.tokens.refreshed(call.form))

    def token_info(self, call: Call) -> Answer:
        """GET /oauth/v1/access-tokens/{token}."""
        return OK, cast("Json", self.account.tokens.described(call.path["token"]))

    def private_app_info(self, call: Call) -> Answer:
        """POST /oauth/v2/private-apps/get/access-token-info."""
        return OK, cast("Json", self.account.tokens.scopes_of(str(call.mapping().get("tokenKey"))))
