"""Deleting an organization: everything it has goes at once, its sign-ins are revoked, its owners get a receipt.

The deletion is one transaction. What is left to do is in tables, so that any process finishes it: the queue of
sign-ins to revoke (`bot.services.accounts.revoking`), and the addresses of the owners until their receipts are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.access import members_with
from bot.services.accounts.revoking import RevocationResult
from bot.services.acting import acting
from bot.services.errors import NotConfirmedError, NotMemberError
from bot.services.notifications import (
    ChannelRequested,
    ConsentFailed,
    ConsentSettled,
    ConsentWaiting,
    DeletionReceipt,
    FormNotOpened,
    InvitationReceived,
    OrganizationDeleted,
    ReceiptLine,
    Welcome,
)
from bot.services.organizations.notifications import AccessRequested, OrganizationGone
from bot.services.outbox import Conversation, enqueue
from bot.services.permissions import HIGHEST, Permission
from bot.services.posts.notifications import SubmissionWaiting
from bot.services.posts.results import key_of
from storage.accounts import Accounts
from storage.deletions import Deletions
from storage.engine import time_limit
from storage.grants import Grants
from storage.incidents import Incidents
from storage.media import Files
from storage.organization_names import alike
from storage.organizations import Organizations
from storage.outbox import Notices, StandIn
from storage.post_listings import PostListings, Which
from storage.posts import Posts
from storage.revocations import Revocations
from storage.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.accounts.revoking import Revoking
    from storage.deletions import Inventory
    from storage.engine.db import Database
    from storage.models import Account, Deletion, Grant, Membership, Organization
    from storage.vault import Vault

log = logger(__name__)
DELETED_WITHIN_S = 60.0
"""How long the transaction may take, however little time a request has: it grows with the organization."""
LINES_A_MESSAGE = 60
"""So many accounts fit into one message, however long their names are."""
ABOUT_DELETIONS = frozenset({OrganizationDeleted.KIND, DeletionReceipt.KIND, OrganizationGone.KIND})
ASKING = frozenset(
    kind.KIND
    for kind in (
        AccessRequested,
        ChannelRequested,
        ConsentFailed,
        ConsentSettled,
        ConsentWaiting,
        FormNotOpened,
        InvitationReceived,
        SubmissionWaiting,
        Welcome,
    )
)
"""Messages that offer to do something for the organization. Of cards and posts only the open ones do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionOutlook:
    """What deleting an organization would mean, in numbers."""

    organization_id: str
    organization: str
    platforms: Sequence[str]
    """The keys of the accounts' platforms, one for each account."""
    inventory: Inventory
    waiting_posts: int


