"""What tests of publishing share: a delivery under way, a sign-in at a simulator, and a wire that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
from aiohttp import web

from adapters.base import (
    Accepted,
    Adapter,
    App,
    Client,
    Content,
    Finding,
    Handles,
    Outcome,
    Outgoing,
    Publisher,
    Publishes,
    Receipt,
    Step,
    Tokens,
)
from sandbox.browser import PLAIN
from sandbox.platforms.oauth import OAuthSimulator
from tests.consent import VERIFIER, consent
from tests.credentials import client_of
from tests.media import StoredMedia

MOST_CALLS = 60
"""A preparation or a look that is called more often than this does not end."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """A delivery under way, with everything that was kept."""

    client: Client
    tokens: Tokens
    account_id: str
    handle: str = ""
    media: StoredMedia = field(default_factory=StoredMedia)
    kept: list[dict[str, str]] = field(default_factory=list)

    def of(self, content: Content, receipts: Sequence[Receipt] = ()) -> Outgoing:
        """Return the delivery of `content` of which these steps are live."""
        return Outgoing(
            client=self.client,
            tokens=self.tokens,
            account_id=self.account_id,
            handle=self.handle,
            content=content,
            media=self.media,
            keep=self._keep,
            receipts=receipts,
        )

    async def _keep(self, handles: Handles) -> None:
        self.kept.append(dict(handles))


class Wire(httpx.AsyncBaseTransport):
    """Carries requests, and is cut at one of them: before it arrives, or after it did and before the answer."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=PLAIN)
        self.carried: list[httpx.Request] = []
        self.cut_at: int | None = None
        """The number of requests from now on that still get through."""
        self.after = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request."""
        cut = self.cut_at == 0
        if self.cut_at is not None:
            self.cut_at -= 1
        if cut and not self.after:
            raise httpx.ConnectError("cut before it arrived")
        response = await self._inner.handle_async_request(request)
        self.carried.append(request)
        if cut:
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("cut before the answer")
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def sign_in(
    http: httpx.AsyncClient,
    adapter: Adapter,
    app: App,
    simulator: OAuthSimulator,
    *,
    person: str,
    assets: Iterable[str] = (),
    account: str = "",
    client: Client | None = None,
) -> Delivery:
    """Sign in as `person` and return a delivery to their account `account`, or to their first one."""
    client = client or client_of(app, simulator.url)
    answer = await consent(http, adapter.platform, client, person=person, assets=assets)
    tokens = await adapter.exchange(client, code=answer["code"], verifier=VERIFIER)
    found = await adapter.discover(client, tokens)
    chosen = next(one for one in found.accounts if account in {"", one.id, one.name})
    if chosen.token is not None:
        tokens = replace(tokens, access_token=chosen.token)
    return Delivery(client=client, tokens=tokens, account_id=chosen.id, handle=chosen.handle)


@dataclass(slots=True, kw_only=True)
class Publishing:
    """Publishes as the engine does, on a simulator whose clock goes on instead of waiting."""

    adapter: Adapter
    simulator: OAuthSimulator
    delivery: Delivery

    @property
    def publisher(self) -> Publisher:
        """The adapter's publisher."""
        assert isinstance(self.adapter, Publishes)
        return self.adapter.publisher

    def wait(self, span: timedelta) -> None:
        """Let time pass at the platform."""
        self.simulator.clock.offset_s += span.total_seconds()

    async def prepare(self, content: Content, handles: Handles | None = None) -> Handles:
        """Prepare until the content is ready to be sent."""
        found = dict(handles or {})
        for _ in range(MOST_CALLS):
            prepared = await self.publisher.prepare(self.delivery.of(content), found)
            found = dict(prepared.handles)
            if prepared.again_in is None:
                return found
            self.wait(prepared.again_in)
        raise AssertionError("the preparation does not end")

    async def send(
        self, content: Content, handles: Handles, step: Step, receipts: Sequence[Receipt]
    ) -> Receipt:
        """Send a step, and look until it is live if the platform tells only later."""
        since = self.now()
        outgoing = self.delivery.of(content, receipts)
        sent = await self.publisher.send(outgoing, handles, step)
        if isinstance(sent, Receipt):
            return sent
        assert isinstance(sent, Accepted)
        self.wait(sent.again_in)
        finding = await self.look(content, sent.handles, step, receipts, since)
        assert finding.receipt is not None, finding
        return finding.receipt

    async def look(
        self, content: Content, handles: Handles, step: Step, receipts: Sequence[Receipt], since: datetime
    ) -> Finding:
        """Look until the outcome is known."""
        outgoing = self.delivery.of(content, receipts)
        for _ in range(MOST_CALLS):
            finding = await self.publisher.look(outgoing, handles, step, since)
            if finding.outcome not in {Outcome.PROCESSING, Outcome.NOT_FOUND}:
                return finding
            self.wait(finding.again_in or timedelta(minutes=1))
        return finding

    async def publish(self, content: Content) -> tuple[Handles, list[Receipt]]:
        """Prepare and send all steps; return the handles and the receipts."""
        handles = await self.prepare(content)
        receipts: list[Receipt] = []
        for step in self.publisher.steps(content):
            receipts.append(await self.send(content, handles, step, receipts))
        return handles, receipts

    def now(self) -> datetime:
        """Return the time at the platform."""
        return datetime.fromtimestamp(self.simulator.clock.now(), UTC)


@asynccontextmanager
async def served(media: StoredMedia) -> AsyncIterator[str]:
    """Serve stored pictures where platforms fetch them, and yield the origin."""

    async def answer(request: web.Request) -> web.Response:
        content = media.files.get(request.match_info["key"])
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content, content_type="image/jpeg")

    app = web.Application()
    app.add_routes([web.get("/{key}", answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        media.origin = f"http://localhost:{runner.addresses[0][1]}"
        yield media.origin
    finally:
        await runner.cleanup()
