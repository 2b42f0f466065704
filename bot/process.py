"""A running process: it serves requests and runs jobs until it is told to stop, then finishes work in progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.app import parts_of
from bot.ops import logs, tracing
from bot.ops.start_checks import warn_about_database
from bot.settings import PROXIES_UNKNOWN, ConfigurationError, Settings
from bot.slack.dispatch.deadline import ANSWER_WITHIN_S
from bot.web.listeners import Address, listen, monitored
from bot.web.pages import headers_of
from bot.web.server import Runner

if TYPE_CHECKING:
    import socket as net

    from bot.parts import Parts
    from bot.slack.socket_mode import SocketMode

log = logs.logger(__name__)
NOTICE_INTERVAL = timedelta(seconds=1)
REFRESH_INTERVAL = timedelta(seconds=1)
"""Refreshes fall due evenly. With a longer interval they would be done in bursts."""
DELIVERY_INTERVAL = timedelta(seconds=1)
HOLD_INTERVAL = timedelta(seconds=15)
REMINDER_INTERVAL = timedelta(minutes=10)
INCIDENT_INTERVAL = timedelta(seconds=30)
CHECK_INTERVAL = timedelta(seconds=15)
WATCH_INTERVAL = timedelta(seconds=30)
BEAT_INTERVAL = timedelta(minutes=1)
LOOK_INTERVAL = timedelta(seconds=30)
REVOCATION_INTERVAL = timedelta(seconds=15)
SWEEP_INTERVAL = timedelta(minutes=10)
SETTLED_AFTER = timedelta(seconds=30)
"""When a process that has started does what can wait: it first answers, refreshes tokens and sends messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An application that serves requests and runs jobs until its context ends."""

    parts: Parts
    url: str
    """Where it listens, as seen from this machine."""
    monitoring_url: str | None
    """Where readiness and metrics are, as seen from this machine; None if they are off."""


def set_log_level(level: str = "ERROR") -> None:
    """Log only events of at least this level, for programs that write their own output to the terminal."""
    logs.configure(level)


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
    """Serve requests and run jobs while the context lasts, then finish work in progress within the grace time.

    A process that does not serve Slack and browsers still answers `/livez`. A listener is a socket that is bound
    already, so that no other process can take its port; it replaces the setting.

    Raises:
        ConfigurationError: A port is taken, or a setting or package is missing for Socket Mode or traces.

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
        process = _Process(parts, Runner(parts.web if serve else parts.alive, headers_of(settings)))
        try:
            await process.runner.setup()
            url = await listen(process.runner, address)
            if work:
                process.start_jobs()
            if socket_mode:
                await process.connect()
            if serve and settings.proxies_unknown:
                log.warning("start.proxies_unknown", hint=PROXIES_UNKNOWN)
            for doubt in settings.doubts():
                log.warning("start.setting_looks_wrong", hint=doubt)
            await warn_about_database(
                parts.database,
                whole=serve and work,
                migration_url=settings.database_migration_url is not None,
            )
            log.info("start.ready", url=url, web=serve, jobs=work, database=parts.database.dialect)
            yield Running(parts=parts, url=url, monitoring_url=monitoring_url)
        finally:
            await process.stop()


class _Process:
    """The parts of a running process, and the order in which they start and stop."""

    def __init__(self, parts: Parts, runner: Runner) -> None:
        self.runner = runner
        self._parts = parts
        self._socket: SocketMode | None = None

    def start_jobs(self) -> None:
        """Start all jobs."""
        parts, scheduler, restoring = self._parts, self._parts.scheduler, self._parts.posts.restoring
        for queue in parts.refresher.queues.values():
            scheduler.every(REFRESH_INTERVAL, f"refresh {queue.app}", queue.run)
        scheduler.every(
            REMINDER_INTERVAL, "expiry reminders", parts.expiry_reminders.run, first_after=SETTLED_AFTER
        )
        scheduler.every(INCIDENT_INTERVAL, "incidents", parts.watch.run, first_after=SETTLED_AFTER)
        scheduler.every(NOTICE_INTERVAL, "notices", parts.notices.run)
        scheduler.trigger_on(parts.database.outbox_signal, "notices")
        scheduler.every(DELIVERY_INTERVAL, "deliveries", restoring.before(parts.posts.delivering.run))
        scheduler.trigger_on(parts.posts.delivering.room, "deliveries")
        scheduler.every(BEAT_INTERVAL, "beats", restoring.run)
        scheduler.every(HOLD_INTERVAL, "holds", parts.posts.holds.run)
        scheduler.every(CHECK_INTERVAL, "post checks", parts.posts.checking.run, first_after=SETTLED_AFTER)
        scheduler.every(WATCH_INTERVAL, "post watch", parts.posts.watching.run, first_after=SETTLED_AFTER)
        scheduler.every(LOOK_INTERVAL, "looks", parts.looking.run, first_after=SETTLED_AFTER)
        scheduler.every(REVOCATION_INTERVAL, "revocations", parts.deletions.work)
        scheduler.every(SWEEP_INTERVAL, "sweep", parts.sweeper.run, first_after=SETTLED_AFTER)
        scheduler.start()

    async def connect(self) -> None:
        """Receive Slack's requests over a WebSocket, too."""
        token = self._parts.settings.slack_app_token
        if token is None:
            return
        from bot.slack.socket_mode import SocketMode  # noqa: PLC0415 - a process that serves HTTP does without

        self._socket = SocketMode(
            self._parts.bolt, token.get_secret_value(), web_client=self._parts.slack_clients.without_token()
        )
        await self._socket.connect_async()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Start no new work, and finish work in progress within the grace time."""
        parts = self._parts
        ends = time.monotonic() + parts.settings.shutdown_grace_s

        def left() -> float:
            return max(0.0, ends - time.monotonic())

        parts.refresher.stop()
        parts.notices.stop()
        if self._socket is not None:
            await self._socket.stop(min(left(), ANSWER_WITHIN_S))
        await self.runner.cleanup()
        # They all run at the same time, so each has the whole grace time, also the one we wait for last.
        await parts.dispatcher.drain(left())
        await parts.scheduler.stop(left())
        await parts.posts.delivering.drain(left())
        await parts.posts.uploading.drain(left())
        await parts.refresher.drain(left())
        await parts.slack_clients.drain(left())
        log.info("stop.done")


@asynccontextmanager
async def _tracing(endpoint: str) -> AsyncIterator[None]:
    try:
        stop = tracing.start(endpoint)
    except ImportError:
        raise ConfigurationError(
            "OCTAPOST_OTEL_ENDPOINT: traces need the packages of the extra `otel`"
        ) from None
    try:
        yield
    finally:
        await asyncio.to_thread(stop)


def shutdown_event() -> asyncio.Event:
    """Return an event that is set when the process is told to stop, even while it is still starting."""
    import signal  # noqa: PLC0415 - only the command line waits for signals

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
