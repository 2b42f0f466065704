"""Draws Slack's texts as harmless HTML: mrkdwn, plain text, the `markdown` block.

Rules: https://docs.slack.dev/messaging/formatting-message-text. Everything else is escaped, so a name such as
`<script>` stays text. In mrkdwn `<!channel>` is drawn as the mention that it is in Slack, so that a leak is visible; in
plain text it stays as typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup, escape

from sandbox.slack.emoji import EMOJI
from sandbox.slack.rich_text import decoded

LINKS = ("http://", "https://", "mailto:", "slack://")
SHORTCODES = {sign: name for name, sign in reversed(EMOJI.items())}
SIGNS = re.compile("|".join(sorted(map(re.escape, SHORTCODES), key=len, reverse=True)))
DATES = {
    "date_num": "%Y-%m-%d",
    "date": "%B %-d, %Y",
    "date_short": "%b %-d, %Y",
    "date_long": "%A, %B %-d, %Y",
    "date_pretty": "%B %-d, %Y",
    "date_short_pretty": "%b %-d, %Y",
    "date_long_pretty": "%A, %B %-d, %Y",
    "day_divider_pretty": "%A, %B %-d",
    "time": "%-I:%M %p",
    "time_secs": "%-I:%M:%S %p",
}
"""The tokens of `<!date^...>`."""
KEPT = re.compile(r"\ue000(\d+)\ue001")
"""The placeholder of a finished piece of HTML, in private-use characters, which are removed from the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The person who reads: gives names for ids, and times in their time zone."""

    user_name: Callable[[str], str]
    channel_name: Callable[[str], str]
    zone: tzinfo = UTC


def plain(text: str, *, emoji: bool = True) -> Markup:
    """Return plain text with its line breaks; nothing in it is formatting."""
    drawn = str(escape(text))
    return Markup((_emoji(drawn) if emoji else drawn).replace("\n", "<br>"))  # noqa: S704 - escaped above


def mrkdwn(text: str, reader: Reader, *, verbatim: bool = False) -> Markup:
    """Return mrkdwn as HTML. Bare URLs become links unless `verbatim`."""
    return _Drawing(reader).draw(text, verbatim=verbatim)


def markdown(text: str, reader: Reader) -> Markup:
    """Return the `markdown` block's text as HTML: emphasis, links, headings and bullets."""
    lines = []
    for line in text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split("\n"):
        one = re.sub(r"^#{1,6}\s+(.+)$", r"**\1**", line)
        one = re.sub(r"^(\s*)[-*+]\s+", r"\1• ", re.sub(r"^&gt;\s?", "> ", one))
        one = re.sub(r"\[([^\]\n]+)\]\((https?://[^\s)]+)\)", r"<\2|\1>", one)
        lines.append(re.sub(r"(\*\*|__)(.+?)\1", r"*\2*", one))
    return mrkdwn("\n".join(lines), reader)


def typed(text: str, people: Mapping[str, str], channels: Mapping[str, str], *, command: bool) -> str:
    """Return a typed text as Slack sends it: `@otto` and `#random` become ids, and addresses are marked.

    `people` and `channels` give the id of a lower-case name. A message's control characters are escaped and its emoji
    become shortcodes, `:tada:`. In a slash command with `should_escape` all that stays as typed
    (https://docs.slack.dev/interactivity/implementing-slash-commands), and a user's mark has the name too.
    """

    def marked(found: re.Match[str]) -> str:
        sign, name = found[1], found[2]
        known = (people if sign == "@" else channels).get(name.lower())
        if known is None:
            return found[0]
        return f"<@{known}>" if sign == "@" and not command else f"<{sign}{known}|{name}>"

    if not command:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = SIGNS.sub(lambda found: f":{SHORTCODES[found[0]]}:", text)
    text = re.sub(r"(?<!\S)https?://[^\s<>|]+", r"<\g<0>>", text)
    return re.sub(r"(?<!\S)([@#])([\w-]+)", marked, text)


def link(url: str, label: str | Markup) -> Markup:
    """Return a link that opens in a new tab, or only the label if Slack doesn't link the scheme."""
    if not url.lower().startswith(LINKS):
        return escape(label)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, label)


