"""The ways into the composer: a command, buttons and shortcuts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.services.posts.drafts import Written
from bot.services.posts.sharing import draft_of
from bot.slack.messages import chosen_message
from bot.slack.plain_text import plain_text
from bot.slack.routes import Answer, Kind, Request, command, on
from bot.stories.posts.forms import page_of
from bot.views.publishing import composer as views
from bot.views.publishing import entries

if TYPE_CHECKING:
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.composing import Composing
    from bot.services.posts.sharing import Sharing
    from bot.stories.posts.forms import Forms

TOPIC = "Posts"


@dataclass(frozen=True)
class PostOpeningsStory:
    """Opens the first form."""

    composing: Composing
    changes: PostChanges
    sharing: Sharing
    forms: Forms

    @command(
        "post",
        Permission.WRITE_POSTS,
        hint="[text]",
        topic=TOPIC,
        help="Write a post for your accounts, for now or later. An admin approves what members write.",
        aliases=("publish", "compose"),
        opens=views.TITLE,
    )
    async def write(self, request: Request) -> Answer:
        """Answer `/octapost post [text]` with the form: the text is in it and kept, and the channel's set chosen."""
        where = entries.where_of(request.sender.channel_id or "", request.sender.team_id)
        new = await self.composing.new(request.actor, where, plain_text(request.words))
        if not new.text:
            return await self.forms.open(request, new)
        begun = await self.composing.begin(request.actor, draft_of(request.key), new, where)
        return await self.forms.open(request, begun.written, begun.draft_id)

    @on(Kind.ACTION, "compose.start", Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    @on(Kind.SHORTCUT, "octapost_compose", Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    async def start(self, request: Request) -> Answer:
        """Answer the button and the global shortcut with the form: empty, or what the actor was writing."""
        found = await self.composing.latest(request.actor)
        if found is None:
            return await self.forms.open(request, Written())
        written = await self.composing.draft(request.actor, found.id)
        return await self.forms.open(request, written, found.id)

    @on(Kind.ACTION, "compose.continue", Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    async def go_on(self, request: Request) -> Answer:
        """Answer a draft's Continue with the form, as it was left."""
        draft_id = page_of(request).draft_id
        return await self.forms.open(request, await self.composing.resume(request.actor, draft_id), draft_id)

    @on(Kind.ACTION, "posts.edit", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def edit(self, request: Request) -> Answer:
        """Answer a post's Edit with the form, and in it everything that is not out yet."""
        found = await self.changes.open(request.actor, request.target.partition(":")[0])
        return await self.forms.open(request, found.written, found.draft_id)

    @on(Kind.ACTION, "posts.duplicate", Permission.PUBLISH)
    async def duplicate(self, request: Request) -> Answer:
        """Answer a post's Duplicate with the form for another post that says the same."""
        post_id = request.target.partition(":")[0]
        found = await self.changes.duplicate(
            request.actor, post_id, entries.where_of(request.sender.channel_id, request.sender.team_id)
        )
        return await self.forms.open(request, found.written, found.draft_id)

    @on(Kind.SHORTCUT, "octapost_publish_message", Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    async def publish_message(self, request: Request) -> Answer:
        """Answer the message shortcut with the form; what the message says is in it, and kept as a draft at once."""
        message = chosen_message(request.body)
        if message is None:  # the form didn't open the first time
            return await self.start(request)
        channel = "" if message.private else request.sender.channel_id
        where = entries.where_of(channel, request.sender.team_id)
        new = await self.composing.new(request.actor, where, message.text)
        new = replace(new, source=await self.sharing.source_of(request.actor, message))
        begun = await self.composing.begin(request.actor, draft_of(request.key), new, where)
        return await self.forms.open(request, begun.written, begun.draft_id, private=message.private)
