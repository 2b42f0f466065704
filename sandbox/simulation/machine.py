"""The processes of an installation, which die, stand still, and lose their database; and the file they share.

A statement runs at once, in the event loop's own thread. So what happens in which order depends on the seed alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from sandbox.simulation.clock import now
from storage.engine.sqlite import BUSY, BUSY_MS, SQLITE_SETTINGS, SqliteConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from datetime import datetime
    from random import Random

LOCKED_PAUSE_S = 0.005
"""How long a writer waits before it tries again, while another process writes."""
HERE: ContextVar[Machine | None] = ContextVar("machine", default=None)
"""The machine that a task belongs to. None: nobody's, and nothing happens to it."""


@dataclass(kw_only=True)
class Troubles:
    """What happens to machines on a day."""

    rng: Random
    deaths: list[int] = field(default_factory=list)
    """The steps of all machines, counted together, at which the one that takes it dies; the next one first."""
    stalls: dict[int, float] = field(default_factory=dict)
    """The steps at which the machine stands still, and for how many seconds."""
    away: list[tuple[float, float]] = field(default_factory=list)
    """From when to when nobody can reach the database, by the loop's time."""
    breath_s: float = 0.02
    """How long a step may take."""
    steps: int = 0
    died: int = 0
    """How many machines have died."""


@dataclass(kw_only=True, eq=False)
class Machine:
    """One process: its tasks, and its connections to the database."""

    name: str
    troubles: Troubles
    on_commit: Callable[[], None]
    tell: Callable[[str], None]
    alive: bool = True
    stalled_until: float = 0.0
    connections: list[InlineConnection] = field(default_factory=list)
    tasks: dict[asyncio.Task[Any], None] = field(default_factory=dict)

    async def breathe(self) -> None:
        """Take a step: time may pass for others, and this process may stand still or die here.

        Raises:
            asyncio.CancelledError: The process is dead.

        """
        troubles, loop = self.troubles, asyncio.get_running_loop()
        if self.alive:
            troubles.steps += 1
            if troubles.deaths and troubles.deaths[0] <= troubles.steps:
                troubles.deaths.pop(0)
                troubles.died += 1
                self.die()
            elif span := troubles.stalls.pop(troubles.steps, 0.0):
                self.tell(f"{self.name} stands still for {span:.0f} s")
                self.stalled_until = loop.time() + span
            elif troubles.rng.random() < 0.1:
                await asyncio.sleep(troubles.rng.random() * troubles.breath_s)
        if self.alive and (span := self.stalled_until - loop.time()) > 0:
            await asyncio.sleep(span)
        if not self.alive:
            raise asyncio.CancelledError

    def die(self) -> None:
        """End as if killed: what was not committed is undone, and nothing runs any more."""
        if not self.alive:
            return
        self.alive = False
        self.tell(f"{self.name} dies")
        for connection in self.connections:
            connection.cut()
        here = asyncio.current_task()
        for task in list(self.tasks):
            if task is not here:
                task.cancel()

    @property
    def cut_off(self) -> bool:
        """Whether the database cannot be reached now."""
        at = asyncio.get_running_loop().time()
        return any(begins <= at < ends for begins, ends in self.troubles.away)


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
) -> asyncio.Task[Any]:
    """Return a task that ends with the machine whose task has made it."""
    task = asyncio.Task(work, loop=loop, **more)
    if (machine := HERE.get()) is not None:
        machine.tasks[task] = None
        task.add_done_callback(lambda done: machine.tasks.pop(done, None))
    return task


class InlineConnection(SqliteConnection):
    """A connection without a thread, on the simulated clock."""

    def __init__(self, path: str, machine: Machine | None) -> None:
        super().__init__(path)
        self._machine = machine
        self._waits_ms = BUSY_MS  # SQLite itself must not wait: nobody else could run meanwhile

    def __await__(self) -> Generator[Any, None, Self]:
        return self._opened().__await__()

    async def _opened(self) -> Self:
        made = self._connection = self._connector()
        made.create_function("strftime", -1, _strftime)
        if self._machine is not None:
            self._machine.connections.append(self)
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        machine = self._machine
        if machine is not None:
            await machine.breathe()
            if machine.cut_off:
                raise sqlite3.OperationalError("disk I/O error")
        left = BUSY / timedelta(seconds=LOCKED_PAUSE_S)
        while True:
            if not self._running or self._connection is None:
                raise ValueError("Connection closed")
            try:
                result = fn(*args, **kwargs)
                break
            except sqlite3.OperationalError as error:
                left -= 1
                if "locked" not in str(error) or left <= 0:
                    raise
            await asyncio.sleep(LOCKED_PAUSE_S)
        if machine is not None:
            await machine.breathe()
        return result

    async def commit(self) -> None:
        """Commit, and let everybody who waits for work look again."""
        await super().commit()
        if self._machine is not None:
            self._machine.on_commit()

    def stop(self) -> None:
        """Close the connection."""
        self.cut()

    def cut(self) -> None:
        """Close the connection in whatever state it is: its transaction is undone."""
        self._running = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Opener:
    """Opens connections to the simulated file for one machine, or for those to whom nothing happens."""

    def __init__(self, path: str, machine: Machine | None = None) -> None:
        self._path = path
        self._machine = machine

    async def __call__(self, *, reads: bool, synchronous: str = "FULL") -> SqliteConnection:  # noqa: ARG002
        """Return an open connection. The machine below it never loses power, so nothing is flushed to the disk."""
        connection = await InlineConnection(self._path, self._machine)
        raw = connection._conn  # noqa: SLF001 - opened here, before anything can happen to the machine
        for setting in (*SQLITE_SETTINGS, "PRAGMA synchronous = OFF", "PRAGMA busy_timeout = 0"):
            raw.execute(setting)
        if reads:
            raw.execute("PRAGMA query_only = ON")
        return connection


def _strftime(form: str, *moment: str) -> str:
    """Return what SQLite's function of this name returns, for the few forms that are used, by the simulated clock."""
    at = now()
    if moment[0] != "now":
        raise ValueError(moment)
    if len(moment) > 1:
        at += timedelta(seconds=float(moment[1].removesuffix(" seconds")))
    return _written(form, at.replace(microsecond=at.microsecond // 1000 * 1000))


@lru_cache(maxsize=1000)
def _written(form: str, at: datetime) -> str:
    if form == "%s":
        return str(int(at.timestamp()))
    return at.isoformat(" ", "milliseconds").removesuffix("+00:00")
