"""Publishing on X: posts with media, threads, and a first comment as a reply.

Sources, read 2026-11-23: https://docs.x.com, "Create Post", "Manage posts", "Media" and the OpenAPI document. X has no
idempotency key, so a post whose answer was lost is looked for among those that the account has published since.
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx

from adapters.base import (
    Client,
    Content,
    Defect,
    Finding,
    Format,
    Handles,
    Live,
    MediaKind,
    Outcome,
    OutcomeUnknown,
    Outgoing,
    Part,
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
from adapters.x.calls import Calls, calls_of
from adapters.x.formats import EVERYONE, FACTS, MADE_WITH_AI, REPLY_SETTINGS
from adapters.x.media import media_ids, stage
from adapters.x.text import url_spans

EARLIER = timedelta(minutes=1)
"""How far X's clock and ours may differ."""
AT_ONCE = 100
"""The most ids in one call."""
MOST_PAGES = 5
"""Of 100 posts each. Every post that is read costs half a cent."""
FIELDS = {
    "tweet.fields": "created_at,entities,attachments,referenced_tweets",
    "max_results": "100",
}
"""The names from before OpenAPI 2.167 (August 2026), which X still understands; its answers have the new or the old."""


class XPublisher:
    """Publishes as an X account."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change. See `Publisher.check`."""
        mixed = [
            Problem(defect=Defect.MIXED, field="media", index=index)
            for index, part in enumerate(content.thread)
            if len(part.media) > 1 and any(one.kind is not MediaKind.IMAGE for one in part.media)
        ]
        return (*problems_of(self.facts, content, live), *mixed)

    def steps(self, content: Content) -> tuple[Step, ...]:
        """Return a call for each element of a thread, and one for the first comment."""
        posts = [Step(kind=StepKind.POST, index=index) for index in range(len(_parts(content)))]
        return (*posts, *([Step(kind=StepKind.COMMENT)] if content.first_comment else []))

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return that X takes posts: it shows no limit beforehand, and every read costs money."""
        return Live()

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload the files. See `Publisher.prepare`."""
        calls, kept = calls_of(self._http, outgoing), dict(handles)
        waits = [
            await stage(calls, outgoing, kept, index, media)
            for index, media in enumerate(outgoing.content.all_media)
        ]
        return Prepared(handles=kept, again_in=max(filter(None, waits), default=None))

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt:
        """Publish one post. See `Publisher.send`."""
        calls = calls_of(self._http, outgoing)
        body = await calls.write("POST", "/2/tweets", _post(outgoing, handles, step))
        post_id = text_of(object_of(body.get("data")).get("id"))
        if not post_id:
            raise OutcomeUnknown("unreadable_answer")
        return _receipt(outgoing, post_id)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:
        """Look for the post among those of the account since then. See `Publisher.look`."""
        calls, wanted = calls_of(self._http, outgoing), _Wanted(outgoing, handles, step)
        async for post in _posts_since(calls, outgoing.account_id, since - EARLIER):
            if wanted.is_it(post):
                return Finding(outcome=Outcome.LIVE, receipt=_receipt(outgoing, text_of(post.get("id"))))
        return Finding(outcome=Outcome.NOT_FOUND)

    async def presence(
        self,
        client: Client,
        tokens: Tokens,
        account_id: str,  # noqa: ARG002
        receipts: Sequence[Receipt],
    ) -> tuple[Presence, ...]:
        """Return whether each post is still there. See `Publisher.presence`."""
        calls = Calls(http=self._http, client=client, tokens=tokens)
        there: set[str] = set()
        gone: set[str] = set()
        for start in range(0, len(receipts), AT_ONCE):
            ids = ",".join(receipt.id for receipt in receipts[start : start + AT_ONCE])
            body = await calls.get("/2/tweets", {"ids": ids})
            there |= {text_of(post.get("id")) for post in objects_of(body.get("data"))}
            gone |= {
                text_of(error.get("resource_id"))
                for error in objects_of(body.get("errors"))
                if text_of(error.get("type")).endswith("/resource-not-found")
            }
        return tuple(
            Presence.THERE if one.id in there else Presence.GONE if one.id in gone else Presence.UNREADABLE
            for one in receipts
        )

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:  # noqa: ARG002
        """Refuse: an edit needs a paid account, and gives the post another id."""
        raise Rejected("not_possible")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:  # noqa: ARG002
        """Delete a post. See `Publisher.delete`."""
        calls = Calls(http=self._http, client=client, tokens=tokens)
        try:
            await calls.write("DELETE", f"/2/tweets/{receipt.id}")
        except Rejected as refusal:
            if refusal.code != "post_gone":
                raise


