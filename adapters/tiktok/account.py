"""The TikTok account behind a grant: sign-in, tokens, and who it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Capability,
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
    text_of,
)
from adapters.http import send
from adapters.tiktok import PLATFORM

USER_INFO = "https://open.tiktokapis.com/v2/user/info/"
CREATOR_INFO = "https://open.tiktokapis.com/v2/post/publish/creator_info/query/"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "user.info.basic": ("open_id", "avatar_url", "display_name"),
    "user.info.profile": ("username",),
}
"""The fields that each scope allows. A field without its scope fails the whole call."""

MISSING_SCOPE = frozenset({"scope_not_authorized", "scope_permission_missed"})
BANNED = "spam_risk_user_banned_from_posting"
OPERATOR_CODES = frozenset(
    {
        "invalid_param",
        "invalid_params",
        "reached_active_user_cap",
        "unaudited_client_can_only_post_to_private_accounts",
        "url_ownership_unverified",
    }
)
"""Codes that mean that the operator's app, its audit or its quota is at fault."""
BUSY_CODES = frozenset({"internal", "internal_error", "rate_limit_exceeded", "spam_risk_too_many_posts"})
WAITS: Mapping[str, timedelta] = {
    "rate_limit_exceeded": timedelta(minutes=1),
    "reached_active_user_cap": timedelta(days=1),
    "spam_risk_too_many_posts": timedelta(days=1),
}
"""How long to wait: TikTok sends no Retry-After. Its limits count over a sliding minute and over a day."""


class TikTok:
    """Calls open.tiktokapis.com."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for `code`, which must be URL-decoded. See `Adapter.exchange`."""
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return the next pair of tokens. The refresh token in `tokens` is spent. See `Adapter.refresh`.

        Two refreshes with the same token end the grant, so the caller holds a lease.
        """
        return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant, and with it all that this TikTok user allowed our app.

        TikTok takes the access token. What it answers to an expired one is not documented, so refresh first.
        """
        await oauth.revoke(self._http, PLATFORM, client, tokens.access_token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the one account behind the grant.

        An account that TikTok has banned from posting is returned without the capabilities that need it. Other
        reasons against posting pass with time and are left out.

        Raises:
            PlatformError: The platform did not answer, or refused the token.

        """
        scopes = frozenset(client.scopes) if tokens.scopes is None else tokens.scopes
        fields = [field for scope, names in FIELDS.items() if scope in scopes for field in names]
        user = await self._call(
            client, tokens, "GET", USER_INFO, params={"fields": ",".join(fields or FIELDS["user.info.basic"])}
        )
        creator: Mapping[str, Any] = {}
        missing: frozenset[Capability] = frozenset()
        if "video.publish" in scopes:
            try:
                creator = await self._call(client, tokens, "POST", CREATOR_INFO)
            except PlatformError as refusal:
                if refusal.code == BANNED:
                    missing = frozenset({Capability.PUBLISH, Capability.MEDIA})
        account = _account(object_of(user.get("user")), creator, missing)
        return Discovery(
            identity=Identity(id=account.id, name=account.name), scopes=scopes, accounts=(account,)
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: a post on TikTok goes to the account itself."""
        return ()

    async def _call(
        self,
        client: Client,
        tokens: Tokens,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the `data` of an answer whose envelope says "ok".

        Raises:
            PlatformError: The answer says something else, or there is none.

        """
        request = self._http.build_request(
            method,
            client.at(url),
            params=params,
            content=b"{}" if method == "POST" else None,
            headers={
                "Authorization": f"Bearer {tokens.access_token}",
                "Content-Type": "application/json; charset=UTF-8",
            },
            timeout=oauth.TIMEOUT,
        )
        response = await send(self._http, request)
        data = body_of(response).get("data")
        if response.is_success and _code_in(response) == "ok" and isinstance(data, dict):
            return data
        raise verdict_on(response)


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that an API answer other than "ok" means: by its code, or by its status if it has none."""
    code, status = _code_in(response), response.status_code
    wait = WAITS.get(code)
    if code in {"", "ok"}:
        return Busy(
            "unreadable_answer" if response.is_success else f"http_{status}",
            retry_after=oauth.retry_after(response),
        )
    if code == "access_token_invalid":
        return TokenRefused(code)
    if code in MISSING_SCOPE:
        return Rejected("missing_scope")
    if code in OPERATOR_CODES:
        return Misconfigured(code, retry_after=wait)
    if code in BUSY_CODES or status == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        return Busy(code, retry_after=wait)
    return Rejected(code)


def _code_in(response: httpx.Response) -> str:
    """Return `error.code`, or the flat `error` of the OAuth endpoints, if it looks like a code, else nothing."""
    error = body_of(response).get("error")
    raw = error.get("code") if isinstance(error, dict) else error
    return raw if isinstance(raw, str) and re.fullmatch(r"\w{1,80}", raw, re.ASCII) else ""


def _account(
    user: Mapping[str, Any], creator: Mapping[str, Any], missing: frozenset[Capability]
) -> RemoteAccount:
    open_id = text_of(user.get("open_id"))
    if not open_id:
        raise Busy("unreadable_answer")
    username = text_of(user.get("username")) or text_of(creator.get("creator_username"))
    names = (user.get("display_name"), creator.get("creator_nickname"), username, f"TikTok account {open_id}")
    options = creator.get("privacy_level_options")
    # TikTok offers this privacy level to private accounts only ("Query Creator Info").
    private = isinstance(options, list) and "FOLLOWER_OF_CREATOR" in options
    return RemoteAccount(
        id=open_id,
        kind="Account",
        name=next(filter(None, map(text_of, names))),
        handle=f"@{username}" if username else "",
        url=f"https://www.tiktok.com/@{quote(username, safe='')}" if username else "",
        avatar_url=text_of(user.get("avatar_url")),
        detail="private account" if private else "",
        missing=missing,
    )
