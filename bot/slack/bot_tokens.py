"""Whether Slack still accepts a bot token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.failures import CALL_FAILED, FailureKind, SlackRefused, failure

if TYPE_CHECKING:
    from bot.slack.clients import SlackClients


DEAD_REFRESH_TOKEN = "invalid_refresh_token"  # noqa: S105 - Slack's code
"""https://docs.slack.dev/reference/methods/oauth.v2.access, read 2026-11-30."""


@dataclass(frozen=True)
class SlackBotTokens:
    """Asks Slack about the tokens of our installations (`bot.services.organizations.installing`)."""

    clients: SlackClients

    async def works(self, slack_id: str) -> bool:
        """Tell whether Slack accepts an installation's token.

        Raises:
            Exception: One of CALL_FAILED, where Slack does not say.

        """
        try:
            client = await self.clients.for_installation(slack_id)
            await client.auth_test()
        except SlackRefused:  # it can't be renewed, and has run out
            return False
        except CALL_FAILED as error:
            failed = failure(error)
            if failed.kind is FailureKind.ENDED or failed.code == DEAD_REFRESH_TOKEN:
                return False
            raise
        return True