def _parts(content: Content) -> tuple[Part, ...]:
    """Return the posts that a content becomes."""
    if content.format is Format.THREAD:
        return content.thread
    return (Part(text=content.text, media=content.media),)


def _part_of(outgoing: Outgoing, step: Step) -> tuple[Part, int]:
    """Return what a step publishes, and the number of its first file."""
    if step.kind is StepKind.COMMENT:
        return Part(text=outgoing.content.first_comment), 0
    parts = _parts(outgoing.content)
    return parts[step.index], sum(len(part.media) for part in parts[: step.index])


def _parent_of(outgoing: Outgoing, step: Step) -> str:
    """Return the id of the post that a step replies to: the one before it. Empty for the first one."""
    if step.kind is StepKind.COMMENT:
        return outgoing.receipts[-1].id
    return outgoing.receipts[step.index - 1].id if step.index else ""


def _post(outgoing: Outgoing, handles: Handles, step: Step) -> dict[str, Any]:
    """Return the body of the call that publishes a step."""
    part, first_file = _part_of(outgoing, step)
    options = outgoing.content.options
    body: dict[str, Any] = {"text": part.text} if part.text else {}
    if part.media:
        body["media"] = {"media_ids": media_ids(handles, first_file, len(part.media))}
    if parent := _parent_of(outgoing, step):
        body["reply"] = {"in_reply_to_tweet_id": parent}
    # Who may reply is decided by a thread's first post. The rest of it only replies.
    elif (setting := options.get(REPLY_SETTINGS, EVERYONE)) != EVERYONE:
        body["reply_settings"] = setting
    if options.get(MADE_WITH_AI) and step.kind is StepKind.POST:
        body["made_with_ai"] = True
    return body


def _receipt(outgoing: Outgoing, post_id: str) -> Receipt:
    username = outgoing.handle.removeprefix("@") or "i"
    return Receipt(id=post_id, url=outgoing.client.at(f"https://x.com/{username}/status/{post_id}"))


async def _posts_since(calls: Calls, account_id: str, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the account's posts since then, newest first."""
    query = FIELDS | {"start_time": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    for _ in range(MOST_PAGES):
        body = await calls.get(f"/2/users/{account_id}/tweets", query)
        for post in objects_of(body.get("data")):
            yield post
        if not (token := text_of(object_of(body.get("meta")).get("next_token"))):
            return
        query["pagination_token"] = token


class _Wanted:
    """A post that was sent and is looked for."""

    def __init__(self, outgoing: Outgoing, handles: Handles, step: Step) -> None:
        part, first_file = _part_of(outgoing, step)
        self._text = _comparable(_written(part.text))
        self._parent = _parent_of(outgoing, step)
        self._media = {handles.get(f"media_{first_file + n}", "") for n in range(len(part.media))}

    def is_it(self, post: Mapping[str, Any]) -> bool:
        """Tell whether `post` has the same text, media and place: in a thread, each replies to another post."""
        referenced = objects_of(post.get("referenced_tweets")) + objects_of(post.get("referenced_posts"))
        parents = {text_of(one.get("id")) for one in referenced if one.get("type") == "replied_to"}
        keys = object_of(post.get("attachments")).get("media_keys")
        media = {str(key).rpartition("_")[2] for key in keys} if isinstance(keys, list) else set()
        return (
            parents == ({self._parent} if self._parent else set())
            and media == self._media
            and _comparable(_shown(post)) == self._text
        )


def _written(text: str) -> str:
    """Return a text as X shows it: with whole addresses."""
    parts, at = [], 0
    for start, end in url_spans(text):
        parts += [text[at:start], _address(text[start:end])]
        at = end
    return "".join((*parts, text[at:]))


def _shown(post: Mapping[str, Any]) -> str:
    """Return the text of a post of the API with whole addresses, and without the one of its media."""
    text = unescape(text_of(post.get("text")))
    for url in objects_of(object_of(post.get("entities")).get("urls")):
        whole = "" if url.get("media_key") else _address(text_of(url.get("expanded_url")))
        text = text.replace(text_of(url.get("url")), whole, 1)
    return text


def _address(url: str) -> str:
    """Return an address without what X may add to it."""
    scheme, found, rest = url.partition("://")
    return (rest if found and scheme.lower() in {"http", "https"} else url).rstrip("/").lower()


def _comparable(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
