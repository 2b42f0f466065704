"""Which ids the people of a workspace have since it joined a Grid organization."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotInstalledError
from bot.slack.failures import CALL_FAILED, FailureKind, SlackSilent, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.clients import SlackClients

IDS_A_CALL = 400
"""https://docs.slack.dev/reference/methods/migration.exchange, read 2026-11-30. It needs no scope."""
NOT_IN_A_GRID = "not_enterprise_team"
ASK_WITHIN_S = 1.0
"""Slack waits 3 seconds for our answer, and this is only its first part."""


@dataclass(frozen=True)
class SlackGlobalIds:
    """Asks Slack with the workspace's own token (`bot.services.organizations.grid_moves`)."""

    clients: SlackClients

    async def exchange(
        self, team_id: str, enterprise_id: str, user_ids: Sequence[str]
    ) -> Mapping[str, str] | None:
        """Return the ids people have in the Grid by the ids they had before; unknown ids are left out.

        None: Slack says that the workspace is not in this Grid.

        Raises:
            NotInstalledError: There is no token that works.
            SlackSilent: Slack gives no usable answer in time.

        """
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                client = await self.clients.for_workspace(team_id, enterprise_id)
                for start in range(0, len(user_ids), IDS_A_CALL):
                    some = ",".join(user_ids[start : start + IDS_A_CALL])
                    answer = await client.migration_exchange(users=some, team_id=team_id)
                    if (answer.get("team_id"), answer.get("enterprise_id")) != (team_id, enterprise_id):
                        return None
                    found |= _ids(answer.get("user_id_map"))
        except CALL_FAILED as error:
            failed = failure(error)
            if failed.code == NOT_IN_A_GRID:
                return None
            if failed.kind is FailureKind.ENDED:
                raise NotInstalledError from error
            raise SlackSilent(failed.code) from error
        if not found:  # it knows the workspace and none of its people: no answer to end memberships for
            raise SlackSilent("no_user_ids")
        return found


def _ids(answered: object) -> dict[str, str]:
    pairs = answered.items() if isinstance(answered, Mapping) else ()
    return {old: new for old, new in pairs if isinstance(old, str) and isinstance(new, str) and new}
