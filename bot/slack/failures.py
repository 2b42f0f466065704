"""What a failed call to Slack means. No other module decides that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.numbers import LONGEST_WAIT, wait_of
from bot.services.errors import NotInstalledError

ENDED = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed"})
"""Web API errors that mean this installation's token no longer works."""
UNINSTALLED = ENDED | {"not_installed"}
"""`ENDED`, and our own code for an installation without a token: nobody in that workspace can be reached."""
MAY_HAVE_SUCCEEDED = frozenset({"internal_error", "fatal_error"})
"""Errors after which, Slack says, part of the request may have been carried out."""
TRANSIENT = MAY_HAVE_SUCCEEDED | {
    "accesslimited",
    "ekm_access_denied",
    "message_limit_exceeded",
    "org_login_required",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
"""Errors that say nothing about the request: Slack has a problem, or the workspace is being moved or locked
for a while (https://docs.slack.dev/reference/methods/chat.postMessage#errors, read 2026-11-30)."""
UNREACHABLE = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
    }
)
"""Errors of a conversation that will not take a message however often we try
(https://docs.slack.dev/reference/methods/chat.postMessage#errors; for an edit in an archived channel `is_inactive`:
https://docs.slack.dev/reference/methods/chat.update#errors; both read 2026-11-30)."""
INVALID_MESSAGE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
)
"""Errors of a message that Slack can't render."""
MESSAGE_MISSING = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""Errors when the message to edit or reply to no longer exists."""
NOT_DONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""The statuses after which nothing was done; a 502 may come from a gateway that lost Slack's answer."""
NO_CODE = "no_code"
"""Our own code for an answer that is not one of Slack's."""
REDIRECTED = "redirected"
"""Our own code for a redirect. It is not followed, and its content is ignored."""


class FailureKind(Enum):
    """What a failed call to Slack means for its caller."""

    TRANSIENT = auto()
    """Nothing was wrong with the call: try again later, without end."""
    UNKNOWN = auto()
    """We don't know: try again later, but not for ever."""
    ENDED = auto()
    """The installation has ended."""
    UNREACHABLE = auto()
    """The conversation will never receive it."""
    INVALID_MESSAGE = auto()
    """Slack can't render it: our fault."""
    MESSAGE_MISSING = auto()
    """The message to edit or reply to does not exist."""


KINDS = {
    code: kind
    for kind, codes in (
        (FailureKind.TRANSIENT, TRANSIENT),
        (FailureKind.ENDED, UNINSTALLED),
        (FailureKind.UNREACHABLE, UNREACHABLE),
        (FailureKind.INVALID_MESSAGE, INVALID_MESSAGE),
        (FailureKind.MESSAGE_MISSING, MESSAGE_MISSING),
    )
    for code in codes
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed call to Slack."""

    kind: FailureKind
    code: str
    """Slack's code, or the name of the failure; safe to log."""
    retry_after: timedelta | None = None
    """How long Slack asks us to wait, if it does."""
    may_have_succeeded: bool = False
    """True: the request was sent, and may have been carried out."""


class SlackCallFailed(Exception):
    """A call to Slack failed. The text is safe to log."""


class SlackRefused(SlackCallFailed):
    """Slack read the request and refused it. The text is Slack's code."""


class SlackSilent(SlackCallFailed):
    """Slack gave no usable answer: no connection, too slow, an error page."""


CALL_FAILED = (SlackApiError, SlackCallFailed, NotInstalledError, aiohttp.ClientError, TimeoutError)
"""The exceptions of a call to Slack. `failure` says what each means."""


def failure(error: Exception) -> Failure:
    """Return what an exception of a call to Slack means."""
    match error:
        case SlackApiError():
            return _answered(error.response)
        case NotInstalledError():
            return Failure(kind=FailureKind.ENDED, code="not_installed")
        case SlackCallFailed():  # there was no token to call with
            kind = FailureKind.TRANSIENT if isinstance(error, SlackSilent) else FailureKind.UNKNOWN
            return Failure(kind=kind, code=str(error))
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Failure(kind=FailureKind.TRANSIENT, code=type(error).__name__)
        case _:
            lost = isinstance(error, (aiohttp.ClientError, OSError))  # OSError: TimeoutError too
            return Failure(kind=FailureKind.UNKNOWN, code=type(error).__name__, may_have_succeeded=lost)


def _answered(response: Any) -> Failure:
    """Return what an answer means. slack_sdk passes it in several types, and a proxy may have written it."""
    body = response.data if isinstance(response, AsyncSlackResponse) else None
    status: int = getattr(response, "status_code", None) or getattr(response, "status", None) or HTTPStatus.OK
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure(kind=FailureKind.TRANSIENT, code=REDIRECTED)
    error = body.get("error") if isinstance(body, dict) else None
    code = error if isinstance(error, str) and error.isidentifier() and error.isascii() else NO_CODE
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    foreign = code == NO_CODE and status >= HTTPStatus.BAD_REQUEST  # a proxy's page, say
    wait = wait_of((getattr(response, "headers", None) or {}).get("Retry-After"))
    return Failure(
        kind=FailureKind.TRANSIENT if passing or foreign else KINDS.get(code, FailureKind.UNKNOWN),
        code=code,
        retry_after=wait if wait and wait < LONGEST_WAIT else None,  # a day or more is not believable
        may_have_succeeded=code in MAY_HAVE_SUCCEEDED
        or (passing and status not in NOT_DONE)
        or (code == NO_CODE and not (passing or foreign)),
    )
