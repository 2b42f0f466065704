"""The accounts that a new grant gives access to, stored until a person has chosen some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, insert, or_
from sqlmodel import Field, col, select

from storage.engine.statements import now
from storage.folding import fold
from storage.models import Account, AccountFacts, Discovery, FoundAccount, Grant, GrantHolder, new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Secret, Vault

DISCOVERY_LIFE = timedelta(hours=24)
_UNSYNCHRONIZED = {"synchronize_session": False}
_SAME = and_(
    col(Account.organization_id) == col(FoundAccount.organization_id),
    col(Account.remote_id) == col(FoundAccount.remote_id),
)
_PLATFORM = (
    select(Grant.platform)
    .join(Discovery, col(Discovery.grant_id) == col(Grant.id))
    .where(col(Discovery.id) == col(FoundAccount.discovery_id))
    .correlate(FoundAccount)
    .scalar_subquery()
)
"""The platform of a found account."""
_CONNECTED = (
    select(Account.id)
    .where(_SAME, col(Account.disconnected_at).is_(None), col(Account.platform) == _PLATFORM)
    .correlate(FoundAccount)
)
"""The account of the organization that a found account is, if it is connected."""


class Found(AccountFacts):
    """An account as its platform shows it, before it is stored."""

    token: str | None = Field(default=None, repr=False)
    """The account's own token, where its platform gives one."""
    blocker: str = ""
    """Why it cannot be connected; empty: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDiscovery:
    """For whom a discovery is, and where in Slack they asked."""

    membership_id: str
    grant_id: str
    team_id: str
    channel_id: str
    hints: Sequence[str] = ()
    message_key: str = ""
    """The key of the message that offers the choice."""


class Discoveries:
    """The accounts that new grants give access to, for a day."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def keep(self, organization_id: str, new: NewDiscovery, found: Sequence[Found]) -> Discovery:
        """Store the accounts and return their discovery: usable accounts first, otherwise in the order given.

        Raises:
            LookupError: The organization does not hold the grant.

        """
        held = select(GrantHolder).where(
            GrantHolder.grant_id == new.grant_id, GrantHolder.organization_id == organization_id
        )
        if (await self._session.exec(held)).first() is None:
            raise LookupError("no such grant")
        discovery_id = new_id("dis")
        opened = (
            insert(Discovery)
            .values(
                id=discovery_id,
                organization_id=organization_id,
                membership_id=new.membership_id,
                grant_id=new.grant_id,
                team_id=new.team_id,
                channel_id=new.channel_id,
                hints=list(new.hints),
                message_key=new.message_key,
                created_at=now(),
                expires_at=now(DISCOVERY_LIFE),
            )
            .returning(Discovery)
        )
        discovery: Discovery = (await self._session.exec(opened)).scalar_one()
        in_order = sorted(found, key=lambda each: bool(each.blocker))
        rows = [self._row(discovery, place, each) for place, each in enumerate(in_order)]
        if rows:
            await self._session.exec(insert(FoundAccount), params=rows)
        return discovery

    def _row(self, discovery: Discovery, position: int, found: Found) -> dict[str, object]:
        row_id = new_id("fnd")
        sealed = self._seal(discovery.organization_id, row_id, found.token) if found.token else None
        return found.facts() | {
            "id": row_id,
            "organization_id": discovery.organization_id,
            "discovery_id": discovery.id,
            "position": position,
            "search": fold(f"{found.name} {found.handle}"),
            "token_sealed": sealed,
            "blocker": found.blocker,
        }

    async def get(self, organization_id: str, discovery_id: str, membership_id: str) -> Discovery | None:
        """Return the member's own discovery until it expires, also after they have chosen."""
        theirs = select(Discovery).where(
            Discovery.organization_id == organization_id,
            Discovery.id == discovery_id,
            Discovery.membership_id == membership_id,
            col(Discovery.expires_at) > now(),
        )
        return (await self._session.exec(theirs)).one_or_none()

    async def offered(self, organization_id: str, grant_id: str | None = None) -> list[Discovery]:
        """Return the organization's open discoveries that a message offers, of one grant or of all."""
        offered = select(Discovery).where(
            Discovery.organization_id == organization_id,
            Discovery.message_key != "",
            col(Discovery.expires_at) > now(),
            *([Discovery.grant_id == grant_id] if grant_id is not None else []),
        )
        return list(await self._session.exec(offered.order_by(col(Discovery.id))))

    async def rename(self, grant_id: str, names: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Store new names and handles, by remote id, of accounts that people still choose from. System session.

        Returns the changed names by what they were before.
        """
        lists = select(Discovery.id).where(Discovery.grant_id == grant_id, col(Discovery.expires_at) > now())
        found = select(FoundAccount).where(col(FoundAccount.discovery_id).in_(lists))
        renamed = {}
        for one in await self._session.exec(found):
            name, handle = names.get(one.remote_id, (one.name, one.handle))
            if (name, handle) != (one.name, one.handle):
                renamed[one.name] = name
                one.name, one.handle, one.search = name, handle, fold(f"{name} {handle}")
        return renamed

    async def search(
        self,
        organization_id: str,
        discovery_id: str,
        query: str,
        *,
        usable: bool | None = None,
        limit: int = 100,
    ) -> list[FoundAccount]:
        """Return the accounts in whose name or handle every word of `query` occurs, in their order.

        Accounts that the organization has connected since are left out.
        """
        matching = select(FoundAccount).where(
            FoundAccount.organization_id == organization_id,
            FoundAccount.discovery_id == discovery_id,
            or_(col(FoundAccount.blocker) != "", ~_CONNECTED.exists()),
            *(col(FoundAccount.search).contains(word, autoescape=True) for word in fold(query).split()),
        )
        if usable is not None:
            matching = matching.where((col(FoundAccount.blocker) == "") == usable)
        return list(await self._session.exec(matching.order_by(col(FoundAccount.position)).limit(limit)))

    async def count(self, organization_id: str, discovery_id: str) -> tuple[int, int]:
        """Return how many accounts of the discovery are left to choose from, and how many can't be used."""
        blocked = func.coalesce(func.sum(case((col(FoundAccount.blocker) == "", 0), else_=1)), 0)
        counted = select(func.count(), blocked).where(
            FoundAccount.organization_id == organization_id,
            FoundAccount.discovery_id == discovery_id,
            or_(col(FoundAccount.blocker) != "", ~_CONNECTED.exists()),
        )
        total, unusable = (await self._session.exec(counted)).one()
        return total - unusable, unusable

    async def connected(self, organization_id: str, discovery_id: str) -> list[Account]:
        """Return the accounts that the organization has connected of those that could be chosen."""
        chosen = (
            select(Account)
            .join(FoundAccount, _SAME)
            .where(
                FoundAccount.organization_id == organization_id,
                FoundAccount.discovery_id == discovery_id,
                FoundAccount.blocker == "",
                col(Account.disconnected_at).is_(None),
                Account.platform == _PLATFORM,
            )
            .order_by(col(FoundAccount.position))
        )
        return list(await self._session.exec(chosen))

    async def take(self, organization_id: str, discovery_id: str, ids: Collection[str]) -> list[FoundAccount]:
        """Return those of `ids` that are usable accounts of this discovery, while it lasts."""
        taken = (
            select(FoundAccount)
            .join(Discovery, col(Discovery.id) == col(FoundAccount.discovery_id))
            .where(
                FoundAccount.organization_id == organization_id,
                FoundAccount.discovery_id == discovery_id,
                FoundAccount.blocker == "",
                col(FoundAccount.id).in_(ids),
                col(Discovery.expires_at) > now(),
            )
            .order_by(col(FoundAccount.position))
        )
        return list(await self._session.exec(taken))

    async def blocked(
        self, organization_id: str, discovery_id: str, ids: Collection[str]
    ) -> list[FoundAccount]:
        """Return those of `ids` that cannot be connected, in their order."""
        blocked = (
            select(FoundAccount)
            .where(
                FoundAccount.organization_id == organization_id,
                FoundAccount.discovery_id == discovery_id,
                FoundAccount.blocker != "",
                col(FoundAccount.id).in_(ids),
            )
            .order_by(col(FoundAccount.position))
        )
        return list(await self._session.exec(blocked))

    def opened(self, found: FoundAccount) -> Found:
        """Return a stored account as its platform showed it, with its token opened."""
        token = self.token(found)
        return Found(**found.facts(), token=token.reveal() if token else None, blocker=found.blocker)

    def token(self, found: FoundAccount) -> Secret | None:
        """Return the account's own token where its platform gave one."""
        if found.token_sealed is None:
            return None
        return self._vault.open(
            found.token_sealed,
            table="found_account",
            column="token_sealed",
            organization=found.organization_id,
            row=found.id,
        )

    async def replace_tokens(self, grant_id: str, tokens: Mapping[str, str]) -> None:
        """Store newer tokens, by remote id, for the accounts found through the grant. System session."""
        lists = select(Discovery.id).where(Discovery.grant_id == grant_id)
        waiting = select(FoundAccount).where(
            col(FoundAccount.discovery_id).in_(lists),
            col(FoundAccount.token_sealed).is_not(None),
            col(FoundAccount.remote_id).in_(tokens),
        )
        for found in await self._session.exec(waiting):
            found.token_sealed = self._seal(found.organization_id, found.id, tokens[found.remote_id])

    def _seal(self, organization_id: str, row_id: str, token: str) -> bytes:
        return self._vault.seal(
            token, table="found_account", column="token_sealed", organization=organization_id, row=row_id
        )
