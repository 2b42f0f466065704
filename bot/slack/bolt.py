"""Bolt, set up to parse payloads and nothing else: our dispatcher does the rest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

if TYPE_CHECKING:
    from slack_bolt.middleware.async_middleware import AsyncMiddleware


def bolt_app(signing_secret: str, dispatcher: AsyncMiddleware) -> AsyncApp:
    """Return a Bolt app that hands every payload to the dispatcher."""
    bolt = AsyncApp(
        name="slack_bolt",  # for its loggers; without a name Bolt reads source files of the call stack to find one
        signing_secret=signing_secret,
        authorize=_NoToken(),  # type: ignore[no-untyped-call]
        process_before_response=True,
        # We don't need Bolt's own checks: `SlackEvents` has verified the signature, no token is looked up that
        # could belong to someone else, and there are no workflow steps.
        ssl_check_enabled=False,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        logger=logging.getLogger("slack_bolt"),
    )
    bolt.use(dispatcher)
    return bolt


class _NoToken(AsyncAuthorize):
    """Returns no token: handlers open one when they need it.

    Otherwise Bolt would look one up for every request, and drop `app_uninstalled` events that arrive after the
    token was revoked.
    """

    async def __call__(
        self, *, enterprise_id: str | None, team_id: str | None, **_who: Any
    ) -> AuthorizeResult:
        """Return the workspace, without a token."""
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=None, bot_user_id="", bot_id=""
        )
