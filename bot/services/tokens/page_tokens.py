"""A look at a grant that trades up (Meta): the person's token is traded for a later one, the accounts' are asked about.

A Page's token has no end by the clock and dies by itself: when the person loses their role on it, say, while their own
token lives on. So every day Meta is asked about each. One that it calls over is replaced if the person's token
still gets another; else it is looked at again, and only the second word counts: then the account needs a person, and
nothing else of the grant's does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from adapters.base import Busy, GrantDead, PlatformError
from bot.ops.logs import logger
from storage.account_tokens import Owner, OwnTokens
from storage.accounts import Accounts
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from adapters.base import AccountTokens, Client, Discovery, Tokens
    from bot.services.incidents.incidents import Incidents
    from storage.engine.db import Database
    from storage.models import Grant
    from storage.vault import Vault

log = logger(__name__)
Answer = TypeVar("Answer")
LOOK_S = 30.0
"""What a whole look may take at the platform: begun 20 s late, it leaves 10 s of the lease for its commits."""
SHORT_LIFE = timedelta(days=1)
"""A token that lived shorter than this was made by an exchange that stopped half-way."""
EVERY = timedelta(hours=20)
"""How old an answer about an account's token may be: looks are a day apart, give or take a tenth."""
AT_ONCE = 8
MOST = 48
"""Accounts asked about in one look while the person's token lives; the others' turn comes soon after."""
MOST_WITHOUT_PERSON = 200
"""The same while one is sought that lives on without the person."""
NEXT_BATCH = timedelta(minutes=5)
UNCLEAR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What came of a look, for whoever stores it."""

    tokens: Tokens
    ended: str = ""
    """The code with which the person's own token ended, while an account's lives on."""
    again_in: timedelta | None = None
    """When there is something to look at sooner than usual."""
    news: bool = False
    """An account's token was called over for the first time."""
    doubted: bool = False
    """A second opinion was not believed, because the platform says so of too many."""


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What the platform said of accounts' tokens."""

    lives: dict[Owner, str | None] = field(default_factory=dict)
    """With the token that replaces the one we have, if that was needed."""
    over: dict[Owner, str] = field(default_factory=dict)
    trouble: list[PlatformError] = field(default_factory=list)
    """Why of others nothing is known."""

    @property
    def asked(self) -> set[str]:
        """The accounts of which something is known."""
        return {owner.id for owner in (*self.lives, *self.over)}

    def add(self, more: _Heard) -> None:
        """Add what was said of others."""
        self.lives |= more.lives
        self.over |= more.over
        self.trouble += more.trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """One look: at which grant, through whom, and until when."""

    grant: Grant
    adapter: AccountTokens
    client: Client
    until: float
    """By the event loop's clock."""

    @property
    def late(self) -> bool:
        """Tell whether no time is left."""
        return asyncio.get_running_loop().time() >= self.until

    async def ask(self, call: Awaitable[Answer]) -> Answer:
        """Return what is answered in time. Raises Busy: nothing here is spent by being asked twice."""
        try:
            async with asyncio.timeout_at(self.until):
                return await call
        except TimeoutError:
            raise Busy("no_answer") from None


