"""The composition root: the only module that constructs things and, with `settings`, reads the environment."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import httpx
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from adapters.http import LONGEST_CALL_S
from adapters.registry import REGISTRY, Registry
from bot.jobs.scheduler import Scheduler
from bot.jobs.sweep import Sweeper
from bot.ops import logs, tracing
from bot.ops.http import Carrier, Forgetful, open_session
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.connecting import Connections
from bot.services.accounts.deauthorizing import Deauthorizations
from bot.services.accounts.diagnosis import HealthReader
from bot.services.accounts.disconnecting import Disconnections
from bot.services.incidents.card_facts import CardReader
from bot.services.incidents.delivery import CardDelivery
from bot.services.incidents.digests import Digests
from bot.services.incidents.escalation import Escalation
from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.notifications import CardNotification, Digest, OutdatedCard, ReconnectRequest
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.incidents.reminders import Ladder
from bot.services.incidents.responses import IncidentResponses
from bot.services.incidents.watch import PATIENCE, IncidentWatch
from bot.services.notifications import Listener, Living
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.refreshing import Refresher
from bot.settings import PREFIX, Settings
from bot.slack.bolt import bolt_app
from bot.slack.clients import Slacks
from bot.slack.dispatch import Dispatcher
from bot.slack.routes import Routes
from bot.slack.sender import OutboxSender, Reader, Renderer
from bot.stories.accounts import AccountsStory
from bot.stories.alerts import AlertsStory
from bot.stories.channels import ChannelStory
from bot.stories.connect import Connect
from bot.stories.doctor import Doctor
from bot.stories.help import Help
from bot.stories.home import Home
from bot.stories.incidents import IncidentStory
from bot.stories.invitations import InvitationStory
from bot.stories.join_codes import JoinCodeStory
from bot.stories.lifecycle import Lifecycle
from bot.stories.organization import OrganizationStory
from bot.web.connect import ConnectPages
from bot.web.gauges import Gauges
from bot.web.guard import Cookies, Guard
from bot.web.health import Health
from bot.web.install import InstallPages
from bot.web.limits import PageLimits
from bot.web.openid import SignInWithSlack
from bot.web.pages import Pages
from bot.web.slack_events import SlackEvents
from bot.web.webhooks import PlatformCallbacks
from storage.engine.db import ANSWERED_WITHIN, Database
from storage.vault import KeyRing, Vault, check_canaries

if TYPE_CHECKING:
    from adapters.base import Adapter

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every layer is built on."""

    settings: Settings
    database: Database
    vault: Vault
    adapters: Mapping[str, Adapter]
    slacks: Slacks
    http: httpx.AsyncClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the product does."""

    catalog: PlatformCatalog
    incidents: IncidentService
    operator: OperatorPager
    refresher: Refresher
    tokens: FreshTokens
    disconnections: Disconnections
    connections: Connections
    deauthorizations: Deauthorizations
    ladder: Ladder
    watch: IncidentWatch
    responses: IncidentResponses
    readers: Mapping[type[Living], Reader]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackEdge:
    """The way from Slack to the stories."""

    routes: Routes
    home: Home
    lifecycle: Lifecycle
    dispatcher: Dispatcher
    bolt: AsyncApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that was constructed, for the process, the command line and the tests."""

    settings: Settings
    database: Database
    vault: Vault
    adapters: Mapping[str, Adapter]
    slacks: Slacks
    connections: Connections
    disconnections: Disconnections
    refresher: Refresher
    tokens: FreshTokens
    ladder: Ladder
    incidents: IncidentService
    operator: OperatorPager
    watch: IncidentWatch
    responses: IncidentResponses
    renderer: Renderer
    routes: Routes
    dispatcher: Dispatcher
    bolt: AsyncApp
    scheduler: Scheduler
    notices: OutboxSender
    sweeper: Sweeper
    alive: web.Application
    """What a process without the web serves: only that it is alive."""
    monitoring: web.Application
    """Readiness and metrics, for the operator's own machines."""
    web: web.Application


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the certificate authorities we trust: certifi's, whatever the machine has."""
    return httpx.create_ssl_context(trust_env=False)


