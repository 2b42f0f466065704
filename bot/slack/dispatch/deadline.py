"""The deadline of a request from Slack, and waiting for its work until then.

Slack gives up after 3 s (https://docs.slack.dev/interactivity/handling-user-interaction, read 2026-11-30), and
a `trigger_id` expires then. Work that is not done by the deadline goes on: the person is told now, and gets
the result later.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slack_bolt.request.async_request import AsyncBoltRequest

    from bot.slack.routes import Answer, Route
    from bot.views.kit import Json

ANSWER_WITHIN_S = 2.5
"""From a request's first byte to our answer."""
DATABASE_WITHIN_S = 2.0
"""How long one transaction of a request may take."""
LOADING_AFTER_S = 0.5
"""A modal that isn't ready by then is opened with a loading text. Most are ready in a tenth of this, and so cost one
call to Slack instead of two; the `trigger_id` is still valid for more than two seconds then."""
OPENED_WITHIN_S = 2.0
"""How long Slack may take to open a modal, if the deadline leaves that much."""
SPARE_S = 0.15
"""Time reserved for saying that a modal did not open."""
SETTLE_S = 0.5
"""How long Slack gets to show our answer before the next one replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request from Slack, and its deadline."""

    body: Json
    req: AsyncBoltRequest
    ends: float
    """By the clock of the event loop."""
    responded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the HTTP response (or its equivalent in Socket Mode) is made."""
    late: list[asyncio.Task[None]] = field(default_factory=list)
    """Tasks that show the answer after the response."""

    @classmethod
    def of(cls, req: AsyncBoltRequest) -> Turn:
        """Return the turn of a request. Its time runs from its first byte if that was recorded, else from now."""
        began = req.context.get("arrived")
        now = asyncio.get_running_loop().time()
        return cls(
            body=req.body, req=req, ends=(began if isinstance(began, float) else now) + ANSWER_WITHIN_S
        )

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.ends - asyncio.get_running_loop().time())

    @property
    def opening_s(self) -> float:
        """Seconds Slack may take to open a modal now, leaving time to say that it didn't."""
        return max(0.1, min(OPENED_WITHIN_S, self.left_s - SPARE_S))

    async def shown(self) -> None:
        """Wait until the answer has been shown, or could not be. Changes to it come after that."""
        await self.responded.wait()
        while showing := [each for each in self.late if not each.done()]:
            await asyncio.wait(showing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Work that was not done by the deadline and goes on."""

    route: Route
    work: asyncio.Task[Answer]


async def finished(work: asyncio.Task[Any], within_s: float) -> bool:
    """Wait for work for at most `within_s` seconds, and return whether it is done; if not, it goes on."""
    await asyncio.sleep(0)  # work that awaits nothing is done by then, and needs no timer
    if not work.done():
        await asyncio.wait((work,), timeout=within_s)
    return work.done()
