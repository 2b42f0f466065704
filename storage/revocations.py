"""The queue of sign-ins that are to be ended at their platforms. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case
from sqlmodel import col, delete, select, update

from storage.engine.leases import any_waiting, claim
from storage.engine.statements import now, now_or_null
from storage.grants import Grants, TokenPair, token_pair
from storage.models import Account, Grant, Revocation, new_id, utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Vault

TOKENS_KEPT = timedelta(hours=72)
"""How long a platform is asked before the tokens are deleted without its answer."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class Revocations:
    """The queue. Tokens go in with `put` and out with `tokens`, and nowhere else."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def put(
        self,
        grant: Grant,
        people: Collection[str],
        *,
        deletion_id: str | None = None,
        accounts: Sequence[str] = (),
        lease: timedelta | None = None,
    ) -> Revocation | None:
        """Move a grant with its tokens into the queue. None, and nothing is changed, when it is `needed` again.

        With `lease` it is the caller's alone for so long. But a refresh that is under way may still bring new
        tokens: then it is nobody's, and due once the refresh's lease is over.
        """
        if not await Grants(self._session, self._vault).end(grant):
            return None
        row = Revocation(
            id=new_id("rev"),
            deletion_id=deletion_id,
            grant_id=grant.id,
            platform=grant.platform,
            app=grant.app,
            accounts=list(accounts),
            external_id=grant.external_id,
            people=sorted(people),
            scopes=grant.scopes,
            access_expires_at=grant.access_expires_at,
            expires_at=utc_now(),
        )
        if grant.access_sealed is not None:
            self._seal(row, token_pair(self._vault, grant))
        clock = (await self._session.exec(select(now()))).one()
        refreshing = grant.lease_until is not None and grant.lease_until > clock
        row.created_at, row.expires_at = clock, clock + TOKENS_KEPT
        row.due_at = grant.lease_until if refreshing else clock
        row.lease_until = None if lease is None or refreshing else clock + lease
        self._session.add(row)
        await self._session.flush()
        return row

    async def note(self, account: Account, outcome: str, deletion_id: str) -> None:
        """Add a line for the receipt about an account whose sign-in is not ended; the outcome says why."""
        self._session.add(
            Revocation(
                deletion_id=deletion_id,
                platform=account.platform,
                app=account.app,
                accounts=[account.name],
                expires_at=utc_now(),
                outcome=outcome,
            )
        )
        await self._session.flush()

    def tokens(self, row: Revocation) -> TokenPair:
        """Return the tokens. Raises `LookupError` when they are gone."""
        return token_pair(self._vault, row)

    async def any_due(self) -> bool:
        """Return whether there are rows to claim."""
        return await any_waiting(self._session, Revocation)

    async def claim(self, limit: int, lease: timedelta) -> list[Revocation]:
        """Return rows that are due, the caller's alone for `lease`."""
        return await claim(self._session, Revocation, limit=limit, lease=lease)

    async def is_overdue(self, row: Revocation) -> bool:
        """Tell whether the tokens have been kept for as long as they may be."""
        return (await self._session.exec(select(now()))).one() >= row.expires_at

    async def needs_refresh(self, row: Revocation) -> bool:
        """Tell whether the access token ends within a minute, and there is a refresh token to get another."""
        if row.refresh_sealed is None or row.access_expires_at is None:
            return False
        soon = (await self._session.exec(select(now(timedelta(minutes=1))))).one()
        return row.access_expires_at < soon

    async def renewed(
        self, grant_id: str, access: str, refresh: str | None, expires_in: timedelta | None
    ) -> bool:
        """Store newer tokens of a grant that is in the queue; False if it is not there, or settled.

        A refresh token that is None stays as it was.
        """
        found = select(Revocation).where(Revocation.grant_id == grant_id, Revocation.outcome == "")
        row = (await self._session.exec(found.with_for_update())).one_or_none()
        if row is None:
            return False
        row.access_sealed = self._sealed(row, "access_sealed", access)
        if refresh is not None:
            row.refresh_sealed = self._sealed(row, "refresh_sealed", refresh)
        await self._session.flush()
        ends = update(Revocation).where(col(Revocation.id) == row.id)
        await self._session.exec(
            ends.values(access_expires_at=now_or_null(expires_in)),
            execution_options=_UNSYNCHRONIZED,
        )
        return True

    async def later(self, row: Revocation, after: timedelta, code: str) -> bool:
        """Ask again after this time, at the latest when the tokens are deleted; False if the lease was lost."""
        due_at = case((now(after) < row.expires_at, now(after)), else_=row.expires_at)
        return await self._change(row, due_at=due_at, code=code, attempts=row.attempts + 1)

    async def settle(self, row: Revocation, outcome: str, code: str = "") -> bool:
        """Store what came of it and destroy the tokens; False if the lease was lost.

        A row that no receipt is about goes at once.
        """
        if row.deletion_id is None:
            ours = delete(Revocation).where(*self._ours(row))
            return (await self._session.exec(ours, execution_options=_UNSYNCHRONIZED)).rowcount == 1
        return await self._change(
            row,
            outcome=outcome,
            code=code,
            access_sealed=None,
            refresh_sealed=None,
            external_id=None,
            people=[],
            scopes=[],
            due_at=None,
        )

    async def _change(self, row: Revocation, **values: Any) -> bool:
        change = update(Revocation).where(*self._ours(row)).values({"lease_until": None} | values)
        return (await self._session.exec(change, execution_options=_UNSYNCHRONIZED)).rowcount == 1

    @staticmethod
    def _ours(row: Revocation) -> tuple[Any, ...]:
        return col(Revocation.id) == row.id, col(Revocation.lease_until) == row.lease_until

    def _seal(self, row: Revocation, pair: TokenPair) -> None:
        row.access_sealed = self._sealed(row, "access_sealed", pair.access.reveal())
        if pair.refresh is not None:
            row.refresh_sealed = self._sealed(row, "refresh_sealed", pair.refresh.reveal())

    def _sealed(self, row: Revocation, column: str, token: str) -> bytes:
        return self._vault.seal(token, table="revocation", column=column, organization=None, row=row.id)
