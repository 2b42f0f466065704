"""What Reddit's refusals mean.

Sources, read 2026-11-23: https://www.reddit.com/dev/api, `r2/lib/errors.py` of reddit-archive/reddit, and recorded
traffic of PRAW's tests. The codes are an open list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

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
    text_of,
)
from adapters.numbers import wait_of, whole

BLOCKED = "network_security"
"""Reddit blocked the request with an HTML page: because of the operator's User-Agent, API approval or address."""
BREAK = timedelta(minutes=10)
"""How long we wait where Reddit asks for a break and its text does not say how long."""
WAITS: Mapping[str, timedelta] = {
    "RATELIMIT": BREAK,
    "SUBREDDIT_RATELIMIT": BREAK,
    "QUOTA_FILLED": timedelta(days=1),
}
UNITS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86400}

PUBLISHING: Mapping[str, type[PlatformError]] = {
    "RATELIMIT": Busy,
    "SUBREDDIT_RATELIMIT": Busy,
    "QUOTA_FILLED": Busy,
    "ALREADY_SUB": OutcomeUnknown,
    "USER_REQUIRED": TokenRefused,
    "SUBREDDIT_NOEXIST": Rejected,
    "SUBREDDIT_NOTALLOWED": Rejected,
    "SUBREDDIT_NO_ACCESS": Rejected,
    "SUBREDDIT_REQUIRED": Rejected,
    "BANNED_FROM_SUBREDDIT": Rejected,
    "IN_TIMEOUT": Rejected,
    "NO_SELFS": Rejected,
    "NO_LINKS": Rejected,
    "NO_IMAGES": Rejected,
    "NO_VIDEOS": Rejected,
    "GALLERIES_DISABLED": Rejected,
    "INVALID_OPTION": Rejected,
    "NO_TEXT": Rejected,
    "TOO_LONG": Rejected,
    "TOO_SHORT": Rejected,
    "NO_URL": Rejected,
    "BAD_URL": Rejected,
    "DOMAIN_BANNED": Rejected,
    "BAD_FLAIR_TEMPLATE_ID": Rejected,
    "DELETED_LINK": Rejected,
    "VERIFIED_USER_REQUIRED": Rejected,
    "BAD_CAPTCHA": Rejected,
    "SUBMIT_VALIDATION_FLAIR_REQUIRED": Rejected,
    "SUBMIT_VALIDATION_TITLE": Rejected,
    "SUBMIT_VALIDATION_BODY": Rejected,
    "SUBMIT_VALIDATION_LINK": Rejected,
    "SUBMIT_VALIDATION": Rejected,
    "private": Rejected,
    "banned": Rejected,
    "quarantined": Rejected,
    "EntityTooLarge": Rejected,
}
"""Code -> verdict. Other codes are Rejected."""
_RULES = re.compile("SUBMIT_VALIDATION_(TITLE|BODY|LINK)")
"""Reddit has a code for each rule of a subreddit; what matters is which field breaks it."""


def refusal_in(body: Mapping[str, Any]) -> PlatformError | None:
    """Return the first error in an answer with HTTP 200, or None: `[["CODE", "words", "field"]]`."""
    answer = object_of(body.get("json"))
    errors = answer.get("errors")
    if not isinstance(errors, list) or not errors:
        return None
    [code, words, *_] = [*map(text_of, errors[0] if isinstance(errors[0], list) else []), "", ""]
    return _verdict(code, words, answer.get("ratelimit"))


def write_verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an answer to a call that people see means, if there is no result in it."""
    status = response.status_code
    if response.is_success or response.is_server_error or status in {408, 409}:
        return OutcomeUnknown("unreadable_answer" if response.is_success else f"http_{status}")
    return verdict_on(response)


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an API answer without usable data means."""
    body, status = body_of(response), response.status_code
    match status:
        case 401:
            return TokenRefused("unauthorized")
        case 403 if "insufficient_scope" in response.headers.get("www-authenticate", ""):
            return Rejected("missing_scope")
        case 403 if "html" in response.headers.get("content-type", ""):
            return Misconfigured(BLOCKED)
        case 429:
            return Busy("rate_limited", retry_after=oauth.retry_after(response))
        case 400 | 403 | 404 | 413 if body:
            reason = text_of(body.get("reason"))
            return _verdict(reason, "", None) if reason.isidentifier() else Rejected(f"http_{status}")
        case _:
            return Busy(
                "unreadable_answer" if response.is_success else f"http_{status}",
                retry_after=oauth.retry_after(response),
            )


def _verdict(code: str, words: str, seconds: object) -> PlatformError:
    if code.startswith("SUBMIT_VALIDATION") and code not in PUBLISHING:
        rule = _RULES.match(code)
        code = rule[0] if rule else "SUBMIT_VALIDATION"
    if not re.fullmatch(r"[A-Za-z]\w{1,59}", code, re.ASCII):
        code = "unknown"
    verdict = PUBLISHING.get(code, Rejected)
    if verdict is OutcomeUnknown:
        return OutcomeUnknown("duplicate")
    if verdict is Busy:
        return Busy(code, retry_after=_break_in(words) or wait_of(seconds) or WAITS[code])
    return verdict(code)


def _break_in(words: str) -> timedelta | None:
    """Return how long Reddit asks us to wait. It says so only in words."""
    found = re.search(rf"(\d{{1,5}}) ({'|'.join(UNITS)})s?\b", words)
    return timedelta(seconds=(whole(found[1]) or 0) * UNITS[found[2]]) if found else None
