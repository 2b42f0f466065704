"""Keeping grants fresh: which are due, and what the platform's answer means for the row.

Every change names the generation it read. A row whose generation moved on was renewed by somebody else
meanwhile, and what we learned about the older tokens no longer counts. Only a platform's signed word that a
person has left is about their consent and not about its tokens: it counts whatever the generation, and moves
it, so that no refresh that is under way brings the grant back. System sessions only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, LargeBinary, String, bindparam, case, func, null
from sqlalchemy import update as core_update
from sqlmodel import SQLModel, and_, col, delete, not_, or_, select, update

from storage.engine.db import AsJson, Now, insert_once, now, rows
from storage.engine.leases import claim, waiting
from storage.grants import token_pair
from storage.models import Account, Discovery, FoundAccount, Grant, GrantStatus, VerdictTally

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner
    from storage.grants import TokenPair
    from storage.vault import Vault

FRESH, GRANT_DEAD = "fresh", "GrantDead"
"""Two of the values of `Grant.last_outcome`."""
CODE_LENGTH = 80
"""How many characters of an error code are stored."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class Outcome(StrEnum):
    """How one refresh ended, as the breaker counts it."""

    FRESH = "fresh"
    DEAD = "dead"
    BUSY = "busy"
    """No answer that tells anything."""
    OTHER = "other"
    """Our app was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Newer tokens for a grant, and when to look at it again."""

    access: str
    refresh: str | None
    """None: the refresh token we have keeps working."""
    access_expires_in: timedelta | None
    refresh_expires_in: timedelta | None
    due_in: timedelta
    scopes: Collection[str] | None = None
    """What the platform says is granted now. None: it said nothing, and nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPerson:
    """A person who took back what they had consented to, as their platform says."""

    platforms: Collection[str]
    apps: Collection[str]
    external_id: str
    consented_until: datetime
    """What they consented to later is not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a platform's refreshes came to over some minutes."""

    fresh: int
    dead: int
    busy: int
    other: int

    @property
    def total(self) -> int:
        """Every refresh counted."""
        return self.fresh + self.dead + self.busy + self.other


def _in(name: str) -> ColumnElement[Any]:
    """Return the time so many seconds from now, or NULL when none are given."""
    seconds = bindparam(name, type_=Float)
    return case((seconds.is_(None), null()), else_=Now(seconds))


_GRANTS = SQLModel.metadata.tables["grant_"]
_READ = bindparam("read_generation", type_=Integer)
_RENEW = (
    core_update(_GRANTS)
    .where(_GRANTS.c.id == bindparam("grant_id", type_=String), _GRANTS.c.generation == _READ)
    .values(
        access_sealed=bindparam("access", type_=LargeBinary),
        refresh_sealed=func.coalesce(bindparam("refresh", type_=LargeBinary), _GRANTS.c.refresh_sealed),
        access_expires_at=_in("access_expires_in"),
        refresh_expires_at=func.coalesce(_in("refresh_expires_in"), _GRANTS.c.refresh_expires_at),
        due_at=Now(bindparam("due_in", type_=Float)),
        scopes=func.coalesce(AsJson(bindparam("scopes", type_=String)), _GRANTS.c.scopes),
        generation=_READ + 1,
        # Newer tokens don't tell whose consent it is: what is pending stays so until that is known.
        status=case(
            (_GRANTS.c.status == GrantStatus.PENDING.value, GrantStatus.PENDING.value),
            else_=GrantStatus.HEALTHY.value,
        ),
        reason="",
        last_outcome=FRESH,
        last_error_code="",
        checked_at=now(),
        renewed_at=now(),
        lease_until=None,
        failures=0,
        suspected_at=None,
        in_doubt=False,
    )
    .returning(_GRANTS.c.id)
)
"""Built once: it runs with every refresh."""


_SOME = select(Grant.id).where(col(Grant.app) == bindparam("asked", type_=String), *waiting(Grant)).limit(1)


async def any_due(session: AsyncSession | AutocommitRunner, app: str) -> bool:
    """Tell whether an app has anything to claim: a read, for who asks every second."""
    return bool(await rows(session, _SOME, asked=app))


