"""YouTube: connects the channel that a person chooses on Google's consent screen.

Facts come from Google Identity, "Using OAuth 2.0 for Web Server Applications"
(developers.google.com/identity/protocols/oauth2/web-server) and from the YouTube Data API's
`channels.list` and "Errors" pages (developers.google.com/youtube/v3/docs).

A token is tied to the one channel chosen at consent, so the channel is the identity: two channels
of one Google account are two grants here. A person without a channel has no identity at all
(`Identity.id` is empty); there is nothing to keep, only a hint to show. At Google, though, revoking
either token ends everything that Google account has allowed our app.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Capability, ClientAuth, Pkce, Platform, Refresh, Scope

SCOPE = "https://www.googleapis.com/auth/"
PLATFORM = Platform(
    key="youtube",
    name="YouTube",
    nicknames=("yt",),
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
                # The upload scope alone cannot even tell which channel it is for.
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
    refresh=Refresh.STATIC,
    login_spans_grants=True,
    testing_lifetime=timedelta(days=7),
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(hours=1),
    authorize_extra={
        "access_type": "offline",
        # Google gives a refresh token on the first consent only, unless it asks again.
        "prompt": "consent select_account",
        "include_granted_scopes": "true",
    },
    pkce=Pkce.S256,
)
