"""The professional accounts behind an Instagram grant."""

from __future__ import annotations

from adapters.base import Blocker, Client, Discovery, Hint, Publisher, RemoteAccount, Tokens
from adapters.instagram import PLATFORM
from adapters.instagram.publishing import InstagramPublisher
from adapters.meta.account import MetaAdapter
from adapters.meta.graph import Graph
from adapters.meta.pages import Page, in_order, pages_of


class Instagram(MetaAdapter):
    """Finds the Instagram accounts of a person. Their tokens are those of their Pages."""

    platform = PLATFORM

    @property
    def publisher(self) -> Publisher:
        """How posts get on a professional account."""
        return InstagramPublisher(self._http)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return each professional account once, and each Page without one as `page:<id>`, with its blocker.

        Without the scope `instagram_basic` Meta does not show which accounts Pages have, so none is returned. See
        `Adapter.discover`.
        """
        found = await pages_of(Graph(self._http, client), tokens.access_token, instagram=True)
        hints, accounts = set(found.hints), dict[str, RemoteAccount]()
        if "instagram_basic" in found.scopes:
            for account in map(_account, found.pages):
                known = accounts.get(account.id)
                if known is None or _usefulness(account) > _usefulness(known):
                    accounts[account.id] = account
            if all(account.blocker for account in accounts.values()):
                hints.add(Hint.NO_PROFESSIONAL_ACCOUNT)
        return Discovery(
            identity=found.identity,
            scopes=found.scopes,
            accounts=in_order(accounts.values()),
            hints=frozenset(hints),
        )


def _usefulness(account: RemoteAccount) -> tuple[bool, bool, int]:
    """Return a sort key for Pages that lead to one account: usable, with a token and with most capabilities is best."""
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
        # Graph does not show the Instagram account of such a Page, so this has to be solved first.
        blocker = page.blocker
    return RemoteAccount(
        id=f"page:{page.id}",
        kind="Page",
        name=page.name,
        url=page.url,
        avatar_url=page.avatar_url,
        blocker=blocker,
    )
