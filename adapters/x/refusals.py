"""What X's refusals mean: its problem types and its sentences, and the verdict on each.

Sources, read 2026-11-23: https://docs.x.com, "Response codes and errors" and "Changelog", and the OpenAPI document.
X sends no codes for most refusals of a post, so they are known by words in `detail`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Expired,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    body_of,
    objects_of,
    text_of,
)
from adapters.numbers import wait_until

OPERATOR_PROBLEMS = frozenset(
    {"client-forbidden", "usage-capped", "app-suspended", "credits", "credits-depleted"}
)
"""Problem types that mean that the operator's app, its plan or its balance is at fault."""
NOT_ENROLLED = "client-not-enrolled"
"""The `reason` beside `client-forbidden`: the operator's app belongs to no project that may use this API."""
SUSPENDED = "user-suspended"
LOCKED = 326
"""The error code of an account that X has locked until its owner confirms who they are
(https://twittercommunity.com/t/89348, read 2026-11-30)."""
RATE_LIMIT = 88
"""The error code with which older parts of the API say 429."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a refusal of a post or of media is recognised, and what it means."""

    words: str = ""
    """In lower case, a part of a message in the answer."""
    problem: str = ""
    """The last part of a problem type."""
    code: str
    verdict: type[PlatformError] = Rejected


PUBLISHING: tuple[Refusal, ...] = (
    Refusal(words="duplicate content", code="duplicate", verdict=OutcomeUnknown),
    Refusal(words="media ids are invalid", code="media_expired", verdict=Expired),
    Refusal(words="media id is invalid", code="media_expired", verdict=Expired),
    Refusal(words="media id or segment is invalid", code="media_expired", verdict=Expired),
    Refusal(words="segments are not in order", code="media_expired", verdict=Expired),
    Refusal(words="segments do not add up", code="media_expired", verdict=Expired),
    Refusal(words="longer than 2 minutes", code="video_too_long"),
    Refusal(words="file size exceeds", code="media_too_big"),
    Refusal(words="cashtag", code="too_many_cashtags"),
    Refusal(words="invalid url", code="invalid_url"),
    Refusal(words="mentioned or are the author", code="reply_not_allowed"),
    Refusal(words="reply to this conversation is not allowed", code="reply_not_allowed"),
    Refusal(problem="not-authorized-for-resource", code="reply_not_allowed"),
    Refusal(words="not permitted to perform this action", code="not_permitted"),
    Refusal(words="not permitted to access this feature", code="feature_not_permitted"),
    Refusal(words="protect our users from spam", code=Blocker.LOCKED),
    Refusal(problem="resource-not-found", code="post_gone"),
    Refusal(problem="invalid-request", code="invalid_request"),
)
"""In this order: words say more than a problem type."""


def publishing_verdict(
    response: httpx.Response, *, writes: bool = False, media: bool = False
) -> PlatformError:
    """Return the error that an answer without a result means.

    `writes`: the request publishes or deletes, so an answer that proves nothing leaves its outcome unknown. `media`:
    it is about media, for which X wants a scope of its own.
    """
    body, status = body_of(response), response.status_code
    if response.is_server_error or response.is_success or status == httpx.codes.REQUEST_TIMEOUT:
        code = "unreadable_answer" if response.is_success else f"http_{status}"
        return OutcomeUnknown(code) if writes else Busy(code, retry_after=oauth.retry_after(response))
    if any(error.get("code") == RATE_LIMIT for error in objects_of(body.get("errors"))):
        return Busy("rate_limited", retry_after=until_reset(response))
    if (
        blocker_in(body) is None
        and status not in {401, 402, 429}
        and not problems_in(body) & OPERATOR_PROBLEMS
    ):
        messages = [body, *objects_of(body.get("errors"))]
        said = " ".join(text_of(one.get(key)).lower() for one in messages for key in ("detail", "message"))
        for one in PUBLISHING:
            if (one.words and one.words in said) or one.problem in problems_in(body) - {""}:
                return one.verdict(one.code)
        if media and status == httpx.codes.FORBIDDEN:
            return Rejected("missing_media_scope")
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return Misconfigured("segment_too_large")
        if "unsupported-authentication" not in problems_in(body):
            return Rejected("forbidden" if status == httpx.codes.FORBIDDEN else f"http_{status}")
    return verdict_on(response)


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an answer without an account means. Only X's own codes blame the person or the app."""
    body, status = body_of(response), response.status_code
    problems = problems_in(body)
    operator = problems & OPERATOR_PROBLEMS
    if body.get("reason") == NOT_ENROLLED:
        return Misconfigured(NOT_ENROLLED)
    if operator or status == httpx.codes.PAYMENT_REQUIRED:
        return Misconfigured(min(operator, default="credits"))
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy("rate_limited", retry_after=until_reset(response))
    if blocker := blocker_in(body):
        return Rejected(blocker)
    if not body or response.is_success or response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        code = "unreadable_answer" if response.is_success else f"http_{status}"
        return Busy(code, retry_after=oauth.retry_after(response))
    if status == httpx.codes.UNAUTHORIZED or "unsupported-authentication" in problems:
        return TokenRefused("unauthorized")
    return Rejected("forbidden") if status == httpx.codes.FORBIDDEN else Misconfigured(f"http_{status}")


def problems_in(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the last parts of the problem types. Their host is api.twitter.com or, newer, api.x.com."""
    problems = [body, *objects_of(body.get("errors"))]
    return frozenset(text_of(problem.get("type")).rpartition("/")[2] for problem in problems)


def blocker_in(body: Mapping[str, Any]) -> Blocker | None:
    """Return what X has done to the account, or None."""
    if any(error.get("code") == LOCKED for error in objects_of(body.get("errors"))):
        return Blocker.LOCKED
    return Blocker.SUSPENDED if SUSPENDED in problems_in(body) else None


def until_reset(response: httpx.Response) -> timedelta | None:
    """Return the time until the exhausted window ends, which X's headers give in Unix time."""
    name = "x-rate-limit"
    for daily in ("x-user-limit-24hour", "x-app-limit-24hour"):
        if response.headers.get(f"{daily}-remaining") == "0":
            name = daily
    return wait_until(response.headers.get(f"{name}-reset"), oauth.answered_at(response))
