"""The professional accounts behind an Instagram grant."""

from __future__ import annotations

from adapters.base import Blocker, Client, Discovery, Hint, RemoteAccount, Tokens
from adapters.instagram import PLATFORM
from adapters.meta.account import MetaAdapter
from adapters.meta.graph import Graph
from adapters.meta.pages import Page, in_order, pages_of


class Instagram(MetaAdapter):
    """Speaks to the Graph API about Instagram accounts, with the token of their Page."""

    platform = PLATFORM

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return each professional account once, and each Page without one as `page:<id>`, blocked.

        Without `instagram_basic` the links cannot be read, so no account and no claim about one is returned.
        """
        found = await pages_of(Graph(self._http, client), tokens.access_token, instagram=True)
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
            accounts=in_order(accounts.values()),
            hints=frozenset(hints),
        )


def _reach(account: RemoteAccount) -> tuple[bool, bool, int]:
    """Order the ways to one account: through a Page that may post, has a token, may do most."""
    return account.blocker is None, account.token is not None, -len(account.missing)


def _account(page: Page) -> RemoteAccount:
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
