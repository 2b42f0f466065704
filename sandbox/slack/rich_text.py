"""A person's message as a `rich_text` block, as Slack's composer writes it beside the text.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block (read 2026-11-30).
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from sandbox.slack.emoji import EMOJI

Json = dict[str, Any]
PIECE = re.compile(
    r"<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)"
    r"|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
    r"|(?<!\w)~(?P<strike>[^~\n]+)~(?!\w)"
)


def rich_text(text: str) -> Json:
    """Return a message's text as one block with one section: words, styles, links, mentions and emoji."""
    elements: list[Json] = []
    at = 0
    for found in PIECE.finditer(text):
        elements += _words(text[at : found.start()])
        elements.append(_piece(found))
        at = found.end()
    elements += _words(text[at:])
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": secrets.token_urlsafe(4), "elements": [section]}


def decoded(text: str) -> str:
    """Return text without the three escapes of https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _words(text: str) -> list[Json]:
    return [{"type": "text", "text": decoded(text)}] if text else []


def _piece(found: re.Match[str]) -> Json:
    kind = str(found.lastgroup)
    inside = found[kind]
    if kind == "angle":
        return _angle(inside)
    if kind == "emoji":
        return {"type": "emoji", "name": inside} | _code_points(inside)
    return {"type": "text", "text": decoded(inside), "style": {kind: True}}


def _code_points(name: str) -> Json:
    """Return an emoji's characters, in hexadecimal; a workspace's own has none."""
    return {"unicode": "-".join(f"{ord(each):x}" for each in EMOJI[name])} if name in EMOJI else {}


def _angle(inside: str) -> Json:
    target, _, label = (decoded(part) for part in inside.partition("|"))
    match target[:1]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!":
            return {"type": "broadcast", "range": target[1:]}
        case _:
            return {"type": "link", "url": target} | ({"text": label} if label else {})
