"""The simulated platforms: they publish what arrives, and answer late, never, or with an error, as the seed says.

What a platform does with a request that arrived is its own: it goes on when the process that sent it dies.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapters.base import (
    Accepted,
    Busy,
    Discovery,
    Expired,
    Finding,
    GrantDead,
    Identity,
    Outcome,
    OutcomeUnknown,
    Place,
    Prepared,
    Receipt,
    Rejected,
    RemoteAccount,
    StepKind,
    TokenRefused,
    Tokens,
)
from sandbox.simulation.fates import FATES, REFUSALS, Fate
from sandbox.simulation.machine import HERE
from sandbox.simulation.orders import Reading, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from random import Random

    from adapters.base import Adapter, Client, Handles, Outgoing, Platform, Publisher, Step
    from sandbox.simulation.machine import Machine
    from sandbox.simulation.orders import Order

Key = tuple[int, str, int]
"""A step of a post: the post's number, and the step's kind and index."""
SLOW_S = 222.0
"""The answer that once made another product publish twice."""
LISTED_WITHIN_S = 240.0
"""How much later than the post itself a platform's list may show it."""
VISIBLE = timedelta(seconds=1)


@dataclass(kw_only=True)
class Trace:
    """What the platforms know about one step of a post."""

    calls: int = 0
    live: list[float] = field(default_factory=list)
    """When it was published, by the loop's time. More than one: doubled."""
    under_way: int = 0
    """Requests that have arrived and are not done with."""
    refused: bool = False
    """Taken, and refused afterwards."""
    misses: int = 0
    """Looks since the last call that did not find it."""
    unreadable: bool = False
    """A look was answered with "you can't see that"."""


@dataclass(kw_only=True)
class Scene:
    """What all platforms share on a day."""

    rng: Random
    trouble: float
    """Which share of requests is in trouble."""
    tell: Callable[[str], None]
    sending: Callable[[Order, Key, Outgoing], None]
    """Checks whether a step may be sent, when it is."""
    orders: dict[int, Order] = field(default_factory=dict)
    traces: defaultdict[Key, Trace] = field(default_factory=lambda: defaultdict(Trace))
    outages: dict[str, tuple[float, float]] = field(default_factory=dict)
    """From when to when a platform answers nothing, by its key."""
    signed_out: set[str] = field(default_factory=set)
    """Accounts whose sign-in has ended at the platform."""
    once_signed_out: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    """Accounts whose sign-in can't be renewed any more; their access tokens work until they end."""
    calm: bool = True
    """No process stands still, the database is there and no clock is set: leases mean what they say."""
    calls: dict[int, tuple[Machine | None, float]] = field(default_factory=dict)
    """The calls under way, by the post's number: whose, and since when by the loop's time."""
    violate: Callable[[str], None]
    valid: dict[str, int] = field(default_factory=dict)
    """The number of the oldest access token that works, by account."""
    counts: Counter[str] = field(default_factory=Counter)

    def out(self, platform: str) -> bool:
        """Tell whether a platform answers nothing now."""
        begins, ends = self.outages.get(platform, (0.0, 0.0))
        return begins <= asyncio.get_running_loop().time() < ends


async def _breathe() -> None:
    if (machine := HERE.get()) is not None:
        await machine.breathe()


