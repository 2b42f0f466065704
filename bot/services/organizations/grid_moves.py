"""A workspace joins a Grid organization: its people keep what they are, under the ids they have there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.ops.logs import logger
from storage.audit import SYSTEM, Audit
from storage.realms import left_behind, move, people_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.engine.db import Database

log = logger(__name__)


class GlobalIds(Protocol):
    """Asks Slack about the people of a workspace that has joined a Grid."""

    async def exchange(
        self, team_id: str, enterprise_id: str, user_ids: Sequence[str]
    ) -> Mapping[str, str] | None:
        """Return the ids people have in the Grid by the ids they had before; unknown ids are left out.

        None: the workspace is not in this Grid. Passes on what the call raises.
        """
        ...


@dataclass(frozen=True)
class GridMoves:
    """Follows workspaces into a Grid."""

    database: Database
    ids: GlobalIds

    async def follow(self, team_id: str, enterprise_id: str) -> None:
        """Move what we know of a workspace's people into the Grid that a payload names, if they aren't there yet.

        The payload's word is not enough: Slack is asked with the workspace's own token. Two that follow at once
        do the same thing twice.
        """
        if not await left_behind(self.database.autocommit, team_id):
            return
        async with self.database.system(write=False) as session:
            people = await people_of(session, team_id)
        ids = await self.ids.exchange(team_id, enterprise_id, people)
        if ids is None:
            log.warning("grid.not_joined", team=team_id, enterprise=enterprise_id)
            return
        async with self.database.system() as session:
            moved = await move(session, team_id, enterprise_id, ids)
            changed = {each.organization_id for each in (*moved.memberships, *moved.ended)}
            for organization_id in sorted(changed):
                await Audit(session).write(
                    organization_id, SYSTEM, "workspace joined a Grid", team_id, enterprise=enterprise_id
                )
        log.info(
            "grid.joined",
            team=team_id,
            enterprise=enterprise_id,
            moved=len(moved.memberships),
            ended=len(moved.ended),
        )
