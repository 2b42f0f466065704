"""The whole world and the app in one process: what `octapost sandbox` runs."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn

from bot import app
from sandbox.tour import Tour
from sandbox.world import World

console = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """A running sandbox: the world, and the app that lives in it."""

    world: World
    app: app.Running
    public_url: str


@asynccontextmanager
async def playground(
    *, port: int = 0, data: Path, extra: dict[str, str] | None = None, work: bool = True
) -> AsyncIterator[Playground]:
    """Start Slack on `port` (0: a free one), the platforms and the app; stop them at the end.

    `extra` overrides settings of the app, by their environment names.
    """
    world = World()
    bot_port = free_port(port + 1 if port else 0)
    public_url = f"http://localhost:{bot_port}"
    await world.start(port=port, app_url=public_url)
    try:
        env = world.env(public_url, data) | (extra or {})
        async with app.run(app.settings_from(env), port=bot_port, work=work) as running:
            yield Playground(world=world, app=running, public_url=public_url)
    finally:
        await world.stop()


async def stay(port: int, data: Path | None) -> int:
    """Run the sandbox until it is interrupted; return the exit status."""
    async with AsyncExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="octapost-")))
        folder.mkdir(parents=True, exist_ok=True)
        app.quiet("WARNING")
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True
        ) as bar:
            bar.add_task("Starting a Slack, seven platforms and Octapost …")
            found = await stack.enter_async_context(playground(port=port, data=folder))
        where = found.world.slack.url
        kept = f"The database is kept in {data}." if data else "Everything is forgotten when you stop it."
        console.print(
            Panel(f"Open [bold]{where}[/bold]\n\n{kept}\nStop with Ctrl-C.", title="Octapost sandbox")
        )
        await app.until_signalled()
    return 0


async def play(port: int) -> int:
    """Play the tour in the terminal; return 0, or 1 when a step failed."""
    app.quiet()
    with tempfile.TemporaryDirectory(prefix="octapost-") as folder:
        async with playground(port=port, data=Path(folder)) as found:
            return await Tour(found.world, console).play()


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nobody listens there, else a free port of this machine."""
    for candidate in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")
