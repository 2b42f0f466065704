"""When a request from Slack has to be answered, and waiting no longer than that for the work behind it.

Slack gives up after 3 s (https://docs.slack.dev/interactivity/handling-user-interaction, read 2026-11-30), and
a `trigger_id` dies then. Work that is not done by the deadline goes on: the person hears that now, and the
result when it is there.
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
"""What one transaction of a request may take."""
LOADING_AFTER_S = 0.5
"""After so long a modal that isn't ready is opened with a loading text. Most are ready in a tenth of this, and so
cost one call to Slack instead of two; its `trigger_id` still lives for more than two seconds then."""
OPENED_WITHIN_S = 2.0
"""What Slack may take to open a modal, where the deadline leaves so much."""
SPARE_S = 0.15
"""What is kept of the deadline for saying that a modal was not opened."""
SETTLE_S = 0.5
"""How long Slack is given to show our answer before something takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request from Slack, and until when it has to be answered."""

    body: Json
    req: AsyncBoltRequest
    ends: float
    """By the clock of the event loop."""
    responded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the HTTP response (or its like in Socket Mode) is made."""
    late: list[asyncio.Task[None]] = field(default_factory=list)
    """Whatever shows the answer after the response."""

    @classmethod
    def of(cls, req: AsyncBoltRequest) -> Turn:
        """Return the turn of a request: from its first byte where the server told, else from now."""
        began = req.context.get("arrived")
        now = asyncio.get_running_loop().time()
        return cls(
            body=req.body, req=req, ends=(began if isinstance(began, float) else now) + ANSWER_WITHIN_S
        )

    @property
    def left_s(self) -> float:
        """How long there is left, at least 0."""
        return max(0.0, self.ends - asyncio.get_running_loop().time())

    @property
    def opening_s(self) -> float:
        """How long Slack may take to open a modal now, so that there is time to say that it didn't."""
        return max(0.1, min(OPENED_WITHIN_S, self.left_s - SPARE_S))

    async def shown(self) -> None:
        """Wait until the answer has been shown, or could not be: what changes it again comes after that."""
        await self.responded.wait()
        while showing := [each for each in self.late if not each.done()]:
            await asyncio.wait(showing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Work that was not done by the deadline and goes on."""

    route: Route
    work: asyncio.Task[Answer]


async def finished(work: asyncio.Task[Any], within_s: float) -> bool:
    """Wait for work at most so long, and return whether it is done; if not, it goes on."""
    await asyncio.sleep(0)  # what waits for nobody is done by then, and needs no timer
    if not work.done():
        await asyncio.wait((work,), timeout=within_s)
    return work.done()
