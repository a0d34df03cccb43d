"""The sandbox's Slack as the official client sees it over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from ros_sync.sandbox.slack import FaultKind, Limits, SlackServer

METADATA = {"event_type": "ros_sync_outbox", "event_payload": {"id": "42"}}


class Stage:
    """A running workspace with Ann, her DM, a channel, and a clock that can be moved."""

    def __init__(self, server: SlackServer) -> None:
        self.server = server
        self.workspace = server.workspace
        self.now = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)
        self.workspace.now = lambda: self.now
        self.ann = self.workspace.add_user("Ann Lee", "ann@example.com", "Europe/Berlin")
        self.gone = self.workspace.add_user("Gone", "gone@example.com", deleted=True)
        self.dm = self.workspace.dm_with(self.ann).id
        self.channel = self.workspace.add_channel("revops").id
        self.client = self.client_with(self.workspace.token)

    def client_with(self, token: str | None) -> WebClient:
        return WebClient(base_url=self.server.api_url, token=token, retry_handlers=[])

    def post(self, text: str = "hello", **more: Any) -> str:
        return str(self.client.chat_postMessage(channel=more.pop("channel", self.dm), text=text, **more)["ts"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    with SlackServer() as server:
        yield Stage(server)


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What Slack answered to a call that it refused."""
    with pytest.raises(SlackApiError) as caught:
        call()
    data = caught.value.response.data
    assert isinstance(data, dict)
    return data


def test_auth_test_names_the_bot(stage: Stage) -> None:
    """The token belongs to the first app's bot user."""
    assert stage.client.auth_test()["user_id"] == stage.workspace.app.user_id


def test_api_test_gives_the_arguments_back(stage: Stage) -> None:
    """api.test needs no token and echoes."""
    assert stage.client_with(None).api_test(foo="bar")["args"] == {"foo": "bar"}


def test_users_are_listed_by_pages(stage: Stage) -> None:
    """Following the cursor gives every user once."""
    found = [user["id"] for page in stage.client.users_list(limit=2) for user in page["members"]]
    assert found == list(stage.workspace.users)


def test_a_person_has_a_zone_and_an_address(stage: Stage) -> None:
    """users.info gives what quiet hours need."""
    user = stage.client.users_info(user=stage.ann.id)["user"]
    assert (user["tz"], user["tz_offset"], user["profile"]["email"]) == ("Europe/Berlin", 3600, "ann@example.com")


def test_a_person_is_found_by_address(stage: Stage) -> None:
    """users.lookupByEmail does not mind the case."""
    assert stage.client.users_lookupByEmail(email="Ann@Example.com")["user"]["id"] == stage.ann.id


def test_a_direct_message_is_opened(stage: Stage) -> None:
    """conversations.open gives the D… channel, the same each time."""
    assert stage.client.conversations_open(users=stage.ann.id)["channel"]["id"] == stage.dm


def test_conversations_are_listed_by_type(stage: Stage) -> None:
    """Channels and direct messages are asked for by type."""
    listed = {
        types: [it["id"] for it in stage.client.conversations_list(types=types)["channels"]]
        for types in ("public_channel", "im")
    }
    assert listed == {"public_channel": [stage.channel], "im": [stage.dm]}


def test_a_conversation_is_described(stage: Stage) -> None:
    """conversations.info names the channel and counts its members."""
    channel = stage.client.conversations_info(channel=stage.channel, include_num_members=True)["channel"]
    assert (channel["name"], channel["num_members"]) == ("revops", 1)


@pytest.mark.parametrize("target", ["dm", "user", "name"])
def test_a_message_is_posted(stage: Stage, target: str) -> None:
    """A channel's id, a person's id and a channel's name all lead to the conversation's own id."""
    channel = {"dm": stage.dm, "user": stage.ann.id, "name": "#revops"}[target]
    posted = stage.client.chat_postMessage(channel=channel, text="hello")
    assert posted["channel"] == (stage.channel if target == "name" else stage.dm)


def test_a_form_is_read_too(stage: Stage) -> None:
    """A form-encoded call with the token and blocks as JSON text in it does the same."""
    form = (
        f"token={stage.workspace.token}&channel={stage.dm}&text=hi+there&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"
    )
    with urllib.request.urlopen(f"{stage.server.api_url}chat.postMessage", form.encode(), timeout=10) as answer:
        body = json.load(answer)
    assert (body["message"]["text"], body["message"]["blocks"][0]["type"]) == ("hi there", "divider")


def test_text_comes_back_escaped(stage: Stage) -> None:
    """Loose brackets become entities; control sequences stay what they are."""
    posted = stage.client.chat_postMessage(channel=stage.dm, text="a < b & <!channel>")
    assert posted["message"]["text"] == "a &lt; b &amp; <!channel>"


