"""Sign-ins that no organization holds any more are ended at their platforms.

Their tokens are in a queue (`storage.revocations`), put there by the transaction that took them from the last
organization. A platform that doesn't answer is asked again for 72 hours; then the tokens are deleted without its
answer. A sign-in is revoked only where that ends nothing that is still in use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from adapters.base import Busy, GrantDead, PlatformError, Rejected, TokenRefused, Tokens
from bot.ops.logs import logger
from bot.ops.retrying import retry
from bot.services.tokens.policy import COMMIT_FOR_S
from storage.engine.autocommit import FAILURES
from storage.grants import Grants
from storage.models import Revocation
from storage.revocations import Revocations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Adapter, Client
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.tokens.queue import RefreshQueue
    from storage.engine.db import Database
    from storage.models import Grant
    from storage.vault import Vault

log = logger(__name__)
ASKED_WITHIN_S, PERSON_WAITS_S = 40.0, 8.0
"""How long one attempt may take, a refresh included: in the background, and while a person waits for the answer."""
LEASE = timedelta(seconds=90)
AT_ONCE = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
REFUSALS = 3
"""After so many attempts a refusal counts as the platform's answer."""


class RevocationResult(StrEnum):
    """What became of a sign-in at its platform. The values are stored in the queue."""

    PENDING = "pending"
    """Not settled: the platform is asked again."""
    REVOKED = "revoked"
    OVER = "over"
    """It had ended before: there was nothing to revoke."""
    STILL_USED = "still_used"
    """Other accounts, or another organization, use the same consent, or the person has signed in again."""
    SAME_PERSON = "same_person"
    """Ending it there would, or might, end other live accounts of the same person (Meta, Google)."""
    REFUSED = "refused"
    NO_ENDPOINT = "no_endpoint"
    """The platform offers no way to revoke a sign-in."""
    UNANSWERED = "unanswered"
    """The platform had not confirmed it when the tokens had to be deleted."""