class Trader:
    """Makes the looks. `spend` and `doubted` ask for the app's budget and for the breaker."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        incidents: Incidents,
        *,
        spend: Callable[[str, int], Awaitable[timedelta | None]],
        doubted: Callable[[Grant], Awaitable[bool]],
        second_opinion: timedelta,
        hold: timedelta,
        within_s: float = LOOK_S,
        most_without_person: int = MOST_WITHOUT_PERSON,
    ) -> None:
        self._database = database
        self._vault = vault
        self._incidents = incidents
        self._spend = spend
        self._doubted = doubted
        self._second_opinion = second_opinion
        self._hold = hold
        self._within_s = within_s
        self._most_without_person = most_without_person

    async def trade(self, grant: Grant, adapter: AccountTokens, client: Client, tokens: Tokens) -> Trade:
        """Return newer tokens, or the same ones with `ended` if only accounts live on.

        Raises GrantDead if nothing does, and Busy while that is not known of every account.
        """
        until = asyncio.get_running_loop().time() + self._within_s
        errand = _Errand(grant=grant, adapter=adapter, client=client, until=until)
        try:
            newer = await errand.ask(adapter.refresh(client, tokens))
        except GrantDead as death:
            return await self._without_person(errand, tokens, death)
        await self._keep(errand, newer)
        async with self._database.system(write=False) as session:
            owners = await OwnTokens(session, self._vault).due(grant.id, EVERY, MOST)
        if not owners:
            return Trade(tokens=newer)
        heard = await self._ask(errand, owners)
        if heard.over:
            await self._replace(errand, newer, heard)
        return await self._settle(grant, newer, heard)

    async def _keep(self, errand: _Errand, newer: Tokens) -> None:
        """Keep what came along with a token that was traded up, before the token itself.

        The older one keeps working, so a crash in between loses nothing. Accounts' tokens that were made
        from a short-lived one die with it, so the first long one gets them anew.
        """
        grant = errand.grant
        ends = grant.access_expires_at
        if ends is not None and ends - grant.renewed_at < SHORT_LIFE:
            found = await errand.ask(errand.adapter.discover(errand.client, newer))
            async with self._database.system() as session:
                await Accounts(session, self._vault).replace_tokens(grant.id, _own(found))
        if newer.data_access_expires_in is not None:
            async with self._database.system() as session:
                await Refreshes(session, self._vault).shown_until(grant, newer.data_access_expires_in)

    async def _without_person(self, errand: _Errand, tokens: Tokens, death: GrantDead) -> Trade:
        """Look for an account that lives on. Raises `death` only when each of them was called over."""
        grant = errand.grant
        async with self._database.system(write=False) as session:
            owners = await OwnTokens(session, self._vault).hopeful(grant.id, self._most_without_person)
        heard = await self._ask(errand, owners, one_is_enough=True)
        if heard.lives:
            async with self._database.system(write=False) as session:
                due = await OwnTokens(session, self._vault).due(grant.id, EVERY, MOST)
            heard.add(await self._ask(errand, [owner for owner in due if owner.id not in heard.asked]))
        trade = await self._settle(grant, tokens, heard, ended=death.code)
        if heard.lives:
            return trade
        if heard.trouble:
            raise heard.trouble[0]
        async with self._database.system(write=False) as session:
            if await OwnTokens(session, self._vault).others_may_live(grant.id, heard.asked):
                raise Busy("accounts_left_to_ask") from None
        raise death

    async def _ask(self, errand: _Errand, owners: Sequence[Owner], *, one_is_enough: bool = False) -> _Heard:
        """Ask about each account's token, as far as the time, the budget and the platform allow."""
        heard = _Heard()
        answers = await self._answers(errand, [each.token for each in owners], heard, enough=one_is_enough)
        for owner in owners:
            code = answers.get(owner.token)
            if code:
                heard.over[owner] = code
            elif code is not None:
                heard.lives[owner] = None
        return heard

    async def _answers(
        self, errand: _Errand, tokens: Iterable[str], heard: _Heard, *, enough: bool = False
    ) -> Mapping[str, str]:
        """Return the platform's word on each token; `enough`: only until one lives."""
        answers: dict[str, str] = {}

        async def one(token: str) -> None:
            try:
                answers[token] = await errand.ask(errand.adapter.ended(errand.client, token))
            except PlatformError as error:
                heard.trouble.append(error)

        wanted = list(dict.fromkeys(tokens))  # organizations that share a Page may share its token
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            if errand.late or any(error.retry_after for error in heard.trouble):
                break
            if held := await self._spend(errand.client.app.key, len(some)):
                heard.trouble.append(Busy("held_back", retry_after=held))
                break
            await asyncio.gather(*map(one, some))
            if enough and "" in answers.values():
                break
        return answers

    async def _replace(self, errand: _Errand, newer: Tokens, heard: _Heard) -> None:
        """Look for tokens in the place of those that are over; where none comes that lives, they stay over.

        While the person's Pages cannot be listed, nothing is known of any of these.
        """
        try:
            own = _own(await errand.ask(errand.adapter.discover(errand.client, newer)))
        except PlatformError as error:
            heard.trouble.append(error)
            heard.over.clear()
            return
        offered = {owner: own.get(owner.remote_id, owner.token) for owner in heard.over}
        offered = {owner: token for owner, token in offered.items() if token != owner.token}
        answers = await self._answers(errand, offered.values(), heard)
        for owner, token in offered.items():
            code = answers.get(token)
            if not code:
                del heard.over[owner]
            if code == "":
                heard.lives[owner] = token

    async def _settle(self, grant: Grant, tokens: Tokens, heard: _Heard, *, ended: str = "") -> Trade:
        """Store what was heard, tell people what they have to know, and return when to look again.

        If neither the person's token lives nor an account's, none of these is told of by itself.
        """
        nothing_lives = bool(ended) and not heard.lives
        doubted = any(o.suspected_at and not o.lost for o in heard.over) and await self._doubted(grant)
        news = waiting = back = gone = False
        async with self._database.system() as session:
            own, clock = OwnTokens(session, self._vault), await Refreshes(session, self._vault).clock()
            if not heard.asked or not await own.lock(grant.id):
                return Trade(tokens=tokens, ended=ended, again_in=self._unclear(heard))
            for owner, token in heard.lives.items():
                back |= await own.lives(owner, token) and bool(owner.lost)
            for owner, code in heard.over.items():
                first = owner.suspected_at
                gone |= bool(owner.lost)
                ripe = first is not None and clock - first >= self._second_opinion * 0.9
                if owner.lost or not ripe or doubted or nothing_lives:
                    noted = await own.suspect(owner)
                    news |= noted and first is None
                    waiting |= not owner.lost
                elif await own.lose(owner, code):
                    gone = True
                    log.warning("account lost", account=owner.id, platform=grant.platform, code=code)
            if back:
                await self._incidents.accounts_back(session, grant)
                await Refreshes(session, self._vault).look_later({grant.id: clock})
            if gone:
                await self._incidents.accounts_lost(session, grant)
            more = await own.more(grant.id, EVERY)
        again_in = self._unclear(heard) or (NEXT_BATCH if more else None)
        if waiting:
            again_in = self._hold if doubted else self._second_opinion
        return Trade(tokens=tokens, ended=ended, again_in=again_in, news=news, doubted=doubted)

    def _unclear(self, heard: _Heard) -> timedelta | None:
        """Return when to ask again where the platform did not answer; None where it did."""
        waits = [error.retry_after or UNCLEAR for error in heard.trouble]
        return max(waits, default=None)


def _own(found: Discovery) -> dict[str, str]:
    """Return the tokens that accounts have of their own, by the platform's id."""
    return {account.id: account.token for account in found.accounts if account.token}
