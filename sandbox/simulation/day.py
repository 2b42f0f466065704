"""One simulated day: what happens is drawn from the seed, then it is lived through, then it is judged."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from sqlmodel import text

from bot.services.posts.contents import dump
from sandbox.simulation.clock import VirtualLoop, now
from sandbox.simulation.happenings import HOUR_S, Happenings
from sandbox.simulation.installation import opened
from sandbox.simulation.judging import Evidence, judge
from sandbox.simulation.machine import HERE, Machine, Troubles, task_factory
from sandbox.simulation.orders import drawn
from sandbox.simulation.people import People
from sandbox.simulation.venue import Scene
from sandbox.simulation.witness import Witness, moment
from storage.models import DeliveryStatus, new_id
from storage.posts import NewPost, Posts, Target

if TYPE_CHECKING:
    from adapters.base import Outgoing, Step
    from sandbox.simulation.installation import Installation
    from sandbox.simulation.orders import Order
    from sandbox.simulation.venue import Key
    from storage.engine.db import Database

LONGEST_S = 6 * 24 * HOUR_S
"""After so long everything is out, or has ended."""
TICK_S = 1.0
FINAL = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)
_IN_FRONT = (
    "SELECT 1 FROM delivery WHERE status IN ('late', 'failed') OR (status = 'unknown' AND asks) LIMIT 1"
)
_DELIVERIES = (
    "SELECT MIN(MAX(work_at, COALESCE(lease_until, work_at))) FROM delivery WHERE work_at IS NOT NULL"
)
_GRANTS = "SELECT MIN(MAX(due_at, COALESCE(lease_until, due_at))) FROM grant_ WHERE due_at IS NOT NULL"
_HOLDS = "SELECT MIN(held_until) FROM account"
"""When there is work next."""


@dataclass(kw_only=True)
class Report:
    """What became of a day."""

    seed: int
    violations: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lasted_s: float = 0.0


class Day:
    """A day while it is lived through."""

    def __init__(self, seed: int, installation: Installation, folder: Path) -> None:
        self.seed = seed
        self._rng = rng = Random(seed)  # noqa: S311 - to be repeatable is the point
        self._installation = installation
        self._path = folder / f"{seed}.sqlite3"
        self.report = Report(seed=seed)
        quiet = rng.random() < 0.15
        self.scene = Scene(
            rng=rng,
            trouble=0.0 if quiet else rng.choice((0.05, 0.2, 0.5)),
            tell=self.tell,
            sending=self._sees,
            violate=self.violate,
        )
        self.troubles = Troubles(rng=rng)
        self._jumps: list[tuple[float, float]] = []
        """When the host's clock is set, and by how many seconds."""
        if not quiet:
            self._draw_troubles()
        self._machines: list[Machine] = []
        self._sleepers: dict[asyncio.Future[None], None] = {}  # a set has no order, and order is everything
        self._reader: sqlite3.Connection
        self._office: Database
        self._over: asyncio.Event
        self.people: People
        self.witness: Witness

    def _draw_troubles(self) -> None:
        rng, troubles = self._rng, self.troubles
        troubles.breath_s = rng.choice((0.02, 0.02, 0.5))
        troubles.deaths = sorted(rng.randrange(1, 2500) for _ in range(rng.choice((0, 1, 2, 4, 8))))
        troubles.stalls = {
            rng.randrange(1, 2500): rng.choice((20.0, 90.0, 400.0)) for _ in range(rng.choice((0, 0, 1, 2)))
        }
        for _ in range(rng.choice((0, 0, 1, 2))):
            begins = rng.uniform(0, 8 * HOUR_S)
            troubles.away.append((begins, begins + rng.choice((2.0, 30.0, 300.0))))
        for platform in self._installation.publishers:
            if rng.random() < 0.15:
                begins = rng.uniform(0, 6 * HOUR_S)
                self.scene.outages[platform] = (begins, begins + rng.choice((120.0, 1800.0, 3 * HOUR_S)))
        if not troubles.stalls and rng.random() < 0.15:
            for _ in range(rng.choice((1, 2, 4))):
                self._jumps.append((rng.uniform(0, 8 * HOUR_S), rng.choice((-300.0, -5.0, 5.0, 90.0, 300.0))))
        self.scene.calm = not (troubles.stalls or troubles.away or self._jumps)

    def steps(self, order: Order) -> tuple[Step, ...]:
        """Return the calls that publish a post, in order."""
        publisher = self._installation.publishers[order.kind.platform]
        return publisher.steps(order.kind.marked(order.number, order.version))

    def tell(self, what: str) -> None:
        """Write down what happened, for whoever has to understand a failure."""
        self.report.history.append(f"{now():%d %H:%M:%S.%f} {what}")

    def live(self) -> Report:
        """Live through the day and judge it; return the report."""
        random.seed(self.seed)  # the jitter of the product's pauses
        self._path.write_bytes(self._installation.template)
        try:
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                loop = runner.get_loop()
                loop.set_task_factory(task_factory)  # type: ignore[arg-type]
                loop.set_exception_handler(lambda *_: None)  # tasks of the dead
                runner.run(self._live())
                self.report.lasted_s = loop.time()
        finally:
            for file in self._path.parent.glob(f"{self.seed}.sqlite3*"):
                file.unlink()
        return self.report

    async def _live(self) -> None:
        self._office = opened(self._path)
        self._reader = sqlite3.connect(self._path, isolation_level=None)
        self._over = asyncio.Event()
        self.people = People(self._installation, self.scene, self._office, self._anything_in_front)
        self.witness = Witness(
            installation=self._installation, scene=self.scene, people=self.people, reader=self._reader
        )
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._schedule()
            tasks = [
                asyncio.create_task(self._keep_running(f"m{n}")) for n in range(self._rng.choice((1, 2, 2)))
            ]
            happenings = Happenings(
                installation=self._installation,
                scene=self.scene,
                people=self.people,
                office=self._office,
                wake=self._wake,
            )
            tasks += [asyncio.create_task(self.people.live()), *happenings.begin(self._jumps)]
            await self._until_all_is_over()
        finally:
            for machine in self._machines:
                machine.die()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            evidence = Evidence(
                scene=self.scene,
                asked=self.people.asked,
                steps=self.steps,
                violate=self.violate,
                counts=self.report.counts,
            )
            if not self.report.violations:
                await judge(evidence, self._office)
            self.report.counts["deaths"] += self.troubles.died
            self._reader.close()
            await self._office.close()

    async def _schedule(self) -> None:
        rng, ours = self._rng, self._installation
        orders = drawn(rng, rng.randrange(6, 15))
        self.scene.orders = {order.number: order for order in orders}
        for order in orders:
            content = order.kind.marked(order.number, order.version)
            due_at = now() + timedelta(seconds=rng.uniform(0, 8 * HOUR_S))
            target = Target(
                account_id=ours.accounts[order.kind.account],
                due_at=due_at,
                content=dump(content),
                place=str(order.number),
            )
            new = NewPost(draft_id=new_id("drf"), author=ours.membership_id, text=str(order.number))
            order.delivery_id = f"dlv_{order.number:04d}"
            async with self._office.system() as session:
                post = await Posts(session).schedule(ours.organization_id, new, [target])
                order.post_id = post.id
                # Ids decide about order among equals, and have to be the same every time.
                renamed = text("UPDATE delivery SET id = :id WHERE post_id = :post")
                await (await session.connection()).execute(
                    renamed, {"id": order.delivery_id, "post": post.id}
                )
        self.report.counts["deliveries"] += len(orders)

    # Machines

    async def _keep_running(self, name: str) -> None:
        """Run a process, and another one whenever it has died."""
        rng, number = self._rng, 0
        await asyncio.sleep(rng.choice((0.0, 0.0, 0.0, rng.uniform(0, 4 * HOUR_S))))
        while True:
            number += 1
            machine = Machine(
                name=f"{name}.{number}", troubles=self.troubles, on_commit=self._wake, tell=self.tell
            )
            self._machines.append(machine)
            HERE.set(machine)
            process = asyncio.create_task(self._run(machine))
            HERE.set(None)
            await asyncio.wait([process])
            machine.die()
            if not process.cancelled() and (error := process.exception()) is not None:
                self.tell(f"{machine.name} fails: {error!r}")
            await asyncio.sleep(rng.choice((0.5, 5.0, 90.0, 1200.0)))

    async def _run(self, machine: Machine) -> None:
        database = opened(self._path, machine)
        engine, refresher, holds = self._installation.engine(database, self.scene)
        while machine.alive:
            try:
                if self._due_in_s(_GRANTS) <= 0:
                    await refresher.run()
                if self._due_in_s(_HOLDS) <= 0:
                    await holds.run()
                await engine.run()
            except Exception as error:  # noqa: BLE001 - as the scheduler does: the next second tries again
                self.tell(f"{machine.name}: {type(error).__name__}")
            await self._until_due(machine)

    async def _until_due(self, machine: Machine) -> None:
        """Return when there may be work: the product looks every second, most of the time in vain."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            if not machine.alive or (due_in := self._due_in_s(_DELIVERIES, _GRANTS, _HOLDS)) <= 0:
                return
            sleeper = loop.create_future()
            self._sleepers[sleeper] = None
            timer = loop.call_later(min(due_in, HOUR_S), _wake_up, sleeper)
            try:
                await sleeper
            finally:
                timer.cancel()
                self._sleepers.pop(sleeper, None)

    def _due_in_s(self, *questions: str) -> float:
        """Return in how many seconds there is work, at the most an hour."""
        found = [at for each in questions for (at,) in self._reader.execute(each) if at is not None]
        return min([(moment(at) - now()).total_seconds() + 0.001 for at in found], default=HOUR_S)

    def _wake(self) -> None:
        for sleeper in list(self._sleepers):
            _wake_up(sleeper)

    async def _until_all_is_over(self) -> None:
        loop = asyncio.get_running_loop()
        final = ", ".join(f"'{status}'" for status in FINAL)
        left = f"SELECT COUNT(*) FROM delivery WHERE status NOT IN ({final})"  # noqa: S608 - our own words
        calm = 0
        while loop.time() < LONGEST_S:
            with suppress(TimeoutError):
                async with asyncio.timeout(HOUR_S / 2):
                    await self._over.wait()
            if self._over.is_set():
                return
            quiet = not self._reader.execute(left).fetchone()[0] and loop.time() > 8 * HOUR_S
            calm = calm + 1 if quiet else 0
            if calm > 2 and not any(trace.under_way for trace in self.scene.traces.values()):
                return

    def _anything_in_front(self) -> bool:
        """Return whether a person has something to decide."""
        return self._reader.execute(_IN_FRONT).fetchone() is not None

    # While it is lived through

    def _sees(self, order: Order, key: Key, outgoing: Outgoing) -> None:
        self.witness.sees(order, key, outgoing)

    def violate(self, what: str) -> None:
        """Write down that something happened that must never happen. The day is over then."""
        self.tell(f"VIOLATION: {what}")
        self.report.violations.append(what)
        self._over.set()


def _wake_up(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
