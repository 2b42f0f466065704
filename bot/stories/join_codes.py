"""Join codes: make one, see which are open, and revoke them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import Limit, LimitReachedError, NotFoundError, Thing
from bot.services.permissions import LOWEST, Permission, role_called, roles_without
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, Request, Routes, Say
from bot.stories.organization import TOPIC
from bot.views import join_codes as views
from storage.audit import Audit
from storage.join_codes import MOST_OPEN, JoinCodes, TooManyCodes
from storage.memberships import Members

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from storage.engine.db import Database

BY_CODE = roles_without(Permission.INVITE)
"""The roles a code can give: a stranger who finds one must not be able to let others in."""


class JoinCodeStory:
    """The codes with which other workspaces join."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.command(
            "org code",
            self.make,
            permission=Permission.INVITE,
            hint=f"[{' | '.join(role.word for role in BY_CODE)}]",
            changes=True,
            topic=TOPIC,
            help="Make a one-time code with which another workspace joins.",
        )
        routes.command(
            "org codes",
            self.show,
            permission=Permission.SEE_JOIN_CODES,
            topic=TOPIC,
            help="See which codes are open, and revoke them.",
        )
        routes.add(Kind.ACTION, "org.revoke", self.revoke, permission=Permission.SEE_JOIN_CODES)

    async def make(self, request: Request) -> Answer:
        """Make a one-time code for another workspace."""
        word = request.words.strip().lower()
        role = role_called(word) if word else LOWEST
        if role not in BY_CODE:
            raise BadInputError(views.which_role(BY_CODE))
        actor = request.actor
        async with acting(self._database, actor, Permission.INVITE) as session:
            try:
                secret = await JoinCodes(session).create(actor.organization_id, role, actor.membership_id)
            except TooManyCodes:
                raise LimitReachedError(Limit.JOIN_CODES, MOST_OPEN, actor.organization) from None
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "code created", role=role.word
            )
        return Say(text="A one-time code", blocks=views.made(actor.organization, secret, role))

    async def show(self, request: Request) -> Answer:
        """Show the organization's open codes."""
        actor = request.actor
        async with self._database.organization(actor.organization_id, write=False) as session:
            return await self._listed(session, actor)

    async def revoke(self, request: Request) -> Answer:
        """Revoke one code, and show those that are left in its place."""
        actor = request.actor
        async with acting(self._database, actor, Permission.SEE_JOIN_CODES) as session:
            revoked = await JoinCodes(session).revoke(actor.organization_id, request.target)
            if revoked is None:
                raise NotFoundError(Thing.JOIN_CODE)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "code revoked", by=revoked.created_by
            )
            return await self._listed(session, actor, replace=True)

    async def _listed(self, session: AsyncSession, actor: Actor, *, replace: bool = False) -> Say:
        found = await JoinCodes(session).all(actor.organization_id)
        makers = {member.id: member for member in await Members(session).all(actor.organization_id)}
        return Say(
            text=views.title(actor.organization, len(found)),
            blocks=views.codes(actor.organization_id, actor.organization, found, makers),
            replace=replace,
        )
