"""Publishing a message: what is asked before, and what its author is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.kit import Message
from bot.views.publishing.result import EXCERPT
from bot.views.times import moment

if TYPE_CHECKING:
    from bot.services.posts.sharing import SharedReport
    from bot.services.posts.sources import Source
    from bot.views.kit import Json

OBJECT = "post.object"
AGREED = "agreed"
NOT_ALLOWED = (
    "I can't read files in this workspace, so its files aren't included. A workspace admin can change that."
)


def notes(source: Source | None, *, may_attach: bool) -> list[Json]:
    """Return what a member should know before they publish a message, and the box that says they do."""
    if source is None:
        return []
    blocks = [kit.section(line) for line in _said(source, may_attach=may_attach)]
    if source.private or source.author or source.untold:
        box = kit.option("Publish it anyway", "yes")
        element: Json = {"type": "checkboxes", "action_id": "compose.agreed", "options": [box]}
        blocks.append(kit.entry(AGREED, "This message", element))
    return blocks


def _said(source: Source, *, may_attach: bool) -> list[str]:
    said = []
    if source.private:
        said.append(
            "🔒 This message is from a private conversation. Once it is published, everyone can read it."
            " I won't say where it came from."
        )
    if source.author:
        said.append(
            f"{kit.named(source.wrote)} wrote this message. I'll tell them when you publish it, and they can object"
            " until it's out. So it goes out in five minutes at the earliest."
        )
    elif source.untold:
        said.append("I can't reach the person who wrote it. Please make sure they agree.")
    if source.files:
        names = kit.some([kit.escape(one.name) for one in source.files], 3)
        said.append(f"Its files are included: {names}." if may_attach else NOT_ALLOWED)
    return said


def message(report: SharedReport) -> Message:
    """Return what the author of the message is told."""
    organization = kit.escape(report.organization)
    text = f"{kit.named(report.publisher)} is publishing your message for {organization}."
    text += f" It goes out {moment(report.due_at)}."
    blocks = [kit.section(text), kit.section(f">{_excerpt(report.text)}")]
    if report.objected:
        text = "You objected, so I won't publish your message unless an admin decides otherwise."
        return Message(text=text, blocks=[kit.words(text), *blocks[1:]])
    if not report.can_object:
        return Message(text=text, blocks=blocks)
    value = f"{report.organization_id}/{report.post_id}"
    blocks.append(kit.actions(kit.button("Don't publish it", OBJECT, value)))
    blocks.append(kit.fine_print("If you object, I'll stop it, and an admin decides."))
    return Message(text=text, blocks=blocks)


def _excerpt(text: str) -> str:
    return kit.escape(kit.cut(text, EXCERPT)) or "_No text_"
