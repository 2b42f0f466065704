"""Speaking to Slack: a Web API client per installation, its token opened when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.numbers import LONGEST_WAIT, wait_of
from bot.ops.logs import logger
from bot.services.errors import NotInstalledError
from bot.slack.rotation import BotTokens, NoToken
from storage.engine import time_limit
from storage.installations import Installations, bot_token
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.engine.db import Database
    from storage.models import Installation
    from storage.vault import Vault

log = logger(__name__)
OAUTH_WITHIN_S = 10.0
"""How long Slack's OAuth methods may take; slack_sdk applies no timeout to a session it was given."""

OVER = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed"})
"""Web API errors that mean this installation's token is worth nothing any more."""
UNINSTALLED = OVER | {"not_installed"}
"""The same, and our own word for an installation without a token: nobody in that workspace can be reached."""
PERHAPS = frozenset({"internal_error", "fatal_error"})
"""Errors after which, Slack says, some of it may have been done nevertheless."""
PASSING = PERHAPS | {
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
"""Errors that say nothing about the request: Slack's own state, or a workspace that is being moved or is locked
for a while (https://docs.slack.dev/reference/methods/chat.postMessage#errors)."""
DEAF = frozenset(
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
"""What Slack says of a conversation that will not hear us however often we try
(https://docs.slack.dev/reference/methods/chat.postMessage#errors; an edit in an archived channel is
`is_inactive`: https://docs.slack.dev/reference/methods/chat.update#errors)."""
UNREADABLE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
)
"""What Slack says of a message it can't draw."""
GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""What Slack says when the message that was to be edited or answered is no longer there."""
NOT_DONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Of the answers that pass, those that say nothing was done; a 502 may be a gateway that lost Slack's answer."""
REQUEST_CALL_S, CALL_S = 2.0, 20.0
"""How long one call may take, repetitions included: while a person waits for an answer to a request, and else."""
NO_CODE = "no_code"
"""Our own word for an answer that is not one of Slack's."""
REDIRECTED = "redirected"
"""Our own word for an answer that sends us elsewhere. Nobody goes there, and nothing in it is believed."""


class Kind(Enum):
    """What a failed call to Slack means for whoever wants to say something."""

    PASSING = auto()
    """Nothing was wrong with it: later, however much later."""
    UNKNOWN = auto()
    """Nobody can tell: later too, but not for ever."""
    OVER = auto()
    """The installation has ended."""
    DEAF = auto()
    """The conversation will never hear it."""
    UNREADABLE = auto()
    """Slack can't draw it: our fault."""
    GONE = auto()
    """The message it was to change or answer is not there."""


KINDS = {
    code: kind
    for kind, codes in (
        (Kind.PASSING, PASSING),
        (Kind.OVER, UNINSTALLED),
        (Kind.DEAF, DEAF),
        (Kind.UNREADABLE, UNREADABLE),
        (Kind.GONE, GONE),
    )
    for code in codes
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What became of a call to Slack that failed."""

    kind: Kind
    code: str
    """Slack's code, or which failure it was; safe to log."""
    retry_after: timedelta | None = None
    """How long Slack asks us to wait, where it says so."""
    perhaps_done: bool = False
    """True: the request left, and may have been carried out."""


class SlackFailed(Exception):
    """A call to Slack came to nothing. The text is safe to log."""


class SlackRefused(SlackFailed):
    """Slack read the request and refused it. The text is Slack's code."""


class SlackSilent(SlackFailed):
    """Slack gave no answer to go by: no connection, too slow, an error page."""


CALL_FAILED = (SlackApiError, SlackFailed, NotInstalledError, aiohttp.ClientError, TimeoutError)
"""What a call to Slack may fail with. Whoever catches it asks `failure` what it means."""


def failure(error: Exception) -> Failure:
    """Return what any exception of a call to Slack means. The only place that decides."""
    match error:
        case SlackApiError():
            return _answered(error.response)
        case NotInstalledError():
            return Failure(kind=Kind.OVER, code="not_installed")
        case SlackFailed():  # there was no token to call with
            kind = Kind.PASSING if isinstance(error, SlackSilent) else Kind.UNKNOWN
            return Failure(kind=kind, code=str(error))
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Failure(kind=Kind.PASSING, code=type(error).__name__)
        case _:
            lost = isinstance(error, (aiohttp.ClientError, OSError))  # OSError: TimeoutError too
            return Failure(kind=Kind.UNKNOWN, code=type(error).__name__, perhaps_done=lost)


def _answered(response: Any) -> Failure:
    """Return what an answer means; slack_sdk hands it over in several shapes, and not all of it is Slack's."""
    body = response.data if isinstance(response, AsyncSlackResponse) else None
    status: int = getattr(response, "status_code", None) or getattr(response, "status", None) or HTTPStatus.OK
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure(kind=Kind.PASSING, code=REDIRECTED)
    said = body.get("error") if isinstance(body, dict) else None
    code = said if isinstance(said, str) and said.isidentifier() and said.isascii() else NO_CODE
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    foreign = code == NO_CODE and status >= HTTPStatus.BAD_REQUEST  # a proxy's page, say
    wait = wait_of((getattr(response, "headers", None) or {}).get("Retry-After"))
    return Failure(
        kind=Kind.PASSING if passing or foreign else KINDS.get(code, Kind.UNKNOWN),
        code=code,
        retry_after=wait if wait and wait < LONGEST_WAIT else None,  # a day or more is nothing to go by
        perhaps_done=code in PERHAPS
        or (passing and status not in NOT_DONE)
        or (code == NO_CODE and not (passing or foreign)),
    )


class Slacks:
    """Hands out Web API clients. Opens a sealed token per call and keeps none."""

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._session = session
        self._tokens = BotTokens(database, vault, self._trade)

    async def oauth(self, method: str, **form: str) -> AsyncSlackResponse:
        """Call `oauth.v2.access` or `openid.connect.token` as our app. Raises SlackRefused or SlackSilent.

        slack_sdk's methods of those names send the credentials by way of aiohttp's BasicAuth, which is
        deprecated; Slack takes them in the form as well.
        """
        credentials = {
            "client_id": self._settings.slack_client_id,
            "client_secret": self._settings.slack_client_secret.get_secret_value(),
        }
        try:
            async with asyncio.timeout(OAUTH_WITHIN_S):
                return await self._client(None).api_call(method, data=credentials | form)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            failed = failure(error)
            refused = isinstance(error, SlackApiError) and failed.kind is not Kind.PASSING
            raise (SlackRefused if refused and failed.code != NO_CODE else SlackSilent)(failed.code) from None

    async def for_workspace(self, team_id: str | None, enterprise_id: str | None) -> AsyncWebClient:
        """Return a client for the installation that covers a workspace. Raises NotInstalledError or SlackFailed."""
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).find(team_id, enterprise_id)
        if found is None:
            raise NotInstalledError
        return await self._open(found, repeats=True)

    async def for_installation(self, slack_id: str) -> AsyncWebClient:
        """Return a client for a team's or enterprise's installation; a Grid workspace may have only the latter.

        It says nothing a second time by itself.

        Raises NotInstalledError, or SlackFailed where its token has expired and Slack gives no new one.
        """
        async with self._database.system(write=False) as session:
            workspace = await Workspaces(session).get(slack_id)
            enterprise_id = workspace.enterprise_id if workspace else None
            found = await Installations(session, self._vault).find(slack_id, enterprise_id)
        if found is None:
            raise NotInstalledError
        return await self._open(found)

    def without_token(self) -> AsyncWebClient:
        """Return a client for calls that bring their own token, such as Socket Mode's."""
        return self._client(None, repeats=True)

    async def drain(self, within_s: float) -> None:
        """Wait for new bot tokens that are on their way, at most `within_s` seconds."""
        await self._tokens.drain(within_s)

    async def _open(self, installation: Installation, *, repeats: bool = False) -> AsyncWebClient:
        try:
            with time_limit.unlimited():  # a new pair is stored however long that takes
                installation = await self._tokens.usable(installation)
        except NoToken as error:
            raise (SlackRefused if error.for_good else SlackSilent)(str(error)) from None
        if installation.bot_token_sealed is None:
            raise NotInstalledError
        return self._client(bot_token(self._vault, installation).reveal(), repeats=repeats)

    async def _trade(self, refresh_token: str) -> Mapping[str, Any]:
        answer = await self.oauth("oauth.v2.access", grant_type="refresh_token", refresh_token=refresh_token)
        data: Mapping[str, Any] = answer.data  # type: ignore[assignment] # `_Client` raises for all but objects
        return data

    async def whisper(self, url: str, message: dict[str, Any]) -> bool:
        """Answer through a `response_url`, which needs no token; return whether Slack took it. Never raises.

        The address comes out of a payload. It is checked although the payload is signed, so that a leaked
        signing secret is not also a way to make us call hosts inside our network.
        """
        if not is_slacks(url, self._settings.slack_api_url):
            log.warning("response_url is not Slack's")
            return False
        try:
            async with (
                asyncio.timeout(REQUEST_CALL_S if time_limit.current() else CALL_S),
                self._session.post(url, json=message) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("response_url not answered", code=failure(error).code)
            return False
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            log.warning("response_url refused", status=status)
        return status < HTTPStatus.MULTIPLE_CHOICES

    def _client(self, token: str | None, *, repeats: bool = False) -> AsyncWebClient:
        """Return a client. One that `repeats` makes a call again, at once, whose connection broke; no message's.

        Any other makes its calls on connections of their own (`bot.ops.http.Request`), and again only where they
        certainly did not reach Slack.
        """
        client = _Client(
            token=token,
            base_url=self._settings.slack_api_url,
            session=self._session,
            headers={} if repeats else {"Connection": "close"},
            retry_handlers=None  # slack_sdk's own
            if repeats
            else [AsyncConnectionErrorRetryHandler(error_types=[aiohttp.ClientConnectorError])],
        )
        client.once = partial(self._client, token) if repeats else None
        return client


class _Client(AsyncWebClient):
    """slack_sdk's client, which fails in one way when an answer is no JSON object; its own breaks on some."""

    once: Callable[[], AsyncWebClient] | None = None
    """Returns a client for what must not be said twice, where this one repeats calls."""

    async def api_call(self, api_method: str, **request: Any) -> AsyncSlackResponse:
        """Return Slack's answer. Raises one of CALL_FAILED."""
        if api_method == "chat.postMessage" and self.once is not None:
            return await self.once().api_call(api_method, **request)
        try:
            async with asyncio.timeout(REQUEST_CALL_S if time_limit.current() else CALL_S):
                answer = await super().api_call(api_method, **request)
        except (AttributeError, ValueError, LookupError, RecursionError):
            answer = None  # a list or a text; not UTF-8; no such encoding; nested without end
        if answer is None or not isinstance(answer.data, dict):
            raise SlackApiError("no JSON object", {})  # type: ignore[no-untyped-call]
        return answer


def is_slacks(url: str, api_url: str) -> bool:
    """Tell whether a `response_url` belongs to the Slack whose API is at `api_url`.

    It is at the API's own origin, or at `hooks.` of its domain: hooks.slack.com
    (https://docs.slack.dev/interactivity/handling-user-interaction, read 2026-11-30), hooks.slack-gov.com.
    """
    try:
        found, api = urlsplit(url), urlsplit(api_url)
        domain = (api.hostname or "").removeprefix("www.")
        hosts = {api.hostname, f"hooks.{domain}"}
        same = found.scheme == api.scheme and found.port == api.port
    except ValueError:
        return False
    return same and found.hostname in hosts
