"""Calls to a platform for one delivery: with a fresh token, and within the app's budget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from adapters.base import (
    Busy,
    Client,
    GrantDead,
    MediaSource,
    Misconfigured,
    Outgoing,
    Publisher,
    Publishes,
    Receipt,
    Rejected,
    TokenRefused,
    Tokens,
    conversions_of,
    with_files,
)
from bot.services.media.findings import RefusedFileError
from bot.services.posts.budgets import charges_of, check
from bot.services.posts.contents import load
from bot.services.posts.policy import FILE_GONE, NOT_CONVERTED
from storage.accounts import Accounts
from storage.engine.statements import database_time
from storage.models import StepStatus

if TYPE_CHECKING:
    from adapters.base import Adapter, Content, Conversion, Handles, Media
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.posts.budgets import Charge
    from bot.services.tokens.fresh import Fresh, FreshTokens
    from bot.services.tokens.refreshing import Refresher
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import Account, Grant
    from storage.vault import Vault

Answer = TypeVar("Answer")
Keep = Callable[["Handles"], Awaitable[None]]


class StoredMedia(MediaSource, Protocol):
    """The stored files of an organization, for a delivery."""

    async def has(self, media: Media) -> bool:
        """Tell whether a file is still stored."""
        ...


class Converts(Protocol):
    """Makes JPEGs of pictures that platforms do not take as they are."""

    async def convert(
        self, organization_id: str, post_id: str, media: Media, conversion: Conversion
    ) -> Media:
        """Return the JPEG, which is a file of the post then.

        Raises:
            LookupError: The picture is not stored any more.
            RefusedFileError: It cannot be converted.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """What a call is made with."""

    client: Client
    tokens: Tokens
    fresh: Fresh


