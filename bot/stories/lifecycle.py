"""Slack's events about the app's removal, about people who leave or return, and about a move into a Grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.grids import at_home
from bot.slack.payloads import JOINED_A_GRID, leaver_of, returner_of, workspace_of
from bot.slack.routes import Answer, Done, Kind, Request, Who, on

if TYPE_CHECKING:
    from bot.services.organizations.installing import InstallationService
    from bot.services.organizations.offboarding import OffboardingService
    from storage.engine.db import Database


@dataclass(frozen=True)
class LifecycleStory:
    """Passes Slack's events to the services. Slack repeats an event until we answer that it was handled."""

    installations: InstallationService
    offboarding: OffboardingService
    database: Database

    # Slack reports a removal with both of the next events, in either order

    @on(Kind.EVENT, "app_uninstalled", Who.SLACK)
    async def uninstalled(self, request: Request) -> Answer:
        """End the installation."""
        await self._end(request.body)
        return Done()

    @on(Kind.EVENT, "tokens_revoked", Who.SLACK)
    async def revoked(self, request: Request) -> Answer:
        """End the installation if the bot's token was revoked. We keep no tokens of people's sign-ins."""
        tokens = (request.body.get("event") or {}).get("tokens")
        if isinstance(tokens, Mapping) and tokens.get("bot"):
            await self._end(request.body)
        return Done()

    @on(Kind.EVENT, "user_change", Who.SLACK)
    async def user_changed(self, request: Request) -> Answer:
        """End the memberships of a deactivated person, and restore them when the person is back.

        Raises:
            SlackSilent: Slack doesn't say which company the person belongs to. It will send the event again.

        """
        leaver = leaver_of(request.body)
        if leaver is not None and await at_home(self.database.autocommit, leaver, request.client):
            await self.offboarding.person_left(leaver, str(request.body.get("event_id", "")))
        returner = returner_of(request.body)
        if returner is not None:
            await self.offboarding.person_returned(returner, str(request.body.get("event_id", "")))
        return Done()

    @on(Kind.EVENT, JOINED_A_GRID, Who.SLACK, changes=False)
    async def joined_a_grid(self, request: Request) -> Answer:  # noqa: ARG002 - a handler takes one
        """Return: the workspace's people were moved before this, as before every request from a Grid."""
        return Done()

    async def _end(self, body: Mapping[str, Any]) -> None:
        if slack_id := _installation_of(body):
            await self.installations.uninstall(slack_id)


def _installation_of(body: Mapping[str, Any]) -> str | None:
    """Return the id of an event's installation: the Grid's for an org-wide one, else the workspace's.

    `authorizations` names the installation an event was sent for
    (https://docs.slack.dev/apis/events-api#authorizations, read 2026-11-30).
    """
    team_id, enterprise_id = workspace_of(body)
    authorizations = body.get("authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else {}
    org_wide = first.get("is_enterprise_install") if isinstance(first, Mapping) else None
    return enterprise_id if org_wide is True and enterprise_id else team_id or enterprise_id
