"""Calls to Slack: a Web API client per installation, whose token is decrypted when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.ops.logs import logger
from bot.services.errors import NotInstalledError
from bot.slack.failures import NO_CODE, FailureKind, SlackRefused, SlackSilent, failure
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
REQUEST_CALL_S, CALL_S = 2.0, 20.0
"""How long one call may take, retries included: while a person waits for an answer to a request, and otherwise."""


class SlackClients:
    """Hands out Web API clients. Decrypts the token for each, and keeps none."""

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._session = session
        self._tokens = BotTokens(database, vault, self._exchange)

    async def oauth(self, method: str, **form: str) -> AsyncSlackResponse:
        """Return Slack's answer to `oauth.v2.access` or `openid.connect.token`, called as our app.

        slack_sdk's methods of those names send the credentials with aiohttp's BasicAuth, which is deprecated;
        Slack accepts them in the form too.

        Raises:
            SlackRefused: Slack refused the request.
            SlackSilent: Slack gave no usable answer.

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
            refused = isinstance(error, SlackApiError) and failed.kind is not FailureKind.TRANSIENT
            raise (SlackRefused if refused and failed.code != NO_CODE else SlackSilent)(failed.code) from None

    async def for_workspace(self, team_id: str | None, enterprise_id: str | None) -> AsyncWebClient:
        """Return a client for the installation that covers a workspace. It repeats calls whose connection broke.

        Raises:
            NotInstalledError: There is none, or it has no token.
            SlackCallFailed: Its token has expired and Slack gives no new one.

        """
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).find(team_id, enterprise_id)
        if found is None:
            raise NotInstalledError
        return await self._open(found, repeats=True)

    async def for_installation(self, slack_id: str) -> AsyncWebClient:
        """Return a client for a team's or enterprise's installation; a Grid workspace may have only the latter.

        It repeats a call only where the call certainly did not reach Slack, so that no message is posted twice.

        Raises:
            NotInstalledError: There is none, or it has no token.
            SlackCallFailed: Its token has expired and Slack gives no new one.

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
        """Wait for renewals of bot tokens in progress, at most `within_s` seconds."""
        await self._tokens.drain(within_s)

    async def _open(self, installation: Installation, *, repeats: bool = False) -> AsyncWebClient:
        try:
            with time_limit.unlimited():  # a new pair must be stored, however long that takes
                installation = await self._tokens.usable(installation)
        except NoToken as error:
            raise (SlackRefused if error.for_good else SlackSilent)(str(error)) from None
        if installation.bot_token_sealed is None:
            raise NotInstalledError
        return self._client(bot_token(self._vault, installation).reveal(), repeats=repeats)

    async def _exchange(self, refresh_token: str) -> Mapping[str, Any]:
        answer = await self.oauth("oauth.v2.access", grant_type="refresh_token", refresh_token=refresh_token)
        data: Mapping[str, Any] = answer.data  # type: ignore[assignment] # `_Client` raises for all but objects
        return data

    async def post_to_response_url(self, url: str, message: dict[str, Any]) -> bool:
        """Answer through a `response_url`, which needs no token; return whether Slack took it. Never raises.

        The address comes from a payload. It is checked although the payload is signed, so that a leaked
        signing secret doesn't also let an attacker make us call hosts inside our network.
        """
        if not is_slack_url(url, self._settings.slack_api_url):
            log.warning("response_url.not_slack")
            return False
        try:
            async with (
                asyncio.timeout(REQUEST_CALL_S if time_limit.current() else CALL_S),
                self._session.post(url, json=message) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("response_url.no_answer", code=failure(error).code)
            return False
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            log.warning("response_url.refused", status=status)
        return status < HTTPStatus.MULTIPLE_CHOICES

    def _client(self, token: str | None, *, repeats: bool = False) -> AsyncWebClient:
        """Return a client. With `repeats` it repeats a call, other than for a message, whose connection broke.

        Otherwise each call has a connection of its own (`bot.ops.http.Request`), and is repeated only where it
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
    """slack_sdk's client with one error for every answer that is no JSON object; slack_sdk's own varies."""

    once: Callable[[], AsyncWebClient] | None = None
    """Returns a client for calls that must not be repeated, if this one repeats calls."""

    async def api_call(self, api_method: str, **request: Any) -> AsyncSlackResponse:
        """Return Slack's answer.

        Raises:
            Exception: One of CALL_FAILED.

        """
        if api_method == "chat.postMessage" and self.once is not None:
            return await self.once().api_call(api_method, **request)
        try:
            async with asyncio.timeout(REQUEST_CALL_S if time_limit.current() else CALL_S):
                answer = await super().api_call(api_method, **request)
        except (AttributeError, ValueError, LookupError, RecursionError):
            answer = None  # a list or a text; not UTF-8; an unknown encoding; nested too deep
        if answer is None or not isinstance(answer.data, dict):
            raise SlackApiError("no JSON object", {})  # type: ignore[no-untyped-call]
        return answer


def is_slack_url(url: str, api_url: str) -> bool:
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
