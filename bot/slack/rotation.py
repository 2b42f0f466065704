"""Rotating bot tokens, renewed in the background of the calls that use them.

Slack's rotating tokens live 12 hours, and the refresh token that renews one works once
(https://docs.slack.dev/authentication/using-token-rotation, read 2026-11-30). A token is renewed an
hour before it ends, in the background, and the old one is used meanwhile. A call waits only when its token has
ended, and then for at most `WAIT_S`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from adapters.numbers import lifetime
from adapters.oauth import token_in
from bot.ops.logs import logger
from bot.ops.retrying import retry
from storage.engine.autocommit import FAILURES
from storage.installations import BotTokenPair, Installations

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Installation
    from storage.vault import Vault

log = logger(__name__)
LIFE = timedelta(hours=12)
"""How long a bot token lives where Slack's answer does not say so."""
RENEW_BEFORE = timedelta(hours=1)
GOOD_FOR = timedelta(seconds=30)
"""A token that ends sooner is not used: the call itself takes time too."""
LEASE = timedelta(seconds=15)
"""Longer than Slack's OAuth methods may take, so that only one process uses a refresh token."""
WAIT_S = 2.0
"""How long a caller waits for a new token once the old one has ended. A request from Slack has three seconds in all."""
LOOK_FOR_S, LOOK_AGAIN_S = 5.0, 0.1
"""How long, and how often, we look for the token that another process is fetching."""
KEEP_FOR_S = 60.0
"""How long a new pair of tokens waits for a database that is away."""


class NoToken(Exception):
    """The token has ended and there is no new one. The text is a code that is safe to log.

    `for_good`: waiting will not help.
    """

    def __init__(self, code: str, *, for_good: bool = False) -> None:
        super().__init__(code)
        self.for_good = for_good


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A bot token, its refresh token and its lifetime."""

    bot_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: timedelta


def pair_in(answer: Mapping[str, Any], *, renewed_with: str) -> Pair:
    """Return the tokens in an answer to a renewal.

    Anything else that is missing has a default: the usual lifetime, and the refresh token we have.

    Raises:
        NoToken: There is no bot token in it.

    """
    bot_token = token_in(answer, "access_token")
    if bot_token is None:
        raise NoToken("answer_without_token")
    return Pair(
        bot_token=bot_token,
        refresh_token=token_in(answer, "refresh_token") or renewed_with,
        expires_in=lifetime(answer.get("expires_in")) or LIFE,
    )


class BotTokens:
    """Keeps installations' bot tokens fresh. `exchange` sends a refresh token to Slack and returns the answer."""

    def __init__(
        self, database: Database, vault: Vault, exchange: Callable[[str], Awaitable[Mapping[str, Any]]]
    ) -> None:
        self._database = database
        self._vault = vault
        self._exchange = exchange
        self._renewals: dict[str, asyncio.Task[Installation]] = {}

    async def usable(self, installation: Installation) -> Installation:
        """Return the installation with a token that works: the one it has, or a new one once that has ended.

        Concurrent callers share one renewal, which goes on when they no longer wait for it.

        Raises:
            NoToken: The token has ended, and there is no new one in time.
            Exception: What `exchange` raises.

        """
        if not _ends_within(installation, RENEW_BEFORE):
            return installation
        renewal = self._renewal(installation)
        if not _ends_within(installation, GOOD_FOR):
            return installation
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.shield(renewal)
        except TimeoutError:
            raise NoToken("token_expired") from None

    async def drain(self, within_s: float) -> None:
        """Wait for renewals in progress: Slack answers each only once."""
        if renewals := set(self._renewals.values()):
            _, late = await asyncio.wait(renewals, timeout=within_s)
            for renewal in late:
                renewal.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _renewal(self, installation: Installation) -> asyncio.Task[Installation]:
        slack_id = installation.slack_id
        renewal = self._renewals.get(slack_id)
        if renewal is None:
            renewal = self._renewals[slack_id] = asyncio.create_task(self._renewed(installation))
            renewal.add_done_callback(lambda done: self._ended(installation, done))
        return renewal

    def _ended(self, installation: Installation, renewal: asyncio.Task[Installation]) -> None:
        del self._renewals[installation.slack_id]
        if not renewal.cancelled() and (error := renewal.exception()) is not None:
            code = str(error) if isinstance(error, NoToken) else type(error).__name__
            log.warning("bot_token.not_rotated", installation=installation.id, code=code)

    async def _renewed(self, installation: Installation) -> Installation:
        """Return the installation after its token was renewed, by us or by another process.

        While the token is still good, another process's renewal is not waited for.
        """
        until = time.monotonic() + LOOK_FOR_S
        while True:
            async with self._database.system() as session:
                ours = await Installations(session, self._vault).acquire_rotation_lease(installation, LEASE)
            if ours is not None:
                await self._renew(ours)
            async with self._database.system(write=False) as session:
                current = await Installations(session, self._vault).get(installation.slack_id)
            if current is None or current.token_expires_at != installation.token_expires_at:
                return current or installation
            if not _ends_within(current, GOOD_FOR):
                return current
            if time.monotonic() > until:
                raise NoToken("token_expired")
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _renew(self, installation: Installation) -> None:
        """Exchange the refresh token for a new pair and store it.

        After a failure the lease is kept while the token is good, so that not every call asks Slack.
        """
        async with self._database.system(write=False) as session:
            refresh = Installations(session, self._vault).refresh_token(installation)
        if refresh is None:
            raise NoToken("token_expired", for_good=True)
        try:
            pair = pair_in(await self._exchange(refresh.reveal()), renewed_with=refresh.reveal())
        except Exception:
            if _ends_within(installation, GOOD_FOR):
                async with self._database.system() as session:
                    await Installations(session, self._vault).release_rotation_lease(installation)
            raise
        await self._keep(installation, pair)
        log.info("bot_token.rotated", installation=installation.id)

    async def _keep(self, installation: Installation, pair: Pair) -> None:
        """Store a new pair; while the database is away it waits here: there is no other copy."""
        ends = datetime.now(UTC) + pair.expires_in

        async def store() -> None:
            async with self._database.system() as session:
                await Installations(session, self._vault).rotate(
                    installation,
                    BotTokenPair(access=pair.bot_token, refresh=pair.refresh_token, expires_at=ends),
                )

        await retry(
            store,
            on=(SQLAlchemyError, *FAILURES),
            until=time.monotonic() + KEEP_FOR_S,
            failed=lambda error: log.warning("bot_token.waiting_for_database", type=type(error).__name__),
        )


def _ends_within(installation: Installation, span: timedelta) -> bool:
    expires = installation.token_expires_at
    return expires is not None and expires - datetime.now(UTC) < span
