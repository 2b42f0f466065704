"""The app arrives, is removed and comes back; people leave Slack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.numbers import number
from bot.ops.logs import logger
from bot.services import notifications
from bot.services.access import members_with
from bot.services.outbox import Conversation, enqueue, enqueue_dm
from bot.services.permissions import HIGHEST, Permission
from bot.slack.clients import CALL_FAILED, failure
from bot.slack.clients import Kind as Failed
from bot.slack.grids import at_home
from bot.slack.payloads import leaver_of, workspace_of
from bot.slack.routes import Answer, Done, Kind, Request, Routes, Who
from bot.views.kit import cut
from storage.audit import SYSTEM, Audit
from storage.founding import FOUNDED, let_in
from storage.incidents import IncidentRows
from storage.installations import Installations
from storage.memberships import Members
from storage.models import Installation
from storage.organization_names import looks
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.incidents import IncidentService
    from bot.slack.clients import Slacks
    from storage.engine.db import Database
    from storage.models import Membership
    from storage.vault import Vault

log = logger(__name__)
ORGANIZATION_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstallation:
    """What Slack told us (https://docs.slack.dev/reference/methods/oauth.v2.access) about an install."""

    team_id: str | None
    """None for an org-wide install in a Grid."""
    enterprise_id: str | None
    name: str
    """The workspace's, or for an org-wide install the Grid organization's."""
    app_id: str
    bot_user_id: str
    scopes: tuple[str, ...]
    bot_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: timedelta | None = None
    """None: this app's tokens don't rotate."""
    installed_by: str

    @property
    def slack_id(self) -> str:
        """The id the installation is kept under. Raises ValueError when Slack named neither."""
        found = self.team_id or self.enterprise_id
        if found is None:
            raise ValueError("an installation is of a workspace or of a Grid organization")
        return found

    @property
    def realm(self) -> str:
        """Where the installer's user id is unique."""
        return self.enterprise_id or self.slack_id


class Lifecycle:
    """Installation, removal, and people who leave. Built once, in `bot.app`."""

    def __init__(self, incidents: IncidentService, database: Database, vault: Vault, slacks: Slacks) -> None:
        self._incidents = incidents
        self._database = database
        self._vault = vault
        self._slacks = slacks

    def register(self, routes: Routes) -> None:
        """Add the events. Slack repeats one until we have answered that it is handled."""
        for event, handler in {
            "app_uninstalled": self.uninstalled,
            "tokens_revoked": self.revoked,
            "user_change": self.user_changed,
        }.items():
            routes.add(Kind.EVENT, event, handler, permission=Who.SLACK)

    async def installed(self, new: NewInstallation) -> Installation:
        """Keep an installation, and make the installer the owner of a first organization.

        One transaction, the welcome included. A workspace that has an organization keeps everything
        and gets no second one; its installer gains no rights. An org-wide install names no workspace,
        and organizations are linked to workspaces explicitly, never by way of the Grid: so none is
        made, and the installer is told to type `/octapost org create NAME` where they want to begin.
        Two installs of one workspace at the same moment wait for each other at its row.
        """
        async with self._database.system() as session:
            installations = Installations(session, self._vault)
            before = await installations.get(new.slack_id)
            gone_at = before.uninstalled_at if before is not None else None
            kept = await installations.save(
                slack_id=new.slack_id,
                team_id=new.team_id,
                enterprise_id=new.enterprise_id,
                name=new.name,
                app_id=new.app_id,
                bot_user_id=new.bot_user_id,
                scopes=new.scopes,
                bot_token=new.bot_token,
                refresh_token=new.refresh_token,
                token_expires_at=datetime.now(UTC) + new.expires_in if new.expires_in else None,
                installed_by=new.installed_by,
            )
            if gone_at is not None:
                await self._tell_again(session, new.slack_id)
            if new.team_id is None:
                if before is None or gone_at is not None:
                    await self._greet(session, new, f"{gone_at}", notifications.WelcomeGrid(grid=new.name))
            elif not await self._first_organization(session, new, new.team_id) and gone_at is not None:
                await self._greet(session, new, f"{gone_at}", notifications.WelcomeBack(workspace=new.name))
        log.info("installed", installation=kept.id, again=before is not None)
        return kept

    async def _first_organization(self, session: AsyncSession, new: NewInstallation, team_id: str) -> bool:
        """Make the workspace's first organization; False if it has one."""
        workspaces = Workspaces(session)
        await workspaces.ensure(team_id, new.enterprise_id, new.name)
        if await workspaces.organizations(team_id):
            return False
        name = cut(new.name, ORGANIZATION_NAME)
        organization = await Organizations(session).create(name if looks(name) else team_id)
        await let_in(session, team_id, organization.id)
        owner = await Members(session).add(
            organization.id, realm=new.realm, user_id=new.installed_by, team_id=team_id, role=HIGHEST
        )
        audit = Audit(session)
        await audit.write(organization.id, owner.id, FOUNDED, organization.id)
        await audit.write(organization.id, owner.id, "app installed", team_id)
        welcome = notifications.Welcome(
            workspace=new.name, organization=organization.name, organization_id=organization.id
        )
        await enqueue_dm(session, owner, f"welcome:{organization.id}", welcome)
        return True

    async def _tell_again(self, session: AsyncSession, slack_id: str) -> None:
        """Let the organizations of a workspace that is back hear what nobody could be told meanwhile."""
        linked = await Workspaces(session).organizations(slack_id)
        await IncidentRows(session).try_again([organization.id for organization in linked])

    async def _greet(
        self, session: AsyncSession, new: NewInstallation, key: str, greeting: notifications.Notification
    ) -> None:
        """Send the installer a message, who may be a member of no organization."""
        installer = Conversation(slack_id=new.slack_id, id=new.installed_by)
        await enqueue(session, installer, f"greeting:{new.slack_id}:{key}", greeting)

    # Removal: Slack sends both events, in either order

    async def uninstalled(self, request: Request) -> Answer:
        """Destroy the bot token at once. Memberships, grants and accounts stay, for those who come back."""
        await self._end(request.body)
        return Done()

    async def revoked(self, request: Request) -> Answer:
        """Do the same when it was the bot's token; a person's sign-in token is none of ours."""
        tokens = (request.body.get("event") or {}).get("tokens")
        if isinstance(tokens, Mapping) and tokens.get("bot"):
            await self._end(request.body)
        return Done()

    async def _end(self, body: Mapping[str, Any]) -> None:
        slack_id = _installation_of(body)
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).get(slack_id) if slack_id else None
        if found is None or found.uninstalled_at is not None:
            return
        if _said_before(body, found.installed_at) and await self._works(found.slack_id):
            log.info("old news of a removal", installation=found.id)
            return
        async with self._database.system() as session:
            first = await Installations(session, self._vault).uninstall(found.slack_id, datetime.now(UTC))
            if first and found.team_id is not None:
                for organization in await Workspaces(session).organizations(found.team_id):
                    await Audit(session).write(organization.id, SYSTEM, "app uninstalled", found.team_id)
        log.info("uninstalled", installation=found.id, first=first)

    async def _works(self, slack_id: str) -> bool:
        """Ask Slack whether the token is good: an event may be late, and the app be back already.

        Raises one of CALL_FAILED when Slack doesn't say: the token is kept, and Slack sends the event again.
        """
        try:
            client = await self._slacks.for_installation(slack_id)
            await client.auth_test()
        except CALL_FAILED as error:
            if failure(error).kind is Failed.OVER:
                return False
            raise
        return True

    # People who leave

    async def user_changed(self, request: Request) -> Answer:
        """End the memberships of a deactivated person and tell the admins. Accounts stay connected.

        Raises SlackSilent, so that the event comes again, where Slack doesn't say whose person it is.
        """
        leaver = leaver_of(request.body)
        if leaver is None or not await at_home(self._database.single, leaver, request.client):
            return Done()
        async with self._database.system() as session:
            for ended in await Members(session).end_person(leaver.realm, leaver.user_id):
                await self._incidents.cards.on_member_left(session, ended.organization_id, ended.id)
                await self._tell(session, ended, str(request.body.get("event_id", "")))
                log.info("member left Slack", membership=ended.id)
        return Done()

    async def _tell(self, session: AsyncSession, ended: Membership, event_id: str) -> None:
        organization = await Organizations(session).get(ended.organization_id)
        if organization is None:
            return
        members = Members(session)
        await Audit(session).write(organization.id, SYSTEM, "member left", ended.id)
        left = notifications.MemberLeft(
            user_id=ended.user_id,
            organization=organization.name,
            owners=await members.count_owners(organization.id),
        )
        for admin in await members_with(session, organization.id, Permission.RECEIVE_NOTICES):
            await enqueue_dm(session, admin, f"left:{ended.id}:{event_id}", left)


def _installation_of(body: Mapping[str, Any]) -> str | None:
    """Return the id of the installation an event is about: the Grid's if it says so, else the workspace's.

    `authorizations` names the installation an event was sent for
    (https://docs.slack.dev/apis/events-api#authorizations).
    """
    team_id, enterprise_id = workspace_of(body)
    authorizations = body.get("authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else {}
    org_wide = first.get("is_enterprise_install") if isinstance(first, Mapping) else None
    return enterprise_id if org_wide is True and enterprise_id else team_id or enterprise_id


def _said_before(body: Mapping[str, Any], installed_at: datetime) -> bool:
    """Tell whether Slack's event is older than the installation; `event_time` counts whole seconds."""
    said = number(body.get("event_time"))
    return said is not None and said < int(installed_at.timestamp())
