"""Block Kit in small pieces: values in, blocks out.

Texts that people typed (names of organizations, accounts, channels) are sent as plain text wherever Slack
allows it; `escape` is for the few places where they must be in mrkdwn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.models import Membership

Json = dict[str, Any]

MODAL_TITLE = 24
OPTION_TEXT = 75
BUTTON_TEXT = 75
SECTION_TEXT = 3000
HEADER_TEXT = 150
MENU = "octapost.menu"
"""The action_id of every overflow menu: its entries' values start with the action_id of their route."""


DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that change the direction of text: in a name, they would also turn the rest of our sentence."""


def cut(text: str, limit: int) -> str:
    """Return `text` without marks of direction, shortened with an ellipsis to at most `limit` characters."""
    text = text.translate(DIRECTIONS).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escape(text: str) -> str:
    """Return `text` so that it is only text in mrkdwn: no mention, no link, no formatting, one line.

    https://docs.slack.dev/messaging/formatting-message-text: `&`, `<` and `>` are the control
    characters; a zero-width space keeps `*_~` and the backtick from pairing up, and `@`, `#` and
    "https://" from being linked by clients.
    """
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "*_~`@#":
        plain = plain.replace(mark, f"{mark}\u200b")
    return plain.replace("://", ":\u200b//")


def fallback(text: str) -> str:
    """Return a message's top-level text, in which Slack would otherwise look for mentions and links."""
    letters = text.translate(DIRECTIONS)
    return letters.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to Slack: blocks, and the text that notifications and screen readers get."""

    text: str
    blocks: Sequence[Json]
    ours: bool = False
    """True: the text is mrkdwn that we wrote, so its mentions are intended."""

    @property
    def body(self) -> Json:
        """The arguments of `chat.postMessage`."""
        return {
            "text": self.text if self.ours else fallback(self.text),
            "blocks": list(self.blocks),
            "unfurl_links": False,
            "unfurl_media": False,
        }


def plain(text: str, limit: int = SECTION_TEXT) -> Json:
    """Return a plain_text object; an empty text becomes a dash, because Slack accepts no empty ones."""
    return {"type": "plain_text", "text": cut(text, limit) or "-", "emoji": False}


def mrkdwn(text: str) -> Json:
    """Return a mrkdwn object. Text that people typed must have passed `escape`."""
    return {"type": "mrkdwn", "text": cut(text, SECTION_TEXT), "verbatim": True}


def header(text: str) -> Json:
    """Return a header block."""
    return {"type": "header", "text": plain(text, HEADER_TEXT)}


def section(text: str, *, accessory: Json | None = None, block_id: str | None = None) -> Json:
    """Return a section in mrkdwn; see `mrkdwn`."""
    block: Json = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    if block_id is not None:
        block["block_id"] = block_id
    return block


def words(text: str, *, accessory: Json | None = None) -> Json:
    """Return a block in literal text, for sentences that carry people's own words.

    What stands between backticks is shown as code. A rich_text block shows its text as it is, so
    nothing in it becomes a mention or a link.
    """
    if accessory is None and text.count("`") > 1:
        parts = cut(text, SECTION_TEXT).split("`")
        elements = [
            {"type": "text", "text": part} | ({"style": {"code": True}} if i % 2 else {})
            for i, part in enumerate(parts)
            if part
        ]
        return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
    block: Json = {"type": "section", "text": plain(text)}
    if accessory is not None:
        block["accessory"] = accessory
    return block


def titled(title: str, text: str) -> Json:
    """Return a block with a bold title and literal text behind it, as `words` shows text."""
    elements = [
        {"type": "text", "text": cut(title, 200) or "-", "style": {"bold": True}},
        {"type": "text", "text": f"  {cut(text, SECTION_TEXT)}"},
    ]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def fine_print(*lines: str) -> Json:
    """Return a context block of plain text, one line under the other."""
    return {"type": "context", "elements": [plain("\n".join(lines), 2000)]}


def pictured(url: str, element: Json) -> Json:
    """Return a context block with a small profile picture, where there is one, before its words."""
    image: list[Json] = [{"type": "image", "image_url": url, "alt_text": "Profile picture"}] if url else []
    return {"type": "context", "elements": [*image, element]}


def without_pictures(blocks: Iterable[Json]) -> list[Json]:
    """Return the blocks without the pictures of `pictured`: Slack refuses a message with one it can't load."""
    return [
        block | {"elements": [one for one in block["elements"] if one.get("type") != "image"]}
        if block.get("type") == "context"
        else block
        for block in blocks
    ]


