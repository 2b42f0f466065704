"""What a refusal of TikTok's API means: its code counts, not the status.

Sources, read 2026-11-30: "API v2 Error Handling", "Direct Post", "Photo Post", "Upload", "Get Post Status" and "Media
Transfer Guide" at https://developers.tiktok.com.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Misconfigured,
    Outcome,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    body_of,
)

MISSING_SCOPE = frozenset({"scope_not_authorized", "scope_permission_missed"})
BANNED = "spam_risk_user_banned_from_posting"
CAPPED = "reached_active_user_cap"
TOO_MANY_POSTS = "spam_risk_too_many_posts"
READING: Mapping[str, type[PlatformError]] = {
    "access_token_invalid": TokenRefused,
    "invalid_param": Misconfigured,
    "invalid_params": Misconfigured,
    CAPPED: Misconfigured,
    "unaudited_client_can_only_post_to_private_accounts": Misconfigured,
    "url_ownership_unverified": Misconfigured,
    "internal": Busy,
    "internal_error": Busy,
    "rate_limit_exceeded": Busy,
    TOO_MANY_POSTS: Busy,
}
"""What a code means in every call. Any other is `Rejected`."""
PUBLISHING: Mapping[str, type[PlatformError]] = {
    **READING,
    "invalid_param": Rejected,
    "invalid_params": Rejected,
    "app_version_check_failed": Rejected,
    "privacy_level_option_mismatch": Rejected,
    # A member can choose "Only me" or a draft; the operator can only apply for the audit.
    "unaudited_client_can_only_post_to_private_accounts": Rejected,
    BANNED: Rejected,
    "spam_risk_too_many_pending_share": Rejected,
    "spam_risk_text": Rejected,
    "spam_risk": Rejected,
    "invalid_publish_id": Rejected,
    "token_not_authorized_for_specified_publish_id": Rejected,
}
"""What each documented code means when something is published."""
FAILURES: Mapping[str, Outcome] = {
    "file_format_check_failed": Outcome.REFUSED,
    "duration_check_failed": Outcome.REFUSED,
    "frame_rate_check_failed": Outcome.REFUSED,
    "picture_size_check_failed": Outcome.REFUSED,
    "video_pull_failed": Outcome.REFUSED,
    "photo_pull_failed": Outcome.REFUSED,
    "publish_cancelled": Outcome.REFUSED,
    "auth_removed": Outcome.REFUSED,
    TOO_MANY_POSTS: Outcome.REFUSED,
    BANNED: Outcome.REFUSED,
    "spam_risk_text": Outcome.REFUSED,
    "spam_risk": Outcome.REFUSED,
    # TikTok's own fault, and documented as one after which the post can be sent again.
    "internal": Outcome.NOT_SENT,
}
"""What each documented `fail_reason` of a post means that TikTok had taken."""
WAITS: Mapping[str, timedelta] = {
    "rate_limit_exceeded": timedelta(minutes=1),
    CAPPED: timedelta(days=1),
    TOO_MANY_POSTS: timedelta(days=1),
}
"""How long to wait: TikTok sends no Retry-After. Its limits count over a sliding minute and over a day."""
ITS_OWN_FAULT = frozenset({"internal", "internal_error"})


def verdict_on(
    response: httpx.Response,
    table: Mapping[str, type[PlatformError]] = READING,
    *,
    has_effect: bool = False,
) -> PlatformError:
    """Return the error that an answer other than "ok" means: by its code, or by its status if it has none.

    `has_effect`: the request publishes, so that after a fault of TikTok its outcome is unknown.
    """
    code, status = code_in(response), response.status_code
    wait = WAITS.get(code)
    lost = OutcomeUnknown if has_effect else Busy
    if code in {"", "ok"}:
        unclear = lost if response.is_success or response.is_server_error else Busy
        return unclear(
            "unreadable_answer" if response.is_success else f"http_{status}",
            retry_after=oauth.retry_after(response),
        )
    error = table.get(code)
    if code in ITS_OWN_FAULT or (response.is_server_error and (has_effect or error in {None, Rejected})):
        return lost(code, retry_after=wait)
    if code in MISSING_SCOPE:
        return Rejected("missing_scope")
    if error is None:
        error = Busy if status == httpx.codes.TOO_MANY_REQUESTS else Rejected
    return error(code, retry_after=wait)


def code_in(response: httpx.Response) -> str:
    """Return `error.code`, or the flat `error` of the OAuth endpoints, if it looks like a code, else nothing."""
    error = body_of(response).get("error")
    raw = error.get("code") if isinstance(error, dict) else error
    return raw if isinstance(raw, str) and re.fullmatch(r"\w{1,80}", raw, re.ASCII) else ""
