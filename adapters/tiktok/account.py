"""The TikTok account behind a grant: sign-in, tokens, and who it is."""

from __future__ import annotations

from collections.abc import Mapping
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
    Place,
    PlatformError,
    RemoteAccount,
    Tokens,
    object_of,
    text_of,
)
from adapters.tiktok import PLATFORM
from adapters.tiktok.calls import CREATOR_INFO, USER_INFO, Call, answer_to
from adapters.tiktok.publishing import TikTokPublisher
from adapters.tiktok.refusals import BANNED

FIELDS: Mapping[str, tuple[str, ...]] = {
    "user.info.basic": ("open_id", "avatar_url", "display_name"),
    "user.info.profile": ("username",),
}
"""The fields that each scope allows. A field without its scope fails the whole call."""


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
        user = await answer_to(
            self._http,
            client,
            tokens,
            Call(
                method="GET",
                url=USER_INFO,
                params={"fields": ",".join(fields or FIELDS["user.info.basic"])},
            ),
        )
        creator: Mapping[str, Any] = {}
        missing: frozenset[Capability] = frozenset()
        if "video.publish" in scopes:
            try:
                creator = await answer_to(self._http, client, tokens, Call(url=CREATOR_INFO))
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

    @property
    def publisher(self) -> TikTokPublisher:
        """How it publishes."""
        return TikTokPublisher(self._http)


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
