"""The list of an organization's posts, and of the reader's drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.views import kit
from bot.views.kit import Message
from bot.views.paging import Turning
from bot.views.publishing.post_menu import RESCHEDULE, post_menu
from bot.views.publishing.result import DETAILS, EXCERPT, headline
from bot.views.publishing.result import page as result_page
from bot.views.times import moment
from storage.post_listings import OUT, SETTLED, Which

if TYPE_CHECKING:
    from datetime import datetime

    from bot.services.access import Actor
    from bot.services.posts.drafts import Written
    from bot.services.posts.listing import DraftPage, DraftReport, PageOf, PostPage
    from bot.services.posts.results import PostReport
    from bot.views.kit import Json
    from bot.views.publishing.result import PlatformOf
    from storage.models import Role

STORY, DRAFTS, SUBMITTED, TITLE = "posts", "drafts", "submitted", "Posts"
ACCOUNTS_NAMED = 3
WORDS = (DRAFTS, SUBMITTED, *(str(one) for one in Which if one not in {Which.OPEN, Which.ATTENTION}))
"""What may follow the command."""
UNKNOWN = f"Choose one of {kit.listed(WORDS, 'or')}, or type `/octapost posts` to see what's coming up."
KINDS = {
    Which.OPEN: ("", "Nothing is scheduled, and nothing needs you."),
    Which.ATTENTION: ("waiting for someone", "Nothing needs you."),
    Which.SCHEDULED: ("scheduled", "Nothing is scheduled."),
    Which.HELD: ("waiting for someone", "Nothing is held."),
    Which.FAILED: ("failed or in doubt", "Nothing failed."),
    Which.SENT: ("sent", "Nothing has been sent yet."),
}
"""Each list: what its posts are, and what is said when there are none."""
WHEN = "when"


def posts(page: PostPage, actor: Actor, platform: PlatformOf) -> Message:
    """Return a page of the organization's posts, with what the reader may decide about each."""
    kind, nothing = KINDS[page.which]
    text = f"{actor.organization}: {' '.join(filter(None, (kit.posts(page.at.total), kind)))}"
    if not page.posts:
        text = f"{actor.organization}: {nothing}"
    blocks = [kit.words(text), *(_post(one, page, actor.role, platform) for one in page.posts)]
    several = len(page.posts) > 1 and page.which is not Which.SENT
    return Message(text=text, blocks=[*blocks, *_end(page.at, actor, page.which, several=several)])


def drafts(page: DraftPage, actor: Actor) -> Message:
    """Return a page of the reader's own drafts."""
    total = page.at.total
    text = f"You have {total} {'draft' if total == 1 else 'drafts'} in {actor.organization}."
    if not page.drafts:
        text = f"You have no drafts in {actor.organization}."
    blocks = [kit.words(text), *(_draft(one, page.at, actor) for one in page.drafts)]
    return Message(text=text, blocks=[*blocks, *_end(page.at, actor, DRAFTS)])


def modal(listed: Message) -> Json:
    """Return a list in a modal, for those who came from the home tab."""
    return kit.modal(TITLE, listed.blocks)


def details(one: PostReport, actor: Actor, platform: PlatformOf, number: int = 0) -> Json:
    """Return how far a post is on every account, a page at a time; decisions only for those who may take them."""
    blocks = result_page(one, number, platform)
    if not allows(actor.role, Permission.PUBLISH):
        blocks = [
            {key: value for key, value in block.items() if key != "accessory"}
            for block in blocks
            if block["type"] != "actions" or DETAILS in str(block)
        ]
    return kit.modal(TITLE, blocks)


def _post(one: PostReport, page: PostPage, role: Role, platform: PlatformOf) -> Json:
    named = [f"{each.account} ({platform(each.platform).name})" for each in one.deliveries]
    text = f"*{headline(one)}* · {moment(time_of(one, page.which))}\n>{excerpt(one.text)}\n"
    text += kit.escape(kit.some(named, ACCOUNTS_NAMED))
    can_decide = allows(role, Permission.PUBLISH)
    return kit.section(
        text, accessory=post_menu(one, f":{page.which}:{page.at.number}") if can_decide else None
    )


def reschedule(written: Written, metadata: str) -> Json:
    """Return the form that asks for a post's new time."""
    element: Json = {"type": "datetimepicker", "action_id": f"{STORY}.when"}
    initial = {"initial_date_time": int(written.due_at.timestamp())} if written.due_at else {}
    return kit.modal(
        RESCHEDULE,
        [
            kit.section(f">{excerpt(written.text)}"),
            kit.entry(WHEN, "When", element | initial, hint="In your own time zone."),
        ],
        callback_id=f"{STORY}.rescheduled",
        submit=RESCHEDULE,
        metadata=metadata,
    )


def rescheduled(due_at: datetime) -> Json:
    """Return what is shown when a post has a new time."""
    return kit.modal(RESCHEDULE, [kit.section(f"✅ It now goes out {moment(due_at)}.")])


def time_of(one: PostReport, which: Which) -> datetime:
    """Return the time that the list is ordered by: when it went out last, or when it is due next."""
    if which is Which.SENT:
        return max(each.due_at for each in one.deliveries if each.status in OUT)
    waiting = [each.due_at for each in one.deliveries if each.status not in SETTLED]
    # The last one may have gone out while the list was read.
    return min(waiting or [each.due_at for each in one.deliveries])


def _draft(one: DraftReport, at: PageOf, actor: Actor) -> Json:
    written, value = one.written, f"{actor.organization_id}/{one.id}"
    count = len(written.accounts)
    said = [f"{count} {'account' if count == 1 else 'accounts'} chosen"] if count else []
    said += [moment(written.due_at)] if written.due_at else []
    text = "\n".join([f">{excerpt(written.text)}", *([" · ".join(said)] if said else [])])
    if not allows(actor.role, Permission.WRITE_POSTS):
        return kit.section(text)
    menu = kit.menu(
        kit.menu_entry("Continue", "compose.continue", value),
        kit.menu_entry("Discard", "compose.discard", f"{value}:{at.number}"),
    )
    return kit.section(text, accessory=menu)


def excerpt(text: str) -> str:
    """Return the beginning of a post, in mrkdwn."""
    return kit.escape(kit.cut(text, EXCERPT)) or "_No text_"


def _end(at: PageOf, actor: Actor, about: str, *, several: bool = False) -> list[Json]:
    """Return the buttons to the neighbouring pages, and those for another post and for several of the page."""
    value = f"{actor.organization_id}/"
    turning = Turning(number=at.number, of=at.pages, story=STORY, value=value, about=f":{about}")
    if not allows(actor.role, Permission.WRITE_POSTS):
        return turning.blocks()
    buttons = [kit.button("New post", "compose.start", value)]
    if several and allows(actor.role, Permission.PUBLISH):
        buttons.append(kit.button("Select several", f"{STORY}.several", f"{value}{at.number}:{about}"))
    return [*turning.blocks(), kit.actions(*buttons)]