class Venue:
    """One platform as the engine sees it: a publisher with the facts and the steps of the real one."""

    def __init__(self, real: Publisher, platform: Platform, scene: Scene) -> None:
        self._real = real
        self._platform = platform
        self._scene = scene

    @property
    def facts(self) -> Any:
        """What the platform takes."""
        return self._real.facts

    def steps(self, content: Any) -> tuple[Step, ...]:
        """Return the calls that publish it, in order."""
        return self._real.steps(content)

    @contextmanager
    def _alone(self, order: Order) -> Iterator[None]:
        """Write down if a post is worked on twice at once, or two posts to one account are."""
        scene, here, at = self._scene, HERE.get(), asyncio.get_running_loop().time()
        for number, (machine, since) in scene.calls.items():
            other = scene.orders[number]
            account = other.kind.account
            lasts = machine is not None and machine.alive and other.freed_at < since
            if (
                account == order.kind.account
                and lasts
                and scene.calm
                and account not in scene.once_signed_out
            ):
                scene.violate(f"{order.number} and {number} are worked on at once for {account}")
        scene.calls[order.number] = (here, at)
        try:
            yield
        finally:
            if scene.calls.get(order.number, (None, 0.0))[0] is here:
                scene.calls.pop(order.number, None)

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload in several parts; go on where an earlier attempt has stopped."""
        order = self._scene.orders[number_of(outgoing.content)[0]]
        with self._alone(order):
            return await self._prepared(order, outgoing, handles)

    async def _prepared(self, order: Order, outgoing: Outgoing, handles: Handles) -> Prepared:
        scene, rng, kept = self._scene, self._scene.rng, dict(handles)
        await self._answers_in(rng.uniform(0.05, 1), outgoing)
        if outgoing.content.all_media and "session" not in kept:
            kept = {"session": f"s{order.number}"}
            await outgoing.keep(kept)
        while outgoing.content.all_media and int(kept.get("part", "0")) < 3:
            await self._answers_in(rng.choice((1.0, 4.0, 40.0)), outgoing)
            kept["part"] = str(int(kept.get("part", "0")) + 1)
            await outgoing.keep(kept)
        if rng.random() < scene.trouble:
            match rng.randrange(6):
                case 0:
                    raise Busy("http_503")
                case 1:
                    return Prepared(handles=kept, again_in=timedelta(seconds=rng.uniform(5, 300)))
                case 2 if handles:
                    raise Expired("session_gone")
                case 3 if rng.random() < 0.3:
                    raise Rejected("refused")
                case 4:
                    raise RuntimeError("a fault of ours while preparing")
        return Prepared(handles=kept)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:
        """Publish a step, or not, as the seed says."""
        await _breathe()
        scene, rng = self._scene, self._scene.rng
        order = scene.orders[number_of(outgoing.content)[0]]
        key = (order.number, str(step.kind), step.index)
        scene.sending(order, key, outgoing)
        trace = scene.traces[key]
        trace.calls += 1
        trace.misses, trace.unreadable, trace.refused = 0, False, False
        fate = Fate.FINE
        if scene.out(self._platform.key):
            fate = rng.choice((Fate.BUSY, Fate.NEVER))
        elif rng.random() < scene.trouble:
            fate = rng.choices(list(FATES), list(FATES.values()))[0]
        scene.tell(f"send {key} to {order.kind.name}: {fate}")
        scene.counts[f"{fate}"] += 1
        with self._alone(order):
            await self._token(outgoing)
            return await self._sent(order, key, handles, fate)

    async def _sent(self, order: Order, key: Key, handles: Handles, fate: Fate) -> Receipt | Accepted:
        rng = self._scene.rng
        if fate in REFUSALS:
            await self._wait(rng.uniform(0.1, 5))
            error = REFUSALS[fate]()
            raise error
        if fate is Fate.NEVER:
            await self._wait(rng.choice((0.5, 30.0, 200.0, 600.0)))
            raise OutcomeUnknown("no_answer")
        if fate is Fate.MISTAKEN:
            await self._wait(rng.uniform(0.1, 2))
            raise OutcomeUnknown("duplicate")
        if fate is Fate.LATER:
            waits = rng.uniform(0.1, 30)
            self._arrives(order, key, waits + rng.uniform(1, 240))
            await self._wait(waits)
            raise OutcomeUnknown("no_answer")
        takes = SLOW_S if fate is Fate.SLOW else rng.uniform(0.05, 3)
        self._arrives(order, key, rng.uniform(0, takes))
        await self._wait(takes)
        if fate is Fate.LOST:
            await self._wait(rng.choice((0.0, 5.0, 27.0, 590.0)))
            raise OutcomeUnknown("no_answer")
        if fate is Fate.DUPLICATE:
            raise OutcomeUnknown("duplicate")
        if fate is Fate.BUG_AFTER:
            raise RuntimeError("a fault of ours after the answer")
        if order.kind.processes and key[1] == StepKind.POST:
            again_in = timedelta(seconds=rng.uniform(1, 30))
            return Accepted(handles={**handles, "id": f"p{order.number}"}, again_in=again_in)
        return _receipt(key)

    def _arrives(self, order: Order, key: Key, after_s: float) -> None:
        """Take a request, and publish it in so many seconds, or later where the platform processes first."""
        scene, loop, trace = self._scene, asyncio.get_running_loop(), self._scene.traces[key]
        trace.under_way += 1
        refused = False
        if order.kind.processes and key[1] == StepKind.POST:
            after_s += scene.rng.choice((2.0, 20.0, 200.0))
            refused = scene.rng.random() < scene.trouble * 0.1

        def done() -> None:
            trace.under_way -= 1
            if refused:
                trace.refused = True
            else:
                trace.live.append(loop.time())
            scene.tell(f"{key} is {'refused' if refused else 'live'} on {order.kind.name}")

        loop.call_later(after_s, done)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        """Return what became of a step, as far as the platform shows it."""
        scene = self._scene
        order = scene.orders[number_of(outgoing.content)[0]]
        key = (order.number, str(step.kind), step.index)
        with self._alone(order):
            await self._answers_in(scene.rng.uniform(0.05, 2), outgoing)
        if scene.rng.random() < scene.trouble * 0.3:
            raise Busy("http_503")
        finding = self._found(order, key, handles)
        scene.tell(f"look for {key} on {order.kind.name}: {finding.outcome}")
        trace = scene.traces[key]
        trace.misses += finding.outcome is Outcome.NOT_FOUND
        trace.unreadable = trace.unreadable or finding.outcome is Outcome.UNREADABLE
        return finding

    def _found(self, order: Order, key: Key, handles: Handles) -> Finding:
        trace, reading = self._scene.traces[key], order.kind.reading
        if key[1] == StepKind.COMMENT:
            reading = Reading.LIST
        if reading is Reading.NEVER or (reading is Reading.ANSWER and "id" not in handles):
            return Finding(outcome=Outcome.UNREADABLE)
        if reading is Reading.LIST:
            since_s = asyncio.get_running_loop().time() - min(trace.live, default=float("inf"))
            shown = since_s >= LISTED_WITHIN_S * ((order.number * 37 % 10) / 10)
            if shown:
                return Finding(outcome=Outcome.LIVE, receipt=_receipt(key))
            return Finding(outcome=Outcome.NOT_FOUND)
        if trace.live:
            return Finding(outcome=Outcome.LIVE, receipt=_receipt(key))
        if trace.under_way:
            return Finding(outcome=Outcome.PROCESSING)
        if trace.refused:
            return Finding(outcome=Outcome.REFUSED, code="refused")
        return Finding(outcome=Outcome.NOT_SENT)

    async def _answers_in(self, span_s: float, outgoing: Outgoing) -> None:
        """Let a call that publishes nothing take its time."""
        await self._wait(span_s)
        if self._scene.out(self._platform.key):
            raise Busy("http_503")
        await self._token(outgoing)

    async def _token(self, outgoing: Outgoing) -> None:
        account = outgoing.account_id
        number = int(outgoing.tokens.access_token.rpartition(":")[2])
        if account in self._scene.signed_out or number < self._scene.valid.get(account, 0):
            await self._wait(0.1)
            raise TokenRefused("unauthorized")

    async def _wait(self, span_s: float) -> None:
        await _breathe()
        await asyncio.sleep(span_s)
        await _breathe()


class VenueAdapter:
    """An adapter with the facts of the real one, whose calls go to the simulated platform."""

    def __init__(self, real: Adapter, publisher: Publisher, scene: Scene) -> None:
        self.platform = real.platform
        self.publisher = Venue(publisher, real.platform, scene)
        self._scene = scene

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:  # noqa: ARG002
        """Return the next access token, unless the sign-in has ended."""
        await _breathe()
        await asyncio.sleep(self._scene.rng.uniform(0.05, 1))
        await _breathe()
        if self._scene.out(self.platform.key):
            raise Busy("http_503")
        account, _, number = tokens.access_token.rpartition(":")
        if account in self._scene.signed_out | self._scene.ended:
            raise GrantDead("invalid_grant")
        return Tokens(
            access_token=f"{account}:{int(number) + 1}",
            refresh_token="next",
            expires_in=timedelta(hours=2),
        )

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:  # noqa: ARG002
        """Raise: nobody comes from a consent screen here."""
        raise Rejected("invalid_grant")

    async def revoke(self, client: Client, tokens: Tokens) -> None:  # noqa: ARG002
        """End the sign-in."""
        self._scene.signed_out.add(tokens.access_token.rpartition(":")[0])

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:  # noqa: ARG002
        """Return the account that the token is for."""
        account = tokens.access_token.rpartition(":")[0]
        identity = Identity(id=account, name=account)
        found = RemoteAccount(id=account, kind="Account", name=account)
        return Discovery(identity=identity, scopes=tokens.scopes or frozenset(), accounts=(found,))

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: the accounts have no places."""
        return ()


def _receipt(key: Key) -> Receipt:
    number, kind, index = key
    return Receipt(id=f"{number}-{kind}-{index}", url=f"https://example.com/{number}/{kind}/{index}")
