"""Join codes: make one, see which are open, and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.organizations.join_codes import ROLES_BY_CODE
from bot.services.permissions import LOWEST, Permission, role_called
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, Request, Say, command, on
from bot.views import join_codes as views
from bot.views.organizations import TOPIC

if TYPE_CHECKING:
    from bot.services.organizations.join_codes import JoinCodeService


@dataclass(frozen=True)
class JoinCodeStory:
    """The codes with which other workspaces join."""

    join_codes: JoinCodeService

    @command(
        "org code",
        Permission.INVITE,
        hint=f"[{views.ROLE_HINT}]",
        changes=True,
        topic=TOPIC,
        help="Make a one-time code with which another workspace joins.",
    )
    async def make(self, request: Request) -> Answer:
        """Make a code, shown once to the sender alone."""
        word = request.words.strip().lower()
        role = role_called(word) if word else LOWEST
        if role not in ROLES_BY_CODE:
            raise BadInputError(views.WHICH_ROLE)
        secret = await self.join_codes.create(request.actor, role)
        return Say.of(views.made(request.actor.organization, secret, role))

    @command(
        "org codes",
        Permission.SEE_JOIN_CODES,
        topic=TOPIC,
        help="See which codes are open, and revoke them.",
    )
    async def show(self, request: Request) -> Answer:
        """Show the organization's open codes."""
        return Say.of(views.codes(await self.join_codes.open(request.actor)))

    @on(Kind.ACTION, "org.revoke", Permission.SEE_JOIN_CODES)
    async def revoke(self, request: Request) -> Answer:
        """Revoke one code, and show those that are left in its place."""
        left = await self.join_codes.revoke(request.actor, request.target)
        return Say.of(views.codes(left), replace=True)
