"""Grants with their sealed tokens.

A grant is one row per platform, app and person, shared by the organizations that hold it: where a platform allows
one consent per person, the second organization's sign-in would otherwise end the tokens of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import distinct, exists, func, text
from sqlmodel import col, delete, select, update

from storage.engine.statements import across, insert_once, now, now_or_null, run
from storage.models import (
    Account,
    Discovery,
    Grant,
    GrantHolder,
    GrantStatus,
    Membership,
    Revocation,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Secret, Vault

_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH = {"populate_existing": True}
_PERSON = col(Membership.realm) + "/" + col(Membership.user_id)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:person, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A grant's tokens."""

    access: Secret
    refresh: Secret | None


def token_pair(vault: Vault, row: Grant | Revocation) -> TokenPair:
    """Return the tokens of a grant, or of its revocation.

    Raises:
        LookupError: They were destroyed.

    """
    if row.access_sealed is None:
        raise LookupError("the grant has ended, its tokens are gone")
    table = str(row.__tablename__)

    def opened(column: str, sealed: bytes) -> Secret:
        return vault.open(sealed, table=table, column=column, organization=None, row=row.id)

    refresh = row.refresh_sealed
    return TokenPair(
        access=opened("access_sealed", row.access_sealed),
        refresh=None if refresh is None else opened("refresh_sealed", refresh),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """What a consent gave: tokens and scopes."""

    connected_by: str
    """The membership that consented."""
    platform: str
    app: str
    access: str
    refresh: str | None
    scopes: Sequence[str]
    access_expires_in: timedelta | None
    refresh_expires_in: timedelta | None
    data_access_expires_in: timedelta | None = None
    """None: not known, or the platform has no such limit."""
    reconnects: str | None = None
    """The grant that this consent is meant to renew; None for a new connection."""


class Grants:
    """The grants of organizations, and who holds them."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def create_pending(self, organization_id: str, new: NewGrant) -> Grant:
        """Return a pending grant: its tokens are stored, the person they belong to is not known yet.

        Commit it before the platform is asked anything else: the code for which the tokens were issued is used up.
        """
        grant_id = new_id("grt")
        grant = Grant(
            id=grant_id,
            platform=new.platform,
            app=new.app,
            scopes=list(new.scopes),
            reconnects=new.reconnects,
            access_sealed=self._seal(grant_id, "access_sealed", new.access),
            refresh_sealed=self._seal(grant_id, "refresh_sealed", new.refresh) if new.refresh else None,
        )
        self._session.add(grant)
        await self._session.flush()
        self._session.add(
            GrantHolder(grant_id=grant_id, organization_id=organization_id, connected_by=new.connected_by)
        )
        await self._session.flush()
        stored = update(Grant).where(col(Grant.id) == grant_id)
        await self._session.exec(
            stored.values(
                consented_at=now(),
                renewed_at=now(),
                access_expires_at=now_or_null(new.access_expires_in),
                refresh_expires_at=now_or_null(new.refresh_expires_in),
                data_access_expires_at=now_or_null(new.data_access_expires_in),
            ),
            execution_options=_UNSYNCHRONIZED,
        )
        await self._session.refresh(grant)
        return grant

    async def activate(
        self,
        organization_id: str,
        grant_id: str,
        *,
        external_id: str,
        external_name: str,
        scopes: Sequence[str],
    ) -> Grant:
        """Return the person's grant, now healthy, with the tokens of this pending one.

        If the person has consented before, in any organization, the row of that grant gets the newer tokens (and
        keeps its refresh token if there is no newer one), the accounts are moved to it, and the pending row is
        deleted. Two activations of the same person at once run one after the other.

        Raises:
            LookupError: The organization does not hold the grant.

        """
        pending = await self.get(organization_id, grant_id)
        if pending is None:
            raise LookupError("no such grant")
        async with across(self._session):
            if self._session.get_bind().dialect.name == "postgresql":
                person = f"{pending.platform}:{pending.app}:{external_id}"
                await run(self._session, _ONE_AT_A_TIME, person=person)
            earlier = select(Grant).where(
                Grant.platform == pending.platform,
                Grant.app == pending.app,
                Grant.external_id == external_id,
                Grant.id != grant_id,
            )
            grant = (
                await self._session.exec(earlier.with_for_update(key_share=True), execution_options=_FRESH)
            ).one_or_none()
            if grant is None:
                grant = pending
            else:
                await self._replace(organization_id, grant, pending)
            grant.external_id = external_id
            grant.external_name = external_name
            grant.scopes = list(scopes)
            grant.status = GrantStatus.HEALTHY
            grant.reason = ""
            grant.reconnects = None
            await self._session.flush()
        return grant

    async def _replace(self, organization_id: str, grant: Grant, pending: Grant) -> None:
        pair = token_pair(self._vault, pending)
        grant.access_sealed = self._seal(grant.id, "access_sealed", pair.access.reveal())
        grant.access_expires_at = pending.access_expires_at
        if pair.refresh is not None:
            grant.refresh_sealed = self._seal(grant.id, "refresh_sealed", pair.refresh.reveal())
            grant.refresh_expires_at = pending.refresh_expires_at
        grant.generation += 1
        grant.renewed_at, grant.consented_at = pending.renewed_at, pending.consented_at
        grant.data_access_expires_at = pending.data_access_expires_at
        grant.due_at, grant.lease_until = pending.due_at, None
        holder = await self._session.get(GrantHolder, (pending.id, organization_id))
        known = insert_once(self._session, GrantHolder).values(
            **(holder.model_dump() if holder else {}) | {"grant_id": grant.id}
        )
        await self._session.exec(
            known.on_conflict_do_update(
                index_elements=["grant_id", "organization_id"],
                set_={"connected_by": known.excluded.connected_by},
            )
        )
        for model in (Account, Discovery):
            moved = update(model).where(col(model.grant_id) == pending.id).values(grant_id=grant.id)
            await self._session.exec(moved)
        await self._drop(pending)

    async def _drop(self, grant: Grant) -> None:
        await self._session.exec(delete(Grant).where(col(Grant.id) == grant.id))

    async def get(self, organization_id: str, grant_id: str) -> Grant | None:
        """Return the grant if the organization holds it."""
        held = (
            select(Grant)
            .join(GrantHolder)
            .where(Grant.id == grant_id, GrantHolder.organization_id == organization_id)
        )
        return (await self._session.exec(held)).one_or_none()

    def _seal(self, grant_id: str, column: str, token: str) -> bytes:
        return self._vault.seal(token, table="grant_", column=column, organization=None, row=grant_id)

    async def holders(self, grant_id: str) -> int:
        """Return how many organizations hold the grant."""
        async with across(self._session):
            held = select(func.count()).select_from(GrantHolder).where(GrantHolder.grant_id == grant_id)
            return (await self._session.exec(held)).one()

    async def shared(self, organization_id: str, grant_id: str) -> bool:
        """Return whether this organization holds the grant and another one does too."""
        held = await self.get(organization_id, grant_id) is not None
        return held and await self.holders(grant_id) > 1

    async def lock(self, grant_id: str) -> None:
        """Lock the grant against changes until this transaction ends. System session.

        A transaction that also changes accounts locks the grant first: with one order there is no deadlock. Not FOR
        UPDATE, for which the second change of an incident in one transaction would wait: PostgreSQL checks again
        then whether the grant that the incident refers to exists.
        """
        alone = select(Grant.id).where(Grant.id == grant_id).with_for_update(key_share=True)
        await self._session.exec(alone)

    async def drop_pending(self, organization_id: str, grant_id: str) -> bool:
        """Delete a pending grant; return False if it is absent or was activated."""
        grant = await self.get(organization_id, grant_id)
        if grant is None or grant.status != GrantStatus.PENDING:
            return False
        await self._drop(grant)
        return True

    async def release(self, organization_id: str, grant_id: str) -> Grant | None:
        """Remove the organization from the grant's holders, unless it has a connected account that uses the grant.

        Returns the grant when no organization holds it any more: the caller revokes it at the platform, then calls
        `end`. Of two organizations that release it at once exactly one gets it.
        """
        if await self.get(organization_id, grant_id) is None:
            return None
        async with across(self._session):
            one_at_a_time = select(Grant).where(Grant.id == grant_id).with_for_update(key_share=True)
            grant = (await self._session.exec(one_at_a_time, execution_options=_FRESH)).one()
            used = select(func.count()).where(
                Account.grant_id == grant_id,
                Account.organization_id == organization_id,
                col(Account.disconnected_at).is_(None),
            )
            if (await self._session.exec(used)).one():
                return None
            await self._session.exec(
                delete(GrantHolder).where(
                    col(GrantHolder.grant_id) == grant_id, col(GrantHolder.organization_id) == organization_id
                )
            )
            return None if await self.holders(grant_id) else grant

    async def needed(self, grant: Grant) -> bool:
        """Return whether the person has signed in again since the grant was read, or an account uses it.

        A refresh since then does not count. System session.
        """
        read = select(Grant.id, Grant.consented_at).where(Grant.id == grant.id)
        now_there = (await self._session.exec(read)).first()
        if now_there is None:
            return False
        return now_there[1] != grant.consented_at or await self.uses(grant.id) > 0

    async def end(self, grant: Grant) -> bool:
        """Delete a grant with its tokens; return False if it is `needed` again.

        A sign-in of the same person at the same moment waits for this, or this for it. System session.
        """
        await self.lock(grant.id)
        if await self.needed(grant):
            return False
        await self._drop(grant)
        return True

    async def siblings(self, platforms: Collection[str], external_id: str, except_grant: str) -> int:
        """Return how many other grants of the person on these platforms are held by an organization.

        Where a platform ends all consents of a person together (Meta), revoking one grant would end these. System
        session.
        """
        others = (
            select(func.count())
            .select_from(Grant)
            .where(
                col(Grant.platform).in_(platforms),
                Grant.external_id == external_id,
                Grant.id != except_grant,
                Grant.status != GrantStatus.ENDED,
                exists().where(col(GrantHolder.grant_id) == col(Grant.id)),
            )
        )
        return (await self._session.exec(others)).one()

    async def holder_ids(self, grant_id: str) -> list[str]:
        """Return the ids of the organizations that hold the grant. System session."""
        held = select(GrantHolder.organization_id).where(GrantHolder.grant_id == grant_id)
        return list(await self._session.exec(held.order_by(col(GrantHolder.since))))

    async def connected_by(self, grant_id: str) -> frozenset[str]:
        """Return the memberships that consented to the grant, in all organizations. System session."""
        held = select(GrantHolder.connected_by).where(GrantHolder.grant_id == grant_id)
        return frozenset(await self._session.exec(held))

    async def people_behind(self, memberships: Collection[str]) -> frozenset[str]:
        """Return the Slack people behind these memberships, each as `realm/user id`. System session."""
        theirs = select(_PERSON).where(col(Membership.id).in_(memberships))
        return frozenset(await self._session.exec(theirs))

    async def connected_by_same(self, platform: str, people: Collection[str], except_grant: str) -> int:
        """Return how many other grants these Slack people (`people_behind`) have connected, in all organizations.

        Without people: how many other grants there are. Where one login may be behind several grants and the platform
        does not say which (Google), these may end together. System session.
        """
        others = (
            select(func.count(distinct(col(Grant.id))))
            .join(GrantHolder, col(GrantHolder.grant_id) == col(Grant.id))
            .where(Grant.platform == platform, Grant.id != except_grant, Grant.status != GrantStatus.ENDED)
        )
        if people:
            by_them = col(Membership.id) == col(GrantHolder.connected_by)
            others = others.join(Membership, by_them).where(_PERSON.in_(people))
        return (await self._session.exec(others)).one()

    async def of_person(self, platform: str, app: str, external_id: str) -> Grant | None:
        """Return the grant by which this person of the platform let the app in, unless it ended. System session."""
        theirs = select(Grant).where(
            Grant.platform == platform,
            Grant.app == app,
            Grant.external_id == external_id,
            Grant.status != GrantStatus.ENDED,
        )
        return (await self._session.exec(theirs)).one_or_none()

    async def of_organization(self, organization_id: str) -> list[Grant]:
        """Return all grants the organization holds, locked: nobody else changes them meanwhile. System session."""
        held = (
            select(Grant)
            .join(GrantHolder)
            .where(GrantHolder.organization_id == organization_id)
            .order_by(col(Grant.id))
            .with_for_update(key_share=True, of=Grant)
        )
        return list(await self._session.exec(held, execution_options=_FRESH))

    async def uses(self, grant_id: str) -> int:
        """Return how many connected accounts use the grant, in all organizations. System session."""
        used = select(func.count()).where(
            Account.grant_id == grant_id, col(Account.disconnected_at).is_(None)
        )
        return (await self._session.exec(used)).one()

    async def find_orphaned(self, older_than: timedelta) -> list[Grant]:
        """Return grants without a connected account, an open discovery, or a sign-in within `older_than`.

        Also those that no organization holds any more because ending them was interrupted. Reads the whole table:
        not for a session that writes. System session.
        """
        consented_at = func.coalesce(Grant.consented_at, Grant.created_at)
        orphaned = (
            select(Grant)
            .where(
                Grant.status != GrantStatus.ENDED,
                consented_at < now(-older_than),
                ~exists().where(
                    col(Account.grant_id) == col(Grant.id), col(Account.disconnected_at).is_(None)
                ),
                ~exists().where(
                    col(Discovery.grant_id) == col(Grant.id),
                    col(Discovery.expires_at) > now(),
                ),
            )
            .order_by(consented_at)
        )
        return list(await self._session.exec(orphaned))