def moment(timestamp: float, pattern: str, reader: Reader) -> str:
    """Return a Unix time as text; `pattern` has Slack's date tokens, e.g. `{date_short} at {time}`."""
    local = datetime.fromtimestamp(timestamp, reader.zone)
    return re.sub(r"\{(\w+)\}", lambda m: local.strftime(DATES[m[1]]) if m[1] in DATES else m[0], pattern)


def mention(kind: str, name: str) -> Markup:
    """Return a mention; `kind` is `user`, `channel` or `broadcast`."""
    return Markup('<span class="mention mention-{}">{}</span>').format(kind, name)


class _Drawing:
    """A text that is being drawn. Finished pieces are set aside, so that later rules don't change them."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.pieces: list[Markup] = []

    def draw(self, text: str, *, verbatim: bool) -> Markup:
        text = re.sub("[\ue000\ue001]", "", text)
        text = re.sub(
            r"```\n?(.+?)\n?```", lambda m: self.keep(self._code("pre", m[1])), text, flags=re.DOTALL
        )
        text = re.sub(r"`([^`\n]+)`", lambda m: self.keep(self._code("code", m[1])), text)
        text = re.sub(r"<([^<>\n]+)>", lambda m: self.keep(self._angle(m[1])), text)
        if not verbatim:
            text = re.sub(
                r"https?://[^\s<>\ue000|]+[^\s<>\ue000|.,;:!?)'\"]",
                lambda m: self.keep(link(decoded(m[0]), decoded(m[0]))),
                text,
            )
        lines = [self._line(line) for line in _emoji(str(escape(decoded(text)))).split("\n")]
        html = re.sub(r"(</blockquote>|</pre>)<br>", r"\1", "<br>".join(lines))
        html = html.replace("</blockquote><blockquote>", "<br>")
        while KEPT.search(html):
            html = KEPT.sub(lambda m: str(self.pieces[int(m[1])]), html)
        return Markup(html)  # noqa: S704 - escaped above, pieces are Markup

    def keep(self, piece: Markup) -> str:
        self.pieces.append(piece)
        return f"\ue000{len(self.pieces) - 1}\ue001"

    def _line(self, line: str) -> str:
        quoted = line.startswith("&gt;")
        line = line.removeprefix("&gt;").lstrip() if quoted else line
        for mark, tag in (("*", "strong"), ("_", "em"), ("~", "s")):
            sign = re.escape(mark)
            line = re.sub(
                rf"(?<![^\W_])(?<!{sign}){sign}(?=[^\s{sign}])([^{sign}]*[^\s{sign}]|[^\s{sign}]){sign}(?![^\W_])",
                rf"<{tag}>\1</{tag}>",
                line,
            )
        return f"<blockquote>{line}</blockquote>" if quoted else line

    def _code(self, tag: str, text: str) -> Markup:
        return Markup(f"<{tag}>{{}}</{tag}>").format(decoded(text))  # noqa: S704 - a fixed tag

    def _angle(self, inside: str) -> Markup:
        target, _, label = (decoded(part) for part in inside.partition("|"))
        match target[:1]:
            case "@":
                return mention("user", "@" + (label or self.reader.user_name(target[1:])))
            case "#":
                return mention("channel", "#" + (self.reader.channel_name(target[1:]) or label))
            case "!":
                return self._special(target[1:], label)
            case _:
                known = target.lower().startswith(LINKS)
                return link(target, label or (target.removeprefix("mailto:") if known else f"<{target}>"))

    def _special(self, target: str, label: str) -> Markup:
        if target in {"channel", "here", "everyone"}:
            return mention("broadcast", f"@{target}")
        word, *rest = target.split("^")
        if word == "date" and len(rest) >= 2 and rest[0].isdecimal():
            said = Markup("<time>{}</time>").format(moment(int(rest[0]), rest[1], self.reader))
            return link(rest[2], said) if len(rest) > 2 else said
        return escape(label or f"<!{target}>")


def _emoji(text: str) -> str:
    return re.sub(r":([a-z0-9_+-]+):", lambda m: EMOJI.get(m[1], m[0]), text)
