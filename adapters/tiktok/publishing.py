"""Publishes videos, photos and drafts to a TikTok account.

A video exists as soon as TikTok has its last chunk, so `prepare` uploads all others and `send` the last one. Photos are
fetched by TikTok, so the call that names them is the one that publishes. What became of a post is asked by its
`publish_id`; the id of the post itself comes after TikTok's review, and only if the post is public.

Sources, read 2026-11-30: "Direct Post", "Photo Post", "Upload", "Get Post Status" and "Query Videos" at
https://developers.tiktok.com.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Never

import httpx

from adapters.base import (
    Accepted,
    Busy,
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
    objects_of,
    problems_of,
    text_of,
)
from adapters.numbers import whole
from adapters.tiktok.calls import API, CREATOR_INFO, Call, answer_to
from adapters.tiktok.formats import FACTS, is_video, live_of, own_problems, post_info_of
from adapters.tiktok.refusals import BANNED, CAPPED, PUBLISHING, TOO_MANY_POSTS
from adapters.tiktok.statuses import (
    DONE,
    FIRST_LOOK,
    IN_INBOX,
    UPLOADING,
    USERNAME,
    failed_finding,
    live_finding,
    pause_after,
    size_of,
    uploaded,
)
from adapters.tiktok.uploads import LONGEST_UPLOAD_S, UPLOAD_URL, Chunks, put

VIDEO_INIT = f"{API}/post/publish/video/init/"
DRAFT_INIT = f"{API}/post/publish/inbox/video/init/"
PHOTO_INIT = f"{API}/post/publish/content/init/"
STATUS = f"{API}/post/publish/status/fetch/"
VIDEO_QUERY = f"{API}/video/query/"
PUBLISH_ID, CHUNKS_SENT = "publish_id", "chunks_sent"
MOST_IDS = 20
REFUSES_ALL = frozenset({BANNED, CAPPED, TOO_MANY_POSTS})
"""Codes with which TikTok takes no post of this account now."""
UNKNOWN_POST = frozenset({"invalid_publish_id", "token_not_authorized_for_specified_publish_id"})


class TikTokPublisher:
    """Calls TikTok's Content Posting API. See `Publisher`."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change before TikTok takes the content."""
        found = problems_of(FACTS, content, live)
        return found + tuple(own_problems(content)) if content.format in FACTS.formats else found

    def steps(self, content: Content) -> tuple[Step, ...]:  # noqa: ARG002 - every content has the same
        """Return the one call that publishes."""
        return (Step(kind=StepKind.POST),)

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return what creator_info allows now: privacy levels, what is switched off, how long a video may be."""
        try:
            creator = await answer_to(self._http, client, tokens, Call(url=CREATOR_INFO, table=PUBLISHING))
        except PlatformError as refusal:
            if refusal.code in REFUSES_ALL:
                return Live(refuses=refusal.code)
            raise
        return live_of(creator)

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Ask creator_info again, and upload all chunks of a video but the last. See `Publisher.prepare`."""
        if not is_video(outgoing.content):
            # Nothing of an earlier attempt stays: its `publish_id` would be taken for that of the next.
            return Prepared(handles=await self._begun(outgoing))
        if PUBLISH_ID in handles:
            sent = await self._sent(outgoing, handles)
        else:
            handles, sent = await self._begun(outgoing), 0
            await outgoing.keep(handles)
        for index in range(sent, Chunks(size=outgoing.content.media[0].size).count - 1):
            response = await put(self._http, outgoing, handles, index, has_effect=False)
            if not response.is_success:
                raise _refused_chunk(response)
            handles = {**handles, CHUNKS_SENT: str(index + 1)}
            await outgoing.keep(handles)
        return Prepared(handles=handles)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Accepted:  # noqa: ARG002
        """Upload the last chunk of a video, or name the photos to TikTok. See `Publisher.send`."""
        if is_video(outgoing.content):
            return await self._send_last_chunk(outgoing, handles)
        call = Call(
            url=PHOTO_INIT,
            body={
                "media_type": "PHOTO",
                "post_mode": "MEDIA_UPLOAD" if outgoing.content.format is Format.DRAFT else "DIRECT_POST",
                "post_info": post_info_of(outgoing.content),
                "source_info": {
                    "source": "PULL_FROM_URL",
                    "photo_cover_index": 0,
                    "photo_images": [await outgoing.media.public_url(one) for one in outgoing.content.media],
                },
            },
            table=PUBLISHING,
            has_effect=True,
            within_s=LONGEST_UPLOAD_S,
        )
        answer = await answer_to(self._http, outgoing.client, outgoing.tokens, call)
        if not (publish_id := text_of(answer.get("publish_id"))):
            raise OutcomeUnknown("unreadable_answer")
        return Accepted(handles={**handles, PUBLISH_ID: publish_id}, again_in=FIRST_LOOK)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        """Return the post's status. Photos whose `publish_id` was lost cannot be asked about. See `Publisher.look`."""
        if PUBLISH_ID not in handles:
            return Finding(outcome=Outcome.UNREADABLE)
        try:
            status = await self._status(outgoing, handles)
        except Rejected as refusal:
            if refusal.code in UNKNOWN_POST:
                return Finding(outcome=Outcome.UNREADABLE)
            raise
        state = text_of(status.get("status"))
        if state in DONE or state == IN_INBOX:
            return live_finding(outgoing, handles, status, since)
        if state == "FAILED":
            return failed_finding(outgoing, status)
        if state == "EXPIRED" or (state == UPLOADING and uploaded(status) < size_of(outgoing)):
            return Finding(outcome=Outcome.NOT_SENT)
        return Finding(outcome=Outcome.PROCESSING, again_in=pause_after(since))

    async def presence(
        self,
        client: Client,
        tokens: Tokens,
        account_id: str,  # noqa: ARG002
        receipts: Sequence[Receipt],
    ) -> tuple[Presence, ...]:
        """Return whether each post is still public. Those without an id cannot be read: they never were."""
        ids = [receipt.id for receipt in receipts if receipt.id]
        there: set[str] = set()
        try:
            for start in range(0, len(ids), MOST_IDS):
                there |= await self._public(client, tokens, ids[start : start + MOST_IDS])
        except Rejected as refusal:
            if refusal.code != "missing_scope":
                raise
            return (Presence.UNREADABLE,) * len(receipts)
        found = {one: Presence.THERE if one in there else Presence.GONE for one in ids}
        return tuple(found.get(receipt.id, Presence.UNREADABLE) for receipt in receipts)

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> Never:  # noqa: ARG002
        """Raise `Rejected`: TikTok's API cannot."""
        raise Rejected("not_possible")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> Never:  # noqa: ARG002
        """Raise `Rejected`: TikTok's API cannot."""
        raise Rejected("not_possible")

    async def _begun(self, outgoing: Outgoing) -> Handles:
        """Return the first handles: the account's name, and for a video where to upload it.

        Raises:
            Rejected: With the code `settings_changed`: the account no longer allows what was chosen.
            PlatformError: TikTok did not answer, or refused.

        """
        content, handles = outgoing.content, {USERNAME: outgoing.handle.removeprefix("@")}
        if content.format is not Format.DRAFT:
            # TikTok's guidelines demand this again right before each post.
            call = Call(url=CREATOR_INFO, table=PUBLISHING)
            creator = await answer_to(self._http, outgoing.client, outgoing.tokens, call)
            live = live_of(creator)
            # What is off by choice may be switched off.
            on = {key: value for key, value in content.options.items() if value or key not in live.off}
            if self.check(replace(content, options=on), live):
                raise Rejected("settings_changed")
            handles[USERNAME] = text_of(creator.get("creator_username")) or handles[USERNAME]
        if not is_video(content):
            return handles
        source = Chunks(size=content.media[0].size).source_info()
        body = {"source_info": source}
        if content.format is not Format.DRAFT:
            body = {"post_info": post_info_of(content), "source_info": source}
        url = DRAFT_INIT if content.format is Format.DRAFT else VIDEO_INIT
        call = Call(url=url, body=body, table=PUBLISHING)
        answer = await answer_to(self._http, outgoing.client, outgoing.tokens, call)
        publish_id, address = text_of(answer.get("publish_id")), text_of(answer.get("upload_url"))
        # The host differs by region.
        if not publish_id or not address.startswith(("https://", outgoing.client.origin or "https://")):
            raise Busy("unreadable_answer")
        return {**handles, PUBLISH_ID: publish_id, UPLOAD_URL: outgoing.client.at(address)}

    async def _sent(self, outgoing: Outgoing, handles: Handles) -> int:
        """Return how many chunks of a video TikTok has.

        Raises:
            Expired: TikTok does not know the upload, or has given it up.
            PlatformError: TikTok did not answer, or refused.

        """
        try:
            status = await self._status(outgoing, handles)
        except Rejected as refusal:
            if refusal.code in UNKNOWN_POST:
                raise Expired(refusal.code) from None
            raise
        if text_of(status.get("status")) in {"FAILED", "EXPIRED"}:
            raise Expired("upload_given_up")
        chunks = Chunks(size=size_of(outgoing))
        kept = whole(handles.get(CHUNKS_SENT)) or 0
        stored = whole(status.get("uploaded_bytes"))
        return kept if stored is None else min(stored // chunks.chunk, chunks.count)

    async def _send_last_chunk(self, outgoing: Outgoing, handles: Handles) -> Accepted:
        last = Chunks(size=size_of(outgoing)).count - 1
        response = await put(self._http, outgoing, handles, last, has_effect=True)
        accepted = Accepted(handles=handles, again_in=FIRST_LOOK)
        if response.status_code in {httpx.codes.OK, httpx.codes.CREATED}:
            return accepted
        if response.is_server_error:
            raise OutcomeUnknown(f"http_{response.status_code}")
        # The address also refuses a chunk that it has already, when we send it again after a look.
        try:
            status = await self._status(outgoing, handles)
        except PlatformError:
            raise OutcomeUnknown(f"http_{response.status_code}") from None
        state = text_of(status.get("status"))
        if state in {"FAILED", "EXPIRED"} or (state == UPLOADING and uploaded(status) < size_of(outgoing)):
            raise _refused_chunk(response)
        return accepted

    async def _status(self, outgoing: Outgoing, handles: Handles) -> Mapping[str, Any]:
        call = Call(url=STATUS, body={"publish_id": handles[PUBLISH_ID]}, table=PUBLISHING)
        return await answer_to(self._http, outgoing.client, outgoing.tokens, call)

    async def _public(self, client: Client, tokens: Tokens, ids: Sequence[str]) -> set[str]:
        call = Call(url=VIDEO_QUERY, params={"fields": "id"}, body={"filters": {"video_ids": list(ids)}})
        answer = await answer_to(self._http, client, tokens, call)
        if not isinstance(answer.get("videos"), list):
            raise Busy("unreadable_answer")
        return {text_of(video.get("id")) for video in objects_of(answer["videos"])}


def _refused_chunk(response: httpx.Response) -> PlatformError:
    """Return what an address that did not take a chunk means. Nothing was published."""
    status = response.status_code
    if status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT} or response.is_server_error:
        return Busy(f"http_{status}")
    # An hour has passed (403, 404), or TikTok expects other bytes (416, 400, 206 at the end): begin again.
    return Expired(f"http_{status}")