@pytest.mark.parametrize("asked, given", [(True, METADATA), (False, None)])
def test_metadata_is_given_when_asked_for(stage: Stage, asked: bool, given: object) -> None:
    """History holds metadata with include_all_metadata alone."""
    stage.post(metadata=METADATA)
    history = stage.client.conversations_history(channel=stage.dm, include_all_metadata=asked)
    assert history["messages"][0].get("metadata") == given


def test_history_is_newest_first_by_pages(stage: Stage) -> None:
    """Following the cursor gives every message once, the last one first."""
    posted = [stage.post(str(number)) for number in range(5)]
    found = [
        it["ts"] for page in stage.client.conversations_history(channel=stage.dm, limit=2) for it in page["messages"]
    ]
    assert found == posted[::-1]


@pytest.mark.parametrize("inclusive, expected", [(False, ["1"]), (True, ["2", "1", "0"])])
def test_history_is_bounded(stage: Stage, inclusive: bool, expected: list[str]) -> None:
    """Oldest and latest are left out unless inclusive."""
    first, _, last = [stage.post(str(number)) for number in range(3)]
    history = stage.client.conversations_history(channel=stage.dm, oldest=first, latest=last, inclusive=inclusive)
    assert [message["text"] for message in history["messages"]] == expected


def test_history_lags(stage: Stage) -> None:
    """A message just posted is missing until the lag is over."""
    stage.workspace.history_lag = timedelta(seconds=5)
    stage.post()
    seen = [len(stage.client.conversations_history(channel=stage.dm)["messages"])]
    stage.now += timedelta(seconds=5)
    seen.append(len(stage.client.conversations_history(channel=stage.dm)["messages"]))
    assert seen == [0, 1]


def test_replies_stand_in_their_thread(stage: Stage) -> None:
    """A thread gives its first message and the replies; history leaves the replies out."""
    first = stage.post("first")
    stage.post("reply", thread_ts=first)
    thread = [it["text"] for it in stage.client.conversations_replies(channel=stage.dm, ts=first)["messages"]]
    history = [it["text"] for it in stage.client.conversations_history(channel=stage.dm)["messages"]]
    assert (thread, history) == (["first", "reply"], ["first"])


def test_an_update_marks_the_message_as_edited(stage: Stage) -> None:
    """The text is new, the ts is the same, `edited` says by whom."""
    ts = stage.post()
    stage.client.chat_update(channel=stage.dm, ts=ts, text="resolved")
    message = stage.client.conversations_history(channel=stage.dm)["messages"][0]
    assert (message["ts"], message["text"], message["edited"]["user"]) == (ts, "resolved", stage.workspace.app.user_id)


def test_a_deleted_message_is_gone(stage: Stage) -> None:
    """chat.delete takes it out of the workspace."""
    stage.client.chat_delete(channel=stage.dm, ts=stage.post())
    assert stage.workspace.messages(stage.dm) == []


def test_a_message_has_a_link(stage: Stage) -> None:
    """chat.getPermalink names channel and ts."""
    ts = stage.post()
    link = stage.client.chat_getPermalink(channel=stage.dm, message_ts=ts)["permalink"]
    assert link.endswith(f"/archives/{stage.dm}/p{ts.replace('.', '')}")


def test_an_ephemeral_message_is_in_no_history(stage: Stage) -> None:
    """Only the person sees it."""
    stage.client.chat_postEphemeral(channel=stage.dm, user=stage.ann.id, text="only you")
    assert ([user for user, _ in stage.workspace.ephemerals], stage.workspace.messages(stage.dm)) == (
        [stage.ann.id],
        [],
    )