def divider() -> Json:
    """Return a divider."""
    return {"type": "divider"}


def button(
    text: str,
    action_id: str,
    value: str = "",
    *,
    style: str | None = None,
    confirm: Json | None = None,
    label: str | None = None,
) -> Json:
    """Return a button. `style` is "primary" or "danger"; `label` is for screen readers."""
    element: Json = {"type": "button", "text": plain(text, BUTTON_TEXT), "action_id": action_id}
    optional = {
        "value": value or None,
        "style": style,
        "confirm": confirm,
        "accessibility_label": cut(label, 75) if label else None,
    }
    return element | {k: v for k, v in optional.items() if v is not None}


def link(text: str, action_id: str, url: str, *, style: str | None = None) -> Json:
    """Return a button that opens `url` in the browser."""
    return button(text, action_id, style=style) | {"url": url}


def actions(*elements: Json, block_id: str | None = None) -> Json:
    """Return an actions block."""
    block: Json = {"type": "actions", "elements": list(elements)}
    return block if block_id is None else block | {"block_id": block_id}


def option(text: str, value: str, description: str = "") -> Json:
    """Return an option of a select."""
    made: Json = {"text": plain(text, OPTION_TEXT), "value": value}
    return made | ({"description": plain(description, OPTION_TEXT)} if description else {})


def menu(*entries: Json) -> Json:
    """Return an overflow menu of at most five entries, each of which does what its route does."""
    return {"type": "overflow", "action_id": MENU, "options": list(entries)}


def menu_entry(text: str, action_id: str, value: str = "", *, url: str = "") -> Json:
    """Return an entry of a menu. With a `url` it also opens that in the browser."""
    made = option(text, f"{action_id} {value}".strip())
    return made | ({"url": url} if url else {})


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = True) -> Json:
    """Return a confirmation dialog for a button."""
    made: Json = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    return made | ({"style": "danger"} if danger else {})


def entry(block_id: str, label: str, element: Json, *, hint: str = "", optional: bool = False) -> Json:
    """Return an input block."""
    made: Json = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": element,
        "optional": optional,
    }
    return made | ({"hint": plain(hint, 2000)} if hint else {})


def modal(
    title: str,
    blocks: Sequence[Json],
    *,
    callback_id: str = "closed",
    submit: str | None = None,
    close: str = "Close",
    metadata: str = "",
) -> Json:
    """Return a modal of at most 100 blocks; `metadata` is the id of the one thing it is about."""
    view: Json = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, MODAL_TITLE),
        "close": plain(close, 24),
        "blocks": list(blocks)[:100],
        "private_metadata": metadata,
    }
    return view | ({"submit": plain(submit, 24)} if submit else {})


def message_modal(title: str, text: str) -> Json:
    """Return a modal with only a text."""
    return modal(title, [words(text)])


def day(moment: datetime) -> str:
    """Return a date in every reader's own time zone; clients that can't show it get the UTC date."""
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}}|{moment:%d %b %Y}>"


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as people list them: "a, b and c"."""
    found = list(names)
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def some(names: Iterable[str], shown: int = 5) -> str:
    """Return the first of the names, and how many more there are: "a, b, c, d, e and 2 more"."""
    found = list(names)
    more = [f"{len(found) - shown} more"] if len(found) > shown else []
    return listed([*found[:shown], *more])


def posts(count: int, kind: str = "") -> str:
    """Return a number of posts in words: "3 late posts"."""
    return " ".join(filter(None, (str(count), kind, "post" if count == 1 else "posts")))


def mention(member: Membership | None) -> str:
    """Return how to name a member in mrkdwn, or a word for one who has left."""
    return named(member.user_id if member is not None else None)


def named(user_id: str | None) -> str:
    """Return how to name a Slack user in mrkdwn, or for None the word for a member who has left."""
    return f"<@{user_id}>" if user_id is not None else "a former member"
