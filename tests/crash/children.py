"""Starting, watching and killing processes."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.crash import publisher, worker
from tests.patience import until

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.publisher"])
ENDS_WITHIN_S = 40.0


class Child:
    """A process of ours, and what it said."""

    def __init__(self, work: Callable[..., None], env: Mapping[str, str], *arguments: Any) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="octapost-crash-")
        self._writes = Path(self.folder.name)
        self._process = CONTEXT.Process(target=work, args=(env, self._writes, *arguments), daemon=True)
        self._process.start()

    @property
    def out(self) -> str:
        """What it wrote to its standard output."""
        return self._written("out")

    @property
    def err(self) -> str:
        """What it wrote to its standard error."""
        return self._written("err")

    def _written(self, name: str) -> str:
        file = self._writes / name
        return file.read_text(errors="replace") if file.exists() else ""

    def said(self) -> str:
        """Return the end of what it wrote, to both."""
        return (self.out + self.err)[-4000:]

    async def ended(self) -> int:
        """Return its exit status once it is over: minus the signal's number if one ended it."""
        await asyncio.to_thread(self._process.join, ENDS_WITHIN_S)
        if self._process.exitcode is None:
            raise TimeoutError(self.said())
        return self._process.exitcode

    def memory(self) -> int:
        """Return the bytes of its resident memory."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()

    async def killed(self) -> None:
        """Kill it with SIGKILL, and return when it is gone."""
        self.kill()
        await self.died()

    async def died(self) -> None:
        """Return when SIGKILL has ended it. Raises if anything else did."""
        status = await self.ended()
        if status != -signal.SIGKILL:
            raise AssertionError(f"ended with {status}: {self.said()}")

    async def rests(self) -> None:
        """Return as soon as a signal has stopped it where it stands."""
        await until(lambda: psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED)

    def goes_on(self) -> None:
        """Let it go on where it was stopped."""
        psutil.Process(self._process.pid).resume()

    async def says(self, words: str) -> None:
        """Return as soon as it has said this."""
        await until(lambda: words in self.said())

    async def stopped(self) -> int:
        """Ask it to stop with SIGTERM; return its exit status."""
        self._process.terminate()
        return await self.ended()

    def close(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(ValueError):
            self._process.kill()
            self._process.join(ENDS_WITHIN_S)
            self._process.close()
        self.folder.cleanup()


@asynccontextmanager
async def octapost(env: Mapping[str, str], *arguments: str) -> AsyncIterator[Child]:
    """Run an `octapost` command until the block ends."""
    child = Child(worker.command, env, *arguments)
    try:
        yield child
    finally:
        child.close()


@asynccontextmanager
async def refreshing(
    env: Mapping[str, str], shift: worker.Shift | None = None, *, processes: int = 1
) -> AsyncIterator[list[Child]]:
    """Run processes that refresh what is due; they are ready when the block begins."""
    ready = CONTEXT.Semaphore(0)
    children = [Child(worker.refresh, env, ready, shift or worker.Shift()) for _ in range(processes)]
    try:
        for _ in children:
            if not await asyncio.to_thread(ready.acquire, timeout=ENDS_WITHIN_S):
                raise TimeoutError("\n".join(child.said() for child in children))
        yield children
    finally:
        for child in children:
            child.close()


@asynccontextmanager
async def publishing(
    env: Mapping[str, str], moment: publisher.Moment | None = None
) -> AsyncIterator[tuple[Child, Callable[[int], Awaitable[None]]]]:
    """Run a process that publishes what is due, and return when so many deliveries have arrived at the moment."""
    arrived = CONTEXT.Semaphore(0)
    child = Child(publisher.publish, env, arrived, moment)

    async def have_arrived(count: int) -> None:
        for _ in range(count):
            if not await asyncio.to_thread(arrived.acquire, timeout=ENDS_WITHIN_S):
                raise TimeoutError(child.said())

    try:
        yield child, have_arrived
    finally:
        child.close()
