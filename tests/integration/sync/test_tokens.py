"""Tokens that have expired or are refused, while calls are made."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from tests.integration.sync.calling import client_of, virtual_pace
from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.connectors.hubspot.tokens import OAuthTokens, PrivateAppToken
from ros_sync.errors import AuthExpiredError
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET


def test_an_expired_token_is_renewed_once_for_all_threads(hubspot: Followed, tmp_path: Path) -> None:
    """Mid-run every access token ends: eight threads go on with one new one, and each call is answered."""
    client = client_of(hubspot, virtual_pace(hubspot), tokens=oauth(hubspot, tmp_path))
    client.pipelines("deals")
    for expiry in range(1, 4):
        hubspot.account.tokens.expire_all()
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(lambda _number: client.pipelines("deals"), range(16)))) == 16
        assert hubspot.account.tokens.refreshes == 1 + expiry


def test_a_refused_refresh_token_says_what_to_do_and_shows_no_secret(
    hubspot: Followed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error names the remedy; neither it, nor what caused it, nor any log line holds a token or a secret."""
    client = client_of(hubspot, virtual_pace(hubspot), tokens=oauth(hubspot, tmp_path))
    caplog.set_level("DEBUG")
    client.pipelines("deals")
    token, refresh_token = client.token(), hubspot.account.tokens.refresh_token
    hubspot.account.tokens.expire_all()
    hubspot.account.tokens.refresh_token = "another"
    with pytest.raises(AuthExpiredError, match="reconnect the app") as caught:
        client.pipelines("deals")
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert [secret for secret in (token, refresh_token, CLIENT_SECRET) if secret in told] == []


@pytest.mark.parametrize("fault", ["status", "drop_before", "broken_json", "rate_limit_secondly"])
def test_a_renewal_that_fails_is_tried_again(hubspot: Followed, tmp_path: Path, fault: str) -> None:
    """Only a refusal of the refresh token itself asks for a person."""
    client = client_of(hubspot, virtual_pace(hubspot), tokens=oauth(hubspot, tmp_path))
    hubspot.faults.next("token", Fault(fault), times=2)
    assert client.pipelines("deals")["results"] != []


def test_a_private_app_s_refused_token_costs_one_call(hubspot: Followed) -> None:
    """What a person has to mend is not tried again."""
    client = client_of(hubspot, virtual_pace(hubspot), tokens=PrivateAppToken("pat-wrong"))
    with pytest.raises(AuthExpiredError):
        client.pipelines("deals")
    hubspot.faults.next("describe", Fault("expired_token"))
    with pytest.raises(AuthExpiredError):
        client.pipelines("deals")
    assert [call.status for call in hubspot.account.calls] == [401, 401]


def oauth(hubspot: Followed, folder: Path) -> OAuthTokens:
    exchange = partial(refresh, hubspot.url, CLIENT_ID, CLIENT_SECRET)
    return OAuthTokens(hubspot.account.tokens.refresh_token, exchange, folder / "oauth.json", hubspot.clock)
