"""Refreshing a grant whose accounts have tokens of their own, and checking those.

The person's token is refreshed. A Page's token does not expire by the clock and can end on its own:
when the person loses their role on the Page, for instance, while their own token still works. So the platform is asked
about each once a day. A token that it calls ended is replaced if the person's token still yields another; otherwise it
is asked again later, and only the second answer counts: then the account needs a person, the rest of the grant doesn't.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from adapters.base import Busy, GrantDead, PlatformError
from bot.ops.logs import logger
from bot.services.tokens.policy import BREAKER_HOLD, SECOND_OPINION, confirmed
from storage.account_tokens import AccountToken
from storage.account_tokens import AccountTokens as StoredTokens
from storage.accounts import Accounts
from storage.engine.statements import database_time
from storage.reminders import Reminders

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from adapters.base import AccountTokens, Client, Discovery, Tokens
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.models import Grant
    from storage.vault import Vault

log = logger(__name__)
Answer = TypeVar("Answer")
CHECK_S = 30.0
"""What a whole check may take at the platform: begun 20 s late, it leaves 10 s of the lease for its commits."""
SHORT_LIVED = timedelta(days=1)
"""A token with a shorter life was made by an exchange that stopped half-way."""
CHECK_EVERY = timedelta(hours=20)
"""How old an answer about an account's token may be: checks are a day apart, give or take a tenth."""
AT_ONCE = 8
MOST_CHECKED = 48
"""Accounts asked about in one check while the person's token works; the others follow soon after."""
MOST_CHECKED_WITHOUT_PERSON = 200
"""Accounts asked about in one check while searching for one that works without the person."""
NEXT_BATCH = timedelta(minutes=5)
RETRY_UNANSWERED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """How much one check may do."""

    within_s: float = CHECK_S
    most_without_person: int = MOST_CHECKED_WITHOUT_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeResult:
    """What a refresh by exchange found."""

    tokens: Tokens
    ended: str = ""
    """The code with which the person's own token ended, while an account's still works."""
    again_in: timedelta | None = None
    """When to check sooner than usual; None: as usual."""
    newly_suspected: bool = False
    """The platform called an account's token ended for the first time."""
    doubted: bool = False
    """A second "ended" was not believed, because the platform says so of too many."""


@dataclass(slots=True, kw_only=True)
class _CheckResults:
    """What the platform said of accounts' tokens."""

    working: dict[AccountToken, str | None] = field(default_factory=dict)
    """With the token that replaces the one we have, if it was needed."""
    ended: dict[AccountToken, str] = field(default_factory=dict)
    """With the platform's code."""
    failures: list[PlatformError] = field(default_factory=list)
    """Why nothing is known of the others."""

    @property
    def known(self) -> set[str]:
        """The accounts of which something is known."""
        return {owner.id for owner in (*self.working, *self.ended)}

    @property
    def retry_in(self) -> timedelta | None:
        """When to ask again where the platform did not answer; None where it did."""
        return max((error.retry_after or RETRY_UNANSWERED for error in self.failures), default=None)

    def add(self, more: _CheckResults) -> None:
        """Add what was said of other accounts."""
        self.working |= more.working
        self.ended |= more.ended
        self.failures += more.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """One check: of which grant, through which client, and until when."""

    grant: Grant
    adapter: AccountTokens
    client: Client
    until: float
    """By the event loop's clock."""

    @property
    def late(self) -> bool:
        """Whether no time is left."""
        return asyncio.get_running_loop().time() >= self.until

    async def ask(self, call: Awaitable[Answer]) -> Answer:
        """Return what is answered in time.

        Raises:
            Busy: It was not. Asking again is safe: no call here spends anything.

        """
        try:
            async with asyncio.timeout_at(self.until):
                return await call
        except TimeoutError:
            raise Busy("no_answer") from None


@dataclass(slots=True, kw_only=True)
class _Changes:
    """What the answers changed, of all accounts together."""

    recovered: bool = False
    lost: bool = False
    """An account is lost now, or was before."""
    newly_suspected: bool = False
    waiting: bool = False
    """An account is suspected, and a second answer is due."""


