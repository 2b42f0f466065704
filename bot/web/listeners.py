"""The listeners: one for Slack and browsers, one for monitoring."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot.settings import PREFIX, ConfigurationError
from bot.web.open_connections import FEWEST_CONNECTIONS
from bot.web.server import BACKLOG, Runner

if TYPE_CHECKING:
    import socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen, and the setting that it comes from."""

    host: str
    port: int
    setting: str
    listener: socket.socket | None = None
    """A socket that is bound already, so that no other process can take its port. It replaces host and port."""


async def listen(runner: web.AppRunner, address: Address) -> str:
    """Let a runner that was set up listen, and return its URL as seen from this machine.

    Raises:
        ConfigurationError: Another process listens there, or the system refuses the address. It names the setting.

    """
    try:
        if address.listener is not None:
            await web.SockSite(runner, address.listener, backlog=BACKLOG).start()
        else:
            await web.TCPSite(runner, address.host, address.port, backlog=BACKLOG).start()
    except OSError as error:
        where = f"port {address.port} on {address.host}"
        reason = "is in use by another process" if error.errno == errno.EADDRINUSE else "can't be opened"
        raise ConfigurationError(f"{PREFIX}{address.setting}: {where} {reason}. Set another port.") from None
    return f"http://localhost:{runner.addresses[0][1]}"


@asynccontextmanager
async def monitored(
    application: web.Application, headers: Mapping[str, str], address: Address
) -> AsyncIterator[str | None]:
    """Serve the monitoring routes while the context lasts, and yield their URL, or None if they are off."""
    if address.listener is None and not address.port:
        yield None
        return
    runner = Runner(application, headers, limit=FEWEST_CONNECTIONS)
    try:
        await runner.setup()
        yield await listen(runner, address)
    finally:
        await runner.cleanup()
