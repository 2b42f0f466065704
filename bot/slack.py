"""Speaking to Slack: a Web API client per installation, its token opened when it is needed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import NotInstalled
from bot.logs import logger
from storage.tenants import Installations, Workspaces

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.db import Database
    from storage.models import Installation
    from storage.vault import Vault

log = logger(__name__)
ROTATE_BEFORE = timedelta(hours=1)
"""Rotating bot tokens live 12 hours."""
OVER = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed", "token_expired"})
"""Web API errors that mean this installation's token is worth nothing any more."""

UNINSTALLED = OVER | {"not_installed"}
"""The same, and our own word for an installation without a token: nobody in that workspace can be reached."""

OAUTH_WITHIN_S = 10.0
"""How long Slack's OAuth methods may take; slack_sdk applies no timeout to a session it was given."""
PASSING = frozenset(
    {"ratelimited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}
)
"""Errors that say nothing about the request (https://docs.slack.dev/reference/methods/oauth.v2.access)."""


class SlackRefused(Exception):
    """Slack read the request and refused it. The text is Slack's code, safe to log."""


class SlackSilent(Exception):
    """Slack gave no answer to go by: no connection, too slow, an error page. The text is safe to log."""


class Slacks:
    """Hands out Web API clients. Opens a sealed token per call and keeps none."""

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._session = session
        self._rotating: dict[str, asyncio.Lock] = {}

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
        except SlackApiError as error:
            raise _failure(error) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackSilent(type(error).__name__) from None

    async def for_workspace(self, team_id: str | None, enterprise_id: str | None) -> AsyncWebClient:
        """Return a client for the installation that covers a workspace. Raises NotInstalled."""
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).find(team_id, enterprise_id)
        if found is None:
            raise NotInstalled
        return await self._open(found)

    async def for_installation(self, slack_id: str) -> AsyncWebClient:
        """Return a client for a team's or enterprise's installation; a Grid workspace may have only the latter.

        Raises NotInstalled.
        """
        async with self._database.system(write=False) as session:
            workspace = await Workspaces(session).get(slack_id)
            enterprise_id = workspace.enterprise_id if workspace else None
            found = await Installations(session, self._vault).find(slack_id, enterprise_id)
        if found is None:
            raise NotInstalled
        return await self._open(found)

    async def _open(self, installation: Installation) -> AsyncWebClient:
        expires = installation.token_expires_at
        if expires is not None and expires - datetime.now(UTC) < ROTATE_BEFORE:
            installation = await self._rotate(installation)
        if installation.bot_token_sealed is None:
            raise NotInstalled
        async with self._database.system(write=False) as session:
            token = Installations(session, self._vault).token(installation)
        return self._client(token.reveal())

    async def _rotate(self, installation: Installation) -> Installation:
        """Trade the refresh token for a new pair, once per process; take over another process's result."""
        async with self._rotating.setdefault(installation.slack_id, asyncio.Lock()):
            async with self._database.system(write=False) as session:
                repository = Installations(session, self._vault)
                current = await repository.get(installation.slack_id)
                if current is None or current.token_expires_at != installation.token_expires_at:
                    return current or installation
                refresh = repository.refresh_token(current)
            if refresh is None:
                return current
            try:
                answer = await self.oauth(
                    "oauth.v2.access", grant_type="refresh_token", refresh_token=refresh.reveal()
                )
            except (SlackRefused, SlackSilent) as error:
                log.warning("bot token not rotated", installation=current.id, code=str(error))
                return current
            async with self._database.system() as session:
                repository = Installations(session, self._vault)
                await repository.rotate(
                    current,
                    bot_token=str(answer["access_token"]),
                    refresh_token=str(answer["refresh_token"]),
                    expires_at=datetime.now(UTC) + timedelta(seconds=int(answer["expires_in"])),
                )
            log.info("bot token rotated", installation=current.id)
            async with self._database.system(write=False) as session:
                return await Installations(session, self._vault).get(installation.slack_id) or current

    def _client(self, token: str | None) -> AsyncWebClient:
        return AsyncWebClient(
            token=token, base_url=self._settings.slack_api_url, session=self._session, timeout=10
        )


def _failure(error: SlackApiError) -> SlackRefused | SlackSilent:
    """Return what an error of slack_sdk comes to."""
    code = code_of(error)
    if code is None:
        return SlackSilent("no_code")
    return SlackSilent(code) if code in PASSING else SlackRefused(code)


def code_of(error: SlackApiError) -> str | None:
    """Return Slack's code for a refusal; an answer that is no JSON has none (and no `get`)."""
    code = error.response.get("error") if isinstance(error.response, AsyncSlackResponse) else None
    return code if isinstance(code, str) and code.isidentifier() and code.isascii() else None


async def whisper(client: AsyncWebClient, url: str, message: dict[str, Any]) -> None:
    """Answer through a `response_url`, which needs no token. A refusal is logged and dropped."""
    session = client.session
    if session is None:
        raise TypeError("the client has no HTTP session")
    async with session.post(url, json=message) as response:
        if response.status >= 300:
            log.warning("response_url refused", status=response.status)
