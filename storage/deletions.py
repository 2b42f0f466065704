"""Deleting an organization with everything it has, and what remains of it. System sessions only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, tuple_
from sqlalchemy import select as core_select
from sqlmodel import col, delete, select, update

from storage.engine.statements import now, rows
from storage.models import (
    Account,
    Browser,
    Deletion,
    GrantHolder,
    Membership,
    Notice,
    Organization,
    Revocation,
    SignIn,
    Ticket,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """How much of everything an organization has."""

    members: int
    sign_ins: int
    """Those that no other organization uses."""
    shared_sign_ins: int


def _sent(kinds: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of messages of these kinds that nobody waits for any more."""
    return col(Notice.organization_id).is_(None), col(Notice.kind).in_(kinds), col(Notice.due_at).is_(None)


_UNFINISHED = core_select(col(Deletion.id)).where(col(Deletion.finished_at).is_(None)).limit(1)


@cache
def _some_sent(kinds: frozenset[str]) -> Select[str]:
    """Return the question for one of the messages that nobody waits for any more."""
    return core_select(col(Notice.id)).where(*_sent(kinds)).limit(1)


class Deletions:
    """Organizations on their way out."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def inventory(self, organization_id: str) -> Inventory:
        """Return how much would be deleted."""
        members = select(func.count()).where(
            Membership.organization_id == organization_id, col(Membership.ended_at).is_(None)
        )
        held = select(GrantHolder.grant_id).where(GrantHolder.organization_id == organization_id)
        others = select(func.count(func.distinct(col(GrantHolder.grant_id)))).where(
            GrantHolder.organization_id != organization_id, col(GrantHolder.grant_id).in_(held)
        )
        grants = select(func.count()).where(GrantHolder.organization_id == organization_id)
        shared = (await self._session.exec(others)).one()
        return Inventory(
            members=(await self._session.exec(members)).one(),
            sign_ins=(await self._session.exec(grants)).one() - shared,
            shared_sign_ins=shared,
        )

    async def begin(
        self, organization: Organization, accounts: int, recipients: Sequence[tuple[str, str]]
    ) -> Deletion:
        """Return the new line that will remain. `recipients` are pairs of a Slack id and a user id."""
        deletion = Deletion(
            accounts=accounts, organization=organization.name, recipients=[list(one) for one in recipients]
        )
        self._session.add(deletion)
        await self._session.flush()
        return deletion

    async def close_doors(self, organization_id: str) -> None:
        """Wait until nobody acts for the organization, and let nobody begin to.

        Whoever acts holds their membership (`storage.acting`), so these are locked before anything else.
        """
        everyone = select(Membership.id).where(Membership.organization_id == organization_id)
        await self._session.exec(everyone.order_by(col(Membership.id)).with_for_update())

    async def take_accounts(self, organization_id: str) -> list[Account]:
        """Delete the organization's accounts and return those that were connected, by name."""
        theirs = select(Account).where(
            Account.organization_id == organization_id, col(Account.disconnected_at).is_(None)
        )
        found = list(await self._session.exec(theirs.order_by(func.lower(Account.name), col(Account.id))))
        for account in found:
            self._session.expunge(account)
        await self._delete(Account, organization_id)
        return found

    async def let_go(self, organization_id: str) -> None:
        """Let the organization hold no grant any more."""
        await self._delete(GrantHolder, organization_id)

    async def erase(self, organization_id: str) -> None:
        """Delete the organization's row, every row that belongs to it, and what names it elsewhere.

        The audit trail goes with it: its lines may be deleted once the organization's row is gone. A person's
        proof of who they are in a browser is deleted too; they are asked for it again.
        """
        people = select(col(Membership.realm), col(Membership.user_id)).where(
            Membership.organization_id == organization_id
        )
        tickets = select(Ticket.ticket_hash).where(Ticket.organization_id == organization_id)
        for statement in (
            delete(SignIn).where(col(SignIn.ticket_hash).in_(tickets)),
            delete(Browser).where(tuple_(col(Browser.realm), col(Browser.user_id)).in_(people)),
            delete(Notice).where(col(Notice.names_organization_id) == organization_id),
            delete(Organization).where(col(Organization.id) == organization_id),
        ):
            await self._session.exec(statement, execution_options=_UNSYNCHRONIZED)

    async def _delete(self, model: type[Account | GrantHolder], organization_id: str) -> None:
        theirs = delete(model).where(col(model.organization_id) == organization_id)
        await self._session.exec(theirs, execution_options=_UNSYNCHRONIZED)

    # The receipt

    async def any_left(self, kinds: Collection[str]) -> bool:
        """Return whether a deletion is not finished, or sent messages of these kinds are still here."""
        asked = _UNFINISHED, _some_sent(frozenset(kinds))
        return any([await rows(self._session, each) for each in asked])

    async def settled(self) -> list[Deletion]:
        """Return deletions of which every sign-in is settled and whose receipts were not handed out yet."""
        waits = exists().where(col(Revocation.deletion_id) == col(Deletion.id), col(Revocation.outcome) == "")
        done = select(Deletion).where(col(Deletion.finished_at).is_(None), ~waits)
        return list(await self._session.exec(done.with_for_update(skip_locked=True)))

    async def lines(self, deletion_id: str) -> list[Revocation]:
        """Return what came of each sign-in, by platform."""
        theirs = select(Revocation).where(Revocation.deletion_id == deletion_id)
        return list(await self._session.exec(theirs.order_by(Revocation.platform, col(Revocation.id))))

    async def finish(self, deletion_id: str) -> None:
        """Leave only the line: the receipts have been put into the outbox."""
        for statement in (
            delete(Revocation).where(col(Revocation.deletion_id) == deletion_id),
            update(Deletion)
            .where(col(Deletion.id) == deletion_id)
            .values(finished_at=now(), organization="", recipients=[]),
        ):
            await self._session.exec(statement, execution_options=_UNSYNCHRONIZED)

    async def forget_sent(self, kinds: Collection[str]) -> int:
        """Delete messages of these kinds that were sent or given up, with the addresses they went to."""
        gone = delete(Notice).where(*_sent(kinds))
        return (await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)).rowcount
