"""Actions of administrators in a workspace, each with the event that Slack sends for it.

Sources: https://docs.slack.dev/reference/events (app_uninstalled, tokens_revoked, channel_archive,
user_change, member_joined_channel, member_left_channel, grid_migration_finished, channel_id_changed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.grid import join_grid
from sandbox.slack.hands import Hands
from sandbox.slack.payloads import channel_json, user_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.slack.delivery import Outcome
    from sandbox.slack.state import Channel, Json


class Administrators(Hands):
    """Does what administrators of a workspace do."""

    async def uninstall(
        self, where: str, order: Sequence[str] = ("tokens_revoked", "app_uninstalled")
    ) -> list[Outcome | None]:
        """Remove the app from a workspace (or a Grid organization): its tokens end, and events are sent in `order`.

        Slack guarantees no order of the two: https://docs.slack.dev/reference/events/app_uninstalled.
        """
        installation = next(
            (
                i
                for i in self.state.installations.values()
                if i.active and where in {i.team_id, i.enterprise_id}
            ),
            None,
        )
        if installation is None:
            raise ValueError("the app is not installed there")
        teams = self.state.installation_teams(installation)
        installation.active = False
        for token in self.state.tokens.values():
            if token.installation_id == installation.id and token.kind == "bot":
                token.dead = token.dead or "account_inactive"
        for channel in self.state.channels.values():
            channel.members.discard(installation.bot_user_id)
        self.state.users[installation.bot_user_id].deleted = True
        self.state.homes = {k: v for k, v in self.state.homes.items() if k[0] not in teams}
        self.state.touch()
        events: dict[str, Json] = {
            "app_uninstalled": {"type": "app_uninstalled"},
            "tokens_revoked": {
                "type": "tokens_revoked",
                "tokens": {"oauth": [], "bot": [installation.bot_user_id]},
            },
        }
        return [
            await self.deliver(teams[0], events[name], installation) if name in self.app().events else None
            for name in order
        ]

    def revoke_tokens(self, where: str, error: str = "token_revoked") -> int:
        """End the bot tokens of a workspace or organization without an event; return how many."""
        count = 0
        for token in self.state.tokens.values():
            owner = self.state.installations.get(token.installation_id)
            if owner is not None and where in {owner.team_id, owner.enterprise_id} and not token.dead:
                token.dead, count = error, count + 1
        return count

    async def archive(self, channel_id: str, *, archived: bool = True) -> None:
        """Archive a channel, or restore it."""
        channel = self.state.channels[channel_id]
        channel.is_archived = archived
        self.state.touch()
        name = "channel_archive" if archived else "channel_unarchive"
        if any(self._bot_in(channel)):
            await self.event(channel.team_id, {"type": name, "channel": channel_id, "user": ""})

    async def deactivate(self, user_id: str, *, deleted: bool = True) -> None:
        """Deactivate a person, or reactivate them."""
        user = self.state.users[user_id]
        user.deleted = deleted
        self.state.clear_views(user_id)
        for team_id in sorted(user.workspaces):
            seen = user_json(user, asked_from=[team_id])
            await self.event(team_id, {"type": "user_change", "user": seen})

    async def invite(self, channel_id: str, user_id: str = "") -> None:
        """Add somebody to a channel; without `user_id` the app's bot of the channel's workspace."""
        channel = self.state.channels[channel_id]
        member = user_id or self._bot_of(channel.team_id)
        channel.members.add(member)
        self.state.touch()
        await self.event(channel.team_id, self._membership("member_joined_channel", channel, member))

    async def kick(self, channel_id: str, user_id: str = "") -> None:
        """Remove somebody from a channel; without `user_id` the app's bot."""
        channel = self.state.channels[channel_id]
        member = user_id or self._bot_of(channel.team_id)
        channel.members.discard(member)
        self.state.touch()
        await self.event(channel.team_id, self._membership("member_left_channel", channel, member))

    async def join_grid(self, team_id: str, enterprise_id: str) -> dict[str, str]:
        """Move a workspace into a Grid organization; return its people's new ids by their old ones.

        Tokens and the ids of channels stay (https://docs.slack.dev/reference/events/grid_migration_finished).
        """
        renamed = join_grid(self.state, team_id, enterprise_id)
        await self.event(team_id, {"type": "grid_migration_finished", "enterprise_id": enterprise_id})
        return renamed

    async def change_channel_id(self, channel_id: str, new_id: str) -> None:
        """Give a channel another id, as when a private one is shared with another company.

        The app hears of it only where it may read the channel (https://docs.slack.dev/reference/events/channel_id_changed).
        """
        channel = self.state.channels.pop(channel_id)
        channel.id = new_id
        self.state.channels[new_id] = channel
        self.state.history[new_id] = self.state.history.pop(channel_id, [])
        for message in self.state.history[new_id]:
            message.channel_id = new_id
        self.state.touch()
        if any(self._bot_in(channel)):
            changed = {"type": "channel_id_changed", "old_channel_id": channel_id, "new_channel_id": new_id}
            await self.event(channel.team_id, changed)

    def _membership(self, kind: str, channel: Channel, user_id: str) -> Json:
        shape = channel_json(channel, member="")
        return {
            "type": kind,
            "user": user_id,
            "channel": channel.id,
            "channel_type": "G" if shape.get("is_group") else "C",
            "team": channel.team_id,
        }

    def _bot_of(self, team_id: str) -> str:
        installation = self.state.installation_for(team_id)
        if installation is None:
            raise ValueError("the app is not installed there")
        return installation.bot_user_id

    def _bot_in(self, channel: Channel) -> list[str]:
        return [i.bot_user_id for i in self.state.installations.values() if i.bot_user_id in channel.members]
