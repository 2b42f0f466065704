"""What we are compared with: a Bolt AsyncApp whose one handler is empty, on aiohttp and uvloop like ours.

`python -m tests.bench.bare PORT` serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from tests.bench.load import HOST, SECRET


async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Return no token at no cost: every other way to authorize would cost Bolt more."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)


def bare() -> web.Application:
    """Return the smallest Bolt app that answers `/octapost`."""
    bolt = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)

    @bolt.command("/octapost")
    async def nothing(ack: AsyncAck) -> None:
        await ack()

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    served = web.Application()
    served.add_routes([web.post("/slack/events", events)])
    return served


async def serve(port: int) -> None:
    """Serve on `port` until the process is asked to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = web.AppRunner(bare(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
