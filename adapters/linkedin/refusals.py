"""What LinkedIn's refusals mean.

Sources, read 2026-11-23: https://learn.microsoft.com/linkedin, "Error Handling", "Posts API", "Images API", "Videos
API", "API Versioning", "Rate Limiting".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Expired,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    body_of,
    object_of,
    objects_of,
    text_of,
)
from adapters.linkedin import REVOKED

SERVICE_CODES = {
    65600: "INVALID_ACCESS_TOKEN",
    65601: REVOKED,
    65602: "EXPIRED_ACCESS_TOKEN",
    65604: "EMPTY_ACCESS_TOKEN",
    65608: "RESTRICTED_MEMBER",
}
NOT_READY = "MEDIA_ASSET_WAITING_UPLOAD"
SOON = timedelta(seconds=10)
"""LinkedIn names no time; a picture is ready within seconds."""

PUBLISHING: Mapping[str, type[PlatformError]] = {
    "INVALID_ACCESS_TOKEN": TokenRefused,
    REVOKED: TokenRefused,
    "EXPIRED_ACCESS_TOKEN": TokenRefused,
    "EMPTY_ACCESS_TOKEN": Misconfigured,
    "RESTRICTED_MEMBER": Rejected,
    "ACCESS_DENIED": Rejected,
    "MISSING_FIELD": Rejected,
    "INVALID_URN_TYPE": Rejected,
    "INVALID_URN_ID": Rejected,
    "INVALID_VALUE_FOR_FIELD": Rejected,
    "FIELD_LENGTH_TOO_LONG": Rejected,
    NOT_READY: Busy,
    "MEDIA_ASSET_PROCESSING_FAILED": Rejected,
    "INVALID_VIDEO_ID": Rejected,
    "EXPIRED_UPLOAD_URL": Expired,
    "DUPLICATE_POST": OutcomeUnknown,
    "NONEXISTENT_VERSION": Misconfigured,
    "VERSION_MISSING": Misconfigured,
    "TOO_MANY_REQUESTS": Busy,
}
"""Code -> verdict. Other codes of an answer that is no success are Rejected."""


def publishing_verdict(response: httpx.Response, *, writes: bool = False) -> PlatformError:
    """Return the error that an answer without a result means.

    `writes`: the request publishes or changes a post, so an answer that proves nothing leaves its outcome unknown.
    """
    body, status = body_of(response), response.status_code
    inputs = objects_of(object_of(body.get("errorDetails")).get("inputErrors"))
    code = next(filter(None, map(code_in, (body, *inputs))), "")
    if response.is_server_error or response.is_success or status in {408, 409}:
        proves = "unreadable_answer" if response.is_success else f"http_{status}"
        return OutcomeUnknown(proves) if writes else Busy(proves, retry_after=oauth.retry_after(response))
    verdict = PUBLISHING.get(code)
    if verdict is OutcomeUnknown:
        return OutcomeUnknown("duplicate")
    if code == NOT_READY:
        return Busy(code, retry_after=SOON)
    if verdict in {Expired, Misconfigured, Rejected}:
        return verdict(code)
    if verdict is None and status not in {401, 403, 426, 429}:
        return Rejected(code or f"http_{status}")
    return verdict_on(response)


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an answer without usable data means. An HTML error page says nothing about us."""
    body, status = body_of(response), response.status_code
    code = code_in(body) or f"http_{status}"
    if status == httpx.codes.UPGRADE_REQUIRED:
        return Misconfigured(code)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy(
            code, retry_after=oauth.retry_after(response) or _until_midnight(oauth.answered_at(response))
        )
    if not body or response.is_server_error or status in {httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT}:
        code = "unreadable_answer" if response.is_success else code
        return Busy(code, retry_after=oauth.retry_after(response))
    if code == "RESTRICTED_MEMBER" or status == httpx.codes.FORBIDDEN:
        return Rejected(code)
    if status == httpx.codes.UNAUTHORIZED and code != "EMPTY_ACCESS_TOKEN":
        return TokenRefused(code)
    return Misconfigured(code)


def code_in(body: Mapping[str, Any]) -> str:
    """Return LinkedIn's name for an error, from either of two fields; empty if there is none."""
    code = text_of(body.get("code"))
    service = body.get("serviceErrorCode")
    if isinstance(service, int) and service in SERVICE_CODES:
        return SERVICE_CODES[service]
    return code if re.fullmatch(r"[A-Z][A-Z0-9_]{2,59}", code) else ""


def _until_midnight(now: datetime) -> timedelta:
    """Return the time to midnight UTC, when LinkedIn's daily quotas are renewed."""
    now = now.astimezone(UTC)
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0) - now