@dataclass(frozen=True)
class DeletionService:
    """Deletes organizations and hands out the receipts."""

    database: Database
    vault: Vault
    revoking: Revoking

    async def outlook(self, actor: Actor) -> DeletionOutlook:
        """Return what would go with the actor's organization. Changes nothing."""
        organization_id = actor.organization_id
        async with self.database.system(write=False) as session:
            accounts = [account for account, _ in await Accounts(session, self.vault).all(organization_id)]
            waiting = await Posts(session).waiting(organization_id, [account.id for account in accounts])
            inventory = await Deletions(session).inventory(organization_id)
        return DeletionOutlook(
            organization_id=organization_id,
            organization=actor.organization,
            platforms=sorted(account.platform for account in accounts),
            inventory=inventory,
            waiting_posts=waiting.posts,
        )

    async def delete(self, actor: Actor, typed: str) -> Deletion:
        """Delete the actor's organization, whose name they typed, and return the line that remains of it.

        From the commit on nobody finds it, and nothing of it is left but sign-ins that wait to be revoked, the
        names of its accounts beside them, and whom to send what came of that.

        Raises:
            NotConfirmedError: What was typed is not the organization's name.

        """
        with time_limit.at_least(DELETED_WITHIN_S):
            return await self._delete(actor, typed)

    async def _delete(self, actor: Actor, typed: str) -> Deletion:
        permission = Permission.DELETE_ORGANIZATION
        async with acting(self.database, actor, permission, system=True) as session:
            organization = await Organizations(session).get(actor.organization_id)
            if organization is None:
                raise NotMemberError
            if not alike(typed, organization.name):
                raise NotConfirmedError(organization.name)
            deletions = Deletions(session)
            await deletions.close_doors(organization.id)
            told = await members_with(session, organization.id, Permission.RECEIVE_NOTICES)
            owners = [(m.team_id, m.user_id) for m in told if m.role == HIGHEST]
            held = await Grants(session, self.vault).of_organization(organization.id)
            await _take_down(session, organization)
            accounts = await deletions.take_accounts(organization.id)
            deletion = await deletions.begin(organization, len(accounts), owners)
            await self._queue(session, organization.id, held, accounts, deletion.id)
            await Files(session).discard_all(organization.id)
            await Uploads(session).discard_all(organization.id)
            await deletions.erase(organization.id)
            await _announce(session, deletion, actor, told)
        log.info("organization.deleted", deletion=deletion.id, accounts=len(accounts), grants=len(held))
        return deletion

    async def work(self) -> None:
        """Revoke what is due, hand out the receipts of deletions that are settled, and forget what was sent."""
        await self.revoking.run()
        async with self.database.system(write=False) as session:
            if not await Deletions(session).any_left(ABOUT_DELETIONS):
                return
        async with self.database.system() as session:
            deletions = Deletions(session)
            for deletion in await deletions.settled():
                lines = await _lines(deletions, deletion)
                await _hand_out(session, deletion, lines)
                await deletions.finish(deletion.id)
                log.info("organization.receipts_queued", deletion=deletion.id, lines=len(lines))
            await deletions.forget_sent(ABOUT_DELETIONS)

    async def _queue(
        self,
        session: AsyncSession,
        organization_id: str,
        held: Sequence[Grant],
        accounts: Sequence[Account],
        deletion_id: str,
    ) -> None:
        """Let the organization leave every grant, and queue those that nobody else holds."""
        grants, revocations = Grants(session, self.vault), Revocations(session, self.vault)
        people = {}
        for grant in held:
            through = {a.connected_by for a in accounts if a.grant_id == grant.id}
            people[grant.id] = await grants.people_behind(await grants.connected_by(grant.id) | through)
        await Deletions(session).let_go(organization_id)
        for grant in held:
            theirs = [account for account in accounts if account.grant_id == grant.id]
            shared = await grants.holders(grant.id) > 0
            names = [account.name for account in theirs]
            queued = (
                None
                if shared
                else await revocations.put(grant, people[grant.id], deletion_id=deletion_id, accounts=names)
            )
            if queued is None:
                for account in theirs:
                    await revocations.note(account, RevocationResult.STILL_USED, deletion_id)
        known = {grant.id for grant in held}
        for account in accounts:
            if account.grant_id not in known:
                await revocations.note(account, RevocationResult.OVER, deletion_id)


async def _take_down(session: AsyncSession, organization: Organization) -> None:
    """Let every message that still offers to do something for the organization say that it is gone."""
    keys = {key for incident in await Incidents(session).shown(organization.id) for key in incident.card.keys}
    keys |= {key_of(post_id) for post_id in await PostListings(session).ids(organization.id, Which.OPEN)}
    gone = OrganizationGone(organization=organization.name)
    stand_in = StandIn(kind=gone.KIND, facts=gone.dump())
    await Notices(session).take_down(organization.id, stand_in, asking=ASKING, open_keys=keys)


async def _announce(
    session: AsyncSession, deletion: Deletion, actor: Actor, told: Sequence[Membership]
) -> None:
    """Tell the admins and owners at once, except who did it and sees it."""
    news = OrganizationDeleted(
        organization=deletion.organization,
        user_id=actor.sender.user_id,
        accounts=deletion.accounts,
        receipt=deletion.id,
    )
    for number, member in enumerate(told):
        if member.id != actor.membership_id:
            to = Conversation(slack_id=member.team_id, id=member.user_id)
            await enqueue(session, to, f"deleted:{deletion.id}:{number}", news)


async def _lines(deletions: Deletions, deletion: Deletion) -> list[ReceiptLine]:
    """Return a line for each account; a sign-in without one has a line too."""
    return [
        ReceiptLine(account=name, platform=row.platform, result=RevocationResult(row.outcome), code=row.code)
        for row in await deletions.lines(deletion.id)
        for name in row.accounts or [""]
    ]


async def _hand_out(session: AsyncSession, deletion: Deletion, lines: Sequence[ReceiptLine]) -> None:
    starts = range(0, max(len(lines), 1), LINES_A_MESSAGE)
    parts = [tuple(lines[start : start + LINES_A_MESSAGE]) for start in starts]
    for person, (slack_id, user_id) in enumerate(deletion.recipients):
        for number, part in enumerate(parts, 1):
            receipt = DeletionReceipt(
                organization=deletion.organization,
                receipt=deletion.id,
                deleted_at=deletion.created_at,
                lines=part,
                part=number,
                parts=len(parts),
            )
            to = Conversation(slack_id=slack_id, id=user_id)
            await enqueue(session, to, f"receipt:{deletion.id}:{person}:{number}", receipt)
