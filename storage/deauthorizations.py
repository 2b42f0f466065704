"""Ending the grants of a person who took back their consent at a platform. System sessions only.

The platform's signed statement is about the consent and not about its tokens. So it counts whatever the generation
of the grant, and increases it: no refresh that is under way makes the grant healthy again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlmodel import and_, col, not_, or_, select, update

from storage.engine.statements import now
from storage.models import (
    CODE_LENGTH,
    FRESH,
    GRANT_DEAD,
    Account,
    Discovery,
    FoundAccount,
    Grant,
    GrantStatus,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPerson:
    """A person who took back their consent, as their platform says."""

    platforms: Collection[str]
    apps: Collection[str]
    external_id: str
    consented_until: datetime
    """A later consent is not affected."""


class PersonGrants:
    """The grants of one external person, in all organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def end(self, person: ExternalPerson, code: str) -> list[Grant]:
        """End a person's healthy grants because their platform says so; return those that ended now."""
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

    async def make_due(self, person: ExternalPerson, margin: timedelta) -> int:
        """Make a person's healthy grants due now, also those of a consent up to `margin` later; return how many.

        Not those that the platform has accepted since then, and not those that will be checked again soon anyway
        because the last answer was not conclusive.
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
        """Destroy every token that a person's consents gave; return in how many grants.

        The grants' own tokens, those of the accounts on these grants, and those of accounts that were found and not
        chosen. Only for grants that have ended: call `end` first, in the same transaction.
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


def _theirs(person: ExternalPerson) -> tuple[ColumnElement[bool], ...]:
    consented = col(Grant.consented_at)
    return (
        col(Grant.platform).in_(person.platforms),
        col(Grant.app).in_(person.apps),
        col(Grant.external_id) == person.external_id,
        or_(consented.is_(None), consented <= person.consented_until),
    )
