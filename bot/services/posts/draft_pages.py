"""Pages in the browser for drafts: whom each is for, and the form in Slack that it was opened from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from bot.services.access import Actor, sender_behind
from bot.services.acting import acting
from bot.services.errors import NotAllowedError, NotFoundError, NotMemberError, Thing
from bot.services.permissions import Permission, allows
from storage.draft_links import DraftLinks, NewLink
from storage.memberships import Members
from storage.models import Role, new_secret
from storage.organizations import Organizations

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import DraftLink, Membership

FILES_LIVE = timedelta(hours=24)
SETTINGS_LIVE = timedelta(hours=1)


class FormWatch(Protocol):
    """Shows in Slack what has changed in a draft outside of Slack. The composer's story does it."""

    async def changed(self, organization_id: str, draft_id: str) -> None:
        """Draw the open forms of a draft again. Does not raise for failures of Slack."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page that works, and for whom."""

    link: DraftLink
    member: Membership
    organization: str

    @property
    def reference(self) -> str:
        """Enough of the link's hash to follow it through the log."""
        return self.link.token_hash.hex()[:12]

    @property
    def actor(self) -> Actor:
        """The member, as if they had asked in Slack."""
        return Actor(
            sender=sender_behind(self.member, self.link.team_id),
            membership_id=self.member.id,
            organization_id=self.member.organization_id,
            organization=self.organization,
            role=Role(self.member.role),
        )


@dataclass(frozen=True)
class DraftPages:
    """Opens pages for drafts. Built once, in `bot.publishing`."""

    database: Database

    async def open(
        self,
        actor: Actor,
        draft_id: str,
        form: Mapping[str, Any],
        *,
        platform: str = "",
        account_id: str = "",
    ) -> str:
        """Return the secret of a new page for a draft of the actor's, for them alone.

        `form`: the one in Slack from which it is opened. `account_id`: whose settings it is for, on which platform;
        empty: files are added there.

        Raises:
            NotFoundError: They have no such draft.

        """
        token = new_secret()
        new = NewLink(
            token=token,
            organization_id=actor.organization_id,
            membership_id=actor.membership_id,
            team_id=actor.sender.team_id,
            draft_id=draft_id,
            lives=SETTINGS_LIVE if account_id else FILES_LIVE,
            platform=platform,
            account_id=account_id,
            form=form,
        )
        async with acting(self.database, actor, Permission.WRITE_POSTS) as session:
            try:
                await DraftLinks(session).open(new)
            except LookupError:
                raise NotFoundError(Thing.DRAFT) from None
        return token

    async def visit(self, token: str) -> Visit | None:
        """Return what a page is for; None: there is none, or its time is over.

        Raises:
            NotMemberError: The member it was made for has left.
            NotAllowedError: They may publish nothing any more.

        """
        async with self.database.system(write=False) as session:
            link = await DraftLinks(session).find(token)
        return None if link is None else await self.behind(link)

    async def behind(self, link: DraftLink) -> Visit:
        """Return for whom a link was made; raises what `visit` raises."""
        async with self.database.system(write=False) as session:
            member = await Members(session).get(link.organization_id, link.membership_id)
            organization = await Organizations(session).get(link.organization_id)
        if member is None or organization is None:
            raise NotMemberError
        if not allows(member.role, Permission.WRITE_POSTS):
            raise NotAllowedError(Permission.WRITE_POSTS, organization.name, link.organization_id)
        return Visit(link=link, member=member, organization=organization.name)

    async def open_forms(self, organization_id: str, draft_id: str) -> list[DraftLink]:
        """Return the links of a draft whose forms may still be open: of each form the newest one."""
        async with self.database.organization(organization_id, write=False) as session:
            found = await DraftLinks(session).of_draft(organization_id, draft_id)
        newest = {str(link.form["id"]): link for link in reversed(found) if link.form}
        return list(newest.values())

    async def shows(self, link: DraftLink, form: Mapping[str, Any]) -> None:
        """Store what a form shows now; empty: it is closed."""
        async with acting(self.database, link, Permission.WRITE_POSTS) as session:
            await DraftLinks(session).shows(link, form)
