"""The simulated world and the app in one process: what `octapost sandbox` runs."""

from __future__ import annotations

import errno
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn

from bot import app, process
from sandbox.tour import Tour
from sandbox.world import World

console = Console()


class PortRefused(Exception):
    """The simulated Slack can't listen on its port. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """A running sandbox: the simulated world, and the app."""

    world: World
    app: process.Running
    public_url: str


@asynccontextmanager
async def playground(
    *,
    port: int = 0,
    data: Path,
    extra: dict[str, str] | None = None,
    work: bool = True,
    world: World | None = None,
    settings_from: app.ReadSettings = app.settings_from,
    monitoring_listener: socket.socket | None = None,
) -> AsyncIterator[Playground]:
    """Start Slack on `port` (0: a free one), the platforms and the app; stop them at the end.

    `extra` overrides settings of the app, by their environment names. `world` and `settings_from` let a test use other
    platforms. Readiness and metrics are served on `monitoring_listener`, if it is given.

    Raises:
        PortRefused: `port` is taken, or can't be opened.

    """
    world = world or World()
    with bound(port + 1 if port else 0) as listener:
        public_url = f"http://localhost:{listener.getsockname()[1]}"
        try:
            await world.start(port=port, app_url=public_url)
        except OSError as error:
            reason = "is in use by another process" if error.errno == errno.EADDRINUSE else "can't be opened"
            raise PortRefused(f"Port {port} {reason}. Choose another one with --port.") from None
        try:
            env = world.env(public_url, data) | (extra or {})
            async with process.run(
                settings_from(env), listener=listener, monitoring_listener=monitoring_listener, work=work
            ) as running:
                if work:
                    world.after_time.append(running.parts.scheduler.run_all_now)
                yield Playground(world=world, app=running, public_url=public_url)
        finally:
            await world.stop()


async def stay(port: int) -> int:
    """Run the sandbox until it is interrupted; return the exit status."""
    stop = process.shutdown_event()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="octapost-")))
        process.set_log_level("WARNING")
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True
        ) as bar:
            bar.add_task("Starting a Slack, seven platforms and Octapost …")
            found = await stack.enter_async_context(playground(port=port, data=folder))
        where = found.world.slack.url
        console.print(
            Panel(
                f"Open [bold]{where}[/bold]\n\nEverything is forgotten when you stop it.\nStop with Ctrl-C.",
                title="Octapost sandbox",
            )
        )
        await stop.wait()
    return 0


async def play(port: int) -> int:
    """Play the tour in the terminal; return 0, or 1 if a step failed."""
    process.set_log_level()
    with tempfile.TemporaryDirectory(prefix="octapost-") as folder:
        async with playground(port=port, data=Path(folder)) as found:
            return await Tour(found.world, console).play()


def bound(wanted: int = 0) -> socket.socket:
    """Return a socket bound to the port `wanted` of this machine, or to a free one if that is taken."""
    for candidate in (wanted, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError("no free port")