async def renew(
    session: AsyncSession | AutocommitRunner, vault: Vault, grant: Grant, renewal: Renewal
) -> bool:
    """Store newer tokens; False when the row was renewed meanwhile by somebody else.

    One UPDATE, so that it can be a transaction of its own: nothing stands between the platform's answer
    and the commit.
    """
    place: dict[str, Any] = {"table": "grant_", "organization": None, "row": grant.id}
    refresh = renewal.refresh
    stored = await rows(
        session,
        _RENEW,
        grant_id=grant.id,
        read_generation=grant.generation,
        access=vault.seal(renewal.access, column="access_sealed", **place),
        refresh=None if refresh is None else vault.seal(refresh, column="refresh_sealed", **place),
        access_expires_in=_seconds(renewal.access_expires_in),
        refresh_expires_in=_seconds(renewal.refresh_expires_in),
        due_in=renewal.due_in.total_seconds(),
        scopes=None if renewal.scopes is None else json.dumps(sorted(renewal.scopes)),
    )
    return bool(stored)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


class Refreshes:
    """The work on due grants."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def claim(self, app: str, limit: int, lease: timedelta) -> list[Grant]:
        """Return due grants of one app, the caller's alone for `lease`."""
        return await claim(self._session, Grant, limit=limit, lease=lease, only=col(Grant.app) == app)

    async def release(self, grants: Collection[Grant]) -> None:
        """Give back what was claimed and not begun."""
        ours = update(Grant).where(
            col(Grant.id).in_([grant.id for grant in grants]),
            col(Grant.lease_until).in_({grant.lease_until for grant in grants}),
        )
        await self._session.exec(ours.values(lease_until=None), execution_options=_UNSYNCHRONIZED)

    async def take(self, grant_id: str, generation: int, lease: timedelta) -> Grant | None:
        """Return one grant for `lease`, if its tokens are still these and nobody else works on it.

        Nor when the last look settled nothing: then it is asked about again when it is due, by whoever claims it.
        """
        settled = and_(col(Grant.failures) == 0, col(Grant.suspected_at).is_(None))
        taken = (
            update(Grant)
            .where(
                col(Grant.id) == grant_id,
                col(Grant.generation) == generation,
                col(Grant.access_sealed).is_not(None),
                or_(col(Grant.lease_until).is_(None), col(Grant.lease_until) < now()),
                or_(settled, col(Grant.due_at) <= now()),
            )
            .values(lease_until=now(lease))
            .returning(Grant)
        )
        rows = await self._session.exec(
            taken, execution_options=_UNSYNCHRONIZED | {"populate_existing": True}
        )
        return rows.scalar_one_or_none()

    async def look(self, grant_id: str) -> Grant | None:
        """Return the grant as it is now."""
        found = select(Grant).where(Grant.id == grant_id)
        return (await self._session.exec(found, execution_options={"populate_existing": True})).one_or_none()

    async def schedule(self, grant_id: str, due_in: timedelta, *, renews: bool = True) -> None:
        """Say when a settled grant is looked at next, and that nothing is held against it.

        `renews` is False where nothing renews what its latest consent gave: a refresh token from an earlier
        one goes.
        """
        change = update(Grant).where(col(Grant.id) == grant_id)
        if not renews:
            change = change.values(refresh_sealed=None, refresh_expires_at=None)
        await self._session.exec(
            change.values(
                due_at=now(due_in),
                next_reminder_at=now(),
                lease_until=None,
                checked_at=now(),
                last_outcome=FRESH,
                last_error_code="",
                failures=0,
                suspected_at=None,
                in_doubt=False,
            ),
            execution_options=_UNSYNCHRONIZED,
        )

    def tokens(self, grant: Grant) -> TokenPair:
        """Return the grant's tokens. Raises LookupError when they are gone."""
        return token_pair(self._vault, grant)

    async def renewed(self, grant: Grant, renewal: Renewal) -> bool:
        """Store newer tokens: `renew` in this session."""
        return await renew(self._session, self._vault, grant, renewal)

    async def shown_until(self, grant: Grant, ends_in: timedelta) -> None:
        """Note how long the platform goes on showing us the person's data."""
        change = update(Grant).where(col(Grant.id) == grant.id, col(Grant.generation) == grant.generation)
        first = case((col(Grant.data_access_expires_at).is_(None), now()), else_=col(Grant.next_reminder_at))
        await self._session.exec(
            change.values(data_access_expires_at=now(ends_in), next_reminder_at=first),
            execution_options=_UNSYNCHRONIZED,
        )

    async def healthy(
        self, grant: Grant, due_in: timedelta, *, outcome: str = FRESH, error_code: str = ""
    ) -> bool:
        """Store that the platform accepts the tokens we hold, and when to ask again."""
        return await self._settle(
            grant, outcome, error_code, failures=0, suspected_at=None, in_doubt=False, due_at=now(due_in)
        )

    async def reschedule(
        self, grant: Grant, outcome: str, error_code: str, due_in: timedelta, *, in_doubt: bool = False
    ) -> bool:
        """Store that the platform said nothing new about the grant, and when to ask again."""
        values = {"in_doubt": True} if in_doubt else {}
        return await self._settle(
            grant, outcome, error_code, failures=col(Grant.failures) + 1, due_at=now(due_in), **values
        )

    async def suspect(self, grant: Grant, outcome: str, error_code: str, due_in: timedelta) -> bool:
        """Store that the platform called the grant dead for the first time, and when to ask again."""
        first = func.coalesce(col(Grant.suspected_at), now())
        return await self._settle(grant, outcome, error_code, suspected_at=first, due_at=now(due_in))

    async def dead(self, grant: Grant, code: str) -> bool:
        """Store that the grant has ended; False when the row was renewed meanwhile."""
        return await self._change(
            grant, GRANT_DEAD, code, status=GrantStatus.NEEDS_RECONNECT, reason=code, due_at=None
        )

    async def end_for_person(self, person: ExternalPerson, code: str) -> list[Grant]:
        """Settle on their platform's signed word that a person's grants are over; return those that were not."""
        over = (
            update(Grant)
            .where(*_theirs(person), col(Grant.status) == GrantStatus.HEALTHY)
            .values(
                status=GrantStatus.NEEDS_RECONNECT,
                reason=code,
                last_outcome=GRANT_DEAD,
                last_error_code=code[:CODE_LENGTH],
                checked_at=now(),
                due_at=None,
                lease_until=None,
                generation=col(Grant.generation) + 1,
            )
            .returning(Grant)
        )
        ended = await self._session.exec(
            over, execution_options=_UNSYNCHRONIZED | {"populate_existing": True}
        )
        return list(ended.scalars())

    async def ask_about(self, person: ExternalPerson, margin: timedelta) -> int:
        """Make a person's living grants due now, also those they consented to up to `margin` later; return how many.

        Those that their platform has found good since then are left alone, and those it is asked about again
        anyway because the last answer settled nothing.
        """
        until = person.consented_until + margin
        proven = and_(col(Grant.last_outcome) == FRESH, col(Grant.checked_at) > until)
        ask = update(Grant).where(
            *_theirs(replace(person, consented_until=until)),
            col(Grant.status) == GrantStatus.HEALTHY,
            col(Grant.failures) == 0,
            col(Grant.suspected_at).is_(None),
            or_(col(Grant.checked_at).is_(None), not_(proven)),
        )
        return (
            await self._session.exec(ask.values(due_at=now()), execution_options=_UNSYNCHRONIZED)
        ).rowcount

    async def erase(self, person: ExternalPerson) -> int:
        """Destroy every token that came of what a person consented to; return in how many grants.

        Their own, those of the accounts that live on their grants, and those of accounts found and not
        chosen. For grants that are over: `left` comes first, in the same transaction.
        """
        emptied = update(Grant).where(*_theirs(person)).returning(col(Grant.id))
        own = await self._session.exec(
            emptied.values(access_sealed=None, refresh_sealed=None, generation=col(Grant.generation) + 1),
            execution_options=_UNSYNCHRONIZED,
        )
        grants = list(own.scalars())
        lists = select(Discovery.id).where(col(Discovery.grant_id).in_(grants))
        for accounts in (
            update(Account).where(col(Account.grant_id).in_(grants)),
            update(FoundAccount).where(col(FoundAccount.discovery_id).in_(lists)),
        ):
            await self._session.exec(accounts.values(token_sealed=None), execution_options=_UNSYNCHRONIZED)
        return len(grants)

    async def _settle(self, grant: Grant, outcome: str, error_code: str, **values: Any) -> bool:
        """Change a leased grant; False, and nothing changed, when the lease has gone to somebody else meanwhile."""
        leased = col(Grant.lease_until) == grant.lease_until
        return await self._change(grant, outcome, error_code, leased, **values)

    async def _change(
        self, grant: Grant, outcome: str, error_code: str, *only: ColumnElement[bool], **values: Any
    ) -> bool:
        change = (
            update(Grant)
            .where(col(Grant.id) == grant.id, col(Grant.generation) == grant.generation, *only)
            .values(
                last_outcome=outcome,
                last_error_code=error_code[:CODE_LENGTH],
                checked_at=now(),
                lease_until=None,
                **values,
            )
        )
        return (await self._session.exec(change, execution_options=_UNSYNCHRONIZED)).rowcount == 1

    async def clock(self) -> datetime:
        """Return what time it is at the database, which decides what is over: hosts' clocks are minutes apart."""
        return (await self._session.exec(select(now()))).one()

    # What the breaker counts

    async def minute(self) -> int:
        """Return the minute it is at the database: Unix time divided by 60."""
        return int((await self.clock()).timestamp() // 60)

    async def count(self, platform: str, minute: int, outcomes: Mapping[Outcome, int]) -> None:
        """Add outcomes to a platform's minute."""
        fresh = insert_once(self._session, VerdictTally).values(
            platform=platform, minute=minute, **{o: outcomes.get(o, 0) for o in Outcome}
        )
        await self._session.exec(
            fresh.on_conflict_do_update(
                index_elements=["platform", "minute"],
                set_={o: getattr(VerdictTally, o) + outcomes.get(o, 0) for o in Outcome},
            ),
            execution_options=_UNSYNCHRONIZED,
        )

    async def forget_tallies(self, before_minute: int) -> int:
        """Delete what was counted before a minute; return how many rows."""
        old = delete(VerdictTally).where(col(VerdictTally.minute) < before_minute)
        return (await self._session.exec(old, execution_options=_UNSYNCHRONIZED)).rowcount

    async def tallies(self, platform: str, since_minute: int) -> dict[int, Tally]:
        """Return what all replicas counted for a platform, minute by minute since `since_minute`."""
        counted = select(VerdictTally).where(
            VerdictTally.platform == platform, VerdictTally.minute >= since_minute
        )
        return {
            row.minute: Tally(fresh=row.fresh, dead=row.dead, busy=row.busy, other=row.other)
            for row in await self._session.exec(counted)
        }

    async def due_reminders(self, most: int) -> list[Grant]:
        """Return up to `most` grants that may need a reminder now, the longest waiting first."""
        waiting = (
            select(Grant)
            .where(col(Grant.next_reminder_at) <= now())
            .order_by(col(Grant.next_reminder_at))
            .limit(most)
        )
        return list(await self._session.exec(waiting))

    async def reschedule_reminders(self, until: Mapping[str, datetime]) -> None:
        """Store when each of these grants, by id, may need its next reminder."""
        later = (
            core_update(_GRANTS)
            .where(_GRANTS.c.id == bindparam("grant"))
            .values(next_reminder_at=bindparam("at"))
        )
        connection = await self._session.connection()
        await connection.execute(later, [{"grant": grant, "at": at} for grant, at in until.items()])

    async def claim_reminder(self, seen: Grant, again_at: datetime) -> Grant | None:
        """Return the grant as it is now, locked, and reschedule it to `again_at`; None if another process did first."""
        mine = update(Grant).where(
            col(Grant.id) == seen.id, col(Grant.next_reminder_at) == seen.next_reminder_at
        )
        changed = await self._session.exec(
            mine.values(next_reminder_at=again_at), execution_options=_UNSYNCHRONIZED
        )
        return await self.look(seen.id) if changed.rowcount == 1 else None

    async def looked_after(self, app: str) -> int:
        """Return how many grants of an app are looked at again and again."""
        due = select(func.count()).where(col(Grant.app) == app, col(Grant.due_at).is_not(None))
        return (await self._session.exec(due)).one()


def _theirs(person: ExternalPerson) -> tuple[ColumnElement[bool], ...]:
    consented = col(Grant.consented_at)
    return (
        col(Grant.platform).in_(person.platforms),
        col(Grant.app).in_(person.apps),
        col(Grant.external_id) == person.external_id,
        or_(consented.is_(None), consented <= person.consented_until),
    )
