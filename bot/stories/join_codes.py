"""Creating, listing and revoking join codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.organizations.join_codes import ROLES_BY_CODE
from bot.services.permissions import LOWEST, Permission, role_called
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, Request, Say, command, on
from bot.views import join_codes as views
from bot.views.organizations import TOPIC
from storage.folding import fold

if TYPE_CHECKING:
    from bot.services.organizations.join_codes import JoinCodeService


@dataclass(frozen=True)
class JoinCodeStory:
    """Manages the codes with which other workspaces join an organization."""

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
        """Create a code and show it once, to the sender alone.

        Raises:
            BadInputError: No role of that name can be given by a code.

        """
        word = fold(request.words)
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
        """List the organization's open codes."""
        return Say.of(views.codes(await self.join_codes.open(request.actor)))

    @on(Kind.ACTION, "org.revoke", Permission.SEE_JOIN_CODES)
    async def revoke(self, request: Request) -> Answer:
        """Revoke one code, and show those that are left in its place."""
        left = await self.join_codes.revoke(request.actor, request.target)
        return Say.of(views.codes(left), replace=True)
