"""The Pages behind a Facebook grant."""

from __future__ import annotations

from adapters.base import Client, Discovery, Publisher, RemoteAccount, Tokens
from adapters.facebook import PLATFORM
from adapters.facebook.publishing import FacebookPublisher
from adapters.meta.account import MetaAdapter
from adapters.meta.graph import Graph
from adapters.meta.pages import in_order, pages_of


class Facebook(MetaAdapter):
    """Finds the Pages of a person."""

    platform = PLATFORM

    @property
    def publisher(self) -> Publisher:
        """How posts get on a Page."""
        return FacebookPublisher(self._http)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return every Page that the person sees. A usable one has its Page token. See `Adapter.discover`.

        A Page token that is made from a long-lived user token does not expire; else it expires with the user token.
        """
        found = await pages_of(Graph(self._http, client), tokens.access_token, instagram=False)
        accounts = (
            RemoteAccount(
                id=page.id,
                kind="Page",
                name=page.name,
                handle=f"@{page.username}" if page.username else "",
                url=page.url,
                avatar_url=page.avatar_url,
                detail=page.category,
                blocker=page.blocker,
                token=page.token,
                missing=page.missing,
            )
            for page in found.pages
        )
        return Discovery(
            identity=found.identity,
            scopes=found.scopes,
            accounts=in_order(accounts),
            hints=found.hints,
        )
