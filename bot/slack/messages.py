"""Messages that members choose, as Slack sends them with a message shortcut.

https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload and
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block (read 2026-11-30).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.services.posts.sharing import SlackMessage
from bot.services.posts.sources import SharedFile
from bot.slack.plain_text import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_FILES = 10
PRIVATE_NAMES = ("directmessage", "privategroup", "mpdm-")
"""What Slack calls conversations that not everyone can read, instead of by their names."""


def chosen_message(body: Mapping[str, Any]) -> SlackMessage | None:
    """Return the message that a shortcut was used on; None: the payload has none."""
    message, channel = body.get("message"), body.get("channel") or {}
    if not isinstance(message, dict):
        return None
    files = [one for one in message.get("files") or () if one.get("id")]
    return SlackMessage(
        text=_text(message),
        user_id="" if message.get("bot_id") else str(message.get("user") or ""),
        private=_is_private(channel),
        files=tuple(
            SharedFile(
                id=str(one["id"]),
                name=str(one.get("name") or "The file"),
                alt_text=str(one.get("alt_txt") or ""),
            )
            for one in files[:MOST_FILES]
        ),
    )


def _is_private(channel: Mapping[str, Any]) -> bool:
    return str(channel.get("name", "")).startswith(PRIVATE_NAMES) or not str(
        channel.get("id", "")
    ).startswith("C")


def _text(message: Mapping[str, Any]) -> str:
    """Return a message as people read it. Its `text` has marks for bold and the like; what its author typed has not."""
    typed = [block for block in message.get("blocks") or () if block.get("type") == "rich_text"]
    if not typed:
        return plain_text(str(message.get("text") or ""))
    return "\n".join("".join(_lines(block)) for block in typed).strip()


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    for one in block.get("elements") or ():
        if one.get("type") == "rich_text_list":
            for number, item in enumerate(one.get("elements") or (), start=1):
                mark = f"{number}. " if one.get("style") == "ordered" else "• "
                yield f"{mark}{_inline(item)}\n"
        else:
            text = _inline(one)
            yield text if one.get("type") == "rich_text_section" else f"{text}\n"


def _inline(section: Mapping[str, Any]) -> str:
    return "".join(_shown(one) for one in section.get("elements") or ())


def _shown(one: Mapping[str, Any]) -> str:
    """Return what a person reads of one element. Names of people and channels are not in it, only their ids."""
    match one.get("type"):
        case "text":
            return str(one.get("text", ""))
        case "link":
            url, label = str(one.get("url", "")).removeprefix("mailto:"), str(one.get("text") or "")
            return url if not label or label in url else f"{label} ({url})"
        case "emoji" if one.get("unicode"):
            return "".join(chr(int(code, 16)) for code in str(one["unicode"]).split("-"))
        case "broadcast":
            return f"@{one.get('range', '')}"
        case _:
            return ""