class PageTokenChecker:
    """Exchanges a person's token and checks the accounts' own."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        incidents: IncidentService,
        *,
        spend: Callable[[str, int], Awaitable[timedelta | None]],
        doubted: Callable[[Grant], Awaitable[bool]],
        limits: CheckLimits = CheckLimits(),
    ) -> None:
        """Keep what a check needs.

        `spend` takes calls out of an app's budget, or returns for how long nobody may call; `doubted` tells
        whether a grant's platform calls too many ended to be believed.
        """
        self._database = database
        self._vault = vault
        self._incidents = incidents
        self._spend = spend
        self._doubted = doubted
        self._limits = limits

    async def exchange(
        self, grant: Grant, adapter: AccountTokens, client: Client, tokens: Tokens
    ) -> ExchangeResult:
        """Return newer tokens, or the same ones with `ended` if only accounts live on.

        Raises:
            GrantDead: Neither the person's token works nor any account's.
            PlatformError: The exchange failed, or it is not known of every account yet (Busy).

        """
        until = asyncio.get_running_loop().time() + self._limits.within_s
        check = _Check(grant=grant, adapter=adapter, client=client, until=until)
        try:
            newer = await check.ask(adapter.refresh(client, tokens))
        except GrantDead as death:
            return await self._without_person(check, tokens, death)
        await self._keep(check, newer)
        async with self._database.system(write=False) as session:
            owners = await StoredTokens(session, self._vault).due(grant.id, CHECK_EVERY, MOST_CHECKED)
        if not owners:
            return ExchangeResult(tokens=newer)
        results = await self._ask(check, owners)
        if results.ended:
            await self._replace(check, newer, results)
        return await self._settle(grant, newer, results)

    async def _keep(self, check: _Check, newer: Tokens) -> None:
        """Store what came with an exchanged token, before the token itself.

        The older token keeps working, so a crash in between loses nothing. Accounts' tokens that were made
        from a short-lived one end with it, so the first long-lived one replaces them.
        """
        grant = check.grant
        ends = grant.access_expires_at
        if ends is not None and ends - grant.renewed_at < SHORT_LIVED:
            found = await check.ask(check.adapter.discover(check.client, newer))
            async with self._database.system() as session:
                await Accounts(session, self._vault).replace_tokens(grant.id, _own(found))

    async def _without_person(self, check: _Check, tokens: Tokens, death: GrantDead) -> ExchangeResult:
        """Look for an account whose own token still works.

        Raises:
            GrantDead: `death`, once every account's token has been called ended.
            PlatformError: That is not known yet.

        """
        grant = check.grant
        async with self._database.system(write=False) as session:
            owners = await StoredTokens(session, self._vault).unsuspected(
                grant.id, self._limits.most_without_person
            )
        results = await self._ask(check, owners, one_is_enough=True)
        if results.working:
            async with self._database.system(write=False) as session:
                due = await StoredTokens(session, self._vault).due(grant.id, CHECK_EVERY, MOST_CHECKED)
            results.add(await self._ask(check, [owner for owner in due if owner.id not in results.known]))
        result = await self._settle(grant, tokens, results, person_ended=death.code)
        if results.working:
            return result
        if results.failures:
            raise results.failures[0]
        async with self._database.system(write=False) as session:
            if await StoredTokens(session, self._vault).others_may_live(grant.id, results.known):
                raise Busy("accounts_left_to_ask") from None
        raise death

    async def _ask(
        self, check: _Check, owners: Sequence[AccountToken], *, one_is_enough: bool = False
    ) -> _CheckResults:
        """Ask about each account's token, as far as the time, the budget and the platform allow."""
        results = _CheckResults()
        answers = await self._answers(check, [each.token for each in owners], results, enough=one_is_enough)
        for owner in owners:
            code = answers.get(owner.token)
            if code:
                results.ended[owner] = code
            elif code is not None:
                results.working[owner] = None
        return results

    async def _answers(
        self, check: _Check, tokens: Iterable[str], results: _CheckResults, *, enough: bool = False
    ) -> Mapping[str, str]:
        """Return the code with which each token ended, "" for one that works; `enough`: stop at the first of these."""
        answers: dict[str, str] = {}

        async def one(token: str) -> None:
            try:
                answers[token] = await check.ask(check.adapter.ended(check.client, token))
            except PlatformError as error:
                results.failures.append(error)

        wanted = list(dict.fromkeys(tokens))  # organizations that share a Page may share its token
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            if check.late or any(error.retry_after for error in results.failures):
                break
            if held := await self._spend(check.client.app.key, len(some)):
                results.failures.append(Busy("held_back", retry_after=held))
                break
            await asyncio.gather(*map(one, some))
            if enough and "" in answers.values():
                break
        return answers

    async def _replace(self, check: _Check, newer: Tokens, results: _CheckResults) -> None:
        """Look for new tokens for the accounts whose tokens ended; without one that works, they stay ended.

        While the person's Pages cannot be listed, nothing is known of these accounts.
        """
        try:
            own = _own(await check.ask(check.adapter.discover(check.client, newer)))
        except PlatformError as error:
            results.failures.append(error)
            results.ended.clear()
            return
        offered = {owner: own.get(owner.remote_id, owner.token) for owner in results.ended}
        offered = {owner: token for owner, token in offered.items() if token != owner.token}
        answers = await self._answers(check, offered.values(), results)
        for owner, token in offered.items():
            code = answers.get(token)
            if not code:
                del results.ended[owner]
            if code == "":
                results.working[owner] = token

    async def _settle(
        self, grant: Grant, tokens: Tokens, results: _CheckResults, *, person_ended: str = ""
    ) -> ExchangeResult:
        """Store what is known, tell the organizations what they have to know, and say when to check again.

        If neither the person's token works nor an account's, the accounts are not reported one by one.
        """
        doubted = any(o.suspected_at and not o.access_error for o in results.ended) and await self._doubted(
            grant
        )
        believed = not doubted and not (person_ended and not results.working)
        changes = _Changes()
        async with self._database.system() as session:
            own, clock = StoredTokens(session, self._vault), await database_time(session)
            if not results.known or not await own.lock(grant.id):
                return ExchangeResult(tokens=tokens, ended=person_ended, again_in=results.retry_in)
            for owner, token in results.working.items():
                changes.recovered |= await own.mark_valid(owner, token) and bool(owner.access_error)
            for owner, code in results.ended.items():
                certain = believed and confirmed(owner.suspected_at, clock)
                await self._note_ended(own, owner, code, changes, certain=certain)
            if changes.recovered:
                await self._incidents.accounts_back(session, grant)
                await Reminders(session).reschedule({grant.id: clock})
            if changes.lost:
                await self._incidents.accounts_lost(session, grant)
            more = await own.more(grant.id, CHECK_EVERY)
        again_in = results.retry_in or (NEXT_BATCH if more else None)
        if changes.waiting:
            again_in = BREAKER_HOLD if doubted else SECOND_OPINION
        return ExchangeResult(
            tokens=tokens,
            ended=person_ended,
            again_in=again_in,
            newly_suspected=changes.newly_suspected,
            doubted=doubted,
        )

    async def _note_ended(
        self, own: StoredTokens, owner: AccountToken, code: str, changes: _Changes, *, certain: bool
    ) -> None:
        """Suspect an account's token that the platform calls ended, or give the account up."""
        changes.lost |= bool(owner.access_error)
        if owner.access_error or not certain:
            noted = await own.suspect(owner)
            changes.newly_suspected |= noted and owner.suspected_at is None
            changes.waiting |= not owner.access_error
        elif await own.mark_lost(owner, code):
            changes.lost = True
            log.warning("account.lost", account=owner.id, code=code)


def _own(found: Discovery) -> dict[str, str]:
    """Return the tokens that accounts have of their own, by the platform's id."""
    return {account.id: account.token for account in found.accounts if account.token}
