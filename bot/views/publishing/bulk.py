"""Deciding about several posts at once: the form, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.posts.decisions import Decision
from bot.services.posts.errors import TimeError
from bot.views import kit
from bot.views.errors import sentence
from bot.views.publishing.composer import TIMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.posts.bulk import BulkResult, Failure
    from bot.services.posts.listing import PostPage
    from bot.views.kit import Json

TITLE, STORY = "Several posts", "posts"
POSTS, WHAT, HOURS = "posts", "what", "hours"
MOVE, MOST_HOURS = "move", 24 * 365
CHOICES = {Decision.PUBLISH: "Publish now", MOVE: "Move to another time", Decision.CANCEL: "Cancel"}
DONE = {Decision.PUBLISH: "on the way", MOVE: "moved", Decision.CANCEL: "cancelled"}
NONE_CHOSEN, NO_HOURS = (
    "Choose at least one post.",
    "Enter a number of hours, such as 24, or -2 for two hours earlier.",
)


def form(page: PostPage, metadata: str) -> Json:
    """Return the form in which posts of a page are chosen, and what to do with them."""
    options = [kit.option(kit.cut(one.text, 70) or "No text", one.post_id) for one in page.posts]
    choices = [kit.option(text, what) for what, text in CHOICES.items()]
    hours: Json = {
        "type": "number_input",
        "action_id": f"{STORY}.hours",
        "is_decimal_allowed": False,
        "min_value": str(-MOST_HOURS),
        "max_value": str(MOST_HOURS),
    }
    return kit.modal(
        TITLE,
        [
            kit.entry(
                POSTS, "Posts", {"type": "checkboxes", "action_id": f"{STORY}.chosen", "options": options}
            ),
            kit.entry(
                WHAT,
                "What to do",
                {"type": "static_select", "action_id": f"{STORY}.what", "options": choices},
            ),
            kit.entry(
                HOURS,
                "Move by",
                hours,
                hint="Hours, if you move them. -2 is two hours earlier.",
                optional=True,
            ),
        ],
        callback_id=f"{STORY}.decided",
        submit="Apply",
        metadata=metadata,
    )


def decided(found: BulkResult, what: str, texts: Mapping[str, str]) -> Json:
    """Return what became of it. `texts`: what the posts say that are as they were."""
    total = found.done + len(found.failed)
    blocks = [kit.words(f"{found.done} of {kit.posts(total)} {DONE[what]}.")]
    blocks += [
        kit.section(f"⚠️ {kit.escape(kit.cut(texts.get(post_id, ''), 70)) or '_No text_'}\n{_why(error)}")
        for post_id, error in found.failed
    ]
    return kit.modal(TITLE, blocks)


def _why(error: Failure) -> str:
    return TIMES[error.fault] if isinstance(error, TimeError) else sentence(error)
