"""Toy: a platform that exchanges a live token for a later one, and whose accounts have no tokens of their own.

It exists nowhere. It shows what a platform's adapter consists of, and is as short as one can be.
"""

from __future__ import annotations

from datetime import timedelta

import httpx

from adapters import oauth
from adapters.base import (
    App,
    Busy,
    Capability,
    Client,
    ClientAuth,
    Discovery,
    Identity,
    Place,
    Platform,
    Refresh,
    RemoteAccount,
    Scope,
    TokenRefused,
    Tokens,
    body_of,
    text_of,
)
from adapters.http import send

PLATFORM = Platform(
    key="toy",
    name="Toy",
    docs="https://toy.example/docs",
    connects="a Toy account",
    authorize_url="https://toy.example/authorize",
    token_url="https://toy.example/token",
    revoke_url="https://toy.example/revoke",
    apps=(
        App(
            key="toy",
            connects="your Toy account",
            scopes=(
                Scope(
                    name="post",
                    reason="publish the posts your team schedules",
                    unlocks=frozenset({Capability.PUBLISH}),
                ),
            ),
        ),
    ),
    refresh=Refresh.EXCHANGE,
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(days=60),
)
ME = "https://toy.example/me"


class Toy:
    """Speaks to toy.example with tokens it is handed."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for `code`. See `Adapter.exchange`."""
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return a later token for a live one. See `Adapter.refresh`."""
        form = {
            "grant_type": "exchange_token",
            "token": tokens.access_token,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        }
        url = client.at(PLATFORM.token_url)
        request = self._http.build_request("POST", url, data=form, timeout=oauth.TIMEOUT)
        return oauth.tokens_of(PLATFORM, await send(self._http, request))

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant."""
        await oauth.revoke(self._http, PLATFORM, client, tokens.access_token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the one account behind the grant."""
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        url = client.at(ME)
        request = self._http.build_request("GET", url, headers=headers, timeout=oauth.TIMEOUT)
        response = await send(self._http, request)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise TokenRefused("unauthorized")
        me = body_of(response)
        if not response.is_success or not text_of(me.get("id")):
            raise Busy("unreadable_answer")
        account = RemoteAccount(id=text_of(me["id"]), kind="Account", name=text_of(me.get("name")))
        return Discovery(
            identity=Identity(id=account.id, name=account.name),
            scopes=frozenset(client.scopes) if tokens.scopes is None else tokens.scopes,
            accounts=(account,),
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: a Toy account has no places."""
        return ()
