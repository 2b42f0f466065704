"""What Slack knows about people and workspaces, and what its silence does not say: that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.services.errors import Ineligible, IneligiblePersonError
from bot.slack.failures import CALL_FAILED, SlackSilent, failure

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.services.access import Sender

NO_SUCH_PERSON = frozenset({"user_not_found", "user_not_visible"})
"""https://docs.slack.dev/reference/methods/users.info#errors, read 2026-11-30."""


async def person(client: AsyncWebClient, user_id: str, sender: Sender) -> str:
    """Return the name of a full member of the sender's workspace.

    Raises:
        IneligiblePersonError: It is a guest, a bot or somebody of another company.
        Exception: One of CALL_FAILED, where Slack does not say.

    """
    oneself = user_id == sender.user_id
    user = await user_of(client, user_id)
    if user is None:
        raise IneligiblePersonError(Ineligible.UNKNOWN)
    name = _name_in(user)
    named = "" if oneself else name
    if not at_home(user, sender) or user.get("is_bot") or user.get("deleted"):
        raise IneligiblePersonError(Ineligible.NOT_IN_WORKSPACE, named)
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        raise IneligiblePersonError(Ineligible.GUEST, named)
    return name


async def user_of(client: AsyncWebClient, user_id: str) -> Mapping[str, Any] | None:
    """Return Slack's user object of a person; None: Slack says there is none that we could see.

    Raises one of CALL_FAILED where Slack doesn't say.
    """
    try:
        return _object(await client.users_info(user=user_id), "user")
    except CALL_FAILED as error:
        if failure(error).code not in NO_SUCH_PERSON:
            raise
        return None


def at_home(user: Mapping[str, Any], sender: Sender) -> bool:
    """Tell whether somebody is of the sender's workspace, or of the same Grid organization.

    `is_stranger` alone does not say so: it is false for people of other companies as soon as they share
    a channel that the app can see (https://docs.slack.dev/reference/objects/user-object).
    """
    grid = (user.get("enterprise_user") or {}).get("enterprise_id")
    same = user.get("team_id") == sender.team_id or (grid is not None and grid == sender.enterprise_id)
    return same and not user.get("is_stranger")


async def team_name(client: AsyncWebClient, team_id: str) -> str:
    """Return the workspace's name as Slack knows it; an org-wide token speaks for several.

    Raises one of CALL_FAILED where Slack doesn't say.
    """
    return str(_object(await client.team_info(team=team_id), "team").get("name") or team_id)


def _object(answer: Any, name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    if not isinstance(found, Mapping):
        raise SlackSilent(f"no_{name}")
    return found


def _name_in(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    return str(profile.get("real_name") or user.get("real_name") or user.get("name") or "That person")
