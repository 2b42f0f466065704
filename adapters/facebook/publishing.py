"""Publishing on a Facebook Page.

Sources, read 2026-11-23: https://developers.facebook.com, "Pages API: Posts", "Video API", "Reels Publishing", and the
Page references `feed`, `photos`, `published_posts`. Graph has no idempotency key, so a post whose answer was lost is
looked for: a video by its id, another post among those that the Page has published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters.base import (
    Accepted,
    Client,
    Content,
    Expired,
    Finding,
    Format,
    Handles,
    Live,
    Outcome,
    OutcomeUnknown,
    Outgoing,
    PlatformError,
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
from adapters.facebook.formats import FACTS
from adapters.facebook.refusals import PUBLISHING
from adapters.facebook.videos import has_expired, state_of, upload_reel, upload_video
from adapters.meta.posting import (
    EARLIER,
    GONE,
    UNTOUCHED,
    Posting,
    entries_since,
    id_in,
    posting_of,
    same_text,
)
from adapters.uploads import FileForm, Upload

VIDEOS = frozenset({Format.VIDEO, Format.REEL})
LOOK_AGAIN = timedelta(seconds=15)
"""A short video is processed in less than a minute."""
POST_FIELDS = (
    "id,message,created_time,permalink_url,attachments{target{id},subattachments{target{id}},unshimmed_url}"
)


class FacebookPublisher:
    """Publishes as a Page, with the Page's own token."""

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
        """Return that the Page takes posts, if its token is accepted: Facebook shows no limit beforehand."""
        await Posting(self._http, client, tokens, PUBLISHING).read(f"/{account_id}", fields="id")
        return Live()

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload the files. See `Publisher.prepare`.

        Photos become unpublished photos, to which the post then refers: so the call that publishes is a short one.
        """
        posting, kept = posting_of(self._http, outgoing, PUBLISHING), dict(handles)
        match outgoing.content.format:
            case Format.VIDEO:
                await upload_video(posting, outgoing, kept)
            case Format.REEL:
                await upload_reel(posting, outgoing, kept)
            case _:
                for index in range(len(outgoing.content.media)):
                    if f"photo_{index}" not in kept:
                        kept[f"photo_{index}"] = await _stage_photo(posting, outgoing, kept, index)
                        await outgoing.keep(dict(kept))
        return Prepared(handles=kept)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:  # noqa: ARG002
        """Publish. A video is live only after it was processed. See `Publisher.send`."""
        posting, content = posting_of(self._http, outgoing, PUBLISHING), outgoing.content
        if content.format in VIDEOS:
            edge, form = _finish(content, handles)
            try:
                body = await posting.publish(f"/{outgoing.account_id}/{edge}", form)
            except Rejected as refused:
                raise await _meant(posting, outgoing, handles, refused) from None
            if body.get("success") is not True:
                raise OutcomeUnknown("odd_answer")
            return Accepted(handles=handles, again_in=LOOK_AGAIN)
        try:
            body = await posting.publish(
                f"/{outgoing.account_id}/feed", _post(content, handles), fields="id,permalink_url"
            )
        except Rejected as refused:
            raise await _meant(posting, outgoing, handles, refused) from None
        post_id = id_in(body, visible=True)
        return Receipt(id=post_id, url=_address(posting, body, post_id))

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        """Return what became of it: a video by its id, a post from the Page's list. See `Publisher.look`."""
        posting = posting_of(self._http, outgoing, PUBLISHING)
        if outgoing.content.format in VIDEOS:
            return await _look_at_video(posting, handles, since)
        first = f"{(since - EARLIER).timestamp():.0f}"
        body = await posting.read(
            f"/{outgoing.account_id}/published_posts", fields=POST_FIELDS, since=first, limit="100"
        )
        row = entries_since(body, since, "created_time", lambda row: _is_ours(row, outgoing.content, handles))
        if row is None:
            return Finding(outcome=Outcome.NOT_FOUND)
        post_id = id_in(row)
        return Finding(outcome=Outcome.LIVE, receipt=Receipt(id=post_id, url=_address(posting, row, post_id)))

    async def presence(
        self, client: Client, tokens: Tokens, account_id: str, receipts: Sequence[Receipt]
    ) -> tuple[Presence, ...]:
        """Return whether each post is still there. Graph has no call for several. See `Publisher.presence`."""
        posting = Posting(self._http, client, tokens, PUBLISHING)
        listing = f"/{account_id}/published_posts"
        return tuple([await posting.presence(receipt.id, listing) for receipt in receipts])

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """Change the text of a live post. See `Publisher.edit`."""
        name = "description" if outgoing.content.format in VIDEOS else "message"
        posting = posting_of(self._http, outgoing, PUBLISHING)
        body = await posting.publish(f"/{receipt.id}", {name: outgoing.content.text})
        if body.get("success") is not True:
            raise OutcomeUnknown("odd_answer")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:
        """Delete a live post. See `Publisher.delete`."""
        posting = Posting(self._http, client, tokens, PUBLISHING)
        try:
            await posting.delete(f"/{receipt.id}")
        except Rejected as refused:
            listing = f"/{account_id}/published_posts"
            if refused.code != GONE or await posting.presence(receipt.id, listing) is not Presence.GONE:
                raise


