"""Facebook Pages: the facts. Each Page is an account with a token of its own.

Sources, read 2026-11-23: https://developers.facebook.com, "Pages API", "Permissions Reference" and those of
`adapters.meta`.
"""

from __future__ import annotations

from datetime import timedelta

from adapters import meta
from adapters.base import App, Capability, ClientAuth, Platform, Refresh, Scope
from adapters.meta.webhooks import WEBHOOKS

PLATFORM = Platform(
    key="facebook",
    name="Facebook",
    nicknames=("fb",),
    options=meta.OPTIONS,
    option_shapes=meta.OPTION_SHAPES,
    webhooks=WEBHOOKS,
    docs="https://developers.facebook.com/docs/pages-api",
    connects="a Facebook Page on which you may create content",
    authorize_url=meta.AUTHORIZE_URL,
    token_url=meta.TOKEN_URL,
    revoke_url=meta.REVOKE_URL,
    apps=(
        App(
            key="facebook",
            connects="Facebook Pages",
            scopes=(
                Scope(
                    name="pages_show_list",
                    reason="list the Pages you manage, so that you can choose",
                    unlocks=meta.ALL,
                ),
                Scope(
                    name="pages_read_engagement",
                    reason="read a Page's name, picture and published posts",
                    unlocks=meta.ALL,
                ),
                Scope(
                    name="pages_manage_posts",
                    reason="publish, correct and delete the posts your team schedules",
                    unlocks=meta.POSTING,
                ),
                Scope(
                    name="business_management",
                    reason="find Pages that belong to a business portfolio",
                    unlocks=frozenset(),
                ),
                Scope(
                    name="read_insights",
                    reason="show how a Page's posts did",
                    unlocks=frozenset({Capability.INSIGHTS}),
                ),
            ),
        ),
    ),
    refresh=Refresh.EXCHANGE,
    account_tokens=True,
    client_auth=ClientAuth.POST,
    client_id_shape=meta.APP_ID,
    access_lifetime=timedelta(days=60),
    grant_family=meta.FAMILY,
    scope_separator=",",
    authorize_extra=meta.ASK_AGAIN,
    dead_grant_codes=meta.DEAD_GRANT_CODES,
    sign_in_first=meta.SIGN_IN_FIRST,
    refusal_parameters=meta.REFUSAL_PARAMETERS,
    our_fault_codes=meta.OUR_FAULT_CODES,
)