def settings_from(env: Mapping[str, str] | None = None, registry: Registry = REGISTRY) -> Settings:
    """Return the settings in `env`, by default the process's environment, from which they are then removed.

    A child process inherits none of them, and nothing that prints the environment shows a key.
    """
    if env is not None:
        return Settings.from_env(env, registry)
    try:
        return Settings.from_env(os.environ, registry)
    finally:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]


async def open_vault(settings: Settings, database: Database, *, write: bool = True) -> Vault:
    """Return the vault, after its keys have opened what they sealed before. Raises VaultError."""
    vault = Vault(KeyRing.parse(settings.keys))
    async with database.system(write=write) as session:
        await check_canaries(session, vault, leave=write)
    return vault


async def open_database(
    settings: Settings, *, answered_within: timedelta | None = ANSWERED_WITHIN
) -> Database:
    """Return the database at the right schema: SQLite upgrades itself, PostgreSQL is checked."""
    database = Database(settings.database_url.get_secret_value(), answered_within=answered_within)
    try:
        if database.dialect == "sqlite":
            await database.upgrade()
        await database.check()
    except BaseException:
        await database.close()
        raise
    return database


@asynccontextmanager
async def parts_of(
    settings: Settings, *, answered_within: timedelta | None = ANSWERED_WITHIN, write: bool = True
) -> AsyncIterator[Parts]:
    """Construct everything, and close it again. Nothing listens and no clock ticks yet.

    `answered_within` is how long the database may take for a statement; None: as long as it needs. Without
    `write` not even the vault's canary is left behind: what was empty stays empty.
    """
    for secret in settings.secrets():
        logs.forget_in_logs(secret)
    database = await open_database(settings, answered_within=answered_within)
    try:
        vault = await open_vault(settings, database, write=write)
        async with (
            open_session(_trusted()) as session,
            Forgetful(Carrier(client=session, verify=_trusted()), timeout_s=LONGEST_CALL_S) as http,
        ):
            parts = construct(settings, database, vault, session, http)
            try:
                yield parts
            finally:
                await parts.slacks.drain(settings.shutdown_grace_s)
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
        adapters=tracing.watched(settings.registry.adapters(http)),
        slacks=Slacks(settings, database, vault, session),
        http=http,
    )
    services = _services(base)
    edge = _slack(base, services)
    renderer = Renderer(database, services.catalog.platform, services.readers)
    scheduler = Scheduler()
    serving, alive, monitoring = _web(base, services, edge, scheduler)
    return Parts(
        settings=settings,
        database=database,
        vault=vault,
        adapters=base.adapters,
        slacks=base.slacks,
        connections=services.connections,
        disconnections=services.disconnections,
        refresher=services.refresher,
        tokens=services.tokens,
        ladder=services.ladder,
        incidents=services.incidents,
        operator=services.operator,
        watch=services.watch,
        responses=services.responses,
        routes=edge.routes,
        dispatcher=edge.dispatcher,
        bolt=edge.bolt,
        scheduler=scheduler,
        renderer=renderer,
        notices=OutboxSender(
            database,
            base.slacks,
            renderer,
            between=timedelta(seconds=settings.slack_message_interval_s),
            listeners={Listener.INCIDENT_CARDS: CardDelivery(services.incidents.cards)},
        ),
        sweeper=Sweeper(database, vault, services.disconnections),
        web=serving,
        alive=alive,
        monitoring=monitoring,
    )


