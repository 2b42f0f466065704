"""Editing and deleting posts that are live: where Octapost can, and why not elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.paging import Turning
from bot.views.publishing.problems import sentence
from bot.views.publishing.result import state

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.posts.live import LiveDelivery, LivePost, TextProblemsError
    from bot.views.kit import Json
    from bot.views.publishing.result import PlatformOf

STORY, TITLE, EDIT, TEXT = "live", "Live posts", "Edit a live post", "text"
SIZE = 15
"""Accounts on a page."""
MOST_TEXT = 3000
"""Characters that an input takes."""


def listed(post: LivePost, number: int, platform: PlatformOf) -> Json:
    """Return a page of what of a post is live, with what can be done about each."""
    pages = max(1, -(-len(post.deliveries) // SIZE))
    at = min(number, pages - 1)
    blocks: list[Json] = []
    for one in post.deliveries[at * SIZE : (at + 1) * SIZE]:
        blocks += _row(post, one, at, platform(one.report.platform))
    if not blocks:
        blocks = [kit.words("Nothing of this post is live any more.")]
    value = f"{post.organization_id}/{post.post_id}:"
    turning = Turning(number=at, of=pages, story=STORY, value=value)
    return kit.modal(TITLE, [*blocks, *turning.blocks()])


def _row(post: LivePost, one: LiveDelivery, number: int, platform: Platform) -> list[Json]:
    report = one.report
    value = f"{post.organization_id}/{report.id}"
    blocks = [kit.section(f"*{kit.escape(report.account)}* ({platform.name}): {state(report, platform)}")]
    buttons = []
    if one.can_edit and len(one.text) <= MOST_TEXT:
        buttons.append(kit.button("Edit text", f"{STORY}.edit", value))
    if one.can_delete:
        sure = kit.confirm(
            "Delete this post?",
            f"It disappears from {platform.name}, with its comments and likes. Nobody can bring it back.",
            "Delete",
        )
        buttons.append(
            kit.button("Delete", f"{STORY}.delete", f"{value}:{number}", style="danger", confirm=sure)
        )
    if missing := _missing(one, platform):
        blocks.append(kit.fine_print(missing))
    if report.url.startswith(("https://", "http://")):
        buttons.append(kit.link(f"Open on {platform.name}", "account.open", report.url))
    return [*blocks, kit.actions(*buttons)] if buttons else blocks


def _missing(one: LiveDelivery, platform: Platform) -> str:
    """Return what Octapost can't do about a live post; empty: nothing, or it is being changed."""
    if one.report.wish is not None and not one.report.outcome:
        return ""
    lacks = [word for word, can in (("edit", one.can_edit), ("delete", one.can_delete)) if not can]
    if not lacks:
        return (
            ""
            if len(one.text) <= MOST_TEXT
            else f"Its text is too long for a form. Edit it on {platform.name}."
        )
    return f"Octapost can't {' or '.join(lacks)} this on {platform.name}. Open it there."


def edit_form(one: LiveDelivery, platform: Platform, metadata: str) -> Json:
    """Return the form with the text of a live post."""
    element: Json = {
        "type": "plain_text_input",
        "action_id": f"{STORY}.text",
        "multiline": True,
        "max_length": MOST_TEXT,
    }
    hint = f"It changes on {platform.name} only. Pictures and videos stay as they are."
    initial = {"initial_value": one.text} if one.text else {}
    return kit.modal(
        EDIT,
        [
            kit.words(f"{one.report.account} ({platform.name})"),
            kit.entry(TEXT, "Text", element | initial, hint=hint),
        ],
        callback_id=f"{STORY}.edited",
        submit="Save",
        metadata=metadata,
    )


def problems(error: TextProblemsError, platform: Platform) -> str:
    """Return what must change about a text, for the field."""
    return " ".join(dict.fromkeys(sentence(one, platform, error.facts) for one in error.found))


def edited() -> Json:
    """Return what is shown when a text is on its way."""
    return kit.modal(EDIT, [kit.words("✅ It's changing. The post's message says when it's done.")])
