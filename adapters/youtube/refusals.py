"""What a refusal of the YouTube Data API means.

Sources, read 2026-11-30: "Errors", "videos.insert" and "thumbnails.set" at https://developers.google.com/youtube/v3/docs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    body_of,
    object_of,
    objects_of,
)

SIGNUP_REQUIRED = "youtubeSignupRequired"
READING: Mapping[str, type[PlatformError]] = {
    "authError": TokenRefused,
    "required": TokenRefused,
    "authorizationRequired": TokenRefused,
    "quotaExceeded": Misconfigured,
    "dailyLimitExceeded": Misconfigured,
    "accessNotConfigured": Misconfigured,
    "SERVICE_DISABLED": Misconfigured,
    "badRequest": Misconfigured,
    "missingRequiredParameter": Misconfigured,
    "rateLimitExceeded": Busy,
    "userRateLimitExceeded": Busy,
    "RATE_LIMIT_EXCEEDED": Busy,
    "backendError": Busy,
    "internalError": Busy,
}
"""What a `reason` means whose HTTP status does not tell, in every call."""
PUBLISHING: Mapping[str, type[PlatformError]] = {
    **READING,
    SIGNUP_REQUIRED: Rejected,
    "forbidden": Rejected,
    "channelClosed": Rejected,
    "channelSuspended": Rejected,
    "authenticatedUserAccountClosed": Rejected,
    "authenticatedUserAccountSuspended": Rejected,
    "forbiddenPrivacySetting": Rejected,
    "forbiddenLicenseSetting": Rejected,
    "forbiddenEmbedSetting": Rejected,
    "uploadLimitExceeded": Busy,
    "invalidTitle": Rejected,
    "invalidDescription": Rejected,
    "invalidTags": Rejected,
    "invalidCategoryId": Rejected,
    "invalidPublishAt": Rejected,
    "invalidVideoMetadata": Rejected,
    "invalidRecordingDetails": Rejected,
    "invalidVideoGameRating": Rejected,
    "invalidFilename": Rejected,
    "defaultLanguageNotSet": Rejected,
    "mediaBodyRequired": Rejected,
    "invalidImage": Rejected,
    "imageFormatUnsupported": Rejected,
    "imageTooTall": Rejected,
    "imageTooWide": Rejected,
    "thumbnail_forbidden": Rejected,
    "videoNotFound": Rejected,
    "uploadRateLimitExceeded": Busy,
}
"""What each documented `reason` means when a video or its thumbnail is sent."""
MISSING_SCOPE = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
DAILY = frozenset({"quotaExceeded", "dailyLimitExceeded"})
WAITS: Mapping[str, timedelta] = {
    "uploadLimitExceeded": timedelta(days=1),
    "uploadRateLimitExceeded": timedelta(hours=1),
}
"""How long to wait where YouTube does not say. The number of uploads that a channel may make a day is secret."""


def verdict_on(
    response: httpx.Response,
    table: Mapping[str, type[PlatformError]] = READING,
    *,
    has_effect: bool = False,
) -> PlatformError:
    """Return the error that a refusal means: by `errors[].reason`, `details[].reason`, then its status.

    `has_effect`: the request publishes, so that after a 5xx its outcome is unknown.
    """
    reasons = _reasons(response)
    reason = reasons[0] if reasons else ""
    status = response.status_code
    wait = oauth.retry_after(response)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return (OutcomeUnknown if has_effect else Busy)(reason or f"http_{status}", retry_after=wait)
    if MISSING_SCOPE & set(reasons):
        return Rejected("missing_scope")
    for known in reasons:
        if known in table:
            due = _until_reset(oauth.answered_at(response)) if known in DAILY else wait
            return table[known](known, retry_after=due or WAITS.get(known))
    if status == httpx.codes.UNAUTHORIZED and reason != SIGNUP_REQUIRED:
        return TokenRefused(reason or "http_401")
    if not reason or status in {408, 425, 429}:
        return Busy(reason or f"http_{status}", retry_after=wait)
    return Rejected(reason)


def _reasons(response: httpx.Response) -> list[str]:
    error = object_of(body_of(response).get("error"))
    named = [entry for key in ("errors", "details") for entry in objects_of(error.get(key))]
    # One word for two things: the wrong channel, and a channel that may not have thumbnails of its own.
    return [
        "thumbnail_forbidden"
        if reason == "forbidden" and entry.get("domain") == "youtube.thumbnail"
        else reason
        for entry in named
        if isinstance(reason := entry.get("reason"), str) and re.fullmatch(r"\w{1,60}", reason, re.ASCII)
    ]


def _until_reset(now: datetime) -> timedelta:
    """Return the time to midnight in California, when quotas are renewed. In summer it is an hour too long."""
    now = now.astimezone(UTC)
    reset = now.replace(hour=8, minute=0, second=0, microsecond=0)
    return reset - now if reset > now else reset + timedelta(days=1) - now
