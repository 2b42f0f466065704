"""The X account behind a grant: sign-in, tokens, and who it is."""

from __future__ import annotations

import httpx

from adapters import oauth
from adapters.base import (
    Client,
    Discovery,
    Identity,
    Place,
    RemoteAccount,
    Tokens,
    body_of,
    object_of,
    text_of,
)
from adapters.http import send
from adapters.x import PLATFORM
from adapters.x.publishing import XPublisher
from adapters.x.refusals import blocker_in, verdict_on

ME = "https://api.x.com/2/users/me"
FIELDS = "profile_image_url,verified,verified_type,subscription_type,protected"
"""The names from before OpenAPI 2.167 (August 2026), which renamed parameters and still accepts the old names."""


class X:
    """Calls api.x.com."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._publisher = XPublisher(http)

    @property
    def publisher(self) -> XPublisher:
        """How it publishes."""
        return self._publisher

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
    blocker = blocker_in(body)
    account_id = text_of(data.get("id"))
    if blocker and not account_id:
        account_id = text_of(body.get("resource_id")) or subject or ""
    if not account_id or not (response.is_success or blocker):
        raise verdict_on(response)
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
