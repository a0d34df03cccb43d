"""Slack's message text: what is a control sequence, how text is kept, and how it is drawn.

In mrkdwn `<...>` holds links, mentions and special words (Slack documentation, "Formatting text for app surfaces").
Whatever else stands between angle brackets is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup, escape

from ros_sync.sandbox.slack.emoji import drawn

LINK_SCHEMES = ("http://", "https://", "mailto:")
_MENTION = re.compile(r"@[UWB][A-Z0-9]+|#[CDG][A-Z0-9]+|!(?:channel|here|everyone)|!subteam\^S[A-Z0-9]+|!date\^[^|]+")
_BRACKETED = re.compile(r"<([^<>\n]+)>")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
_BARE_URL = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?)\]}'\"`*_~]")
_FENCE = "```"
_INLINE = re.compile(
    r"(?P<code>`(?P<code_in>[^`\n]+)`)"
    r"|<(?P<control>[^<>\n]+)>"
    r"|(?<![A-Za-z0-9*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![A-Za-z0-9*])"
    r"|(?<![A-Za-z0-9_])_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![A-Za-z0-9_])"
    r"|(?<![A-Za-z0-9~])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![A-Za-z0-9~])"
    r"|:(?P<emoji>[a-z0-9_+\-]+):"
)
_BULLET = re.compile(r"\s*•\s+(.*)")
_QUOTE = re.compile(r"(?:&gt;|>)\s?(.*)")

Namer = Callable[[str], str]


def is_control(inside: str) -> bool:
    """Whether `<inside>` means something to Slack: a link, a mention or a special word."""
    target = inside.split("|", 1)[0]
    return target.startswith(LINK_SCHEMES) or _MENTION.fullmatch(target) is not None


def kept(text: str, *, links: bool = True) -> str:
    """The text as Slack keeps and returns it: control sequences stay, other `&`, `<` and `>` become entities.

    With `links` a bare http(s) address becomes a link, as Slack does unless the text is `verbatim`.
    """
    parts: list[str] = []
    end = 0
    for match in _BRACKETED.finditer(text):
        if is_control(match[1]):
            parts += [_kept_plain(text[end : match.start()], links), match[0]]
            end = match.end()
    parts.append(_kept_plain(text[end:], links))
    return "".join(parts)


def _kept_plain(text: str, links: bool) -> str:
    escaped = _ENTITY.sub("&amp;", text)
    parts: list[str] = []
    end = 0
    for match in _BARE_URL.finditer(escaped) if links else ():
        parts += [_brackets_escaped(escaped[end : match.start()]), f"<{match[0]}>"]
        end = match.end()
    return "".join([*parts, _brackets_escaped(escaped[end:])])


def _brackets_escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> Markup:
    """Text with Slack's three entities read back, safe to stand in a page."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def html(text: str, name_of: Namer) -> Markup:
    """Draw mrkdwn; `name_of` gives the name of a user's or channel's id."""
    drawn_parts: list[Markup] = []
    for index, part in enumerate(text.split(_FENCE)):
        is_code = index % 2 == 1
        if is_code:
            drawn_parts.append(Markup("<pre>{}</pre>").format(literal(part.strip("\n"))))
        elif part:
            drawn_parts.append(_lines(part, name_of))
    return Markup("").join(drawn_parts)


def _lines(text: str, name_of: Namer) -> Markup:
    """Paragraphs, with runs of `>` lines as quotes and runs of bullets as lists."""
    out: list[Markup] = []
    run: list[Markup] = []
    run_kind = ""

    def close() -> None:
        if run_kind == "quote":
            out.append(Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(run)))
        elif run_kind == "list":
            out.append(
                Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(item) for item in run))
            )
        elif run:
            out.append(Markup("<p>{}</p>").format(Markup("<br>").join(run)))
        run.clear()

    for line in text.strip("\n").split("\n"):
        kind, content = "text", line
        if match := _QUOTE.fullmatch(line):
            kind, content = "quote", match[1]
        elif match := _BULLET.fullmatch(line):
            kind, content = "list", match[1]
        if kind != run_kind:
            close()
            run_kind = kind
        run.append(inline(content, name_of))
    close()
    return Markup("").join(out)


def inline(text: str, name_of: Namer) -> Markup:
    """Draw one line of mrkdwn: bold, italic, strike, code, links, mentions, emoji."""
    parts: list[Markup] = []
    end = 0
    for match in _INLINE.finditer(text):
        parts += [literal(text[end : match.start()]), _token(match, name_of)]
        end = match.end()
    return Markup("").join([*parts, literal(text[end:])])


def _token(match: re.Match[str], name_of: Namer) -> Markup:
    if match["code"]:
        return Markup("<code>{}</code>").format(literal(match["code_in"]))
    if match["control"]:
        return _control(match["control"], name_of)
    if match["bold"]:
        return Markup("<strong>{}</strong>").format(inline(match["bold"], name_of))
    if match["italic"]:
        return Markup("<em>{}</em>").format(inline(match["italic"], name_of))
    if match["strike"]:
        return Markup("<del>{}</del>").format(inline(match["strike"], name_of))
    return escape(drawn(match["emoji"]))


def _control(inside: str, name_of: Namer) -> Markup:  # noqa: PLR0911  # one return for each kind
    if not is_control(inside):
        return literal(f"<{inside}>")
    target, _, label = inside.partition("|")
    if target.startswith(LINK_SCHEMES):
        return link(literal(target), literal(label or target.removeprefix("mailto:")))
    if target.startswith("@"):
        return mention(f"@{name_of(target[1:])}")
    if target.startswith("#"):
        return mention(f"#{name_of(target[1:])}")
    if target.startswith("!date^"):
        return literal(label)
    if target.startswith("!subteam^"):
        return mention(label or "@group")
    return mention(f"@{target[1:]}", loud=True)


def link(url: str, label: str) -> Markup:
    """A link to another page; an address that is not http(s) or mailto is drawn as text."""
    if not url.lower().startswith(LINK_SCHEMES):
        return Markup("{} ({})").format(label, url)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(url, label)


def mention(text: str, *, loud: bool = False) -> Markup:
    """A mention; a loud one (@channel) calls everybody."""
    return Markup('<span class="mention{}">{}</span>').format(" loud" if loud else "", text)