def _services(base: Base) -> Services:
    """Construct what the product does."""
    database, vault, adapters = base.database, base.vault, base.adapters
    catalog = PlatformCatalog(base.settings.platforms())
    incidents = IncidentService(catalog, vault)
    reader = CardReader(catalog)
    digests = Digests(catalog, reader, vault)
    escalation = Escalation(incidents.cards, incidents.reviews, PATIENCE)
    operator = OperatorPager(database, base.settings.operator_channel)
    refresher = Refresher(catalog, adapters, database, vault, Reports(incidents=incidents, operator=operator))
    tokens = FreshTokens(catalog, refresher, database, vault)
    disconnections = Disconnections(
        catalog=catalog,
        adapters=adapters,
        tokens=tokens,
        incidents=incidents,
        database=database,
        vault=vault,
    )
    connections = Connections(
        public_url=base.settings.public_url,
        catalog=catalog,
        disconnections=disconnections,
        tokens=tokens,
        incidents=incidents,
        adapters=adapters,
        database=database,
        vault=vault,
    )
    return Services(
        catalog=catalog,
        incidents=incidents,
        refresher=refresher,
        tokens=tokens,
        disconnections=disconnections,
        connections=connections,
        deauthorizations=Deauthorizations(
            catalog=catalog, incidents=incidents, database=database, vault=vault
        ),
        ladder=Ladder(catalog, incidents, database, vault),
        watch=IncidentWatch(escalation, digests, database),
        operator=operator,
        responses=IncidentResponses(incidents.cards, reader, database),
        readers={
            CardNotification: reader.card,
            Digest: digests.read,
            OutdatedCard: reader.outdated,
            ReconnectRequest: reader.request,
        },
    )


def _slack(base: Base, services: Services) -> SlackEdge:
    """Construct the stories, and the way from Slack to them."""
    database, vault, incidents = base.database, base.vault, services.incidents
    routes = Routes()
    accounts = AccountsStory(
        connections=services.connections,
        disconnections=services.disconnections,
        tokens=services.tokens,
        adapters=base.adapters,
        health=HealthReader(database),
        database=database,
        vault=vault,
    )
    lifecycle = Lifecycle(incidents, database, vault, base.slacks)
    home = Home(accounts, base.slacks, database)
    for story in (
        Connect(services.connections, home, database, vault),
        accounts,
        IncidentStory(accounts, services.responses),
        AlertsStory(incidents, database),
        Doctor(accounts, services.catalog),
        OrganizationStory(incidents, database),
        ChannelStory(database),
        InvitationStory(home, database),
        JoinCodeStory(database),
        Help(routes, services.catalog, base.settings),
        home,
        lifecycle,
    ):
        story.register(routes)
    dispatcher = Dispatcher(routes, database, base.slacks)
    signing_secret = base.settings.slack_signing_secret.get_secret_value()
    return SlackEdge(
        routes=routes,
        home=home,
        lifecycle=lifecycle,
        dispatcher=dispatcher,
        bolt=bolt_app(signing_secret, dispatcher),
    )


def _web(
    base: Base, services: Services, slack: SlackEdge, scheduler: Scheduler
) -> tuple[web.Application, web.Application, web.Application]:
    """Construct what is served: everything; only that the process is alive; what monitoring reads."""
    settings, database, vault = base.settings, base.database, base.vault
    pages, cookies = Pages(settings), Cookies(secure=settings.secure)
    connect_pages = ConnectPages(
        settings=settings,
        platforms=settings.platforms(),
        connections=services.connections,
        database=database,
        vault=vault,
        home=slack.home,
        later=slack.dispatcher.later,
        sign_in=SignInWithSlack(settings, base.slacks, base.http),
        pages=pages,
        cookies=cookies,
    )
    install_pages = InstallPages(
        settings=settings,
        connections=services.connections,
        database=database,
        slacks=base.slacks,
        lifecycle=slack.lifecycle,
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
    for served in (events, pages, connect_pages, install_pages, callbacks, health):
        serving.add_routes(served.routes())
    alive.add_routes(health.routes())
    monitoring.add_routes(health.monitoring_routes())
    return serving, alive, monitoring