def test_a_reaction_is_kept(stage: Stage) -> None:
    """reactions.add shows in history."""
    stage.client.reactions_add(channel=stage.dm, timestamp=stage.post(), name="white_check_mark")
    reactions = stage.client.conversations_history(channel=stage.dm)["messages"][0]["reactions"]
    assert [reaction["name"] for reaction in reactions] == ["white_check_mark"]


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown_method": ("chat.shout", {}),
    "users_not_found": ("users.lookupByEmail", {"email": "nobody@example.com"}),
    "users_not_found (deactivated)": ("users.lookupByEmail", {"email": "gone@example.com"}),
    "user_not_found": ("users.info", {"user": "U404"}),
    "invalid_cursor": ("users.list", {"cursor": "nonsense", "limit": 1}),
    "invalid_limit": ("users.list", {"limit": "-1"}),
    "users_list_not_supplied": ("conversations.open", {}),
    "user_disabled": ("conversations.open", {"users": "{gone}"}),
    "cannot_dm_bot": ("conversations.open", {"users": "{bot}"}),
    "invalid_types": ("conversations.list", {"types": "rooms"}),
    "channel_not_found": ("chat.postMessage", {"channel": "C404", "text": "x"}),
    "channel_not_found (private)": ("chat.postMessage", {"channel": "{private}", "text": "x"}),
    "not_in_channel": ("chat.postMessage", {"channel": "{foreign}", "text": "x"}),
    "not_in_channel (history)": ("conversations.history", {"channel": "{foreign}"}),
    "is_archived": ("chat.postMessage", {"channel": "{archived}", "text": "x"}),
    "no_text": ("chat.postMessage", {"channel": "{dm}"}),
    "msg_too_long": ("chat.postMessage", {"channel": "{dm}", "text": "x" * 40_001}),
    "invalid_arguments": ("chat.postMessage", {"text": "x"}),
    "invalid_blocks_format": ("chat.postMessage", {"channel": "{dm}", "blocks": "[{"}),
    "invalid_blocks": ("chat.postMessage", {"channel": "{dm}", "blocks": [{"type": "divider"}] * 51}),
    "msg_blocks_too_long": (
        "chat.postMessage",
        {"channel": "{dm}", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2700}}] * 5},
    ),
    "invalid_metadata_format": ("chat.postMessage", {"channel": "{dm}", "text": "x", "metadata": {"event_type": "x"}}),
    "metadata_too_large": (
        "chat.postMessage",
        {"channel": "{dm}", "text": "x", "metadata": {"event_type": "x", "event_payload": {"a": "x" * 20_000}}},
    ),
    "thread_not_found": ("chat.postMessage", {"channel": "{dm}", "text": "x", "thread_ts": "1.000000"}),
    "message_not_found": ("chat.update", {"channel": "{dm}", "ts": "1.000000", "text": "x"}),
    "cant_update_message": ("chat.update", {"channel": "{dm}", "ts": "{anns}", "text": "x"}),
    "cant_delete_message": ("chat.delete", {"channel": "{dm}", "ts": "{anns}"}),
    "user_not_in_channel": ("chat.postEphemeral", {"channel": "{channel}", "user": "{ann}", "text": "x"}),
    "invalid_name": ("reactions.add", {"channel": "{dm}", "timestamp": "{anns}", "name": "No Such"}),
    "no_item_specified": ("reactions.add", {"name": "tada"}),
    "invalid_ts_oldest": ("conversations.history", {"channel": "{dm}", "oldest": "yesterday"}),
}


@pytest.fixture(scope="module")
def furnished() -> Iterator[tuple[Stage, dict[str, str]]]:
    """One workspace for all wrong calls, which leave it as it is, and the ids in it by name."""
    with SlackServer() as server:
        stage = Stage(server)
        archived = stage.workspace.add_channel("archived")
        archived.is_archived = True
        yield (
            stage,
            {
                "{dm}": stage.dm,
                "{channel}": stage.channel,
                "{ann}": stage.ann.id,
                "{gone}": stage.gone.id,
                "{bot}": stage.workspace.app.user_id,
                "{anns}": stage.workspace.say(stage.ann, stage.dm, "mine").ts,
                "{foreign}": stage.workspace.add_channel("foreign", with_bot=False).id,
                "{private}": stage.workspace.add_channel("private", is_private=True, with_bot=False).id,
                "{archived}": archived.id,
            },
        )


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_call_is_refused_with_slacks_code(furnished: tuple[Stage, dict[str, str]], case: str) -> None:
    """Each mistake has the error code that Slack's reference gives it."""
    stage, ids = furnished
    method, given = REFUSED[case]
    args = {key: ids.get(value, value) if isinstance(value, str) else value for key, value in given.items()}
    answer = refusal(lambda: stage.client.api_call(method, json=args))
    assert (answer["ok"], answer["error"]) == (False, case.split(" ", maxsplit=1)[0])


