"""What the composition root makes: the parts of a process, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.notifications import Listener
from bot.services.posts.notifications import MessageShared

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp
    import httpx
    from aiohttp import web
    from slack_bolt.async_app import AsyncApp

    from adapters.base import Adapter
    from bot.jobs.scheduler import Scheduler
    from bot.jobs.sweep import Sweeper
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.choosing import Choosing
    from bot.services.accounts.connecting import Connecting
    from bot.services.accounts.deauthorizing import Deauthorizations
    from bot.services.accounts.disconnecting import Disconnecting
    from bot.services.accounts.looking import Looking
    from bot.services.accounts.revoking import Revoking
    from bot.services.incidents.alert_settings import AlertSettingsService
    from bot.services.incidents.incidents import IncidentService
    from bot.services.incidents.reminders import ExpiryReminders
    from bot.services.incidents.watch import IncidentWatch
    from bot.services.media.intake import Intake
    from bot.services.media.library import MediaLibrary
    from bot.services.media.previewing import Previews
    from bot.services.media.uploading import Uploading
    from bot.services.notifications import Living, Reader
    from bot.services.organizations.access_requests import AccessService
    from bot.services.organizations.channels import ChannelService
    from bot.services.organizations.deletion import DeletionService
    from bot.services.organizations.installing import InstallationService
    from bot.services.organizations.invitations import InvitationService
    from bot.services.organizations.join_codes import JoinCodeService
    from bot.services.organizations.members import MemberService
    from bot.services.organizations.offboarding import OffboardingService
    from bot.services.organizations.organizations import OrganizationService
    from bot.services.organizations.ownership import OwnershipService
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.checking import Checking
    from bot.services.posts.composing import Composing
    from bot.services.posts.decisions import DeliveryDecider
    from bot.services.posts.delivering import Delivering
    from bot.services.posts.draft_pages import DraftPages
    from bot.services.posts.holds import HoldService
    from bot.services.posts.restoring import Restoring
    from bot.services.posts.results import Results
    from bot.services.posts.settings_pages import SettingsPages
    from bot.services.posts.sharing import Sharing
    from bot.services.posts.submissions import SubmissionService
    from bot.services.posts.watching import Watching
    from bot.services.tokens.fresh import FreshTokens
    from bot.services.tokens.refreshing import Refresher
    from bot.settings import Settings
    from bot.slack.clients import SlackClients
    from bot.slack.dispatch.dispatcher import Dispatcher
    from bot.slack.routes import Routes
    from bot.slack.sender import DeliveryListener, OutboxSender
    from bot.stories.home import Home
    from storage.engine.db import Database
    from storage.media_store import MediaStore
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The parts that every layer uses."""

    settings: Settings
    database: Database
    vault: Vault
    adapters: Mapping[str, Adapter]
    slack_clients: SlackClients
    slack_session: aiohttp.ClientSession
    http: httpx.AsyncClient
    media: MediaStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PostServices:
    """The services that publish."""

    results: Results
    composing: Composing
    decider: DeliveryDecider
    changes: PostChanges
    holds: HoldService
    delivering: Delivering
    checking: Checking
    watching: Watching
    restoring: Restoring
    library: MediaLibrary
    previews: Previews
    intake: Intake
    uploading: Uploading
    pages: DraftPages
    settings_pages: SettingsPages
    sharing: Sharing
    submissions: SubmissionService

    @property
    def readers(self) -> Mapping[type[Living], Reader]:
        """What the messages about posts say now."""
        return {
            **self.results.readers,
            **self.submissions.readers,
            MessageShared: self.sharing.read,
        }

    @property
    def listeners(self) -> Mapping[Listener, DeliveryListener]:
        """Who is told whether a message about posts was delivered."""
        return {Listener.POST_RESULTS: self.results, Listener.SUBMISSIONS: self.submissions}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services."""

    catalog: PlatformCatalog
    incidents: IncidentService
    refresher: Refresher
    tokens: FreshTokens
    looking: Looking
    revoking: Revoking
    disconnecting: Disconnecting
    connecting: Connecting
    choosing: Choosing
    deauthorizations: Deauthorizations
    expiry_reminders: ExpiryReminders
    watch: IncidentWatch
    alert_settings: AlertSettingsService
    access: AccessService
    channels: ChannelService
    deletions: DeletionService
    installations: InstallationService
    invitations: InvitationService
    join_codes: JoinCodeService
    members: MemberService
    offboarding: OffboardingService
    organizations: OrganizationService
    ownership: OwnershipService
    posts: PostServices


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackEdge:
    """The parts that lead a request from Slack to a story."""

    routes: Routes
    home: Home
    dispatcher: Dispatcher
    bolt: AsyncApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Services):
    """The parts that the process, the command line and the tests use."""

    settings: Settings
    database: Database
    vault: Vault
    adapters: Mapping[str, Adapter]
    slack_clients: SlackClients
    routes: Routes
    dispatcher: Dispatcher
    bolt: AsyncApp
    scheduler: Scheduler
    notices: OutboxSender
    sweeper: Sweeper
    alive: web.Application
    """Served by a process without the web: only `/livez`."""
    monitoring: web.Application
    """Readiness and metrics, for the operator's own machines."""
    web: web.Application
