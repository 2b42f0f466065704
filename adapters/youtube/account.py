"""The YouTube channel behind a grant: sign-in, tokens, and the channel a person chose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Client,
    Discovery,
    Hint,
    Identity,
    Place,
    Rejected,
    RemoteAccount,
    Tokens,
    object_of,
    objects_of,
    text_of,
)
from adapters.numbers import whole
from adapters.youtube import PLATFORM
from adapters.youtube.publishing import YouTubePublisher
from adapters.youtube.reading import CHANNELS, read
from adapters.youtube.refusals import SIGNUP_REQUIRED

PARTS = "snippet,statistics,contentDetails,status"


class YouTube:
    """Calls Google's token endpoint and the YouTube Data API."""

    platform = PLATFORM

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for `code`. See `Adapter.exchange`."""
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return a new access token; the refresh token stays valid. See `Adapter.refresh`."""
        return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End everything that this Google account allowed our app, its other channels included."""
        # Google answers to an expired access token as if the grant had ended already.
        await oauth.revoke(self._http, PLATFORM, client, tokens.refresh_token or tokens.access_token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the channel that the token belongs to; several if Google lists several. Costs one quota unit.

        The identity is the channel's id. Of several it is the smallest id, so that it stays the same. Without a channel
        it is empty, and the hint is NO_CHANNEL.

        Raises:
            Rejected: With the code `missing_scope`: the person unticked youtube.readonly.
            PlatformError: The platform did not answer, or refused the token.

        """
        # RFC 6749 section 5.1: without `scope` in the answer, everything that was asked for is granted.
        scopes = frozenset(client.scopes) if tokens.scopes is None else tokens.scopes
        try:
            items = _items(await read(self._http, client, tokens, CHANNELS, {"part": PARTS, "mine": "true"}))
        except Rejected as refusal:
            if refusal.code != SIGNUP_REQUIRED:
                raise
            items = ()
        accounts = sorted((_account(item) for item in items), key=lambda a: (a.name.casefold(), a.id))
        if not accounts:
            return Discovery(
                identity=Identity(id="", name=""),
                scopes=scopes,
                accounts=(),
                hints=frozenset({Hint.NO_CHANNEL}),
            )
        first = min(accounts, key=lambda a: a.id)
        return Discovery(
            identity=Identity(id=first.id, name=first.name), scopes=scopes, accounts=tuple(accounts)
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: a channel has no places."""
        return ()

    @property
    def publisher(self) -> YouTubePublisher:
        """How it publishes."""
        return YouTubePublisher(self._http)


def _items(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    items = body.get("items", ())
    if "items" not in body and object_of(body.get("pageInfo")).get("totalResults") != 0:
        raise Busy("odd_answer")
    found = objects_of(items)
    if not isinstance(items, list | tuple) or len(found) != len(items):
        raise Busy("odd_answer")
    if not all(isinstance(item.get("id"), str) and item["id"] for item in found):
        raise Busy("odd_answer")
    return found


def _account(item: Mapping[str, Any]) -> RemoteAccount:
    snippet, status = object_of(item.get("snippet")), object_of(item.get("status"))
    pictures = object_of(snippet.get("thumbnails"))
    picture = object_of(pictures.get("medium")) or object_of(pictures.get("default"))
    handle = text_of(snippet.get("customUrl"))
    # Videos are limited to 15 minutes, and to 12 hours if this is `allowed`.
    short = "" if status.get("longUploadsStatus") == "allowed" else "videos up to 15 minutes"
    return RemoteAccount(
        id=item["id"],
        kind="Channel",
        name=text_of(snippet.get("title")) or handle or item["id"],
        handle=handle,
        url=f"https://www.youtube.com/channel/{item['id']}",
        avatar_url=text_of(picture.get("url")),
        detail=", ".join(part for part in (_audience(object_of(item.get("statistics"))), short) if part),
    )


def _audience(statistics: Mapping[str, Any]) -> str:
    count = text_of(statistics.get("subscriberCount"))
    if statistics.get("hiddenSubscriberCount") is True or not re.fullmatch(r"[0-9]{1,15}", count):
        return ""
    return f"{whole(count) or 0:,} subscriber{'' if count == '1' else 's'}"
