"""TikTok: the facts.

Access tokens live two hours, refresh tokens 180 days, and each refresh token works once. The OAuth endpoints answer
flat JSON, errors sometimes with HTTP 200. All others answer an envelope in which `error.code` counts, not the status.

Sources, read 2026-11-23: https://developers.tiktok.com, "Login Kit for Web", "Login Kit for Desktop", "Manage User
Access Tokens with OAuth v2", "Refresh a User Access Token", "Get User Info", "Query Creator Info" and both
"Error Handling".
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Capability, ClientAuth, Platform, Refresh, Scope
from adapters.tiktok.webhooks import WEBHOOKS

PLATFORM = Platform(
    key="tiktok",
    name="TikTok",
    options=("pkce",),
    webhooks=WEBHOOKS,
    docs="https://developers.tiktok.com/doc/login-kit-web",
    connects="a TikTok account",
    authorize_url="https://www.tiktok.com/v2/auth/authorize/",
    token_url="https://open.tiktokapis.com/v2/oauth/token/",  # noqa: S106 - an address
    revoke_url="https://open.tiktokapis.com/v2/oauth/revoke/",
    apps=(
        App(
            key="tiktok",
            connects="your TikTok account",
            scopes=(
                Scope(
                    name="user.info.basic",
                    reason="see which account this is: display name and picture",
                    unlocks=frozenset(),
                ),
                Scope(
                    name="user.info.profile",
                    reason="show the account's @username and link to its profile",
                    unlocks=frozenset(),
                ),
                Scope(
                    name="user.info.stats",
                    reason="show how many followers, likes and videos the account has",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
                Scope(
                    name="video.list",
                    reason="read how your posts did",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
                Scope(
                    name="video.publish",
                    reason="publish the videos and photos your team schedules",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                ),
                Scope(
                    name="video.upload",
                    reason="put a video or photo into your TikTok inbox as a draft for you to finish",
                    unlocks=frozenset({Capability.MEDIA}),
                ),
            ),
        ),
    ),
    refresh=Refresh.SINGLE_USE,
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(hours=2),
    scope_separator=",",
    client_id_param="client_key",
    # Without it TikTok skips its page for people who consented before, so they cannot choose another account.
    authorize_extra={"disable_auto_auth": "1"},
)
