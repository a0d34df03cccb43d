"""Standard Markdown, as far as Slack's markdown block takes it, drawn as safe HTML."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from ros_sync.sandbox.slack.mrkdwn import link

_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|(?<![\w*])[*_](?P<italic>[^*_\n]+)[*_](?![\w*])"
    r"|~~(?P<strike>[^~\n]+)~~"
    r"|\[(?P<label>[^\[\]\n]+)\]\((?P<url>[^()\s]+)\)"
)
_HEADING = re.compile(r"#{1,6}\s+(.*)")
_ITEM = re.compile(r"\s*[-*+]\s+(.*)")
_NUMBERED = re.compile(r"\s*\d{1,3}[.)]\s+(.*)")
_QUOTE = re.compile(r">\s?(.*)")
_SHAPES = ((_HEADING, "h"), (_ITEM, "ul"), (_NUMBERED, "ol"), (_QUOTE, "blockquote"))


def html(text: str) -> Markup:
    """Draw headings, lists, quotes, fenced code, bold, italic, strike, code and links; all else is text."""
    parts = text.split("```")
    drawn = [
        Markup("<pre>{}</pre>").format(part.partition("\n")[2].rstrip("\n") or part) if index % 2 else _lines(part)
        for index, part in enumerate(parts)
    ]
    return Markup("").join(drawn)


def _lines(text: str) -> Markup:
    out: list[Markup] = []
    run: list[Markup] = []
    run_shape = "p"
    for line in [*text.split("\n"), ""]:
        shape, content = _shape(line)
        if run and (shape != run_shape or not line.strip()):
            out.append(_run(run_shape, run))
            run = []
        run_shape = shape
        if shape == "h":
            out.append(Markup("<h4>{}</h4>").format(_inline(content)))
        elif line.strip():
            run.append(_inline(content))
    return Markup("").join(out)


def _shape(line: str) -> tuple[str, str]:
    for pattern, shape in _SHAPES:
        if match := pattern.fullmatch(line):
            return shape, match[1]
    return "p", line


def _run(shape: str, lines: list[Markup]) -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
    if shape == "ul":
        return Markup("<ul>{}</ul>").format(items)
    if shape == "ol":
        return Markup("<ol>{}</ol>").format(items)
    if shape == "blockquote":
        return Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(lines))
    return Markup("<p>{}</p>").format(Markup("<br>").join(lines))


def _inline(text: str) -> Markup:
    parts: list[Markup] = []
    end = 0
    for match in _INLINE.finditer(text):
        parts += [escape(text[end : match.start()]), _token(match)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _token(match: re.Match[str]) -> Markup:
    if match["code"]:
        return Markup("<code>{}</code>").format(match["code"])
    if match["bold"]:
        return Markup("<strong>{}</strong>").format(_inline(match["bold"]))
    if match["italic"]:
        return Markup("<em>{}</em>").format(_inline(match["italic"]))
    if match["strike"]:
        return Markup("<del>{}</del>").format(_inline(match["strike"]))
    return link(match["url"], match["label"])
