"""Changing what a post says, and where it goes, in the form in which it was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, PostChangedError, PostOutError, Thing
from bot.services.posts.drafts import Extra, Written, load
from storage.account_labels import labels
from storage.deliveries import PostDeliveries
from storage.drafts import Drafts
from storage.engine.statements import database_time
from storage.post_edits import PostChanged, PostEdits, PostOut, changeable, edit_draft
from storage.posts import post_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from storage.models import Post
    from storage.posts import NewPost, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The draft that a form is about, and what is in it."""

    draft_id: str
    written: Written
    changeable: bool = True
    """Something of the post is still to come."""


async def opened(session: AsyncSession, actor: Actor, post_id: str) -> Opened:
    """Return the form that changes a post: with what the actor had begun to change, or the post as it is.

    It has the accounts that have nothing of the post yet. Nothing is stored.

    Raises:
        NotFoundError: The actor's organization has no such post.

    """
    deliveries = PostDeliveries(session)
    post = await deliveries.post(actor.organization_id, post_id)
    if post is None:
        raise NotFoundError(Thing.POST)
    draft_id = edit_draft(post, actor.membership_id)
    begun = await Drafts(session).get(actor.organization_id, actor.membership_id, draft_id)
    steps = {step.delivery_id for step in await deliveries.steps(actor.organization_id, post_id)}
    rows = changeable([row for row, _ in await deliveries.all(actor.organization_id, post_id)], steps)
    if begun is not None:
        return Opened(draft_id=draft_id, written=load(begun.written), changeable=bool(rows))
    clock = await database_time(session)
    stored = load(post.content)
    written = replace(
        stored,
        extras=tuple(one for one in stored.extras if one is not Extra.NEXT_SLOT),  # it has its time by now
        accounts=tuple(dict.fromkeys(row.account_id for row in rows)),
        due_at=min((row.due_at for row in rows if row.due_at > clock), default=None),
    )
    return Opened(draft_id=draft_id, written=written, changeable=bool(rows))


async def applied(
    session: AsyncSession, actor: Actor, draft_id: str, new: NewPost, targets: Collection[Target]
) -> Post:
    """Change a post as its form says, and return it.

    Raises:
        NotFoundError: The post or one of the accounts is gone.
        PostChangedError: Something was decided about it since the form was opened.
        PostOutError: It is going out to an account that was chosen, or is live there.

    """
    try:
        return await PostEdits(session).edit(actor.organization_id, draft_id, new, targets)
    except LookupError:
        raise NotFoundError(Thing.POST) from None
    except PostChanged:
        raise PostChangedError from None
    except PostOut as out:
        found = await PostDeliveries(session).all(actor.organization_id, post_of(draft_id))
        named = labels(account for _, account in found)
        raise PostOutError(tuple(named[each] for each in dict.fromkeys(out.account_ids))) from None
