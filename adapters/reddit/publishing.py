"""Publishing on Reddit: to a subreddit or the account's own profile.

Sources, read 2026-11-23: https://www.reddit.com/dev/api and, for uploads and galleries, which it does not describe,
recorded traffic of PRAW's tests. Handles: `asset_n` is the id of an uploaded file, `asset_cover` of a video's poster;
`accepted` is set when Reddit took a post whose id it does not tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from adapters.base import (
    Accepted,
    Busy,
    Choice,
    Client,
    Content,
    Defect,
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
from adapters.numbers import moment_of
from adapters.reddit.calls import Calls, calls_of
from adapters.reddit.formats import FACTS, FLAIR, NSFW, SPOILER
from adapters.reddit.places import may_post
from adapters.reddit.requirements import rule_problems, rules_of
from adapters.uploads import FileForm, Upload

UPLOADS = "https://reddit-uploaded-media.s3-accelerate.amazonaws.com"
"""Where a submission says that its file is. The address to upload to comes with each lease."""
EARLIER = timedelta(minutes=1)
"""How far Reddit's clock and ours may differ."""
LOOK_AGAIN = timedelta(seconds=15)
PATIENCE = timedelta(minutes=15)
"""A picture appears within minutes, a video later. After this time Reddit has silently dropped it, or we missed it."""
AT_ONCE = 100
"""The most ids in one call, and entries on one page."""
WITH_MEDIA = frozenset({Format.IMAGE, Format.VIDEO})
COVER = "asset_cover"


class RedditPublisher:
    """Publishes as a Reddit account."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change. See `Publisher.check`."""
        found = [*problems_of(self.facts, content, live)]
        if content.format is Format.VIDEO and content.cover is None:
            found.append(Problem(defect=Defect.MISSING, field="cover"))
        if live is not None:
            found += rule_problems(content, live.rules)
        return tuple(found)

    def steps(self, content: Content) -> tuple[Step, ...]:
        """Return a call for the post, and one for the first comment."""
        post = Step(kind=StepKind.POST)
        return (post, Step(kind=StepKind.COMMENT)) if content.first_comment else (post,)

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return what the subreddit wants, its flairs, and whether the account may post there."""
        calls, name = Calls(http=self._http, client=client, tokens=tokens), quote(place, safe="")
        if not place:
            return Live(off=frozenset({FLAIR}))
        try:
            body, demands, flairs = await asyncio.gather(
                calls.get(f"/r/{name}/about"),
                calls.get(f"/api/v1/{name}/post_requirements"),
                _flairs(calls, name),
            )
        except Rejected as refusal:
            if refusal.code == "missing_scope":
                raise
            return Live(refuses="SUBREDDIT_NO_ACCESS")
        about = object_of(body.get("data"))
        if about.get("user_is_banned"):
            return Live(refuses="BANNED_FROM_SUBREDDIT")
        # A profile is listed only for its owner, so one that was chosen is the account's own.
        if not may_post(about, profile=place, let_in=False):
            return Live(refuses="SUBREDDIT_NOTALLOWED")
        has_flairs = bool(flairs) and about.get("can_assign_link_flair") is not False
        return Live(
            choices={FLAIR: flairs} if has_flairs else {},
            off=frozenset() if has_flairs else frozenset({FLAIR}),
            required=frozenset({FLAIR} if demands.get("is_flair_required") is True else ()),
            rules=rules_of(about, demands),
        )

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload the files. See `Publisher.prepare`."""
        calls, kept, content = calls_of(self._http, outgoing), dict(handles), outgoing.content
        files = {f"asset_{index}": media for index, media in enumerate(content.media)}
        if content.cover is not None:
            files[COVER] = content.cover
        for name, media in files.items():
            if name not in kept:
                kept[name] = await _stage(calls, outgoing, kept, media)
                await outgoing.keep(dict(kept))
        return Prepared(handles=kept)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:
        """Publish the post or the comment. See `Publisher.send`."""
        calls, content = calls_of(self._http, outgoing), outgoing.content
        if step.kind is StepKind.COMMENT:
            form = {"api_type": "json", "thing_id": outgoing.receipts[0].id, "text": content.first_comment}
            data = await calls.write("/api/comment", form=form)
            things = objects_of(data.get("things"))
            return _receipt(outgoing, "t1", object_of(things[0].get("data")) if things else {})
        if content.format is Format.CAROUSEL:
            data = await calls.write("/api/submit_gallery_post.json", body=_gallery(outgoing, handles))
            return _receipt(outgoing, "t3", data)
        data = await calls.write("/api/submit", form=_submission(outgoing, handles))
        if content.format in WITH_MEDIA and not data.get("id"):
            return Accepted(handles={**handles, "accepted": "1"}, again_in=LOOK_AGAIN)
        return _receipt(outgoing, "t3", data)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:
        """Look for it on the account's own page. See `Publisher.look`."""
        calls, comment = calls_of(self._http, outgoing), step.kind is StepKind.COMMENT
        name = quote(outgoing.handle.removeprefix("u/"), safe="")
        page = f"/user/{name}/{'comments' if comment else 'submitted'}"
        async for thing in _things_since(calls, page, since - EARLIER):
            found = _is_comment(outgoing, thing) if comment else _is_post(outgoing, handles, thing)
            if found:
                return Finding(
                    outcome=Outcome.LIVE, receipt=_receipt(outgoing, "t1" if comment else "t3", thing)
                )
        if handles.get("accepted") and not comment and datetime.now(UTC) < since + PATIENCE:
            return Finding(outcome=Outcome.PROCESSING, again_in=LOOK_AGAIN)
        return Finding(outcome=Outcome.NOT_FOUND)

    async def presence(
        self,
        client: Client,
        tokens: Tokens,
        account_id: str,  # noqa: ARG002
        receipts: Sequence[Receipt],
    ) -> tuple[Presence, ...]:
        """Return whether each is still there: moderators and their robots remove silently. See `Publisher.presence`."""
        calls, there = Calls(http=self._http, client=client, tokens=tokens), set()
        for start in range(0, len(receipts), AT_ONCE):
            ids = ",".join(receipt.id for receipt in receipts[start : start + AT_ONCE])
            listing = await calls.get("/api/info", {"id": ids})
            for child in objects_of(object_of(listing.get("data")).get("children")):
                thing = object_of(child.get("data"))
                if not thing.get("removed_by_category") and thing.get("author") != "[deleted]":
                    there.add(text_of(thing.get("name")))
        return tuple(Presence.THERE if one.id in there else Presence.GONE for one in receipts)

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:  # noqa: ARG002
        """Refuse: it needs a permission that we don't ask for."""
        raise Rejected("not_possible")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:  # noqa: ARG002
        """Refuse: it needs a permission that we don't ask for."""
        raise Rejected("not_possible")


