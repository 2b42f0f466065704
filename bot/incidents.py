"""When a grant needs a person: who is told, once, and when the operator is.

Called inside the transaction that settled it, so that what is said and what is true cannot part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.logs import logger
from bot.metrics import OPERATOR, PROMPTS
from bot.notices import say_to
from bot.views import incidents as views
from bot.views import kit
from storage.audit import Audit
from storage.grants import Accounts, Grants
from storage.models import Role
from storage.tenants import Members, Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.offer import Offer
    from bot.operator import Operator
    from storage.models import Grant
    from storage.vault import Vault

log = logger(__name__)


class Incidents:
    """Turns a verdict into words for the people it concerns."""

    def __init__(self, offer: Offer, vault: Vault, operator: Operator | None = None) -> None:
        self._offer = offer
        self._vault = vault
        self._operator = operator

    async def grant_died(self, session: AsyncSession, grant: Grant, code: str) -> None:
        """Tell the admins of every organization that uses the grant; the same death is told once."""
        await self._tell(session, grant, f"reconnect:{grant.id}:{grant.generation}", code, None)
        PROMPTS.labels(grant.platform).inc()
        log.warning("grant needs a person", grant=grant.id, platform=grant.platform, code=code)

    async def grant_ends(self, session: AsyncSession, grant: Grant, days: int) -> None:
        """Warn the admins that only a person can renew the grant, once for each rung of the ladder."""
        await self._tell(session, grant, f"ending:{grant.id}:{grant.generation}:{days}", "", days)

    async def _tell(self, session: AsyncSession, grant: Grant, key: str, code: str, days: int | None) -> None:
        platform = self._offer.platform(grant.platform)
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            organization = await Organizations(session).get(organization_id)
            every = await Accounts(session, self._vault).all(organization_id, grant.platform)
            accounts = [account for account, owner in every if owner is not None and owner.id == grant.id]
            if organization is None or not accounts:
                continue
            people = await Members(session).all(organization_id)
            connector = next((m for m in people if m.id == accounts[0].connected_by), None)
            by = kit.mention(connector)
            if days is None:
                message = views.needs_reconnect(platform, accounts, organization.name, code, by)
                await Audit(session).write(organization_id, "system", "sign-in ended", grant.id, code=code)
            else:
                message = views.ends_soon(platform, accounts, organization.name, days, by)
            for member in people:
                if member.role >= Role.ADMIN:
                    await say_to(session, member, key, message)

    def page_operator(self, platform: str, code: str) -> None:
        """Tell whoever runs this installation; members hear nothing of what is not theirs to mend."""
        OPERATOR.labels(platform, code).inc()
        log.error("platform needs the operator", platform=platform, code=code)
        if self._operator is not None:
            self._operator.tell(platform, code)
