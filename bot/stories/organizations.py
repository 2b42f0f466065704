"""`/octapost org`: listing, creating and renaming organizations, and joining one with a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Request, Say, Who, command
from bot.views import organizations as views

if TYPE_CHECKING:
    from bot.services.organizations.join_codes import JoinCodeService
    from bot.services.organizations.organizations import OrganizationService

TOPIC = views.TOPIC


@dataclass(frozen=True)
class OrganizationStory:
    """Lists, creates, renames and joins organizations."""

    organizations: OrganizationService
    join_codes: JoinCodeService

    @command(
        "org",
        Who.ANYONE,
        topic=TOPIC,
        help="Your organizations here.",
        aliases=("orgs", "organization"),
    )
    async def overview(self, request: Request) -> Answer:
        """List the sender's invitations and organizations."""
        standing, sender = await request.standing(), request.sender
        found = await self.organizations.overview(sender, standing)
        if not standing.choices and not found.invitations:
            await request.act()
        return Say(text=views.OVERVIEW, blocks=views.overview(standing, found, sender.realm))

    @command(
        "org create",
        Who.ANYONE,
        hint="NAME",
        changes=True,
        topic=TOPIC,
        help="Create an organization. You'll be its owner.",
    )
    async def create(self, request: Request) -> Answer:
        """Create an organization in this workspace. Guests can't do that.

        Raises:
            BadInputError: No name was typed.

        """
        name = name_in(request.words, "create")
        await self.organizations.create(request.sender, name)
        return Say.of(views.created(name))

    @command(
        "org rename",
        Permission.RENAME_ORGANIZATION,
        hint="NAME",
        changes=True,
        topic=TOPIC,
        help="Rename your organization.",
    )
    async def rename(self, request: Request) -> Answer:
        """Rename the organization of this channel.

        Raises:
            BadInputError: No name was typed.

        """
        name = name_in(request.words, "rename")
        await self.organizations.rename(request.actor, name)
        return Say(text=views.renamed(request.actor.organization, name))

    @command(
        "org join",
        Who.ANYONE,
        hint="CODE",
        changes=True,
        topic=TOPIC,
        help="Join another workspace's organization with its code.",
    )
    async def join(self, request: Request) -> Answer:
        """Link this workspace to an organization with its one-time code. Guests can't do that.

        Raises:
            BadInputError: No code was typed.

        """
        code = request.words.strip()
        if not code:
            raise BadInputError(views.NO_CODE)
        return Say(text=views.joined_by_code(await self.join_codes.join(request.sender, code)))


def name_in(typed: str, word: str) -> str:
    """Return the organization's name that was typed after `org <word>`, without extra spaces.

    Raises:
        BadInputError: Nothing was typed.

    """
    name = " ".join(typed.split())
    if not name:
        raise BadInputError(views.no_name(word))
    return name
