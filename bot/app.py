"""The composition root: the only module that constructs things and, with `settings`, reads the environment."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from adapters import registry
from adapters.http import LONGEST_CALL_S
from bot.jobs.clock import Clock
from bot.jobs.sweep import Sweeper
from bot.ops import logs, tracing
from bot.ops.http import Carrier, Forgetful, open_session
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.connecting import Connections
from bot.services.accounts.deauthorizing import Deauthorizations
from bot.services.accounts.diagnosis import HealthReader
from bot.services.accounts.disconnecting import Disconnections
from bot.services.incidents.cards import FALLBACK
from bot.services.incidents.incidents import Incidents
from bot.services.incidents.operator_alerts import Operator
from bot.services.incidents.reminders import Ladder
from bot.services.incidents.watch import IncidentWatch
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.refreshing import Refresher
from bot.settings import PREFIX, PROXIES_UNKNOWN, ConfigurationError, Settings
from bot.slack.clients import Slacks
from bot.slack.deadline import ANSWER_WITHIN_S
from bot.slack.dispatch import Dispatcher
from bot.slack.routes import Routes
from bot.slack.sender import NoticeSender
from bot.slack.socket_mode import SocketMode
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
from bot.web.listeners import Address, listen, monitored
from bot.web.openid import SignInWithSlack
from bot.web.pages import Pages, headers_of
from bot.web.server import Runner
from bot.web.slack_events import SlackEvents
from bot.web.webhooks import PlatformCallbacks
from storage.engine.db import ANSWERED_WITHIN, Database
from storage.engine.roles import RoleFault, faults
from storage.vault import KeyRing, Vault, check_canaries

if TYPE_CHECKING:
    import socket as net

    from adapters.base import Adapter

log = logs.logger(__name__)
NOTICE_INTERVAL = timedelta(seconds=1)
REFRESH_INTERVAL = timedelta(seconds=1)
"""What is due comes evenly; looked for less often, it would be done in bursts."""
LADDER_INTERVAL = timedelta(minutes=10)
INCIDENT_INTERVAL = timedelta(seconds=30)
SWEEP_INTERVAL = timedelta(minutes=10)


ONE_PROCESS = "several processes share a PostgreSQL: set OCTAPOST_DATABASE_URL"
ROLE_FAULTS = {
    RoleFault.ABOVE_POLICIES: (
        "PostgreSQL does not apply row-level security to this role: it is a superuser or has BYPASSRLS, so that"
        " nothing but the code keeps the organizations apart. Use an ordinary role that owns nothing."
    ),
    RoleFault.OWNER: (
        "This role owns the tables, so whoever has its password can switch row-level security off and rewrite"
        " the audit trail. Hand the tables over to a role of their own: docs/operating.md, Two roles."
    ),
}
OWNERS_URL = "only `octapost db upgrade` needs it: do not give it to a process that runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that was constructed, for whoever drives the application from outside."""

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
    incidents: Incidents
    watch: IncidentWatch
    routes: Routes
    dispatcher: Dispatcher
    bolt: AsyncApp
    clock: Clock
    alive: web.Application
    """What a process without the web serves: only that it is alive."""
    monitoring: web.Application
    """Readiness and metrics, for the operator's own machines."""
    web: web.Application


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An application that serves and works until its context ends."""

    parts: Parts
    url: str
    """Where it listens, as seen from this machine."""
    monitoring_url: str | None
    """Where readiness and metrics are, as seen from this machine; None where they are off."""


def quiet(level: str = "ERROR") -> None:
    """Let the process's log speak only from `level` on: for whoever starts us beside a terminal."""
    logs.configure(level)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return who is believed to be who they say: certifi's authorities, whatever the machine has."""
    return httpx.create_ssl_context(trust_env=False)


