"""Speaking to Slack: a Web API client per installation, its token opened when it is needed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NotInstalled
from bot.logs import logger
from storage.tenants import Installations

if TYPE_CHECKING:
    import aiohttp

    from bot.settings import Settings
    from storage.db import Database
    from storage.models import Installation
    from storage.vault import Vault

log = logger(__name__)
ROTATE_BEFORE = timedelta(hours=1)
"""Rotating bot tokens live 12 hours."""
OVER = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed", "token_expired"})
"""Web API errors that mean this installation's token is worth nothing any more."""


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

    def bare(self) -> AsyncWebClient:
        """Return a client without a token, for the OAuth methods."""
        return self._client(None)

    async def for_workspace(self, team_id: str | None, enterprise_id: str | None) -> AsyncWebClient:
        """Return a client for the installation that covers a workspace. Raises NotInstalled."""
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).find(team_id, enterprise_id)
        if found is None:
            raise NotInstalled
        return await self._open(found)

    async def for_installation(self, slack_id: str) -> AsyncWebClient:
        """Return a client for the installation with this team or enterprise id. Raises NotInstalled."""
        async with self._database.system(write=False) as session:
            found = await Installations(session, self._vault).get(slack_id)
        if found is None or found.uninstalled_at is not None:
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
        """Trade the refresh token for a new pair, once per process; another process's result is taken over."""
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
                answer = await self.bare().oauth_v2_access(
                    client_id=self._settings.slack_client_id,
                    client_secret=self._settings.slack_client_secret.get_secret_value(),
                    grant_type="refresh_token",
                    refresh_token=refresh.reveal(),
                )
            except SlackApiError as error:
                log.warning("bot token not rotated", installation=current.id, code=error.response["error"])
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


async def whisper(client: AsyncWebClient, url: str, message: dict[str, Any]) -> None:
    """Answer through a `response_url`, which needs no token. A refusal is logged and dropped."""
    session = client.session
    if session is None:
        raise TypeError("the client has no HTTP session")
    async with session.post(url, json=message) as response:
        if response.status >= 300:
            log.warning("response_url refused", status=response.status)
