"""Reddit: the facts.

Access tokens expire; refresh tokens work until they are revoked. There is no PKCE. Every call needs a User-Agent that
names us.

Sources, read 2026-11-23: https://github.com/reddit-archive/reddit/wiki/OAuth2, https://www.reddit.com/dev/api, the
"Reddit Data API Wiki" (User-Agent, limits), and the code of reddit-archive/reddit for what is not documented.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Blocker, Budget, Capability, ClientAuth, Platform, Refresh, Scope

PLATFORM = Platform(
    key="reddit",
    name="Reddit",
    options=("user_agent",),
    docs="https://github.com/reddit-archive/reddit/wiki/OAuth2",
    connects="a Reddit account",
    place="subreddit",
    unlock_pages={Blocker.SUSPENDED: "reddit.com/appeals"},
    authorize_url="https://www.reddit.com/api/v1/authorize",
    token_url="https://www.reddit.com/api/v1/access_token",  # noqa: S106 - an address
    revoke_url="https://www.reddit.com/api/v1/revoke_token",
    apps=(
        App(
            key="reddit",
            connects="your Reddit account",
            scopes=(
                Scope(
                    name="identity",
                    reason="see which account this is: name and picture",
                    unlocks=frozenset({Capability.PUBLISH, Capability.PLACES}),
                ),
                Scope(
                    name="submit",
                    reason="publish the posts your team schedules",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                ),
                Scope(
                    name="read",
                    reason="read the rules of a subreddit and how your posts did",
                    unlocks=frozenset({Capability.PLACES, Capability.INSIGHTS}),
                ),
                Scope(
                    name="mysubreddits",
                    reason="list the subreddits you joined, so that you can choose where a post goes",
                    unlocks=frozenset({Capability.PLACES}),
                ),
                Scope(
                    name="flair",
                    reason="choose the flair that some subreddits demand of every post",
                    unlocks=frozenset(),
                ),
                Scope(
                    name="history",
                    reason="find your own posts again, to check that they went out",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
            ),
        ),
    ),
    refresh=Refresh.STATIC,
    client_auth=ClientAuth.BASIC,
    access_lifetime=timedelta(days=1),
    revokes_refresh_tokens=True,
    apps_page="reddit.com/prefs/apps",
    # "100 queries per minute (QPM) per OAuth client id", averaged over ten minutes:
    # https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki
    budget=Budget(calls=1000, per=timedelta(minutes=10)),
    # Without it there is no refresh token.
    authorize_extra={"duration": "permanent"},
    # The documented form is "<platform>:<app id>:<version> (by /u/<user>)"; the operator knows the user.
    user_agent="python:octapost:v0.1 (self-hosted, operator not named)",
)
