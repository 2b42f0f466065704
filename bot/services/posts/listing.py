"""The posts that an organization has, and the drafts of whoever reads the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.posts.drafts import Written, load
from bot.services.posts.results import report
from storage.drafts import Drafts
from storage.post_listings import PostListings

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.posts.results import PostReport
    from storage.engine.db import Database
    from storage.post_listings import Which

SIZE = 10
"""Posts on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOf:
    """Where a page is in its list."""

    total: int
    """How many entries the whole list has."""
    number: int
    """From 0."""
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPage:
    """One page of the organization's posts."""

    which: Which
    at: PageOf
    posts: tuple[PostReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReport:
    """A draft of the reader's own."""

    id: str
    written: Written


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    """One page of the reader's drafts."""

    at: PageOf
    drafts: tuple[DraftReport, ...]


@dataclass(frozen=True)
class PostLists:
    """Reads lists of posts. Built once, in `bot.app`."""

    database: Database

    async def posts(self, actor: Actor, which: Which, number: int) -> PostPage:
        """Return a page of the posts of the actor's organization; for a number that does not exist, the last."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            listings = PostListings(session)
            at = page_at(await listings.count(actor.organization_id, which), number)
            found = await listings.page(actor.organization_id, which, at.number * SIZE, SIZE)
        posts = tuple(report(one.post, one.deliveries, one.steps, one.author) for one in found)
        return PostPage(which=which, at=at, posts=posts)

    async def post(self, actor: Actor, post_id: str) -> PostReport:
        """Return one post of the actor's organization.

        Raises:
            NotFoundError: It has no such post.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            found = await PostListings(session).get(actor.organization_id, post_id)
        if found is None:
            raise NotFoundError(Thing.POST)
        return report(found.post, found.deliveries, found.steps, found.author)

    async def drafts(self, actor: Actor, number: int) -> DraftPage:
        """Return a page of the actor's drafts, what they changed last first; see `posts` for the number."""
        ours = (actor.organization_id, actor.membership_id)
        async with self.database.organization(actor.organization_id, write=False) as session:
            drafts = Drafts(session)
            at = page_at(await drafts.count(*ours), number)
            found = await drafts.page(*ours, at.number * SIZE, SIZE)
        return DraftPage(
            at=at, drafts=tuple(DraftReport(id=one.id, written=load(one.written)) for one in found)
        )


def page_at(total: int, number: int) -> PageOf:
    """Return where a page is in a list of so many entries; for a number that does not exist, the last one."""
    pages = max(1, -(-total // SIZE))
    return PageOf(total=total, number=min(number, pages - 1), pages=pages)
