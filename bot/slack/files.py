"""Files that members attach in Slack, read with the workspace's bot token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from bot.ops.logs import logger
from bot.services.media.findings import FileFault, RefusedFileError
from bot.services.media.intake import Incoming
from bot.slack.failures import CALL_FAILED, failure
from bot.slack.scopes import OPTIONAL_BOT_SCOPES
from storage.engine import time_limit
from storage.installations import Installations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.services.access import Sender
    from bot.slack.clients import SlackClients
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
FILE_ID = re.compile(r"F[A-Z0-9]{1,20}")
PIECE = 256 * 1024
DOWNLOAD = aiohttp.ClientTimeout(total=120, sock_read=20)


@dataclass(frozen=True, kw_only=True)
class SlackFiles:
    """Reads the files of forms and messages. Built once, in `bot.app`."""

    clients: SlackClients
    session: aiohttp.ClientSession
    database: Database
    vault: Vault
    api_url: str

    async def allowed(self, sender: Sender) -> bool:
        """Tell whether the workspace lets the app read files: the scope is optional."""
        async with self.database.system(write=False) as session:
            found = await Installations(session, self.vault).find(sender.team_id, sender.enterprise_id)
        return found is not None and set(found.scopes) >= OPTIONAL_BOT_SCOPES

    def incoming(self, sender: Sender, file: Mapping[str, Any], most: int) -> Incoming:
        """Return a file, as Slack's payloads name it, for the media service; `most`: bytes that are taken."""
        return Incoming(
            name=str(file.get("name") or "The file"),
            read=partial(self.read, sender, str(file.get("id", ""))),
            most=most,
            alt_text=str(file.get("alt_txt") or ""),
        )

    async def read(self, sender: Sender, file_id: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file.

        Its address is asked of Slack with the workspace's own token, must be on Slack's file host, and is fetched
        without following a redirect: the token goes nowhere else.

        Raises:
            RefusedFileError: Slack does not hand it out.

        """
        with time_limit.unlimited():
            client = await self.clients.for_workspace(sender.team_id, sender.enterprise_id)
            url = await _address(client, file_id)
        if not is_file_url(url, self.api_url):
            log.warning("slack_file.odd_address")
            raise RefusedFileError(FileFault.UNREADABLE)
        headers = {"Authorization": f"Bearer {client.token}"}
        try:
            async with self.session.get(
                url, headers=headers, allow_redirects=False, timeout=DOWNLOAD
            ) as response:
                if response.status != HTTPStatus.OK:
                    log.warning("slack_file.refused", status=response.status)
                    raise RefusedFileError(FileFault.UNREADABLE)
                async for piece in response.content.iter_chunked(PIECE):
                    yield piece
        except CALL_FAILED as error:
            log.warning("slack_file.no_answer", code=failure(error).code)
            raise RefusedFileError(FileFault.UNREADABLE) from None


async def _address(client: Any, file_id: str) -> str:
    if not FILE_ID.fullmatch(file_id):
        raise RefusedFileError(FileFault.UNREADABLE)
    try:
        answer = await client.files_info(file=file_id)
    except CALL_FAILED as error:
        log.warning("slack_file.unknown", code=failure(error).code)
        raise RefusedFileError(FileFault.UNREADABLE) from None
    found = answer.get("file") or {}
    return str(found.get("url_private_download") or found.get("url_private") or "")


def is_file_url(url: str, api_url: str) -> bool:
    """Tell whether `url` is on the file host of the Slack whose API is at `api_url`.

    That is `files.` of the API's domain over HTTPS (https://docs.slack.dev/reference/objects/file-object, read
    2026-11-30); a simulated Slack, whose API has no HTTPS, serves files itself.
    """
    try:
        found, api = urlsplit(url), urlsplit(api_url)
        ports = found.port, api.port
    except ValueError:
        return False
    if "@" in found.netloc or found.scheme != api.scheme or ports[0] != ports[1]:
        return False
    domain = (api.hostname or "").removeprefix("www.")
    return found.hostname == (f"files.{domain}" if api.scheme == "https" else api.hostname)
