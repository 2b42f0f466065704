"""Reports from a platform to the app that a person has removed it.

Sources: "Webhooks", developers.tiktok.com; "Manually Build a Login Flow" (deauthorize callback) and
"Signed Requests", developers.facebook.com.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

WITHIN_S = 5.0


async def post_report(
    url: str, data: str | Mapping[str, str], headers: Mapping[str, str] | None = None
) -> int:
    """Post to the app; return the status of its answer, or 0 if there was none."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session,
            session.post(url, data=data, headers=headers) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def signed_request(secret: str, facts: Mapping[str, Any]) -> str:
    """Return Meta's `signed_request`: an HMAC-SHA256 with the app's secret, a dot, and the signed payload."""
    payload = _encoded(json.dumps({"algorithm": "HMAC-SHA256", **facts}).encode())
    return f"{_encoded(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest())}.{payload}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
