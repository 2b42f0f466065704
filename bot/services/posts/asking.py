"""What platforms say, while a post is being written, about posting to an account now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.base import PlatformError, Publishes
from bot.ops.logs import logger
from bot.services.errors import ServiceError
from storage.engine.outages import is_outage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.base import Adapter, Live
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.drafts import Details, Written
    from bot.services.tokens.fresh import FreshTokens

log = logger(__name__)
WITHIN_S = 5.0
"""How long a person waits for all platforms together, behind "Loading"."""
AT_ONCE = 10
Asked = tuple[str, str]
"""An account's id, and a place in it or an empty string."""


class Asking:
    """Asks the platforms. Built once, in `bot.app`."""

    def __init__(
        self, adapters: Mapping[str, Adapter], tokens: FreshTokens, *, within_s: float = WITHIN_S
    ) -> None:
        self._adapters = adapters
        self._tokens = tokens
        self._within_s = within_s
        self._running: set[asyncio.Task[Live | None]] = set()

    async def ask(self, chosen: Sequence[Candidate], written: Written, *, anew: bool = False) -> Written:
        """Return what is written with what the platforms say now. `anew`: also where there is an answer already.

        Where a platform does not answer in time, its last answer stays.
        """
        gate = asyncio.Semaphore(AT_ONCE)
        tasks: dict[Asked, asyncio.Task[Live | None]] = {}
        for one in chosen:
            for place in _open(one, written.of(one.account_id), anew=anew):
                tasks[one.account_id, place] = self._begin(one, place, gate)
        if not tasks:
            return written
        await asyncio.wait(tasks.values(), timeout=self._within_s)
        answers = {asked: task.result() for asked, task in tasks.items() if task.done()}
        details = {
            account_id: _answered(written.of(account_id), account_id, answers) for account_id, _ in tasks
        }
        return replace(written, details={**written.details, **details})

    def _begin(self, one: Candidate, place: str, gate: asyncio.Semaphore) -> asyncio.Task[Live | None]:
        """Ask. It is never cancelled: a token that is being refreshed meanwhile could be lost."""
        task = asyncio.create_task(self._live(one, place, gate))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _live(self, one: Candidate, place: str, gate: asyncio.Semaphore) -> Live | None:
        """Return the platform's answer; None: it gave none."""
        account, grant = one.profile.account, one.profile.grant
        adapter = self._adapters.get(account.platform)
        if grant is None or not isinstance(adapter, Publishes):
            return None
        publisher = adapter.publisher
        try:
            async with gate:
                return await self._tokens.use(
                    grant.id, lambda client, tokens: publisher.live(client, tokens, account.remote_id, place)
                )
        except Exception as error:
            if not isinstance(error, PlatformError | ServiceError) and not is_outage(error):
                raise
            log.info("composer.platform_silent", platform=account.platform, type=type(error).__name__)
            return None


def _open(one: Candidate, details: Details, *, anew: bool) -> Iterator[str]:
    """Yield the places that the platform has to be asked about; an empty one: the account."""
    if not one.asks_platform:
        return
    if one.needs_place:
        yield from (place.id for place in details.places if anew or place.live is None)
    elif anew or details.live is None:
        yield ""


def _answered(details: Details, account_id: str, answers: Mapping[Asked, Live | None]) -> Details:
    places = (
        replace(place, live=answers.get((account_id, place.id)) or place.live) for place in details.places
    )
    return replace(details, places=tuple(places), live=answers.get((account_id, "")) or details.live)