async def _flairs(calls: Calls, name: str) -> tuple[Choice, ...]:
    """Return the flairs that the account may choose. A refusal means that there are none."""
    try:
        body = await calls.ask(f"/r/{name}/api/flairselector", {"is_newlink": "True"})
    except Rejected:
        return ()
    return tuple(
        Choice(value=text_of(one.get("flair_template_id")), label=text_of(one.get("flair_text")))
        for one in objects_of(body.get("choices"))
        if text_of(one.get("flair_template_id"))
    )


async def _stage(calls: Calls, outgoing: Outgoing, kept: Handles, media: Media) -> str:
    """Upload a file and return the id of its asset.

    A lease costs nothing and is not kept: only an upload that was confirmed can be used.
    """
    extension = media.type.partition("/")[2].replace("quicktime", "mov")
    lease = await calls.ask(
        "/api/media/asset.json", {"filepath": f"file.{extension}", "mimetype": media.type}
    )
    arguments = object_of(lease.get("args"))
    fields = {
        text_of(one.get("name")): text_of(one.get("value")) for one in objects_of(arguments.get("fields"))
    }
    asset, action = text_of(object_of(lease.get("asset")).get("asset_id")), text_of(arguments.get("action"))
    if not asset or not action.startswith("//"):
        raise Busy("unreadable_answer")
    upload = Upload(outgoing=outgoing, media=media, handles=dict(kept))
    await calls.upload(f"https:{action}", FileForm(upload=upload, name="file", fields=fields))
    return asset


