"""What Slack knows about people and workspaces. A failed call never counts as "does not exist"."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.services.errors import Ineligible, IneligiblePersonError, NotInstalledError
from bot.services.organizations.people import Newcomer
from bot.slack.failures import CALL_FAILED, SlackSilent, failure

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.services.access import Sender
    from bot.slack.clients import SlackClients

ASK_WITHIN_S = 1.0
"""How long a refusal waits to learn whether its reader is a guest: it has to be shown within 3 seconds."""
NO_SUCH_PERSON = frozenset({"user_not_found", "user_not_visible"})
"""https://docs.slack.dev/reference/methods/users.info#errors, read 2026-11-30."""


@dataclass(frozen=True)
class SlackPeople:
    """Looks up people and workspaces of an installation in Slack (`bot.services.organizations.people`)."""

    clients: SlackClients

    async def names(self, sender: Sender, user_ids: Sequence[str]) -> list[str]:
        """Return the names of full members of the sender's workspace.

        Raises:
            IneligiblePersonError: One of them is a guest, a bot or from another company.
            Exception: One of CALL_FAILED: Slack gives no answer.

        """
        client = await self._client(sender)
        return [await _name_of(client, user_id, sender) for user_id in user_ids]

    async def why_not_a_member(self, sender: Sender) -> Ineligible | None:
        """Return why the sender can be in no organization; None: they can, or Slack doesn't say in time."""
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                await self.names(sender, [sender.user_id])
        except IneligiblePersonError as error:
            return error.why
        except (NotInstalledError, *CALL_FAILED):
            return None
        return None

    async def newcomer(self, sender: Sender) -> Newcomer:
        """Return the sender's name and their workspace's.

        Raises:
            IneligiblePersonError: They are a guest.
            Exception: One of CALL_FAILED: Slack gives no answer.

        """
        client = await self._client(sender)
        name = await _name_of(client, sender.user_id, sender)
        return Newcomer(name=name, workspace=await team_name(client, sender.team_id))

    async def _client(self, sender: Sender) -> AsyncWebClient:
        return await self.clients.for_workspace(sender.team_id, sender.enterprise_id)


async def _name_of(client: AsyncWebClient, user_id: str, sender: Sender) -> str:
    user = await user_of(client, user_id)
    if user is None:
        raise IneligiblePersonError(Ineligible.UNKNOWN)
    name = _name_in(user)
    named = "" if user_id == sender.user_id else name
    if not at_home(user, sender) or user.get("is_bot") or user.get("deleted"):
        raise IneligiblePersonError(Ineligible.NOT_IN_WORKSPACE, named)
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        raise IneligiblePersonError(Ineligible.GUEST, named)
    return name


async def user_of(client: AsyncWebClient, user_id: str) -> Mapping[str, Any] | None:
    """Return Slack's user object of a person, or None if there is none that we may see.

    Raises:
        Exception: One of CALL_FAILED: Slack gives no answer.

    """
    try:
        return _object(await client.users_info(user=user_id), "user")
    except CALL_FAILED as error:
        if failure(error).code not in NO_SUCH_PERSON:
            raise
        return None


def at_home(user: Mapping[str, Any], sender: Sender) -> bool:
    """Tell whether a person belongs to the sender's workspace, or to the same Grid organization.

    `is_stranger` alone is not enough: it is false for people of other companies who share a channel that the app
    can see (https://docs.slack.dev/reference/objects/user-object, read 2026-11-30).
    """
    grid = (user.get("enterprise_user") or {}).get("enterprise_id")
    same = user.get("team_id") == sender.team_id or (grid is not None and grid == sender.enterprise_id)
    return same and not user.get("is_stranger")


async def team_name(client: AsyncWebClient, team_id: str) -> str:
    """Return the workspace's name in Slack. It is named in the call because an org-wide token covers several.

    Raises:
        Exception: One of CALL_FAILED: Slack gives no answer.

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