@dataclass(frozen=True, kw_only=True)
class PublishingCalls:
    """Makes the calls that publish. Built once, in `bot.app`."""

    catalog: PlatformCatalog
    adapters: Mapping[str, Adapter]
    tokens: FreshTokens
    refresher: Refresher
    media: Callable[[str, str], StoredMedia]
    """Returns the files of an organization, for a delivery."""
    converter: Converts
    database: Database
    vault: Vault

    def publisher(self, platform: str) -> Publisher:
        """Return how a platform publishes.

        Raises:
            LookupError: Octapost cannot publish there.

        """
        adapter = self.adapters.get(platform)
        if isinstance(adapter, Publishes):
            return adapter.publisher
        raise LookupError(platform)

    async def authorize(self, work: Work, *, refused: int | None = None) -> Authorized:
        """Return what a call for this delivery is made with; `refused`: the generation the platform refused.

        Raises:
            GrantDead: The account's grant has ended.
            PlatformError: There is no token that works now.

        """
        account, grant = work.account, work.grant
        if grant is None or account.disconnected_at is not None or account.access_error:
            raise GrantDead("ended")
        return await self._with(account, await self.tokens.get(grant.id, refused=refused))

    async def standing(self, work: Work) -> Authorized | None:
        """Return what a call can be made with as things are; None: a token would have to be renewed first."""
        account, grant = work.account, work.grant
        fresh = await self.tokens.standing(grant.id) if grant is not None else None
        if fresh is None:
            return None
        return await self._with(account, fresh)

    async def _with(self, account: Account, fresh: Fresh) -> Authorized:
        tokens = fresh.tokens
        if self.catalog.platform(account.platform).account_tokens:
            tokens = replace(tokens, access_token=await self._own_token(account))
        return Authorized(
            client=self.catalog.client(account.platform, account.app), tokens=tokens, fresh=fresh
        )

    async def _own_token(self, account: Account) -> str:
        """Return the account's own token, as it is stored now: a check may have replaced it."""
        async with self.database.system(write=False) as session:
            accounts = Accounts(session, self.vault)
            found = await accounts.get(account.organization_id, account.id)
            token = accounts.token(found[0]) if found is not None else None
        if token is None:
            raise GrantDead("ended")
        return token.reveal()

    def outgoing(self, work: Work, authorized: Authorized, keep: Keep) -> Outgoing:
        """Return the delivery as its adapter takes it."""
        live = [step for step in work.steps if step.status == StepStatus.SENT]
        return Outgoing(
            client=authorized.client,
            tokens=authorized.tokens,
            account_id=work.account.remote_id,
            handle=work.account.handle,
            content=load(work.delivery.content),
            media=self.media(work.account.organization_id, work.delivery.id),
            keep=keep,
            receipts=tuple(Receipt(id=step.receipt_id, url=step.url, note=step.note) for step in live),
        )

    async def use(self, work: Work, keep: Keep, call: Callable[[Outgoing], Awaitable[Answer]]) -> Answer:
        """Return what `call` answers; where the platform refuses the token, it is renewed once and called again.

        Only for calls that can be made again: before the post is sent, and looks at it.

        Raises:
            PlatformError: What `call` raises, or why there is no token.

        """
        authorized = await self.authorize(work)
        try:
            return await self.counted(work, call(self.outgoing(work, authorized, keep)))
        except TokenRefused:
            authorized = await self.renewed(work, authorized)
            return await self.counted(work, call(self.outgoing(work, authorized, keep)))

    async def renewed(self, work: Work, refused: Authorized) -> Authorized:
        """Return what the next call is made with, after the platform refused this token.

        Raises:
            PlatformError: There is no token that works now.

        """
        return await self.authorize(work, refused=refused.fresh.grant.generation)

    async def counted(self, work: Work, call: Awaitable[Answer]) -> Answer:
        """Return what `call` answers, and take its requests out of the app's budget."""
        return await self.tokens.counted(work.account.app, call)

    async def allowed(self, work: Work) -> None:
        """Return if the app may call its platform now.

        Raises:
            Busy: It is paused; `retry_after` says for how long.

        """
        queue = self.refresher.queues.get(work.account.app)
        if queue is not None and (held := await queue.paused()) is not None:
            raise Busy("held_back", retry_after=held)

    async def check_files(self, work: Work) -> None:
        """Return if every file of the delivery is still stored.

        Raises:
            Rejected: One is not.

        """
        content = load(work.delivery.content)
        stored = self.media(work.account.organization_id, work.delivery.id)
        for file in (*content.all_media, *filter(None, [content.cover])):
            if not await stored.has(file):
                raise Rejected(FILE_GONE)

    async def converted(self, work: Work) -> Content | None:
        """Return what goes out with JPEGs in place of the pictures that its platform does not take; None: as it is.

        Raises:
            Rejected: A picture is not stored any more, or cannot be converted.

        """
        content, made = load(work.delivery.content), {}
        wanted = conversions_of(self.publisher(work.account.platform).facts, content)
        files = {one.key: one for one in (*content.all_media, *filter(None, [content.cover]))}
        for key, conversion in wanted.items():
            try:
                made[key] = await self.converter.convert(
                    work.account.organization_id, work.post.id, files[key], conversion
                )
            except LookupError:
                raise Rejected(FILE_GONE) from None
            except RefusedFileError:
                raise Rejected(NOT_CONVERTED) from None
        return with_files(content, made) if made else None

    def charges(self, work: Work, position: int) -> tuple[Charge, ...]:
        """Return what a step takes from the budgets of the account and of its app."""
        platform, content = work.account.platform, load(work.delivery.content)
        publisher = self.publisher(platform)
        step = publisher.steps(content)[position]
        return charges_of(publisher.facts, work.account, content, step, self.catalog.cents_per_day(platform))

    async def check_budget(self, work: Work) -> None:
        """Return if the delivery's first step has room in its budgets today.

        Raises:
            Busy: It has not; `retry_after` says until when.

        """
        if charges := self.charges(work, 0):
            async with self.database.system(write=False) as session:
                await check(session, charges, await database_time(session))

    async def report(self, grant: Grant | None, error: Misconfigured) -> None:
        """Tell the operator that the platform refuses our app."""
        if grant is not None:
            await self.refresher.report(grant, error)
