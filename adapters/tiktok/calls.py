"""Calls to open.tiktokapis.com, whose answers are envelopes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from adapters.base import Client, PlatformError, Tokens, body_of
from adapters.http import LONGEST_CALL_S, send
from adapters.tiktok.refusals import READING, code_in, verdict_on

API = "https://open.tiktokapis.com/v2"
USER_INFO = f"{API}/user/info/"
CREATOR_INFO = f"{API}/post/publish/creator_info/query/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to TikTok's API."""

    url: str
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    """Sent as JSON with a POST."""
    table: Mapping[str, type[PlatformError]] = field(default_factory=lambda: READING)
    """What its refusals mean."""
    has_effect: bool = False
    """It publishes."""
    within_s: float = LONGEST_CALL_S


async def answer_to(http: httpx.AsyncClient, client: Client, tokens: Tokens, call: Call) -> Mapping[str, Any]:
    """Return the `data` of an answer whose envelope says "ok".

    Raises:
        PlatformError: The answer says something else, or there is none.

    """
    request = http.build_request(
        call.method,
        client.at(call.url),
        params=call.params or None,
        content=json.dumps(call.body, ensure_ascii=False).encode() if call.method == "POST" else None,
        headers={
            "Authorization": f"Bearer {tokens.access_token}",
            "Content-Type": "application/json; charset=UTF-8",
        },
        timeout=httpx.Timeout(call.within_s, connect=5.0),
    )
    response = await send(http, request, has_effect=call.has_effect, within_s=call.within_s)
    data = body_of(response).get("data")
    if response.is_success and code_in(response) == "ok" and isinstance(data, dict):
        return data
    raise verdict_on(response, call.table, has_effect=call.has_effect)
