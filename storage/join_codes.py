"""One-time codes with which people of another workspace join an organization.

A code works while the person who made it may let people in, and is deleted when they no longer may (`Members.end`,
`Members.end_offers`, `Members.end_person`).
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, delete, select

from storage.acting import hold_seat
from storage.engine.statements import insert_once, now
from storage.models import JoinCode, Role, digest
from storage.organizations import lock_organization

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

JOIN_CODE_LIFE = timedelta(hours=24)
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1: 32 characters that cannot be confused, 5 bits each."""
CODE_GROUPS = 4
MOST_OPEN = 10
"""How many codes of an organization may be open at the same time."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class TooManyCodes(Exception):
    """The organization has as many open codes as it may have."""


class JoinCodes:
    """The codes of organizations. Only their hashes are stored."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, organization_id: str, role: Role, created_by: str) -> str:
        """Return a code such as `ABCD-EFGH-JKLM-NPQR` (80 bits), which works once within 24 hours.

        Raises:
            TooManyCodes: The organization has 10 open codes, also when several are made at once.

        """
        await lock_organization(self._session, organization_id)
        if len(await self.all(organization_id)) >= MOST_OPEN:
            raise TooManyCodes
        groups = ["".join(secrets.choice(CODE_ALPHABET) for _ in range(4)) for _ in range(CODE_GROUPS)]
        code = "-".join(groups)
        values = {"organization_id": organization_id, "role": int(role), "created_by": created_by}
        statement = insert_once(self._session, JoinCode)
        await self._session.exec(
            statement.values(code_hash=_code_hash(code), expires_at=now(JOIN_CODE_LIFE), **values)
        )
        return code

    async def all(self, organization_id: str) -> list[JoinCode]:
        """Return the organization's open codes, the next to expire first."""
        still_open = select(JoinCode).where(
            JoinCode.organization_id == organization_id, col(JoinCode.expires_at) > now()
        )
        return list(await self._session.exec(still_open.order_by(col(JoinCode.expires_at))))

    async def revoke(self, organization_id: str, code_id: str) -> JoinCode | None:
        """Delete an open code of the organization and return it; None if there is none of this id."""
        named = next((each for each in await self.all(organization_id) if each.id == code_id), None)
        if named is None:
            return None
        gone = delete(JoinCode).where(
            col(JoinCode.organization_id) == organization_id, col(JoinCode.code_hash) == named.code_hash
        )
        deleted = await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)
        return named if deleted.rowcount else None

    async def redeem(self, code: str, maker: Role) -> JoinCode | None:
        """Use up the code and return it; None if it does not work. System session.

        `maker` is the lowest role that can make a code: a code works while its maker has that role, and at least the
        role that the code gives. The organization's memberships are locked until the transaction ends. Of several
        simultaneous callers one gets the code.
        """
        redeemable = (col(JoinCode.code_hash) == _code_hash(code), col(JoinCode.expires_at) > now())
        known = select(JoinCode.organization_id, JoinCode.created_by, JoinCode.role).where(*redeemable)
        found = (await self._session.exec(known)).one_or_none()
        if found is None:
            return None
        organization_id, created_by, role = found
        await lock_organization(self._session, organization_id)
        seat = await hold_seat(self._session, organization_id, created_by)
        if seat is None or seat.role < max(maker, role):
            return None
        redeemed = await self._session.exec(
            delete(JoinCode).where(*redeemable).returning(JoinCode), execution_options=_UNSYNCHRONIZED
        )
        return redeemed.scalar_one_or_none()


def _code_hash(code: str) -> bytes:
    return digest("".join(each for each in code.upper() if each in CODE_ALPHABET))
