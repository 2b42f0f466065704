"""The composition root: it constructs all parts, and is the only module besides `settings` to read the environment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta

import aiohttp
import httpx
from aiohttp import web

from adapters.http import LONGEST_CALL_S
from adapters.registry import REGISTRY, Registry
from bot.jobs.scheduler import Scheduler
from bot.jobs.sweep import Sweeper
from bot.ops import logs, tracing
from bot.ops.http import Carrier, PlatformClient, open_session, trusted
from bot.parts import Base, Parts, Services, SlackEdge
from bot.publishing import post_pages, post_services, post_stories
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.choosing import Choosing
from bot.services.accounts.connecting import Connecting
from bot.services.accounts.consents import Consents
from bot.services.accounts.deauthorizing import Deauthorizations
from bot.services.accounts.disconnecting import Disconnecting
from bot.services.accounts.health import HealthReader
from bot.services.accounts.looking import Looking
from bot.services.accounts.places import PlaceService
from bot.services.accounts.profiles import AccountProfiles
from bot.services.accounts.reconnecting import Reconnecting
from bot.services.accounts.revoking import Revoking
from bot.services.incidents.alert_settings import AlertSettingsService
from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.incidents.reminders import ExpiryReminders
from bot.services.incidents.responses import IncidentResponses
from bot.services.incidents.watch import IncidentWatch
from bot.services.media.sweeping import MediaSweeper
from bot.services.notifications import Listener
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
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.refreshing import Refresher
from bot.settings import PREFIX, Settings
from bot.slack.bolt import bolt_app
from bot.slack.bot_tokens import SlackBotTokens
from bot.slack.clients import SlackClients
from bot.slack.dispatch.dispatcher import Dispatcher
from bot.slack.people import SlackPeople
from bot.slack.routes import Routes
from bot.slack.sender import OutboxSender, Renderer
from bot.slack.zones import PeopleZones
from bot.stories.access_requests import AccessStory
from bot.stories.accounts import AccountsStory
from bot.stories.alerts import AlertsStory
from bot.stories.channels import ChannelStory
from bot.stories.connect import Connect
from bot.stories.deletion import DeletionStory
from bot.stories.doctor import Doctor
from bot.stories.help import Help
from bot.stories.home import Home, HomeInBackground
from bot.stories.incidents import IncidentStory
from bot.stories.invitations import InvitationStory
from bot.stories.join_codes import JoinCodeStory
from bot.stories.lifecycle import LifecycleStory
from bot.stories.members import MemberStory
from bot.stories.organizations import OrganizationStory
from bot.stories.start import Start
from bot.web.browsers import Cookies
from bot.web.connect import ConnectPages
from bot.web.gauges import Gauges
from bot.web.guard import Guard
from bot.web.health import Health
from bot.web.identity import Identity, IdentityPages
from bot.web.install import InstallPages
from bot.web.install_trips import InstallTrips
from bot.web.limits import PageLimits
from bot.web.openid import SignInWithSlack
from bot.web.pages import Pages
from bot.web.slack_events import SlackEvents
from bot.web.webhooks import PlatformCallbacks
from storage.engine.db import ANSWERED_WITHIN, Database
from storage.media_store import MediaStore
from storage.opening import open_database, open_vault
from storage.vault import Vault

ReadSettings = Callable[[Mapping[str, str]], Settings]
"""Turns an environment into settings: `settings_from`, or the same with other platforms."""


def settings_from(env: Mapping[str, str] | None = None, registry: Registry = REGISTRY) -> Settings:
    """Return the settings in `env`, by default those of the process's environment, where they are then removed.

    So child processes inherit no key, and printing the environment shows none.

    Raises:
        ConfigurationError: A setting is missing or wrong.

    """
    if env is not None:
        return Settings.from_env(env, registry)
    try:
        return Settings.from_env(os.environ, registry)
    finally:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]


@asynccontextmanager
async def parts_of(
    settings: Settings, *, answered_within: timedelta | None = ANSWERED_WITHIN, write: bool = True
) -> AsyncIterator[Parts]:
    """Construct all parts, and close them when the context ends. Nothing listens and no job runs yet.

    `answered_within`: how long the database may take for a statement; None: as long as it needs. Without `write`, not
    even the vault's canary is stored, so an empty database stays empty.
    """
    for secret in settings.secrets():
        logs.register_secret(secret)
    database = await open_database(settings.database_url.get_secret_value(), answered_within=answered_within)
    try:
        vault = await open_vault(settings.keys, database, write=write)
        async with (
            open_session(trusted()) as session,
            PlatformClient(Carrier(client=session, verify=trusted()), timeout_s=LONGEST_CALL_S) as http,
        ):
            parts = construct(settings, database, vault, session, http)
            try:
                yield parts
            finally:
                await parts.slack_clients.drain(settings.shutdown_grace_s)
    finally:
        await database.close()


def construct(
    settings: Settings,
    database: Database,
    vault: Vault,
    session: aiohttp.ClientSession,
    http: httpx.AsyncClient,
) -> Parts:
    """Wire the parts together, layer by layer."""
    base = Base(
        settings=settings,
        database=database,
        vault=vault,
        adapters=tracing.instrument(settings.registry.adapters(http)),
        slack_clients=SlackClients(settings, database, vault, session),
        slack_session=session,
        http=http,
        media=_media_store(settings),
    )
    services = _services(base)
    edge = _slack(base, services)
    scheduler = Scheduler()
    serving, alive, monitoring = _web(base, services, edge, scheduler)
    return Parts(
        **{each.name: getattr(services, each.name) for each in fields(services)},
        settings=settings,
        database=database,
        vault=vault,
        adapters=base.adapters,
        slack_clients=base.slack_clients,
        routes=edge.routes,
        dispatcher=edge.dispatcher,
        bolt=edge.bolt,
        scheduler=scheduler,
        notices=_sender(base, services),
        sweeper=_sweeper(base, services),
        web=serving,
        alive=alive,
        monitoring=monitoring,
    )


def _media_store(settings: Settings) -> MediaStore:
    return MediaStore(
        settings.media_folder or settings.media_url, settings.media_endpoint, settings.media_variables
    )


def _sender(base: Base, services: Services) -> OutboxSender:
    incidents = services.incidents
    return OutboxSender(
        base.database,
        base.slack_clients,
        Renderer(
            base.database,
            services.catalog.platform,
            {**incidents.readers, **services.posts.readers},
        ),
        between=timedelta(seconds=base.settings.slack_message_interval_s),
        listeners={Listener.INCIDENT_CARDS: incidents.delivery, **services.posts.listeners},
    )


def _sweeper(base: Base, services: Services) -> Sweeper:
    kept = timedelta(days=base.settings.media_kept_days)
    files = MediaSweeper(
        database=base.database, store=base.media, uploading=services.posts.uploading, kept=kept
    )
    return Sweeper(base.database, base.vault, services.disconnecting, files)


def _services(base: Base) -> Services:
    """Construct the services."""
    database, vault, adapters = base.database, base.vault, base.adapters
    people, catalog = SlackPeople(base.slack_clients), PlatformCatalog(base.settings.platforms())
    incidents = IncidentService(catalog, vault)
    operator = OperatorPager(database, base.settings.operator_channel)
    refresher = Refresher(catalog, adapters, database, vault, Reports(incidents=incidents, operator=operator))
    tokens = FreshTokens(catalog, refresher, database)
    revoking = Revoking(
        catalog=catalog, adapters=adapters, queues=refresher.queues, database=database, vault=vault
    )
    disconnecting = Disconnecting(
        catalog=catalog, revoking=revoking, incidents=incidents, database=database, vault=vault
    )
    connecting = Connecting(
        public_url=base.settings.public_url,
        catalog=catalog,
        consents=Consents(catalog=catalog, incidents=incidents, database=database, vault=vault),
        disconnecting=disconnecting,
        operator=operator,
        tokens=tokens,
        adapters=adapters,
        database=database,
        vault=vault,
    )
    return Services(
        catalog=catalog,
        incidents=incidents,
        refresher=refresher,
        tokens=tokens,
        looking=Looking(refresher, tokens, adapters, database),
        revoking=revoking,
        disconnecting=disconnecting,
        connecting=connecting,
        choosing=Choosing(catalog=catalog, incidents=incidents, database=database, vault=vault),
        deauthorizations=Deauthorizations(catalog=catalog, incidents=incidents, database=database),
        expiry_reminders=ExpiryReminders(catalog, incidents, database),
        watch=IncidentWatch(incidents, database),
        access=AccessService(database, people),
        alert_settings=AlertSettingsService(database, incidents.cards),
        channels=ChannelService(database),
        deletions=DeletionService(database, vault, revoking),
        installations=InstallationService(database, vault, SlackBotTokens(base.slack_clients)),
        invitations=InvitationService(database, people),
        join_codes=JoinCodeService(database, people),
        members=MemberService(database, incidents.cards),
        offboarding=OffboardingService(database, incidents.cards, people),
        organizations=OrganizationService(database, people, incidents.cards, vault),
        ownership=OwnershipService(database, people),
        posts=post_services(base, catalog, refresher, tokens),
    )


def _slack(base: Base, services: Services) -> SlackEdge:
    """Construct the stories, and the parts that lead requests from Slack to them."""
    database, vault, incidents, routes = base.database, base.vault, services.incidents, Routes()
    profiles = AccountProfiles(services.catalog, HealthReader(database), database, vault)
    zones = PeopleZones(base.slack_clients)
    home = Home(
        profiles=profiles,
        organizations=services.organizations,
        access=services.access,
        clients=base.slack_clients,
        database=database,
        settings=base.settings,
        zones=zones,
    )
    reconnecting = Reconnecting(connecting=services.connecting, database=database, vault=vault)
    places = PlaceService(base.adapters, services.tokens, database)
    connect = Connect(services.catalog, services.connecting, services.choosing, profiles, home, database)
    for story in (
        connect,
        AccountsStory(profiles, reconnecting, services.disconnecting, places, home),
        IncidentStory(reconnecting, IncidentResponses(incidents.cards, incidents.reader, database)),
        *post_stories(base, services, places, home, zones),
        AlertsStory(services.alert_settings, zones),
        Doctor(profiles, services.catalog),
        OrganizationStory(services.organizations, services.join_codes),
        MemberStory(services.members, services.invitations, home),
        ChannelStory(services.channels, services.organizations),
        InvitationStory(services.invitations, home),
        AccessStory(services.access),
        JoinCodeStory(services.join_codes),
        DeletionStory(services.deletions, services.catalog, home),
        Start(profiles, services.organizations),
        Help(routes, services.catalog, base.settings),
        home,
        LifecycleStory(services.installations, services.offboarding, database),
    ):
        routes.include(story)
    connect.register_platforms(routes)
    dispatcher = Dispatcher(routes, database, base.slack_clients, services.access)
    bolt = bolt_app(base.settings.slack_signing_secret.get_secret_value(), dispatcher)
    return SlackEdge(routes=routes, home=home, dispatcher=dispatcher, bolt=bolt)


def _web(
    base: Base, services: Services, slack: SlackEdge, scheduler: Scheduler
) -> tuple[web.Application, web.Application, web.Application]:
    """Construct three applications: the complete one, the one with `/livez` only, and the one for monitoring."""
    settings, database, vault = base.settings, base.database, base.vault
    pages, cookies = Pages(settings), Cookies(secure=settings.secure)
    identity = Identity(
        settings=settings,
        sign_in=SignInWithSlack(settings, base.slack_clients, base.http),
        pages=pages,
        cookies=cookies,
        database=database,
        vault=vault,
    )
    connect_pages = _connect_pages(base, services, slack, identity)
    install_pages = InstallPages(
        settings=settings,
        catalog=services.catalog,
        trips=InstallTrips(settings, database),
        clients=base.slack_clients,
        installations=services.installations,
        pages=pages,
        cookies=cookies,
    )
    callbacks = PlatformCallbacks(
        settings=settings,
        platforms=settings.platforms(),
        deauthorizations=services.deauthorizations,
        pages=pages,
    )
    health = Health(
        database,
        scheduler,
        Gauges(database, vault, services.catalog),
        timedelta(minutes=settings.refresh_overdue_min),
    )
    events = SlackEvents(slack.bolt, settings.slack_signing_secret.get_secret_value())
    guard = Guard(pages, PageLimits(settings)).middleware
    serving, alive = web.Application(middlewares=[guard]), web.Application(middlewares=[guard])
    monitoring = web.Application()
    media, drafts = post_pages(services.posts, identity)
    confirmed = IdentityPages(identity=identity, confirming=(connect_pages, *drafts))
    ours = (pages, connect_pages, confirmed, install_pages, callbacks, media)
    for served in (events, *ours, health):
        serving.add_routes(served.routes())
    for page in drafts:
        serving.add_routes(page.routes())
    alive.add_routes(health.routes())
    monitoring.add_routes(health.monitoring_routes())
    return serving, alive, monitoring


def _connect_pages(base: Base, services: Services, slack: SlackEdge, identity: Identity) -> ConnectPages:
    platforms = {found.callback_slug: found.platform for found in base.settings.platforms().values()}
    return ConnectPages(
        settings=base.settings,
        connecting=services.connecting,
        platforms=platforms,
        home=HomeInBackground(slack.home, slack.dispatcher.later, base.database),
        identity=identity,
        pages=identity.pages,
        cookies=identity.cookies,
        database=base.database,
        vault=base.vault,
    )
