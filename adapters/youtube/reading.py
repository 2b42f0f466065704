"""Reads from the YouTube Data API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from adapters import oauth
from adapters.base import Client, Tokens, body_of
from adapters.http import send
from adapters.youtube.refusals import verdict_on

DATA_API = "https://www.googleapis.com/youtube/v3"
CHANNELS = f"{DATA_API}/channels"
VIDEOS = f"{DATA_API}/videos"
PLAYLIST_ITEMS = f"{DATA_API}/playlistItems"


async def read(
    http: httpx.AsyncClient, client: Client, tokens: Tokens, url: str, query: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return the answer to a reading call. It costs one quota unit.

    Raises:
        PlatformError: The platform did not answer, or refused.

    """
    request = http.build_request(
        "GET",
        client.at(url),
        params=query,
        headers={"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"},
        timeout=oauth.TIMEOUT,
    )
    response = await send(http, request)
    if response.is_success:
        return body_of(response)
    raise verdict_on(response)
