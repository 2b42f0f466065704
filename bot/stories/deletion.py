"""`/octapost org delete`: an owner deletes their organization, after typing its name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.slack.refusals import under
from bot.slack.routes import Answer, Kind, OpenModal, Request, UpdateModal, command, on
from bot.views import deletion as views
from bot.views.organizations import TOPIC

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.organizations.deletion import DeletionService
    from bot.slack.home_tab import HomeTab


@dataclass(frozen=True)
class DeletionStory:
    """Asks whether an organization is to be deleted, and does it."""

    deletions: DeletionService
    catalog: PlatformCatalog
    home: HomeTab

    @command(
        "org delete",
        Permission.DELETE_ORGANIZATION,
        topic=TOPIC,
        help="Delete your organization and disconnect all its accounts.",
        opens=views.TITLE,
    )
    @on(Kind.ACTION, "org.delete", Permission.DELETE_ORGANIZATION, changes=False, opens=views.TITLE)
    async def confirm(self, request: Request) -> Answer:
        """Show what would be deleted, and ask for the organization's name."""
        outlook = await self.deletions.outlook(request.actor)
        names = {key: self.catalog.platform(key).name for key in outlook.platforms}
        return OpenModal(views.confirm(outlook, names))

    @on(Kind.SUBMISSION, "org.deleted", Permission.DELETE_ORGANIZATION)
    async def delete(self, request: Request) -> Answer:
        """Delete the organization. The platforms are asked right after the answer."""
        if request.target:  # some other modal's metadata
            raise NotFoundError(Thing.FORM)
        typed = str(request.typed(views.NAME).get("value") or "")
        with under(views.NAME):
            deletion = await self.deletions.delete(request.actor, typed)
        request.later.append(partial(self.home.redraw, request.sender, None))
        request.later.append(self.deletions.work)
        return UpdateModal(views.deleted(deletion))
