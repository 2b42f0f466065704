"""The Reddit account behind a grant: sign-in, tokens, who it is, and the subreddits it may post to."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Client,
    Discovery,
    Identity,
    Misconfigured,
    Place,
    RemoteAccount,
    Tokens,
    object_of,
    objects_of,
    text_of,
)
from adapters.paging import Cursors
from adapters.reddit import PLATFORM
from adapters.reddit.calls import Calls
from adapters.reddit.places import may_post
from adapters.reddit.publishing import RedditPublisher
from adapters.reddit.refusals import BLOCKED

LISTINGS = ("subscriber", "contributor", "moderator")
PAGE = 100
"""The most entries that Reddit puts on one page of a listing."""
MOST_PAGES = 250
"""A listing is cut after 25,000 subreddits, so that one without an end does not keep us for ever."""


class Reddit:
    """Calls www.reddit.com for tokens and oauth.reddit.com with them."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._publisher = RedditPublisher(http)

    @property
    def publisher(self) -> RedditPublisher:
        """How it publishes."""
        return self._publisher

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for a code, which expires after ten minutes. See `Adapter.exchange`."""
        with _block_page_is_our_fault():
            return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return a new access token; the refresh token stays valid. See `Adapter.refresh`."""
        with _block_page_is_our_fault():
            return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant: revoking its refresh token ends its access tokens too."""
        token, kind = tokens.refresh_token, "refresh_token"
        if token is None:
            token, kind = tokens.access_token, "access_token"
        with _block_page_is_our_fault():
            await oauth.revoke(self._http, PLATFORM, client, token, extra={"token_type_hint": kind})

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the one account behind the grant. A suspended one has its blocker."""
        me = await self._me(client, tokens)
        name = text_of(me.get("name"))
        account = RemoteAccount(
            id=text_of(me.get("id")).removeprefix("t2_"),
            kind="Account",
            name=name,
            handle=f"u/{name}",
            url=f"https://www.reddit.com/user/{quote(name, safe='')}",
            # This field is HTML-escaped even with raw_json=1.
            avatar_url=html.unescape(text_of(me.get("icon_img"))),
            blocker=Blocker.SUSPENDED if me.get("is_suspended") else None,
        )
        return Discovery(
            identity=Identity(id=account.id, name=name),
            scopes=frozenset(client.scopes) if tokens.scopes is None else tokens.scopes,
            accounts=(account,),
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return the account's own profile and every subreddit where it may post, by name.

        Three listings are read at once, with a call for every 100 subreddits. 10,000 joined subreddits take a hundred
        of the thousand calls that the operator has in ten minutes.
        """
        me = await self._me(client, tokens)
        if me.get("is_suspended"):
            return ()
        profile = f"u_{text_of(me.get('name'))}"
        calls = [
            asyncio.ensure_future(self._listing(client, tokens, kind, profile=profile)) for kind in LISTINGS
        ]
        try:
            listings = await asyncio.gather(*calls)
        finally:
            for call in calls:
                call.cancel()
        own = Place(id=profile, name=f"u/{profile.removeprefix('u_')}", detail="your profile")
        found = {place.id.casefold(): place for places in listings for place in places}
        found[profile.casefold()] = own
        return tuple(sorted(found.values(), key=lambda place: place.name.casefold()))

    async def _me(self, client: Client, tokens: Tokens) -> Mapping[str, Any]:
        me = await Calls(http=self._http, client=client, tokens=tokens).get("/api/v1/me")
        if not text_of(me.get("id")) or not text_of(me.get("name")):
            raise Busy("unreadable_answer")
        return me

    async def _listing(self, client: Client, tokens: Tokens, kind: str, *, profile: str) -> list[Place]:
        """Return the subreddits in one listing where the account may post."""
        found: list[Place] = []
        calls = Calls(http=self._http, client=client, tokens=tokens)
        query, cursors = {"limit": str(PAGE)}, Cursors()
        for _ in range(MOST_PAGES):
            page = await calls.get(f"/subreddits/mine/{kind}", query)
            listing = object_of(page.get("data"))
            if not isinstance(listing.get("children"), list):
                raise Busy("unreadable_answer")
            for child in objects_of(listing["children"]):
                subreddit = object_of(child.get("data"))
                name = text_of(subreddit.get("display_name"))
                # The fields user_is_… may be null in a listing, but being listed means the same.
                if name and may_post(subreddit, profile=profile, let_in=kind != "subscriber"):
                    found.append(Place(id=name, name=f"r/{name}", detail=_detail(subreddit)))
            if not cursors.is_new(after := text_of(listing.get("after"))):
                break
            query["after"] = after
        return found


@contextmanager
def _block_page_is_our_fault() -> Iterator[None]:
    """Raise Misconfigured for Reddit's block page at a token endpoint: only the operator can do something about it."""
    try:
        yield
    except Busy as refusal:
        if refusal.code == "http_403":
            raise Misconfigured(BLOCKED) from None
        raise


def _detail(subreddit: Mapping[str, Any]) -> str:
    parts = []
    members = subreddit.get("subscribers")
    if isinstance(members, int):
        parts.append(f"{members:,} member{'' if members == 1 else 's'}")
    if only := {"link": "links only", "self": "text only"}.get(text_of(subreddit.get("submission_type"))):
        parts.append(only)
    return ", ".join(parts)
