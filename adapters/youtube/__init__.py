"""YouTube: the facts.

A token belongs to the one channel that the person chose on Google's consent page, so the channel is the identity: two
channels of one Google account are two grants. A person without a channel has no identity (`Identity.id` is empty), and
no grant is kept. At Google, revoking one token ends everything that the Google account allowed our app.

Sources, read 2026-11-23: https://developers.google.com/identity/protocols/oauth2/web-server, and "channels.list" and
"Errors" at https://developers.google.com/youtube/v3/docs.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Capability, ClientAuth, Pkce, Platform, Refresh, Scope, Shape

SCOPE = "https://www.googleapis.com/auth/"
PLATFORM = Platform(
    key="youtube",
    name="YouTube",
    nicknames=("yt", "google"),
    docs="https://developers.google.com/identity/protocols/oauth2/web-server",
    connects="a YouTube channel",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    revoke_url="https://oauth2.googleapis.com/revoke",
    apps=(
        App(
            key="youtube",
            connects="the YouTube channel you choose",
            scopes=(
                Scope(
                    name=f"{SCOPE}youtube.upload",
                    reason="upload the videos your organization publishes, with their thumbnails",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                ),
                # Without it, not even the channel's name can be read.
                Scope(
                    name=f"{SCOPE}youtube.readonly",
                    reason="see which channel you chose, and whether an upload went through",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA, Capability.INSIGHTS}),
                ),
                Scope(
                    name=f"{SCOPE}yt-analytics.readonly",
                    reason="show how your channel and its videos are doing",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
            ),
        ),
    ),
    client_id_shape=Shape(
        pattern=r".+\.apps\.googleusercontent\.com", words="an id that ends with .apps.googleusercontent.com"
    ),
    refresh=Refresh.STATIC,
    login_spans_grants=True,
    testing_lifetime=timedelta(days=7),
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(hours=1),
    revokes_refresh_tokens=True,
    authorize_extra={
        "access_type": "offline",
        # Without it, Google returns a refresh token for a person's first consent only.
        "prompt": "consent select_account",
        "include_granted_scopes": "true",
    },
    pkce=Pkce.S256,
)