class Revoking:
    """Works through the queue. Built once, in `bot.app`."""

    def __init__(
        self,
        *,
        catalog: PlatformCatalog,
        adapters: Mapping[str, Adapter],
        queues: Mapping[str, RefreshQueue],
        database: Database,
        vault: Vault,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._queues = queues
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Ask about everything that is due. Any number of processes may do so at once."""
        while await self._any_due():
            async with self._database.system() as session:
                due = await Revocations(session, self._vault).claim(AT_ONCE, LEASE)
            if not due:  # another process was faster
                return
            await asyncio.gather(*(self._attempt(row, ASKED_WITHIN_S) for row in due))

    async def _any_due(self) -> bool:
        async with self._database.system(write=False) as session:
            return await Revocations(session, self._vault).any_due()

    async def queue(
        self, session: AsyncSession, grant: Grant, memberships: Collection[str]
    ) -> Revocation | None:
        """Put a grant that nobody holds into the queue, for `attempt`; None when it is in use again.

        `memberships` are those through which it was connected. If this process dies, the queue's own turn comes
        when the lease is over.
        """
        people = await Grants(session, self._vault).people_behind(memberships)
        return await Revocations(session, self._vault).put(grant, people, lease=LEASE)

    async def attempt(self, row: Revocation) -> RevocationResult:
        """Ask about a row that `queue` has just put there, and return what came of it."""
        if row.lease_until is None:  # a refresh is under way, and its tokens are the ones to revoke
            return RevocationResult.PENDING
        return await self._attempt(row, PERSON_WAITS_S)

    async def siblings(
        self, session: AsyncSession, grant: Grant | Revocation, people: Collection[str]
    ) -> int:
        """Count the other live grants that end, or may end, together with this one.

        Where we cannot see which grants share a login, or never learnt whose this one is, those that the
        same people connected count; if it is not known any more who did, every live grant there does.
        """
        grants, platform = Grants(session, self._vault), self._catalog.platform(grant.platform)
        family = self._catalog.family(platform)
        if grant.external_id and not platform.login_spans_grants:
            return await grants.siblings(family, grant.external_id, grant.id)
        return sum([await grants.connected_by_same(key, people, grant.id) for key in family])

    async def _attempt(self, row: Revocation, within_s: float) -> RevocationResult:
        async with self._database.system(write=False) as session:
            overdue = await Revocations(session, self._vault).is_overdue(row)
        if overdue:
            return await self._settle(row, RevocationResult.UNANSWERED, row.code)
        try:
            async with asyncio.timeout(within_s):
                return await self._settle(row, await self._ask(row))
        except PlatformError as error:
            if (result := _final(error, row.attempts)) is not None:
                return await self._settle(row, result, error.code)
            pause, code = error.retry_after, error.code
        except (DBAPIError, *FAILURES):
            raise  # the lease ends by itself
        except TimeoutError:
            pause, code = None, "timeout"
        except Exception as error:
            log.exception("revocation.unexpected_error", revocation=row.id, type=type(error).__name__)
            pause, code = None, "unexpected"
        pause = pause or min(FIRST_PAUSE * 2 ** min(row.attempts, 10), LONGEST_PAUSE)
        async with self._database.system() as session:
            await Revocations(session, self._vault).later(row, pause, code)
        log.warning("revocation.not_confirmed", revocation=row.id, platform=row.platform, code=code)
        return RevocationResult.PENDING

    async def _ask(self, row: Revocation) -> RevocationResult:
        """Revoke the sign-in, unless that would end something that is in use.

        Raises:
            PlatformError: The platform did not confirm it.

        """
        async with self._database.system(write=False) as session:
            in_use = await self._in_use(session, row)
        if in_use is not None:
            return in_use
        if row.access_sealed is None:
            return RevocationResult.OVER
        platform = self._catalog.platform(row.platform)
        if platform.revoke_url is None:
            return RevocationResult.NO_ENDPOINT
        client = self._catalog.client(row.platform, row.app)
        held = await self._queues[row.app].spend()
        if held is not None:
            raise Busy("held_back", retry_after=held)
        adapter = self._adapters[row.platform]
        async with self._database.system(write=False) as session:
            revocations = Revocations(session, self._vault)
            pair, expired = revocations.tokens(row), await revocations.needs_refresh(row)
        tokens = Tokens(
            access_token=pair.access.reveal(),
            refresh_token=pair.refresh.reveal() if pair.refresh else None,
            scopes=frozenset(row.scopes),
            subject=row.external_id,
        )
        if expired:  # some platforms answer to an expired token as if the sign-in had ended
            try:
                tokens = await self._refreshed(row, client, tokens)
            except (Rejected, TokenRefused):
                if not platform.revokes_refresh_tokens:
                    raise
        try:
            await adapter.revoke(client, tokens)
        except TokenRefused:
            if expired or tokens.refresh_token is None:
                raise
            await adapter.revoke(client, await self._refreshed(row, client, tokens))
        return RevocationResult.REVOKED

    async def _in_use(self, session: AsyncSession, row: Revocation) -> RevocationResult | None:
        if row.external_id is not None:
            again = await Grants(session, self._vault).of_person(row.platform, row.app, row.external_id)
            if again is not None:
                return RevocationResult.STILL_USED
        siblings = await self.siblings(session, row, row.people)
        return RevocationResult.SAME_PERSON if siblings else None

    async def _refreshed(self, row: Revocation, client: Client, tokens: Tokens) -> Tokens:
        """Return new tokens, stored: also when there is no time left to wait for them.

        Raises:
            PlatformError: There are none.

        """
        return await self._queues[row.app].to_the_end(self._refresh(row, client, tokens))

    async def _refresh(self, row: Revocation, client: Client, tokens: Tokens) -> Tokens:
        newer = await self._adapters[row.platform].refresh(client, tokens)
        await retry(
            partial(self._keep, row, newer),
            on=FAILURES,
            until=time.monotonic() + COMMIT_FOR_S,
            failed=lambda _: log.warning("revocation.waiting_for_database", revocation=row.id),
        )
        return newer if newer.refresh_token else replace(newer, refresh_token=tokens.refresh_token)

    async def _keep(self, row: Revocation, newer: Tokens) -> None:
        async with self._database.system() as session:
            await Revocations(session, self._vault).renewed(
                row.grant_id or "", newer.access_token, newer.refresh_token, newer.expires_in
            )

    async def _settle(self, row: Revocation, result: RevocationResult, code: str = "") -> RevocationResult:
        async with self._database.system() as session:
            settled = await Revocations(session, self._vault).settle(row, result, code)
        log.info(
            "revocation.settled",
            revocation=row.id,
            platform=row.platform,
            result=str(result),
            code=code,
            lost=not settled,
        )
        return result


def _final(error: PlatformError, attempts: int) -> RevocationResult | None:
    """Return what an error says about the sign-in for good; None: ask again."""
    match error:
        case GrantDead():
            return RevocationResult.OVER
        case Rejected() | TokenRefused() if attempts + 1 >= REFUSALS:
            return RevocationResult.REFUSED
        case _:
            return None