def test_invalid_blocks_say_where(stage: Stage) -> None:
    """The messages point into the blocks."""
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    answer = refusal(lambda: stage.client.chat_postMessage(channel=stage.dm, text="x", blocks=blocks))
    expected = ["[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
    assert expected == answer["response_metadata"]["messages"]


def test_already_reacted(stage: Stage) -> None:
    """The same emoji twice by the same app is refused."""
    ts = stage.post()
    stage.client.reactions_add(channel=stage.dm, timestamp=ts, name="tada")
    assert (
        refusal(lambda: stage.client.reactions_add(channel=stage.dm, timestamp=ts, name="tada"))["error"]
        == "already_reacted"
    )


@pytest.mark.parametrize(
    "token, code", [(None, "not_authed"), ("xoxb-wrong", "invalid_auth"), ("off", "account_inactive")]
)
def test_a_wrong_token_is_refused(stage: Stage, token: str | None, code: str) -> None:
    """No token, a wrong one and one of a removed app have codes of their own."""
    if token == "off":
        removed = stage.workspace.add_app("Removed")
        removed.active, token = False, removed.token
    assert refusal(lambda: stage.client_with(token).auth_test())["error"] == code


def test_a_missing_scope_is_named(stage: Stage) -> None:
    """The answer says which scope is needed and which there are."""
    app = stage.workspace.add_app("Reader", scopes=["users:read", "im:write"])
    answer = refusal(lambda: stage.client_with(app.token).chat_postMessage(channel=stage.channel, text="x"))
    expected = ("missing_scope", "chat:write", "im:write,users:read")
    assert expected == (answer["error"], answer["needed"], answer["provided"])


def test_too_many_messages_are_slowed_down(stage: Stage) -> None:
    """Past the burst a channel answers 429 with Retry-After, and nothing is posted."""
    stage.workspace.limits = Limits(messages_per_second=1.0, message_burst=1)
    stage.post()
    with pytest.raises(SlackApiError) as caught:
        stage.post()
    response = caught.value.response
    told = (response.status_code, response.headers["Retry-After"], response["error"])
    assert (told, len(stage.workspace.messages(stage.dm))) == ((429, "1", "ratelimited"), 1)


@pytest.mark.parametrize(
    "kind, raised, posted",
    [
        (FaultKind.DROP_BEFORE, http.client.RemoteDisconnected, 0),
        (FaultKind.DROP_AFTER, http.client.RemoteDisconnected, 1),
        (FaultKind.INTERNAL_ERROR_BEFORE, SlackApiError, 0),
        (FaultKind.INTERNAL_ERROR_AFTER, SlackApiError, 1),
        (FaultKind.FATAL_ERROR_AFTER, SlackApiError, 1),
        (FaultKind.BROKEN_JSON, SlackApiError, 1),
        (FaultKind.SERVER_ERROR, SlackApiError, 0),
        (FaultKind.RATELIMITED, SlackApiError, 0),
    ],
)
def test_a_fault_spoils_one_call(stage: Stage, kind: FaultKind, raised: type[Exception], posted: int) -> None:
    """The call fails as ordered, whether or not the work was done; the next one succeeds."""
    stage.workspace.faults.next("chat.postMessage", kind)
    with pytest.raises(raised):
        stage.post()
    after_the_fault = len(stage.workspace.messages(stage.dm))
    stage.post()
    assert (after_the_fault, len(stage.workspace.messages(stage.dm))) == (posted, posted + 1)


def test_a_slow_answer_outlasts_the_clients_patience(stage: Stage) -> None:
    """The work is done though the client has stopped waiting."""
    stage.workspace.faults.next("chat.postMessage", FaultKind.SLOW, seconds=2.0)
    hasty = WebClient(base_url=stage.server.api_url, token=stage.workspace.token, retry_handlers=[], timeout=1)
    with pytest.raises(TimeoutError):
        hasty.chat_postMessage(channel=stage.dm, text="hello")
    assert len(stage.workspace.messages(stage.dm)) == 1


def _order(stage: Stage, body: bytes) -> int:
    try:
        with urllib.request.urlopen(f"{stage.server.url}/control/faults", body, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return int(error.code)


def test_a_fault_is_ordered_over_http(stage: Stage) -> None:
    """The control endpoint does what `faults.next` does."""
    _order(stage, b'{"method": "auth.test", "kind": "internal_error_before"}')
    assert refusal(stage.client.auth_test)["error"] == "internal_error"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"method": "auth.test", "kind": "explode"}'])
def test_a_wrong_order_is_refused(stage: Stage, body: bytes) -> None:
    """An order that cannot be read is a 400."""
    assert _order(stage, body) == 400


def test_the_log_keeps_calls_and_no_token(stage: Stage) -> None:
    """Method, arguments and outcome of each call are kept, the token is not."""
    refusal(lambda: stage.client.api_call("users.info", params={"user": "U404", "token": stage.workspace.token}))
    (call,) = stage.workspace.calls
    assert (call.method, call.args, call.outcome) == ("users.info", {"user": "U404"}, "user_not_found")


@pytest.mark.parametrize(
    "body, code", [(b"{", "invalid_json"), (b"[]", "json_not_object"), (b"[" * 100_000, "invalid_json")]
)
def test_json_that_cannot_be_read_is_refused(stage: Stage, body: bytes, code: str) -> None:
    """Broken JSON, JSON that is no object, and JSON nested too deep."""
    request = urllib.request.Request(f"{stage.server.api_url}auth.test", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["error"] == code


def test_a_server_stops_cleanly() -> None:
    """After the context its port is closed, and stopping again does nothing."""
    with SlackServer() as server:
        url = server.url
    server.stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=2)
