"""The X account behind a grant: sign-in, tokens, and who it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Client,
    Discovery,
    Identity,
    Misconfigured,
    Place,
    PlatformError,
    Rejected,
    RemoteAccount,
    TokenRefused,
    Tokens,
    body_of,
    object_of,
    objects_of,
    text_of,
)
from adapters.http import send
from adapters.numbers import wait_until
from adapters.x import PLATFORM

ME = "https://api.x.com/2/users/me"
FIELDS = "profile_image_url,verified,verified_type,subscription_type,protected"
"""The names from before OpenAPI 2.167 (August 2026), which renamed parameters and still accepts the old names."""

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


class X:
    """Calls api.x.com."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for a code, which expires after 30 seconds. See `Adapter.exchange`."""
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return the next pair of tokens. The refresh token in `tokens` is spent. See `Adapter.refresh`.

        Two refreshes with the same token end the grant, so the caller holds a lease.
        """
        return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant, and with it all that this X user allowed our app.

        X revokes one token at a time. The refresh token comes first, because it could make others.
        """
        for token in filter(None, (tokens.refresh_token, tokens.access_token)):
            await oauth.revoke(self._http, PLATFORM, client, token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the one account behind the grant. Costs one user read of the operator's credits.

        A suspended or locked account is returned with its blocker if X or `tokens.subject` names it.

        Raises:
            Rejected: With a blocker as its code: the account is suspended or locked, and X does not name it.
            PlatformError: The platform did not answer, or refused the token.

        """
        request = self._http.build_request(
            "GET",
            client.at(ME),
            params={"user.fields": FIELDS},
            headers={"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"},
            timeout=oauth.TIMEOUT,
        )
        response = await send(self._http, request)
        account = _account_in(response, tokens.subject)
        scopes = frozenset(client.scopes) if tokens.scopes is None else tokens.scopes
        identity = Identity(id=account.id, name=account.name)
        return Discovery(identity=identity, scopes=scopes, accounts=(account,))

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: a post on X goes to the account itself."""
        return ()


def _account_in(response: httpx.Response, subject: str | None) -> RemoteAccount:
    body = body_of(response)
    data = object_of(body.get("data"))
    blocker = _blocker_in(body)
    account_id = text_of(data.get("id"))
    if blocker and not account_id:
        account_id = text_of(body.get("resource_id")) or subject or ""
    if not account_id or not (response.is_success or blocker):
        raise _verdict_on(response)
    handle = text_of(data.get("username"))
    return RemoteAccount(
        id=account_id,
        kind="Account",
        name=text_of(data.get("name")) or handle or f"X account {account_id}",
        handle=f"@{handle}" if handle else "",
        url=f"https://x.com/{handle}" if handle else "",
        # X links to a picture of 48 pixels. The same one of 400 pixels differs only in this part of its name.
        avatar_url=text_of(data.get("profile_image_url")).replace("_normal.", "_400x400."),
        blocker=blocker,
        unnamed=not handle,
    )


def _verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an answer without an account means. Only X's own codes blame the person or the app."""
    body, status = body_of(response), response.status_code
    problems = _problems_in(body)
    operator = problems & OPERATOR_PROBLEMS
    if body.get("reason") == NOT_ENROLLED:
        return Misconfigured(NOT_ENROLLED)
    if operator or status == httpx.codes.PAYMENT_REQUIRED:
        return Misconfigured(min(operator, default="credits"))
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy("rate_limited", retry_after=_until_reset(response))
    if blocker := _blocker_in(body):
        return Rejected(blocker)
    if not body or response.is_success or response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        code = "unreadable_answer" if response.is_success else f"http_{status}"
        return Busy(code, retry_after=oauth.retry_after(response))
    if status == httpx.codes.UNAUTHORIZED or "unsupported-authentication" in problems:
        return TokenRefused("unauthorized")
    return Rejected("forbidden") if status == httpx.codes.FORBIDDEN else Misconfigured(f"http_{status}")


def _problems_in(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the last parts of the problem types. Their host is api.twitter.com or, newer, api.x.com."""
    problems = [body, *objects_of(body.get("errors"))]
    return frozenset(text_of(problem.get("type")).rpartition("/")[2] for problem in problems)


def _blocker_in(body: Mapping[str, Any]) -> Blocker | None:
    """Return what X has done to the account, or None."""
    if any(error.get("code") == LOCKED for error in objects_of(body.get("errors"))):
        return Blocker.LOCKED
    return Blocker.SUSPENDED if SUSPENDED in _problems_in(body) else None


def _until_reset(response: httpx.Response) -> timedelta | None:
    """Return the time until the exhausted window ends, which X's headers give in Unix time."""
    name = "x-rate-limit"
    for daily in ("x-user-limit-24hour", "x-app-limit-24hour"):
        if response.headers.get(f"{daily}-remaining") == "0":
            name = daily
    return wait_until(response.headers.get(f"{name}-reset"), oauth.answered_at(response))
