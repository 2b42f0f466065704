"""Alert settings: where and when an organization is told that an account needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.services.acting import acting
from bot.services.errors import ChannelElsewhereError, ChannelRefusedError, NoAlertsChannelError
from bot.services.permissions import Permission
from storage.alert_settings import Alerts
from storage.audit import Audit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.services.access import Actor
    from bot.services.incidents.cards import Cards
    from storage.engine.db import Database
    from storage.models import AlertSettings

    Post = Callable[[str], Awaitable[str]]
    """Posts in the channel with this id; returns Slack's reason if it refused, else an empty string."""

REMINDER_DAYS = (30, 21, 14, 10, 7, 5, 3, 2, 1)
"""How many days before a sign-in expires people can choose to be reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The settings that a member chose."""

    channel_id: str
    """Empty: direct messages instead of a channel."""
    days: Sequence[int]
    """How many days before a sign-in expires people are reminded, highest first."""
    digest: str
    """`daily`, `weekly` or `off`."""
    quiet_from: str
    """When quiet hours begin, in local time as HH:MM; empty: there are none."""
    quiet_to: str
    timezone: str
    """An IANA name."""


@dataclass(frozen=True)
class AlertSettingsService:
    """Reads and changes the settings, and tests the channel. Built once, in `bot.app`."""

    database: Database
    cards: Cards

    async def get(self, actor: Actor) -> AlertSettings:
        """Return the settings of the actor's organization."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            return await Alerts(session).get(actor.organization_id)

    async def save(self, actor: Actor, choice: Choice, post_hello: Post) -> AlertSettings:
        """Store what a member chose and return the settings.

        `post_hello` posts a first message in a new channel. It is also tried in the present channel if that
        refused the last message; the settings are stored even if it refuses again. A channel of another workspace
        cannot be chosen here, so it stays until a channel of this workspace is chosen.

        Raises:
            ChannelRefusedError: Slack refused the message in the new channel; nothing was stored.
            NotAllowedError: The actor may not change alerts.

        """
        before, channel = await self.get(actor), choice.channel_id
        away = is_elsewhere(before, actor.sender.team_id)
        new = channel != before.channel_id or away
        code = await post_hello(channel) if channel and (new or before.channel_error) else ""
        if code and new:
            raise ChannelRefusedError(code)
        values: dict[str, Any] = {
            "reminder_days": list(choice.days),
            "digest": choice.digest,
            "quiet_from": choice.quiet_from,
            "quiet_to": choice.quiet_to,
            "timezone": choice.timezone,
        }
        if channel or not away:
            values["channel_id"] = channel
            if not code:
                values |= {"slack_id": actor.sender.team_id, "channel_error": "", "channel_error_since": None}
        async with acting(self.database, actor, Permission.CHANGE_ALERTS) as session:
            kept = await Alerts(session).save(actor.organization_id, **values)
            await Audit(session).write(actor.organization_id, actor.membership_id, "alerts changed", channel)
            if channel and not code:
                await self.cards.on_channel_chosen(session, actor.organization_id)
        return kept

    async def test(self, actor: Actor, post_test: Post) -> str:
        """Post a test message in the channel; return Slack's reason if it refused, else an empty string.

        Raises:
            NoAlertsChannelError: No channel is chosen.
            ChannelElsewhereError: The channel is in another workspace.
            NotAllowedError: The actor may not change alerts.

        """
        settings = await self.get(actor)
        if not settings.channel_id:
            raise NoAlertsChannelError
        if is_elsewhere(settings, actor.sender.team_id):
            raise ChannelElsewhereError
        code = await post_test(settings.channel_id)
        async with acting(self.database, actor, Permission.CHANGE_ALERTS) as session:
            if code:
                await Alerts(session).set_channel_error(actor.organization_id, settings.channel_id, code)
            else:
                await self.cards.channel_works(session, actor.organization_id, settings.channel_id)
        return code


def is_elsewhere(settings: AlertSettings, team_id: str) -> bool:
    """Tell whether the alerts channel is in another workspace than this one."""
    return bool(settings.channel_id) and settings.slack_id != team_id