async def _stage_photo(posting: Posting, outgoing: Outgoing, kept: Mapping[str, str], index: int) -> str:
    """Upload a photo that only a post can show, and return its id."""
    media = outgoing.content.media[index]
    fields = {"published": "false", "temporary": "true"}
    if media.alt_text:
        fields["alt_text_custom"] = media.alt_text
    upload = Upload(outgoing=outgoing, media=media, handles=dict(kept))
    form = FileForm(upload=upload, name="source", fields=fields)
    return id_in(posting.sound(await posting.stage_file(f"/{outgoing.account_id}/photos", form)))


async def _meant(posting: Posting, outgoing: Outgoing, handles: Handles, refused: Rejected) -> PlatformError:
    """Return what a refused publication means: Facebook drops what was uploaded and not published for a day."""
    if refused.code in {"100", GONE}:
        with suppress(PlatformError):
            if "video" in handles and await has_expired(posting, handles["video"]):
                return Expired("upload")
            for photo in _photos(handles):
                listing = f"/{outgoing.account_id}/published_posts"
                if await posting.presence(photo, listing) is Presence.GONE:
                    return Expired("upload")
    return refused


def _finish(content: Content, handles: Handles) -> tuple[str, dict[str, str]]:
    """Return the edge and the form that publish an uploaded video."""
    texts = {name: text for name, text in (("title", content.title), ("description", content.text)) if text}
    finish = {"upload_phase": "finish"} | texts
    if content.format is Format.VIDEO:
        return "videos", finish | {"upload_session_id": handles["session"]}
    return "video_reels", finish | {"video_id": handles["video"], "video_state": "PUBLISHED"}


def _post(content: Content, handles: Handles) -> dict[str, str]:
    texts = {name: text for name, text in (("message", content.text), ("link", content.link)) if text}
    photos = {
        f"attached_media[{index}]": json.dumps({"media_fbid": photo})
        for index, photo in enumerate(_photos(handles))
    }
    return texts | photos


def _photos(handles: Handles) -> list[str]:
    return [handles[f"photo_{index}"] for index in range(sum(name.startswith("photo_") for name in handles))]


async def _look_at_video(posting: Posting, handles: Handles, since: datetime) -> Finding:
    video = handles["video"]
    try:
        node = await posting.read(f"/{video}", fields="status,permalink_url")
    except Rejected as refused:
        if refused.code == GONE:
            return Finding(outcome=Outcome.NOT_FOUND)
        raise
    finding = state_of(node, old=datetime.now(UTC) - since > UNTOUCHED)
    if finding.outcome is Outcome.PROCESSING:
        return replace(finding, again_in=LOOK_AGAIN)
    if finding.outcome is not Outcome.LIVE:
        return finding
    return replace(finding, receipt=Receipt(id=video, url=_address(posting, node, video)))


def _is_ours(row: Mapping[str, Any], content: Content, handles: Handles) -> bool:
    """Tell whether a published post is the one that was sent: by its photos, else by its text and link."""
    shown = objects_of(object_of(row.get("attachments")).get("data"))
    if photos := _photos(handles):
        return bool({*photos} & set(_targets(shown)))
    links = {_plain(text_of(one.get("unshimmed_url"))) for one in shown} - {""}
    linked = not content.link or not links or _plain(content.link) in links
    return linked and same_text(text_of(row.get("message")), content.text)


def _targets(shown: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the ids of everything that is attached to a post."""
    for one in shown:
        yield text_of(object_of(one.get("target")).get("id"))
        yield from _targets(objects_of(object_of(one.get("subattachments")).get("data")))


def _plain(link: str) -> str:
    return link.partition("#")[0].rstrip("/")


def _address(posting: Posting, node: Mapping[str, Any], node_id: str) -> str:
    return posting.public(node.get("permalink_url"), f"https://www.facebook.com/{node_id}")
