"""Instagram professional accounts, reached through the Facebook Pages they are linked to.

Facts were read from developers.facebook.com: "Instagram API with Facebook Login", the IG User
reference and the pages named in `adapters.meta`. Graph never lists personal accounts.
"""

from __future__ import annotations

from datetime import timedelta

from adapters import meta
from adapters.base import (
    App,
    Blocker,
    Capability,
    Client,
    ClientAuth,
    Discovery,
    Hint,
    Platform,
    RemoteAccount,
    Rotation,
    Scope,
    Tokens,
)

PLATFORM = Platform(
    key="instagram",
    name="Instagram",
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
    rotation=Rotation.EXCHANGE,
    client_auth=ClientAuth.POST,
    access_lifetime=timedelta(days=60),
    grant_family=meta.FAMILY,
    scope_separator=",",
    authorize_extra=meta.ASK_AGAIN,
    dead_grant_codes=meta.DEAD_GRANT_CODES,
)


class Instagram(meta.MetaAdapter):
    """Speaks to the Graph API about Instagram accounts, with the token of their Page."""

    platform = PLATFORM

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return each professional account once, and each Page without one as `page:<id>`, blocked.

        Without `instagram_basic` the links cannot be read, so no account and no claim about one is returned.
        """
        found = await meta.pages_of(meta.Graph(self._http, client), tokens.access_token, instagram=True)
        hints, accounts = set(found.hints), dict[str, RemoteAccount]()
        if "instagram_basic" in found.scopes:
            for account in map(_account, found.pages):
                known = accounts.get(account.id)
                if known is None or _reach(account) > _reach(known):
                    accounts[account.id] = account
            if all(account.blocker for account in accounts.values()):
                hints.add(Hint.NO_PROFESSIONAL_ACCOUNT)
        return Discovery(
            identity=found.identity,
            scopes=found.scopes,
            accounts=meta.in_order(accounts.values()),
            hints=frozenset(hints),
        )


def _reach(account: RemoteAccount) -> tuple[bool, bool, int]:
    """Order the ways to one account: through a Page that may post, has a token, may do most."""
    return account.blocker is None, account.token is not None, -len(account.missing)


def _account(page: meta.Page) -> RemoteAccount:
    profile = page.instagram
    if profile is not None:
        return RemoteAccount(
            id=profile.id,
            kind="Professional account",
            name=profile.name or profile.username or profile.id,
            handle=f"@{profile.username}" if profile.username else "",
            url=f"https://www.instagram.com/{profile.username}/" if profile.username else "",
            avatar_url=profile.avatar_url,
            detail=f"through the Page {page.name}",
            blocker=page.blocker,
            token=page.token,
            missing=page.missing,
        )
    blocker = Blocker.INSTAGRAM_PERSONAL if page.personal_instagram else Blocker.NO_INSTAGRAM
    if page.blocker in {Blocker.NOT_TICKED, Blocker.NO_PAGE_TOKEN}:
        # Graph shows no link of a Page we cannot act as: that is the first thing to mend.
        blocker = page.blocker
    return RemoteAccount(
        id=f"page:{page.id}",
        kind="Page",
        name=page.name,
        url=page.url,
        avatar_url=page.avatar_url,
        blocker=blocker,
    )
