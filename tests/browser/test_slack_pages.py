"""The sandbox's Slack pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from slack_sdk import WebClient

from ros_sync.sandbox.slack import SlackServer, SlackWorkspace

pytestmark = pytest.mark.browser

HOSTILE = (
    "<!channel> *free* <http://x|y> <script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
)
PNG_BYTES_OF_A_BLANK_PAGE = 8_000  # a 390 x 800 page without anything on it compresses to about 3,000
WIDE = "W" * 200


def _text(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "text": text}


BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": _text("plain_text", "Umbrella: no buyer activity")},
    {
        "type": "section",
        "text": _text("mrkdwn", "*Stalled* since _1 March_, see <https://crm.example.com/d/1|the deal>"),
    },
    {"type": "section", "fields": [_text("mrkdwn", "*Amount*\nEUR 48,000"), _text("plain_text", HOSTILE)]},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": _text("plain_text", "Update next step"),
                "style": "primary",
                "action_id": "next",
            },
            {"type": "button", "text": _text("plain_text", WIDE[:75]), "style": "danger", "action_id": "wide"},
        ],
    },
    {"type": "context", "elements": [_text("mrkdwn", f"Rule `stalled` {WIDE}")]},
]


@pytest.fixture(scope="module")
def server() -> Iterator[SlackServer]:
    """A workspace with one direct message that holds a bit of everything."""
    workspace = SlackWorkspace("Acme", now=lambda: datetime(2026, 3, 16, 8, 2, tzinfo=UTC))
    ann = workspace.add_user("Ann Lee", "ann@example.com", "Europe/Berlin")
    workspace.add_channel("revops")
    with SlackServer(workspace) as running:
        client = WebClient(base_url=running.api_url, token=workspace.token, retry_handlers=[])
        posted = client.chat_postMessage(channel=ann.id, text="Umbrella: no buyer activity", blocks=BLOCKS)
        client.chat_update(channel=posted["channel"], ts=posted["ts"], text=HOSTILE)
        workspace.say(ann, posted["channel"], "Called them today", thread_ts=posted["ts"])
        client.chat_postMessage(channel="#revops", text=HOSTILE)
        yield running


@pytest.fixture
def page(browser: Browser, server: SlackServer) -> Iterator[Page]:
    """A fresh page of phone size; whatever a script or a policy complains about fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, base_url=server.url)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text))
    yield opened
    context.close()
    assert complaints == []


def _dm(server: SlackServer) -> str:
    return f"/c/{server.workspace.dm_with('ann@example.com').id}"


def test_the_list_leads_to_a_conversation(page: Page, server: SlackServer) -> None:
    """A click on a person in the list opens the direct message with them."""
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Ann Lee").click()
    page.wait_for_url(f"**{_dm(server)}")
    assert page.get_by_role("heading", level=1).inner_text() == "Ann Lee"


def test_blocks_are_drawn(page: Page, server: SlackServer) -> None:
    """Headers, bold text, links and buttons are there as such, with the time in the person's own zone."""
    page.goto(_dm(server))
    message = page.locator("article").first
    drawn = {
        "header": message.locator(".block.header h3").inner_text(),
        "bold": message.locator(".block.section strong").first.inner_text(),
        "link": message.get_by_role("link", name="the deal").get_attribute("href"),
        "button": message.get_by_role("button", name="Update next step").count(),
        "time": message.locator("time").first.inner_text(),
        "edited": message.locator(".edited").inner_text(),
        "reply": message.locator("article.reply .drawn").inner_text(),
    }
    expected = {
        "header": "Umbrella: no buyer activity",
        "bold": "Stalled",
        "link": "https://crm.example.com/d/1",
        "button": 1,
        "time": "09:02",
        "edited": "(edited)",
        "reply": "Called them today",
    }
    assert expected == drawn


def test_hostile_plain_text_is_shown_literally(page: Page, server: SlackServer) -> None:
    """A deal's name in a plain_text element reads exactly as it was written."""
    page.goto(_dm(server))
    assert page.locator("article .fields > div").nth(1).inner_text() == HOSTILE


def test_hostile_mrkdwn_runs_nothing(page: Page, server: SlackServer) -> None:
    """Markup in a message's text makes no element and runs no script."""
    page.goto(f"/c/{server.workspace.channel('#revops').id}")
    found = (page.title(), page.locator("main script, main img").count())
    assert found == ("revops · Slack sandbox", 0)


def test_a_mention_of_everybody_is_seen(page: Page, server: SlackServer) -> None:
    """An undisarmed <!channel> shows as the loud mention it would be in Slack."""
    page.goto(f"/c/{server.workspace.channel('#revops').id}")
    assert page.locator(".mention.loud").all_inner_texts() == ["@channel"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_painted(page: Page, server: SlackServer, scheme: Any) -> None:
    """A picture of the page is not blank, in light and dark, and the two differ in their paper."""
    page.emulate_media(color_scheme=scheme)
    page.goto(_dm(server))
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    expected = {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 29, 33)"}[scheme]
    assert (paper, len(page.screenshot()) > PNG_BYTES_OF_A_BLANK_PAGE) == (expected, True)


@pytest.mark.parametrize("path", ["index", "conversation"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, server: SlackServer, path: str) -> None:
    """At 390 pixels nothing stands out on the right, however long a word is."""
    page.goto("/" if path == "index" else _dm(server))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
