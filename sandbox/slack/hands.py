"""What every actor in the simulated Slack needs: sending requests to the app, and showing its answers.

Sources: https://docs.slack.dev/interactivity/handling-user-interaction (response_url),
https://docs.slack.dev/apis/events-api.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.slack.blocks import message_faults
from sandbox.slack.payloads import event_envelope, message_json, shared_file_json
from sandbox.slack.state import AppConfig, Installation, Json, Message, Refused, ResponseUrl, SlackState
from sandbox.slack.values import initial_values, with_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.slack.delivery import Courier, Outcome
    from sandbox.slack.views import Views

T = TypeVar("T")
RESPONSE_URL_LIFE_S = 30 * 60
PATIENCE_S = 60.0
"""How long a person looks for what has to appear. On a busy machine everything takes longer."""


class Hands:
    """The base class of people, administrators and the Web API."""

    state: SlackState
    courier: Courier
    views: Views
    settings: dict[str, Any]
    url: str

    async def event(self, team_id: str, event: Json) -> Outcome | None:
        """Send an event of a workspace; None if the app did not subscribe to it or is not installed."""
        installation = self.state.installation_for(team_id)
        if installation is None or event["type"] not in self.app().events:
            return None
        return await self.deliver(team_id, event, installation)

    async def until(self, found: Callable[[], T | None], timeout_s: float = PATIENCE_S) -> T:
        """Return the result of `found()` as soon as it is truthy.

        Raises:
            TimeoutError: It did not become truthy in time.

        """
        async with asyncio.timeout(timeout_s):
            while True:
                version = self.state.version
                if result := found():
                    return result
                await self.state.changed_since(version)

    async def raw(self, body: str, headers: Mapping[str, str]) -> Outcome:
        """Send these bytes and headers to the app, signed or not."""
        return await self.courier.raw(body, headers)

    async def replay(self, times: int = 1, *, at_once: bool = False) -> list[Outcome]:
        """Send the last signed request again, byte for byte."""
        return await self.courier.replay(times, at_once=at_once)

    def new_response_url(
        self, kind: str, user_id: str, channel_id: str, installation: Installation, message_ts: str = ""
    ) -> str:
        """Return a new `response_url`: five uses in thirty minutes."""
        token = secrets.token_urlsafe(18)
        self.state.response_urls[token] = ResponseUrl(
            token=token,
            user_id=user_id,
            channel_id=channel_id,
            installation_id=installation.id,
            expires_at=self.state.now() + RESPONSE_URL_LIFE_S,
            message_ts=message_ts,
        )
        return f"{self.url}/{kind}/{installation.team_id or installation.enterprise_id}/{token}"

    def post_answer(
        self, body: Json, where: ResponseUrl | None, channel_id: str, user_id: str, bot_user_id: str
    ) -> Message:
        """Show an answer of the app to a command, or a message that it sends to a response_url.

        Raises:
            Refused: Slack does not accept it.

        """
        blocks = body.get("blocks") or []
        if faults := message_faults(blocks) if blocks else []:
            raise Refused("invalid_blocks", faults)
        if not blocks and not body.get("text") and not body.get("attachments"):
            raise Refused("no_text")
        drawn = with_ids(blocks)
        fields: Json = {
            "blocks": drawn,
            "attachments": body.get("attachments") or [],
            "values": initial_values(drawn, channel_id=channel_id),
        }
        original = self.state.message(channel_id, where.message_ts) if where and where.message_ts else None
        if original is not None and body.get("replace_original"):
            original.text, original.edited = str(body.get("text", "")), True
            original.blocks, original.attachments = fields["blocks"], fields["attachments"]
            original.values = initial_values(drawn, original.values)
            self.state.touch()
            return original
        return self.post_as_app(
            bot_user_id,
            channel_id,
            str(body.get("text", "")),
            ephemeral_for="" if body.get("response_type") == "in_channel" else user_id,
            thread_ts=str(body.get("thread_ts") or ""),
            **fields,
        )

    def post_as_app(self, bot_user_id: str, channel_id: str, text: str, **fields: Any) -> Message:
        """Add a message by the app's bot; nothing is checked here."""
        bot = self.state.users[bot_user_id]
        installed = next(i for i in self.state.installations.values() if i.bot_user_id == bot_user_id)
        team = installed.team_id or self.state.channels[channel_id].team_id
        app_id = self.app().app_id
        fields = {"bot_id": bot.bot_id, "app_id": app_id, "team_id": team} | fields
        return self.state.post(channel_id, bot_user_id, text, **fields)

    def message_json(self, message: Message) -> Json:
        """Return a message object with its files, as payloads and answers have it."""
        channel = self.state.channels[message.channel_id]
        files = (self.state.files[each] for each in message.file_ids)
        shown = [shared_file_json(self.state, file, channel, url=self.url) for file in files]
        return message_json(message, files=shown)

    # For the rest of this package

    def app(self) -> AppConfig:
        """Return the configured app.

        Raises:
            RuntimeError: `configure` was not called.

        """
        if self.state.app is None:
            raise RuntimeError("configure() the app first")
        return self.state.app

    def complain(self, where: str, error: str, faults: Sequence[str]) -> None:
        """Add something that the app sent and Slack refused to the complaints."""
        self.state.complaints.append(": ".join([where, error, *faults]))

    async def deliver(self, team_id: str, event: Json, installation: Installation) -> Outcome:
        """Send an event, whether or not the app subscribed to it."""
        return await self.courier.event(event_envelope(self.state, event, team_id, installation))
