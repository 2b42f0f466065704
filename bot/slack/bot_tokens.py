"""Whether Slack still accepts a bot token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.failures import CALL_FAILED, FailureKind, failure

if TYPE_CHECKING:
    from bot.slack.clients import SlackClients


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
        except CALL_FAILED as error:
            if failure(error).kind is FailureKind.ENDED:
                return False
            raise
        return True
