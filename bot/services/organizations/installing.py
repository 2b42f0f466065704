"""The app is added to a workspace or to a whole Grid, removed, and added again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot.ops.logs import logger
from bot.services.notifications import Welcome, WelcomeBack, WelcomeGrid
from bot.services.outbox import Conversation, enqueue, enqueue_dm
from bot.services.permissions import HIGHEST
from storage.audit import SYSTEM, Audit
from storage.founding import FOUNDED, let_in
from storage.incidents import Incidents
from storage.installations import BotTokenPair, Installations, InstalledApp
from storage.memberships import Members
from storage.organization_names import looks
from storage.organizations import Organizations
from storage.realms import realm_of
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.notifications import Notification
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstallation:
    """What Slack says about an installation (https://docs.slack.dev/reference/methods/oauth.v2.access, 2026-11-30)."""

    team_id: str | None
    """None for an org-wide install in a Grid."""
    enterprise_id: str | None
    name: str
    """The workspace's, or for an org-wide install the Grid organization's."""
    organization: str
    """The name for a first organization: the workspace's, cut to what an organization's may have."""
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
        return realm_of(self.slack_id, self.enterprise_id)


class BotTokens(Protocol):
    """Asks Slack about the bot tokens we hold."""

    async def works(self, slack_id: str) -> bool:
        """Tell whether Slack still accepts an installation's token. Passes on what the call raises otherwise."""
        ...


@dataclass(frozen=True)
class InstallationService:
    """Stores installations and ends them."""

    database: Database
    vault: Vault
    tokens: BotTokens

    async def install(self, new: NewInstallation) -> bool:
        """Store an installation, and make the installer the owner of the workspace's first organization.

        Return whether the installer is sent a message that says what to do: they are not where the app was there
        before, or the workspace has an organization already.

        One transaction, the welcome included. A workspace that has an organization keeps everything
        and gets no second one; its installer gains no rights. An org-wide install names no workspace, so no
        organization is made: the welcome says how to create one. Two installs of one workspace at the same
        moment wait for each other at its row.
        """
        async with self.database.system() as session:
            installations = Installations(session, self.vault)
            before = await installations.get(new.slack_id)
            gone_at = before.uninstalled_at if before is not None else None
            kept = await installations.save(
                InstalledApp(
                    slack_id=new.slack_id,
                    team_id=new.team_id,
                    enterprise_id=new.enterprise_id,
                    name=new.name,
                    app_id=new.app_id,
                    bot_user_id=new.bot_user_id,
                    scopes=new.scopes,
                    installed_by=new.installed_by,
                ),
                BotTokenPair(
                    access=new.bot_token,
                    refresh=new.refresh_token,
                    expires_at=datetime.now(UTC) + new.expires_in if new.expires_in else None,
                ),
            )
            if gone_at is not None:
                await _retry_cards(session, new.slack_id)
            greeted = new.team_id is not None and await _first_organization(session, new, new.team_id)
            if not greeted and (gone_at is not None or (new.team_id is None and before is None)):
                grid = new.team_id is None
                welcome = WelcomeGrid(grid=new.name) if grid else WelcomeBack(workspace=new.name)
                greeted = await _greet(session, new, f"{gone_at}", welcome)
        log.info("installation.stored", installation=kept.id, again=before is not None)
        return greeted

    async def uninstall(self, slack_id: str) -> None:
        """Destroy the bot token of an installation that Slack says was removed, if Slack accepts it no more.

        An event may be late, and the app installed again since: only the token itself tells. Without an answer
        it is kept, and what the call raised is passed on, so that Slack sends the event again.
        Memberships, grants and accounts stay, for those who come back.
        """
        async with self.database.system(write=False) as session:
            found = await Installations(session, self.vault).get(slack_id)
        if found is None or found.uninstalled_at is not None:
            return
        if await self.tokens.works(found.slack_id):
            log.info("installation.late_event", installation=found.id)
            return
        async with self.database.system() as session:
            first = await Installations(session, self.vault).uninstall(found)
            if first and found.team_id is not None:
                for organization in await Workspaces(session).organizations(found.team_id):
                    await Audit(session).write(organization.id, SYSTEM, "app uninstalled", found.team_id)
        log.info("installation.removed", installation=found.id, first=first)


async def _first_organization(session: AsyncSession, new: NewInstallation, team_id: str) -> bool:
    """Create the workspace's first organization; False if it has one."""
    workspaces = Workspaces(session)
    await workspaces.ensure(team_id, new.enterprise_id, new.name)
    if await workspaces.organizations(team_id):
        return False
    organization = await Organizations(session).create(
        new.organization if looks(new.organization) else team_id
    )
    await let_in(session, team_id, organization.id)
    owner = await Members(session).add(
        organization.id, realm=new.realm, user_id=new.installed_by, team_id=team_id, role=HIGHEST
    )
    audit = Audit(session)
    await audit.write(organization.id, owner.id, FOUNDED, organization.id)
    await audit.write(organization.id, owner.id, "app installed", team_id)
    welcome = Welcome(workspace=new.name, organization=organization.name, organization_id=organization.id)
    await enqueue_dm(session, owner, f"welcome:{organization.id}", welcome)
    return True


async def _retry_cards(session: AsyncSession, slack_id: str) -> None:
    """Post again the cards that could not be posted while the app was away."""
    linked = await Workspaces(session).organizations(slack_id)
    await Incidents(session).try_again([organization.id for organization in linked])


async def _greet(session: AsyncSession, new: NewInstallation, key: str, welcome: Notification) -> bool:
    """Send the installer, who may be a member of nothing, a direct message; False: they have had it."""
    to = Conversation(slack_id=new.slack_id, id=new.installed_by)
    return await enqueue(session, to, f"greeting:{new.slack_id}:{key}", welcome)
