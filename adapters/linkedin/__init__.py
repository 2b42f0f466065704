"""LinkedIn: the facts.

Posting as a company page needs the Community Management API, which must be the only product of its app. So there are
two apps, one for profiles and one for pages.

Sources, read 2026-11-23: https://learn.microsoft.com/linkedin, "Authorization Code Flow", "Refresh Tokens with OAuth
2.0", "Sign In with LinkedIn using OpenID Connect", "Organization Access Control by Role", "Organization Lookup
API", "API Versioning", "Error Handling", "Rate Limiting".
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import App, Budget, Capability, ClientAuth, Platform, Refresh, Scope

SIGN_IN = "Sign In with LinkedIn using OpenID Connect"
SHARE = "Share on LinkedIn"
COMMUNITY = "Community Management API"

REVOKED = "REVOKED_ACCESS_TOKEN"
PLATFORM = Platform(
    key="linkedin",
    name="LinkedIn",
    options=("api_version",),
    docs="https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow",
    connects="a LinkedIn profile or a company page you administer",
    authorize_url="https://www.linkedin.com/oauth/v2/authorization",
    token_url="https://www.linkedin.com/oauth/v2/accessToken",  # noqa: S106 - an address
    revoke_url="https://www.linkedin.com/oauth/v2/revoke",
    apps=(
        App(
            key="linkedin",
            connects="your LinkedIn profile",
            scopes=(
                Scope(
                    name="openid",
                    reason="know whose profile this is, so that posts appear under the right name",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                    product=SIGN_IN,
                ),
                Scope(
                    name="profile",
                    reason="show your name and picture next to the connected account",
                    unlocks=frozenset(),
                    product=SIGN_IN,
                ),
                Scope(
                    name="w_member_social",
                    reason="publish the posts your team schedules, with their media, as you",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                    product=SHARE,
                ),
            ),
        ),
        App(
            key="linkedin_page",
            connects="LinkedIn company pages",
            scopes=(
                Scope(
                    name="r_basicprofile",
                    reason="know whose consent this is and show your name",
                    unlocks=frozenset(),
                    product=COMMUNITY,
                ),
                Scope(
                    name="w_organization_social",
                    reason="publish the posts your team schedules, with their media, as the page",
                    unlocks=frozenset({Capability.PUBLISH, Capability.MEDIA}),
                    product=COMMUNITY,
                ),
                Scope(
                    name="r_organization_social",
                    reason="check that a post went out and read how it did",
                    unlocks=frozenset({Capability.INSIGHTS}),
                    product=COMMUNITY,
                ),
                Scope(
                    name="rw_organization_admin",
                    reason="list the pages you administer and read their statistics",
                    unlocks=frozenset({Capability.INSIGHTS}),
                    product=COMMUNITY,
                ),
            ),
        ),
    ),
    refresh=Refresh.NONE,  # only approved partners get refresh tokens; theirs are static
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(days=60),
    # 100,000 requests per app and day, 150 of them for one member:
    # https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/share-on-linkedin#rate-limits
    budget=Budget(calls=100_000, per=timedelta(days=1)),
    single_grant=True,
    denied_codes=frozenset({"user_cancelled_login", "user_cancelled_authorize", "access_denied"}),
    dead_grant_words={"invalid_request": "refresh token is invalid, expired or revoked"},
    dead_token_codes=frozenset({"INVALID_ACCESS_TOKEN", REVOKED, "EXPIRED_ACCESS_TOKEN"}),
    missing_product_codes=frozenset({"unauthorized_scope_error"}),
)
