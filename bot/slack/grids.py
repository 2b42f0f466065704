"""Whether a person belongs to the Grid organization that Slack's payload names.

In a shared channel, people of other companies press our buttons too. A user id is unique only within a
company, so it counts as a member's id only if the person's own workspace is one of the Grid's. A workspace we
don't know is looked up once, through our own installation, and the answer is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.services.errors import ExternalUserError, NotInstalledError, UnverifiedUserError
from bot.slack.failures import CALL_FAILED, SlackSilent, failure
from bot.slack.people import user_of
from storage.grid_homes import Claim, known, remember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.services.access import Sender
    from storage.engine.autocommit import AutocommitRunner

    Clients = Callable[[], Awaitable[AsyncWebClient]]

log = logger(__name__)
ASK_WITHIN_S = 1.0
"""Slack waits 3 seconds for our answer, and this check is only the first part of it."""


async def require_home(single: AutocommitRunner, sender: Sender, client: Clients) -> None:
    """Return if the sender belongs to the Grid organization their payload names.

    Raises:
        ExternalUserError: Slack says that they don't.
        UnverifiedUserError: Slack gives no answer in time.

    """
    try:
        of_the_grid = await at_home(single, sender, client)
    except SlackSilent:
        raise UnverifiedUserError from None
    if not of_the_grid:
        raise ExternalUserError


async def at_home(single: AutocommitRunner, sender: Sender, client: Clients) -> bool:
    """Tell whether the person belongs to the Grid organization.

    Raises:
        SlackSilent: Slack gives no answer in time.

    """
    if not sender.claimed_team or sender.enterprise_id is None:
        return True
    claim = Claim(enterprise_id=sender.enterprise_id, team_id=sender.claimed_team, user_id=sender.user_id)
    found = await known(single, claim)
    if found is None:
        found = await _look_up(claim, client)
        await remember(single, claim, ours=found)
        log.info("grid.workspace_looked_up", enterprise=claim.enterprise_id, team=claim.team_id, ours=found)
    return found


async def _look_up(claim: Claim, client: Clients) -> bool:
    try:
        async with asyncio.timeout(ASK_WITHIN_S):
            user = await user_of(await client(), claim.user_id)
    except NotInstalledError:
        raise
    except CALL_FAILED as error:
        code = failure(error).code
        log.warning("grid.workspace_unknown", team=claim.team_id, code=code)
        raise SlackSilent(code) from error
    return user is not None and confirms(claim, user)


def confirms(claim: Claim, user: Mapping[str, Any]) -> bool:
    """Tell whether Slack's user object confirms that the person belongs to the claimed workspace.

    People of a Grid have `enterprise_user`, which names the workspaces they are in; `team_id` is one of these,
    or the Grid's own id (https://docs.slack.dev/reference/objects/user-object, read 2026-11-30).
    """
    grid = user.get("enterprise_user")
    if not isinstance(grid, Mapping) or grid.get("enterprise_id") != claim.enterprise_id:
        return False
    teams = grid.get("teams")
    theirs = {str(each) for each in teams} if isinstance(teams, list) else set()
    return claim.team_id in theirs | {str(user.get("team_id"))}
