"""Checks before a delivery is due: a day, an hour and ten minutes ahead, while a person can still do something.

A check asks the platform only what costs nothing, and only with a token that works as it is. A platform that does not
answer says nothing about the delivery: that is no fault.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from adapters.base import Busy, PlatformError, Rejected
from bot.ops.logs import logger
from bot.services.accounts.diagnosis import diagnose, state_of
from bot.services.accounts.problems import Remedy
from bot.services.accounts.profiles import AccountProfile
from bot.services.posts.contents import load
from bot.services.posts.faults import Fault, FaultKind, dump
from bot.services.posts.policy import FILE_GONE, next_check_in
from bot.services.posts.risks import risks_of
from storage.deliveries import Deliveries
from storage.engine.autocommit import FAILURES
from storage.engine.statements import database_time
from storage.watches import Watches

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.base import Live
    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.results import Results
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import Delivery
    from storage.vault import Vault

log = logger(__name__)
AT_ONCE = 8
ANSWERED_WITHIN_S = 60.0
UNANSWERED = timedelta(minutes=10)
"""When to check again after the platform did not answer."""
LIMITS_FROM = timedelta(hours=1)
"""How long before it is due a used up limit of the day says something about a delivery."""


class Checking:
    """Checks what is scheduled. Built once, in `bot.app`; any number of processes may run one."""

    def __init__(self, *, calls: PublishingCalls, results: Results, database: Database, vault: Vault) -> None:
        self._calls = calls
        self._results = results
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Check every delivery that is due for it."""
        while True:
            async with self._database.system(write=False) as session:
                if not await Watches(session).any_to_check():
                    return
            async with self._database.system() as session:
                claimed = await Watches(session).claim_checks(AT_ONCE)
            await asyncio.gather(*(self._one(delivery) for delivery in claimed))

    async def _one(self, delivery: Delivery) -> None:
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await self._check(delivery)
        except TimeoutError:
            log.info("check.unanswered", delivery=delivery.id)  # it is checked again after the lease
        except (DBAPIError, *FAILURES):
            log.warning("check.interrupted", delivery=delivery.id)
        except Exception as error:
            log.exception("check.unexpected_error", delivery=delivery.id, type=type(error).__name__)

    async def _check(self, delivery: Delivery) -> None:
        async with self._database.system(write=False) as session:
            work = await Deliveries(session, self._vault).work(delivery)
            at = await database_time(session)
        due_in = delivery.due_at - at
        again_in = next_check_in(due_in)
        answered, fault = True, await self._known(work, at)
        if fault is None:
            try:
                fault = await self._asked(work, due_in)
            except PlatformError as error:
                log.info(
                    "check.unanswered", delivery=delivery.id, outcome=type(error).__name__, code=error.code
                )
                answered = False
                again_in = None if again_in is None else min(again_in, UNANSWERED)
        await self._store(work, fault, again_in, answered=answered)

    async def _store(
        self, work: Work, fault: Fault | None, again_in: timedelta | None, *, answered: bool
    ) -> None:
        """Store what was found, and tell people about what needs them: each fault of a delivery once."""
        delivery, found = work.delivery, dump(fault)
        async with self._database.system() as session:
            stored = found if answered else None
            if not await Watches(session).checked(delivery, stored, again_in):
                return
            if answered and found != delivery.fault:
                await self._results.update(session, work.post)
                if fault is not None and fault.needs_someone:
                    await self._results.alert(session, work.post, delivery, f"{fault.kind}:{fault.code}")
                    log.info("check.fault", delivery=delivery.id, kind=fault.kind, code=fault.code)

    async def _known(self, work: Work, at: datetime) -> Fault | None:
        """Return what can be said without asking the platform."""
        state = state_of(self._calls.catalog, work.account, work.grant, warned=True)
        profile = AccountProfile(
            account=work.account,
            grant=work.grant,
            platform=state.platform,
            organization="",
            can=state.can,
            missing=state.missing,
            diagnosis=diagnose(state),
            label=work.account.name,
        )
        for risk in risks_of(profile, work.delivery.due_at, at):
            if risk.diagnosis.remedy is Remedy.RECONNECT or risk.at is not None:
                return Fault(kind=FaultKind.ACCOUNT, code=risk.code)
        try:
            await self._calls.check_files(work)
        except Rejected:
            return Fault(kind=FaultKind.CONTENT, code=FILE_GONE)
        return self._content(work, None)

    def _content(self, work: Work, live: Live | None) -> Fault | None:
        """Return the first thing that the platform does not take."""
        publisher = self._calls.publisher(work.account.platform)
        problem = next(iter(publisher.check(load(work.delivery.content), live)), None)
        return None if problem is None else Fault(kind=FaultKind.CONTENT, problem=problem)

    async def _asked(self, work: Work, due_in: timedelta) -> Fault | None:
        """Return what the platform says now.

        Raises:
            PlatformError: It did not say anything.

        """
        account, facts = work.account, self._calls.publisher(work.account.platform).facts
        await self._calls.allowed(work)
        authorized = await self._calls.standing(work)
        if authorized is not None:
            publisher = self._calls.publisher(account.platform)
            call = publisher.live(
                authorized.client, authorized.tokens, account.remote_id, work.delivery.place
            )
            live = await self._calls.counted(work, call)
            if live.refuses and live.refuses not in facts.cap_codes:
                return Fault(kind=FaultKind.REFUSED, code=live.refuses)
            if (found := self._content(work, live)) is not None:
                return found
            if live.refuses and due_in <= LIMITS_FROM:
                return Fault(kind=FaultKind.LIMIT, code=live.refuses)
        try:
            await self._calls.check_budget(work)
        except Busy as error:
            return Fault(kind=FaultKind.LIMIT, code=error.code) if due_in <= LIMITS_FROM else None
        return None
