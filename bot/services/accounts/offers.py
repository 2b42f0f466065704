"""The messages that offer a choice of accounts: kept up to date in Slack while the choice is open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.services.accounts.facts import cannot_publish
from bot.services.notifications import ConsentSettled
from bot.services.outbox import Conversation, enqueue
from storage.account_labels import labels
from storage.discoveries import Discoveries
from storage.models import new_id
from storage.outbox import Notices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from storage.models import Discovery, Grant, Notice
    from storage.vault import Vault


class Offers:
    """Edits the message of a choice. Each edit starts from what the message said last."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def chosen(
        self, session: AsyncSession, catalog: PlatformCatalog, discovery: Discovery, grant: Grant, by: str
    ) -> None:
        """Show what was chosen, who chose (a user id), and how many accounts are left to choose from."""
        notice = await Notices(session).get(discovery.message_key)
        if notice is None:
            return
        discoveries = Discoveries(session, self._vault)
        chosen = await discoveries.connected(discovery.organization_id, discovery.id)
        left, _ = await discoveries.count(discovery.organization_id, discovery.id)
        said = ConsentSettled.load(notice.facts)
        unable = [*said.cannot_publish, *cannot_publish(catalog, chosen, grant)]
        now = replace(
            said,
            attached=tuple(labels(chosen).values()),
            cannot_publish=tuple(dict.fromkeys(unable)),
            to_choose=left,
            discovery_id=discovery.id if left else "",
            chosen_by=by,
        )
        await self._edit(session, notice, now)

    async def accounts_renamed(
        self, session: AsyncSession, organization_id: str, grant_id: str, names: Mapping[str, str]
    ) -> None:
        """Show the new names of a grant's accounts, by what they were called before."""
        for discovery in await Discoveries(session, self._vault).offered(organization_id, grant_id):
            notice = await Notices(session).get(discovery.message_key)
            if notice is None:
                continue
            said = ConsentSettled.load(notice.facts)
            now = replace(
                said,
                attached=tuple(names.get(name, name) for name in said.attached),
                renewed=tuple(names.get(name, name) for name in said.renewed),
                left_out=tuple(names.get(name, name) for name in said.left_out),
                cannot_publish=tuple(
                    replace(one, name=names.get(one.name, one.name)) for one in said.cannot_publish
                ),
                blocked=tuple(replace(one, name=names.get(one.name, one.name)) for one in said.blocked),
            )
            await self._edit(session, notice, now)

    async def organization_renamed(self, session: AsyncSession, organization_id: str, name: str) -> None:
        """Show the organization's new name."""
        for discovery in await Discoveries(session, self._vault).offered(organization_id):
            notice = await Notices(session).get(discovery.message_key)
            if notice is not None:
                said = ConsentSettled.load(notice.facts)
                await self._edit(session, notice, replace(said, organization=name))

    async def _edit(self, session: AsyncSession, notice: Notice, now: ConsentSettled) -> None:
        """Let the message say this; one that says it already is left alone."""
        facts = now.dump()
        if facts == notice.facts:
            return
        notice.facts = facts
        there = Conversation(
            slack_id=notice.slack_id, id=notice.channel, organization_id=notice.organization_id
        )
        await enqueue(session, there, f"{notice.key}:{new_id('edt')}", now, edits=notice.key)