def _place(outgoing: Outgoing) -> str:
    """Return the subreddit to post to: by default the account's own profile."""
    return outgoing.content.place or f"u_{outgoing.handle.removeprefix('u/')}"


def _submission(outgoing: Outgoing, handles: Handles) -> dict[str, str]:
    content = outgoing.content
    form = {
        "api_type": "json",
        "kind": {Format.TEXT: "self", Format.LINK: "link", Format.IMAGE: "image"}.get(
            content.format, "video"
        ),
        "sr": _place(outgoing),
        "title": content.title,
        "sendreplies": "True",
        "resubmit": "True",
        "validate_on_submit": "True",
        "nsfw": str(bool(content.options.get(NSFW))),
        "spoiler": str(bool(content.options.get(SPOILER))),
    }
    if content.text:
        form["text"] = content.text
    if content.format is Format.LINK:
        form["url"] = content.link
    if content.format in WITH_MEDIA:
        form["url"] = f"{UPLOADS}/{handles['asset_0']}"
    if content.format is Format.VIDEO:
        form["video_poster_url"] = f"{UPLOADS}/{handles[COVER]}"
    if flair := content.options.get(FLAIR):
        form["flair_id"] = str(flair)
    return form


def _gallery(outgoing: Outgoing, handles: Handles) -> dict[str, Any]:
    content = outgoing.content
    body: dict[str, Any] = {
        "api_type": "json",
        "show_error_list": True,
        "sr": _place(outgoing),
        "title": content.title,
        "sendreplies": True,
        "resubmit": True,
        "validate_on_submit": True,
        "nsfw": bool(content.options.get(NSFW)),
        "spoiler": bool(content.options.get(SPOILER)),
        "items": [
            {"media_id": handles[f"asset_{index}"], "caption": "", "outbound_url": ""}
            for index in range(len(content.media))
        ],
    }
    if content.text:
        body["text"] = content.text
    if flair := content.options.get(FLAIR):
        body["flair_id"] = flair
    return body


def _receipt(outgoing: Outgoing, kind: str, thing: Mapping[str, Any]) -> Receipt:
    """Return the receipt for a post or comment. Reddit puts the kind before its id in some answers only."""
    thing_id = text_of(thing.get("name")) or text_of(thing.get("id"))
    if not thing_id:
        raise OutcomeUnknown("unreadable_answer")
    path = urlsplit(text_of(thing.get("permalink")) or text_of(thing.get("url"))).path
    return Receipt(
        id=f"{kind}_{thing_id.removeprefix(f'{kind}_')}",
        url=outgoing.client.at(f"https://www.reddit.com{path}"),
    )


async def _things_since(calls: Calls, page: str, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the account's newest posts or comments, not older than `since`."""
    listing = await calls.get(page, {"sort": "new", "limit": str(AT_ONCE)})
    for child in objects_of(object_of(listing.get("data")).get("children")):
        thing = object_of(child.get("data"))
        created = moment_of(thing.get("created_utc"))
        if created is not None and created >= since:
            yield thing


def _is_comment(outgoing: Outgoing, thing: Mapping[str, Any]) -> bool:
    return (
        thing.get("parent_id") == outgoing.receipts[0].id
        and _words(thing.get("body")) == outgoing.content.first_comment.split()
    )


def _is_post(outgoing: Outgoing, handles: Handles, thing: Mapping[str, Any]) -> bool:
    """Tell whether this is the post that was sent: the same place, title, text and files."""
    content, url = outgoing.content, text_of(thing.get("url"))
    same_place = text_of(thing.get("subreddit")).casefold() == _place(outgoing).casefold()
    same_title = _words(thing.get("title")) == content.title.split()
    same_text = _words(thing.get("selftext")) == content.text.split()
    match content.format:
        case Format.TEXT:
            same_thing = thing.get("is_self") is True
        case Format.LINK:
            same_thing = thing.get("is_self") is not True and url == content.link
        case Format.CAROUSEL:
            assets = {handles[f"asset_{index}"] for index in range(len(content.media))}
            same_thing = set(object_of(thing.get("media_metadata"))) == assets
        case _:
            same_thing = handles["asset_0"] in url
    return same_place and same_title and same_text and same_thing


def _words(raw: object) -> list[str]:
    return text_of(raw).split()
