"""How message text is kept and drawn."""

from __future__ import annotations

import pytest

from ros_sync.sandbox.slack import mrkdwn


def _name(some_id: str) -> str:
    return {"U1": "Ann Lee", "C1": "revops"}.get(some_id, some_id)


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        ("<!channel> <@U1> <#C1|revops>", "<!channel> <@U1> <#C1|revops>"),
        ("&lt;!channel&gt;", "&lt;!channel&gt;"),
        ("<http://x|y>", "<http://x|y>"),
        ("<javascript:alert(1)|y>", "&lt;javascript:alert(1)|y&gt;"),
        ("see https://x.example/a?b=1&c=2.", "see <https://x.example/a?b=1&amp;c=2>."),
    ],
)
def test_text_is_kept_as_slack_keeps_it(sent: str, kept: str) -> None:
    """Control sequences stay, all other special characters become entities, bare addresses become links."""
    assert kept == mrkdwn.kept(sent)


def test_verbatim_text_gets_no_links() -> None:
    """Without links a bare address stays text."""
    assert mrkdwn.kept("https://x.example", links=False) == "https://x.example"


@pytest.mark.parametrize(
    "text, html",
    [
        ("*bold* _it_ ~no~", "<p><strong>bold</strong> <em>it</em> <del>no</del></p>"),
        ("`*code*`", "<p><code>*code*</code></p>"),
        ("2*3*4 snake_case_name", "<p>2*3*4 snake_case_name</p>"),
        ("```\n*raw* &lt;b&gt;\n```", "<pre>*raw* &lt;b&gt;</pre>"),
        ("&gt; said\nso", "<blockquote>said</blockquote><p>so</p>"),
        ("• one\n• two", "<ul><li>one</li><li>two</li></ul>"),
        ("<@U1> <#C1>", '<p><span class="mention">@Ann Lee</span> <span class="mention">#revops</span></p>'),
        ("<!channel>", '<p><span class="mention loud">@channel</span></p>'),
        ("<!date^1700000000^{date}|14 Nov>", "<p>14 Nov</p>"),
        (":white_check_mark: :unknown_one:", "<p>✅ :unknown_one:</p>"),
        ("<javascript:alert(1)|x>", "<p>&lt;javascript:alert(1)|x&gt;</p>"),
        ("<script>", "<p>&lt;script&gt;</p>"),
        ('&quot; " onmouseover=1', "<p>&amp;quot; &#34; onmouseover=1</p>"),
    ],
)
def test_text_is_drawn_as_slack_draws_it(text: str, html: str) -> None:
    """Marks become elements, everything else is escaped."""
    assert html == mrkdwn.html(text, _name)


def test_a_link_cannot_break_out_of_its_attribute() -> None:
    """Quotes in an address are escaped."""
    expected = (
        '<p><a href="https://x.example/&#34;onclick=&#34;a" target="_blank" rel="noopener noreferrer '
        'nofollow">y</a></p>'
    )
    assert expected == mrkdwn.html('<https://x.example/"onclick="a|y>', _name)


@pytest.mark.parametrize(
    "hostile", ["*" * 40_000, "<" * 40_000, "_a" * 20_000, "`" * 39_999, ":a" * 20_000, "```" * 13_000]
)
def test_hostile_text_is_drawn_in_good_time(hostile: str) -> None:
    """Text made to confuse the reader of marks is drawn, with nothing lost."""
    assert len(mrkdwn.html(hostile, _name)) > 0
