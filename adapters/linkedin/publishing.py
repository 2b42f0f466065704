"""Publishing on LinkedIn, as a member or as a company page.

Sources, read 2026-11-23: https://learn.microsoft.com/linkedin, "Posts API", "MultiImage API", "Share on LinkedIn".
There is no idempotency key. A page's posts can be read back; a member's cannot, with any permission that an ordinary
app gets, so a lost answer is a question for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from adapters.base import (
    Client,
    Content,
    Finding,
    Format,
    Handles,
    Live,
    Media,
    Outcome,
    OutcomeUnknown,
    Outgoing,
    Prepared,
    Presence,
    Problem,
    Receipt,
    Rejected,
    Step,
    StepKind,
    Tokens,
    object_of,
    objects_of,
    problems_of,
    text_of,
)
from adapters.linkedin.calls import Calls, calls_of
from adapters.linkedin.formats import FACTS
from adapters.linkedin.media import MEMBER, stage
from adapters.linkedin.text import escape, unescape
from adapters.numbers import moment_of, number

EARLIER = timedelta(minutes=1)
"""How far LinkedIn's clock and ours may differ."""
COVER = "cover"
GONE = frozenset({"http_404", "NOT_FOUND", "RESOURCE_NOT_FOUND"})


class LinkedInPublisher:
    """Publishes as a member, with the URN of a person, or as a page, with that of an organization."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change. See `Publisher.check`."""
        return problems_of(self.facts, content, live)

    def steps(self, content: Content) -> tuple[Step, ...]:  # noqa: ARG002 - the contract
        """Return the one call that publishes."""
        return (Step(kind=StepKind.POST),)

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return that LinkedIn takes posts: it shows no limit beforehand."""
        return Live()

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload the files. See `Publisher.prepare`."""
        calls, kept = calls_of(self._http, outgoing), dict(handles)
        waits = [
            await stage(calls, outgoing, kept, name, media)
            for name, media in _files(outgoing.content).items()
        ]
        return Prepared(handles=kept, again_in=max(filter(None, waits), default=None))

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt:  # noqa: ARG002
        """Publish. See `Publisher.send`."""
        calls = calls_of(self._http, outgoing)
        body = _post(outgoing, handles)
        response = await calls.write("POST", "/rest/posts", body)
        urn = response.headers.get("x-restli-id", "") or response.headers.get("x-linkedin-id", "")
        if not urn:
            raise OutcomeUnknown("unreadable_answer")
        return _receipt(outgoing, urn)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        """Look for the post among those of the page. See `Publisher.look`."""
        if outgoing.account_id.startswith(MEMBER):
            return Finding(outcome=Outcome.UNREADABLE)
        query = {"q": "author", "author": outgoing.account_id, "count": "50", "sortBy": "CREATED"}
        body = await calls_of(self._http, outgoing).get("/rest/posts", query, method="FINDER")
        for post in objects_of(body.get("elements")):
            milliseconds = number(post.get("createdAt")) or number(post.get("publishedAt"))
            created = moment_of(milliseconds / 1000) if milliseconds else None
            if created and created >= since - EARLIER and _is_ours(post, outgoing.content, handles):
                return Finding(outcome=Outcome.LIVE, receipt=_receipt(outgoing, text_of(post.get("id"))))
        return Finding(outcome=Outcome.NOT_FOUND)

    async def presence(
        self, client: Client, tokens: Tokens, account_id: str, receipts: Sequence[Receipt]
    ) -> tuple[Presence, ...]:
        """Return whether each post of a page is still there. See `Publisher.presence`."""
        if account_id.startswith(MEMBER):
            return (Presence.UNREADABLE,) * len(receipts)
        calls = Calls(http=self._http, client=client, tokens=tokens)
        return tuple([await _presence(calls, receipt) for receipt in receipts])

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """Change the text of a live post. See `Publisher.edit`."""
        changes = {"patch": {"$set": {"commentary": escape(outgoing.content.text)}}}
        calls = calls_of(self._http, outgoing)
        await calls.write("POST", _path(receipt), changes, method="PARTIAL_UPDATE")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:  # noqa: ARG002
        """Delete a post. See `Publisher.delete`."""
        calls = Calls(http=self._http, client=client, tokens=tokens)
        try:
            await calls.write("DELETE", _path(receipt), method="DELETE")
        except Rejected as refusal:
            if refusal.code not in GONE:
                raise


async def _presence(calls: Calls, receipt: Receipt) -> Presence:
    try:
        await calls.get(_path(receipt))
    except Rejected as refusal:
        if refusal.code in GONE:
            return Presence.GONE
        raise
    return Presence.THERE


def _path(receipt: Receipt) -> str:
    return f"/rest/posts/{quote(receipt.id, safe='')}"


def _files(content: Content) -> dict[str, Media]:
    """Return the files to upload by the names that their handles have."""
    files = {str(index): media for index, media in enumerate(content.media)}
    return files | ({COVER: content.cover} if content.cover is not None else {})


def _post(outgoing: Outgoing, handles: Handles) -> dict[str, Any]:
    """Return the body of the call that publishes."""
    body: dict[str, Any] = {
        "author": outgoing.account_id,
        "commentary": escape(outgoing.content.text),
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if found := _content(outgoing.content, handles):
        body["content"] = found
    return body


def _content(content: Content, handles: Handles) -> dict[str, Any]:
    """Return LinkedIn's `content`: the one thing beside the text."""
    pictures = [
        {"id": handles[f"urn_{index}"]} | ({"altText": media.alt_text} if media.alt_text else {})
        for index, media in enumerate(content.media)
        if content.format in {Format.IMAGE, Format.CAROUSEL}
    ]
    match content.format:
        case Format.IMAGE:
            return {"media": pictures[0]}
        case Format.CAROUSEL:
            return {"multiImage": {"images": pictures}}
        case Format.VIDEO | Format.DOCUMENT:
            title = {"title": content.title} if content.title else {}
            return {"media": {"id": handles["urn_0"]} | title}
        case Format.LINK:
            article = {"source": content.link, "title": content.title}
            if content.cover is not None:
                article["thumbnail"] = handles[f"urn_{COVER}"]
            return {"article": article}
        case _:
            return {}


def _receipt(outgoing: Outgoing, urn: str) -> Receipt:
    # LinkedIn shows apps no posts of members, so nobody hears of it when one is removed.
    note = "unwatched" if outgoing.account_id.startswith(MEMBER) else ""
    return Receipt(id=urn, url=outgoing.client.at(f"https://www.linkedin.com/feed/update/{urn}/"), note=note)


def _is_ours(post: Mapping[str, Any], content: Content, handles: Handles) -> bool:
    """Tell whether this is the post that was sent: the same text and the same thing beside it."""
    same_text = unescape(text_of(post.get("commentary"))).split() == content.text.split()
    return same_text and _things_in(object_of(post.get("content"))) == _things_in(_content(content, handles))


def _things_in(content: Mapping[str, Any]) -> list[str]:
    """Return the URNs and the address in a post's `content`, in order."""
    pictures = objects_of(object_of(content.get("multiImage")).get("images"))
    things = [object_of(content.get("media")), *pictures]
    found = [
        *(text_of(one.get("id")) for one in things),
        text_of(object_of(content.get("article")).get("source")),
    ]
    return [one for one in found if one]
