"""What the App Home shows of an organization's posts: what needs someone, what goes out next, and one's own drafts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.posts.drafts import load
from bot.services.posts.listing import DraftReport
from bot.services.posts.results import report
from bot.services.posts.risks import risks_of
from storage.drafts import Drafts
from storage.models import BEFORE_SENDING
from storage.post_listings import PostListings, Which

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.accounts.profiles import AccountProfile
    from bot.services.posts.results import PostReport
    from bot.services.posts.risks import Risk
    from storage.post_listings import Totals

SHOWN = {Which.ATTENTION: 3, Which.SCHEDULED: 7}
"""How many posts of each list the home tab has room for."""
DRAFTS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The next posts of an organization, and the reader's drafts."""

    totals: Totals
    """How many there are, of which the first are here."""
    attention: tuple[PostReport, ...] = ()
    """Those that need someone, the earliest first."""
    coming: tuple[PostReport, ...] = ()
    """Those that go out by themselves, the earliest first."""
    drafts: tuple[DraftReport, ...] = ()
    """The last changed first."""

    @property
    def shows(self) -> bool:
        """Tell whether there is anything on it."""
        return bool(self.attention or self.coming or self.drafts)


async def read_agenda(session: AsyncSession, actor: Actor) -> Agenda:
    """Return what goes out next for the actor's organization. `session`: one of that organization."""
    ours = (actor.organization_id, actor.membership_id)
    totals = await PostListings(session).totals(*ours)
    drafts = await Drafts(session).page(*ours, 0, DRAFTS_SHOWN) if totals.drafts else []
    return Agenda(
        totals=totals,
        attention=await _first(session, actor, Which.ATTENTION) if totals.attention else (),
        coming=await _first(session, actor, Which.SCHEDULED) if totals.coming else (),
        drafts=tuple(DraftReport(id=one.id, written=load(one.written)) for one in drafts),
    )


async def _first(session: AsyncSession, actor: Actor, which: Which) -> tuple[PostReport, ...]:
    found = await PostListings(session).page(actor.organization_id, which, 0, SHOWN[which])
    return tuple(report(one.post, one.deliveries, one.steps, one.author) for one in found)


def risks_in(
    posts: Sequence[PostReport], accounts: Sequence[AccountProfile], now: datetime
) -> dict[str, tuple[Risk, ...]]:
    """Return what can keep each of these posts from going out, by post id; posts without risks are left out."""
    by_id = {one.account.id: one for one in accounts}
    found = {
        post.post_id: tuple(
            risk
            for each in post.deliveries
            if each.status in BEFORE_SENDING and each.account_id in by_id
            for risk in risks_of(by_id[each.account_id], each.due_at, now, each.fault)
        )
        for post in posts
    }
    return {post_id: risks for post_id, risks in found.items() if risks}
