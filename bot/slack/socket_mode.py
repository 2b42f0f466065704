"""Requests from Slack over a WebSocket that we open, for a process that Slack cannot reach."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler, changed to close the connection only after it has answered the requests it received."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answering: set[asyncio.Task[Any]] = set()

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Answer one request. slack_sdk starts a task for each."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for mypy: this is a coroutine
        self._answering.add(task)
        try:
            await super().handle(client, req)
        finally:
            self._answering.discard(task)

    async def stop(self, within_s: float) -> None:
        """Take no more requests, answer those in progress within `within_s` seconds, and close the connection.

        Slack sends unanswered requests again over another connection, if there is one.
        """
        self.client.socket_mode_request_listeners.clear()
        if self._answering:
            await asyncio.wait(self._answering, timeout=within_s)
        await self.close_async()  # type: ignore[no-untyped-call]
