"""Instagram professional accounts: the facts. They are reached through the Facebook Pages they are linked to.

Graph does not list personal accounts.

Sources, read 2026-11-23: https://developers.facebook.com, "Instagram API with Facebook Login", the IG User reference
and those of `adapters.meta`.
"""

from __future__ import annotations

from datetime import timedelta

from adapters import meta
from adapters.base import App, Capability, ClientAuth, Platform, Refresh, Scope
from adapters.meta.webhooks import WEBHOOKS

PLATFORM = Platform(
    key="instagram",
    name="Instagram",
    nicknames=("ig", "insta"),
    options=meta.OPTIONS,
    option_shapes=meta.OPTION_SHAPES,
    webhooks=WEBHOOKS,
    docs="https://developers.facebook.com/docs/instagram-platform/instagram-api-with-facebook-login",
    connects="an Instagram professional account that is linked to a Facebook Page",
    authorize_url=meta.AUTHORIZE_URL,
    token_url=meta.TOKEN_URL,
    revoke_url=meta.REVOKE_URL,
    apps=(
        App(
            key="instagram",
            connects="Instagram professional accounts",
            scopes=(
                Scope(
                    name="instagram_basic",
                    reason="read an Instagram account's name, picture and published posts",
                    unlocks=meta.ALL,
                ),
                Scope(
                    name="instagram_content_publish",
                    reason="publish the photos, reels and carousels your team schedules",
                    unlocks=meta.POSTING,
                ),
                Scope(
                    name="pages_show_list",
                    reason="list the Pages your Instagram accounts are linked to",
                    unlocks=meta.ALL,
                ),
                Scope(
                    name="pages_read_engagement",
                    reason="reach an Instagram account through its Page, as Meta demands",
                    unlocks=meta.ALL,
                ),
                Scope(
                    name="business_management",
                    reason="find accounts whose Page belongs to a business portfolio",
                    unlocks=frozenset(),
                ),
                Scope(
                    name="instagram_manage_insights",
                    reason="show how an account's posts did",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
            ),
        ),
    ),
    refresh=Refresh.EXCHANGE,
    account_tokens=True,
    # https://developers.facebook.com/docs/facebook-login/auth-vs-data (read 2026-11-23).
    data_access_window=timedelta(days=90),
    client_auth=ClientAuth.POST,
    client_id_shape=meta.APP_ID,
    access_lifetime=timedelta(days=60),
    signs_in_at="Facebook",
    grant_family=meta.FAMILY,
    scope_separator=",",
    authorize_extra=meta.ASK_AGAIN,
    dead_grant_codes=meta.DEAD_GRANT_CODES,
    sign_in_first=meta.SIGN_IN_FIRST,
    refusal_parameters=meta.REFUSAL_PARAMETERS,
    our_fault_codes=meta.OUR_FAULT_CODES,
)
