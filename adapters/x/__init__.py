"""X: the facts.

The consent page has no check boxes, codes live 30 seconds, refresh tokens work once, and a second sign-in of the same
X user to the same app ends the tokens of the first.

Sources, read 2026-11-23: https://docs.x.com, "OAuth 2.0 Authorization Code Flow with PKCE", "User access token", "Rate
limits", "Response codes and errors", and the OpenAPI document of the API.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Blocker, Capability, ClientAuth, Pkce, Platform, Refresh, Scope

PLATFORM = Platform(
    key="x",
    name="X",
    nicknames=("twitter",),
    docs="https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code",
    connects="an X account",
    options=("cents_per_day",),
    authorize_url="https://x.com/i/oauth2/authorize",
    token_url="https://api.x.com/2/oauth2/token",  # noqa: S106 - an address
    revoke_url="https://api.x.com/2/oauth2/revoke",
    apps=(
        App(
            key="x",
            connects="your X account",
            scopes=(
                Scope(
                    name="tweet.read",
                    reason="check that a post went out and read how it did",
                    unlocks=frozenset({Capability.PUBLISH, Capability.INSIGHTS}),
                ),
                Scope(
                    name="tweet.write",
                    reason="publish the posts your team schedules",
                    unlocks=frozenset({Capability.PUBLISH}),
                ),
                Scope(
                    name="users.read",
                    reason="see which account this is: name, handle and picture",
                    unlocks=frozenset({Capability.PUBLISH, Capability.INSIGHTS}),
                ),
                Scope(
                    name="media.write",
                    reason="attach images and videos to your posts",
                    unlocks=frozenset({Capability.MEDIA}),
                ),
                Scope(
                    name="offline.access",
                    reason="stay connected without asking you again every two hours",
                    unlocks=frozenset({Capability.PUBLISH}),
                ),
            ),
        ),
    ),
    refresh=Refresh.SINGLE_USE,
    client_auth=ClientAuth.BASIC,
    access_lifetime=timedelta(hours=2),
    revokes_refresh_tokens=True,
    pkce=Pkce.S256,
    single_grant=True,
    unlock_pages={
        Blocker.LOCKED: "x.com/account/access",
        Blocker.SUSPENDED: "help.x.com/forms/account-access/appeals",
    },
    dead_grant_words={"invalid_request": "Value passed for the token was invalid"},
)
