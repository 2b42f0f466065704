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
"""Spelled as before OpenAPI 2.167 (August 2026), which renamed parameters and kept the old names."""

OPERATOR_PROBLEMS = frozenset(
    {"client-forbidden", "usage-capped", "app-suspended", "credits", "credits-depleted"}
)
"""Problem types that blame the developer's app, its plan or its balance."""
SUSPENDED = "user-suspended"


class X:
    """Speaks to api.x.com with tokens it is handed."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Trade a code that is at most 30 seconds old. See `Adapter.exchange`."""
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return the next pair; the refresh token in `tokens` is spent. See `Adapter.refresh`.

        Two at once with the same token end the grant: the caller holds a lease.
        """
        return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant, and with it every connection of this X user to our app.

        X documents revocation per token, so the one that could make others goes first.
        """
        for token in filter(None, (tokens.refresh_token, tokens.access_token)):
            await oauth.revoke(self._http, PLATFORM, client, token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the one account behind the grant. Costs one user read of the operator's credits.

        A suspended account is listed with its blocker if X or `tokens.subject` names it; X's usual
        answer does not, and is Rejected("user-suspended").
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
    suspended = SUSPENDED in _problems_in(body)
    account_id = text_of(data.get("id"))
    if suspended and not account_id:
        account_id = text_of(body.get("resource_id")) or subject or ""
    if not account_id or not (response.is_success or suspended):
        raise _verdict_on(response)
    handle = text_of(data.get("username"))
    return RemoteAccount(
        id=account_id,
        kind="Account",
        name=text_of(data.get("name")) or handle or f"X account {account_id}",
        handle=f"@{handle}" if handle else "",
        url=f"https://x.com/{handle}" if handle else "",
        # X hands out 48 pixels; the same picture is stored in 400 beside it.
        avatar_url=text_of(data.get("profile_image_url")).replace("_normal.", "_400x400."),
        blocker=Blocker.SUSPENDED if suspended else None,
    )


def _verdict_on(response: httpx.Response) -> PlatformError:
    """Return what an answer without an account means. Only X's own words blame the member or the app."""
    body, status = body_of(response), response.status_code
    problems = _problems_in(body)
    operator = problems & OPERATOR_PROBLEMS
    if operator or status == httpx.codes.PAYMENT_REQUIRED:
        return Misconfigured(min(operator, default="credits"))
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy("rate_limited", retry_after=_until_reset(response))
    if SUSPENDED in problems:
        return Rejected(SUSPENDED)
    if not body or response.is_success or response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        code = "unreadable_answer" if response.is_success else f"http_{status}"
        return Busy(code, retry_after=oauth.retry_after(response))
    if status == httpx.codes.UNAUTHORIZED or "unsupported-authentication" in problems:
        return TokenRefused("unauthorized")
    return Rejected("forbidden") if status == httpx.codes.FORBIDDEN else Misconfigured(f"http_{status}")


def _problems_in(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the last words of the problem types; their host is api.twitter.com or, newer, api.x.com."""
    problems = [body, *objects_of(body.get("errors"))]
    return frozenset(text_of(problem.get("type")).rpartition("/")[2] for problem in problems)


def _until_reset(response: httpx.Response) -> timedelta | None:
    """Return the time to the reset of the window that is empty; epoch seconds in X's headers."""
    name = "x-rate-limit"
    for daily in ("x-user-limit-24hour", "x-app-limit-24hour"):
        if response.headers.get(f"{daily}-remaining") == "0":
            name = daily
    return wait_until(response.headers.get(f"{name}-reset"), oauth.answered_at(response))