def settings_from(env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in `env`, by default the process's environment, which holds them no longer then.

    A child process inherits none of them, and nothing that prints the environment shows a key.
    """
    if env is not None:
        return Settings.from_env(env)
    try:
        return Settings.from_env(os.environ)
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
    """Wire the parts together."""
    adapters = tracing.watched(registry.adapters(http))
    platforms = settings.platforms()
    slacks = Slacks(settings, database, vault, session)
    catalog = PlatformCatalog(platforms)
    operator = Operator(catalog, database, settings.operator_channel)
    incidents = Incidents(catalog, vault, operator)
    refresher = Refresher(catalog, adapters, database, vault, incidents)
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
        public_url=settings.public_url,
        catalog=catalog,
        disconnections=disconnections,
        tokens=tokens,
        incidents=incidents,
        adapters=adapters,
        database=database,
        vault=vault,
    )
    routes = Routes()
    accounts = AccountsStory(
        connections=connections,
        disconnections=disconnections,
        tokens=tokens,
        adapters=adapters,
        health=HealthReader(database),
        database=database,
        vault=vault,
    )
    lifecycle = Lifecycle(incidents, database, vault, slacks)
    home = Home(accounts, slacks, database)
    Connect(connections, home, database, vault).register(routes)
    accounts.register(routes)
    IncidentStory(accounts, incidents, database).register(routes)
    AlertsStory(incidents, database).register(routes)
    Doctor(accounts, catalog).register(routes)
    OrganizationStory(incidents, database).register(routes)
    ChannelStory(database).register(routes)
    InvitationStory(home, database).register(routes)
    JoinCodeStory(database).register(routes)
    Help(routes, catalog, settings).register(routes)
    home.register(routes)
    lifecycle.register(routes)
    dispatcher = Dispatcher(routes, database, slacks)
    bolt = AsyncApp(
        name="slack_bolt",  # of its loggers; without one Bolt reads the whole stack's source files to find one
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        authorize=_NoToken(),  # type: ignore[no-untyped-call]
        process_before_response=True,
        # Bolt's own checks that find nothing here: `SlackEvents` has verified the signature, nobody is
        # asked whose token it is, and there are no workflow steps.
        ssl_check_enabled=False,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        logger=logging.getLogger("slack_bolt"),
    )
    bolt.use(dispatcher)
    pages, cookies = Pages(settings), Cookies(secure=settings.secure)
    guard = Guard(pages, PageLimits(settings))
    connect_pages = ConnectPages(
        settings=settings,
        platforms=platforms,
        connections=connections,
        database=database,
        vault=vault,
        home=home,
        later=dispatcher.later,
        sign_in=SignInWithSlack(settings, slacks, http),
        pages=pages,
        cookies=cookies,
    )
    install_pages = InstallPages(
        settings=settings,
        connections=connections,
        database=database,
        slacks=slacks,
        lifecycle=lifecycle,
        pages=pages,
        cookies=cookies,
    )
    server = web.Application(middlewares=[guard.middleware])
    events = SlackEvents(bolt, settings.slack_signing_secret.get_secret_value())
    deauthorizations = Deauthorizations(catalog=catalog, incidents=incidents, database=database, vault=vault)
    callbacks = PlatformCallbacks(
        settings=settings, platforms=platforms, deauthorizations=deauthorizations, pages=pages
    )
    clock = Clock()
    overdue_after = timedelta(minutes=settings.refresh_overdue_min)
    health = Health(database, clock, Gauges(database, vault, catalog), overdue_after)
    for served in (events, pages, connect_pages, install_pages, callbacks, health):
        server.add_routes(served.routes())
    alive, monitoring = web.Application(middlewares=[guard.middleware]), web.Application()
    alive.add_routes(health.routes())
    monitoring.add_routes(health.monitoring_routes())
    return Parts(
        settings=settings,
        database=database,
        vault=vault,
        adapters=adapters,
        slacks=slacks,
        connections=connections,
        disconnections=disconnections,
        refresher=refresher,
        tokens=tokens,
        ladder=Ladder(catalog, incidents, database, vault),
        incidents=incidents,
        watch=IncidentWatch(incidents, catalog, database, vault),
        routes=routes,
        dispatcher=dispatcher,
        bolt=bolt,
        clock=clock,
        web=server,
        alive=alive,
        monitoring=monitoring,
    )


@asynccontextmanager
async def run(
    settings: Settings,
    *,
    serve: bool = True,
    work: bool = True,
    socket_mode: bool = False,
    listener: net.socket | None = None,
    monitoring_listener: net.socket | None = None,
) -> AsyncIterator[Running]:
    """Serve and work while the context lasts; on leaving it, finish what has begun within the grace time.

    A process that does not serve Slack and browsers still answers `/livez`. The listeners are sockets that
    are bound already, so that nobody else can be; they count instead of the settings. Raises
    ConfigurationError where another process has one of the ports.
    """
    if socket_mode and settings.slack_app_token is None:
        raise ConfigurationError("OCTAPOST_SLACK_APP_TOKEN: Socket Mode needs an app-level token (xapp-...)")
    address = Address(host=settings.host, port=settings.port, setting="PORT", listener=listener)
    monitoring = Address(
        host=settings.metrics_host,
        port=settings.metrics_port,
        setting="METRICS_PORT",
        listener=monitoring_listener,
    )
    async with (
        _tracing(settings.otel_endpoint),
        parts_of(settings) as parts,
        monitored(parts.monitoring, headers_of(settings), monitoring) as monitoring_url,
    ):
        runner, socket = Runner(parts.web if serve else parts.alive, headers_of(settings)), None
        notices = NoticeSender(
            parts.database,
            parts.slacks,
            between=timedelta(seconds=settings.slack_message_interval_s),
            fallbacks={FALLBACK: parts.incidents.cards},
        )
        try:
            await runner.setup()
            url = await listen(runner, address)
            if work:
                for queue in parts.refresher.queues.values():
                    parts.clock.every(REFRESH_INTERVAL, f"refresh {queue.app}", queue.run)
                parts.clock.every(LADDER_INTERVAL, "ladder", parts.ladder.run)
                parts.clock.every(INCIDENT_INTERVAL, "incidents", parts.watch.run)
                sweeper = Sweeper(parts.database, parts.vault, parts.disconnections)
                parts.clock.every(NOTICE_INTERVAL, "notices", notices.run)
                parts.clock.whenever(parts.database.owes, "notices")
                parts.clock.every(SWEEP_INTERVAL, "sweep", sweeper.run)
                parts.clock.start()
            if socket_mode and settings.slack_app_token is not None:
                socket = SocketMode(
                    parts.bolt,
                    settings.slack_app_token.get_secret_value(),
                    web_client=parts.slacks.without_token(),
                )
                await socket.connect_async()  # type: ignore[no-untyped-call]
            await _warn(settings, parts.database, web=serve, alone=serve and work)
            log.info("ready", url=url, web=serve, jobs=work, database=parts.database.dialect)
            yield Running(parts=parts, url=url, monitoring_url=monitoring_url)
        finally:
            ends = time.monotonic() + settings.shutdown_grace_s

            def left() -> float:
                return max(0.0, ends - time.monotonic())

            parts.refresher.stop()
            notices.stop()
            if socket is not None:
                await socket.stop(min(left(), ANSWER_WITHIN_S))
            await runner.cleanup()
            # All of it goes on meanwhile; whoever is waited for last has had the whole time too.
            await parts.dispatcher.drain(left())
            await parts.clock.stop(left())
            await parts.refresher.drain(left())
            await parts.slacks.drain(left())
            log.info("stopped")


async def _warn(settings: Settings, database: Database, *, web: bool, alone: bool) -> None:
    """Say what a process that starts well nevertheless cannot rely on."""
    if web and settings.proxies_unknown:
        log.warning("all visitors may share one page limit", hint=PROXIES_UNKNOWN)
    if database.dialect == "sqlite" and not alone:
        log.warning("half of the work on SQLite: the other half must open this very file", hint=ONE_PROCESS)
    for fault in await faults(database):
        log.warning("the database's role may do more than it needs", hint=ROLE_FAULTS[fault])
    if settings.database_migration_url is not None:
        log.warning("OCTAPOST_DATABASE_MIGRATION_URL is set", hint=OWNERS_URL)


@asynccontextmanager
async def _tracing(endpoint: str) -> AsyncIterator[None]:
    stop = tracing.start(endpoint)
    try:
        yield
    finally:
        await asyncio.to_thread(stop)


class _NoToken(AsyncAuthorize):
    """Returns no token: handlers open the one they need when they need it.

    Bolt would otherwise look one up for every request, and drop `app_uninstalled` when the token
    was revoked first.
    """

    async def __call__(
        self, *, enterprise_id: str | None, team_id: str | None, **_who: Any
    ) -> AuthorizeResult:
        """Return the workspace, without a token."""
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=None, bot_user_id="", bot_id=""
        )


def asked_to_stop() -> asyncio.Event:
    """Return what is set once the process is asked to stop, from now on: a start that is asked to stop stops too."""
    import signal  # noqa: PLC0415 - only the command line waits for signals

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
