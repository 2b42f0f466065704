"""Publishes videos and Shorts to a YouTube channel.

A video exists as soon as YouTube has its last byte. So `prepare` uploads all but the last bytes, and `send` the rest.
The address of the upload session says at any time how much YouTube has, and at the end which video it became.

Sources, read 2026-11-30: "Resumable Uploads", "videos.insert" and "thumbnails.set" at
https://developers.google.com/youtube/v3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Never

import httpx

from adapters.base import (
    Busy,
    Client,
    Content,
    Expired,
    Finding,
    Format,
    Handles,
    Live,
    Media,
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
from adapters.http import send
from adapters.uploads import UPLOAD_TIMEOUT, Upload
from adapters.youtube.formats import (
    FACTS,
    LONGEST,
    LONGEST_UNVERIFIED,
    description_of,
    own_problems,
)
from adapters.youtube.reading import CHANNELS, PLAYLIST_ITEMS, VIDEOS, read
from adapters.youtube.refusals import PUBLISHING, verdict_on
from adapters.youtube.session import (
    LONGEST_UPLOAD_S,
    SESSION,
    UPLOADS,
    Progress,
    ask,
    authorized,
    opened,
    put,
)

GRANULE = 256 * 1024
"""All requests but the last one carry a multiple of this."""
CHUNK = 128 * GRANULE
MOST_TRIES = 3
"""Requests with the last bytes, if YouTube keeps only some of them."""
MOST_IDS = 50
GONE_STATES = frozenset({"failed", "rejected", "deleted"})
CLOCKS_DIFFER = timedelta(minutes=5)


class YouTubePublisher:
    """Calls the YouTube Data API. See `Publisher`."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change before YouTube takes the content."""
        found = problems_of(FACTS, content, live)
        return found + tuple(own_problems(content)) if content.format in FACTS.formats else found

    def steps(self, content: Content) -> tuple[Step, ...]:
        """Return the upload, and the thumbnail if there is one."""
        upload = Step(kind=StepKind.POST)
        return (upload,) if content.cover is None else (upload, Step(kind=StepKind.THUMBNAIL))

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return how long a video may be: 15 minutes, or 12 hours once the channel's owner is verified."""
        found = await read(self._http, client, tokens, CHANNELS, {"part": "status", "id": account_id})
        channels = objects_of(found.get("items"))
        if not channels:
            return Live(refuses="channel_missing")
        verified = object_of(channels[0].get("status")).get("longUploadsStatus") == "allowed"
        return Live(longest_video=LONGEST if verified else LONGEST_UNVERIFIED)

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Open a session and upload all but the last bytes, from where YouTube has got to. See `Publisher.prepare`."""
        [media] = outgoing.content.media
        if SESSION in handles:
            progress = await ask(self._http, outgoing, handles)
        else:
            handles = {SESSION: await opened(self._http, outgoing, media)}
            await outgoing.keep(handles)
            progress = Progress()
        last = _last_part(media)
        while not progress.video_id and progress.stored < last:
            before = progress.stored
            length = min(CHUNK, last - before)
            upload = Upload(outgoing=outgoing, media=media, handles=handles, start=before, length=length)
            progress = await put(self._http, upload, has_effect=False)
            if not progress.video_id and progress.stored <= before:
                raise Busy("upload_stalled")
        return Prepared(handles=handles)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt:
        """Upload the last bytes, or set the thumbnail. See `Publisher.send`."""
        if step.kind is StepKind.THUMBNAIL:
            return await self._set_thumbnail(outgoing, handles)
        if SESSION not in handles:
            raise Expired("no_session")
        [media] = outgoing.content.media
        start = _last_part(media)
        for _ in range(MOST_TRIES):
            upload = Upload(outgoing=outgoing, media=media, handles=handles, start=start)
            progress = await put(self._http, upload, has_effect=True)
            if progress.video_id:
                return await self._receipt(outgoing, progress)
            if progress.stored >= media.size:
                raise OutcomeUnknown("still_processing")
            # Without its last byte there is no video, and one session makes only one: the rest is sent again.
            start = progress.stored
        raise Busy("upload_stalled")

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:
        """Return what became of a step: by the session, else by the channel's list of uploads. See `Publisher.look`."""
        if step.kind is StepKind.THUMBNAIL:
            return await self._look_at_thumbnail(outgoing)
        if SESSION not in handles:
            return await self._look_at_uploads(outgoing, since)
        try:
            progress = await ask(self._http, outgoing, handles)
        except Expired:
            return await self._look_at_uploads(outgoing, since)
        if progress.video_id:
            return Finding(outcome=Outcome.LIVE, receipt=await self._receipt(outgoing, progress))
        [media] = outgoing.content.media
        whole_file = progress.stored >= media.size
        return Finding(outcome=Outcome.PROCESSING if whole_file else Outcome.NOT_SENT)

    async def presence(
        self,
        client: Client,
        tokens: Tokens,
        account_id: str,  # noqa: ARG002
        receipts: Sequence[Receipt],
    ) -> tuple[Presence, ...]:
        """Return whether each video is there. One that YouTube failed to process or rejected counts as gone."""
        states: dict[str, str] = {}
        ids = [receipt.id for receipt in receipts]
        for start in range(0, len(ids), MOST_IDS):
            query = {"part": "status", "id": ",".join(ids[start : start + MOST_IDS])}
            found = await read(self._http, client, tokens, VIDEOS, query)
            if not isinstance(found.get("items"), list):
                raise Busy("odd_answer")
            states |= {
                text_of(video.get("id")): text_of(object_of(video.get("status")).get("uploadStatus"))
                for video in objects_of(found["items"])
            }
        return tuple(
            Presence.GONE if states.get(one, "deleted") in GONE_STATES else Presence.THERE for one in ids
        )

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> Never:  # noqa: ARG002
        """Raise `Rejected`: our scopes do not allow it."""
        raise Rejected("not_possible")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> Never:  # noqa: ARG002
        """Raise `Rejected`: our scopes do not allow it."""
        raise Rejected("not_possible")

    async def _receipt(self, outgoing: Outgoing, progress: Progress) -> Receipt:
        """Return the receipt of a video, with a note if its privacy is not the one that was chosen."""
        privacy = progress.privacy
        try:
            query = {"part": "status", "id": progress.video_id}
            found = await read(self._http, outgoing.client, outgoing.tokens, VIDEOS, query)
        except PlatformError:
            pass  # The video is live all the same, and the upload's answer named its privacy.
        else:
            for video in objects_of(found.get("items")):
                privacy = text_of(object_of(video.get("status")).get("privacyStatus"))
        changed = privacy in {"private", "unlisted", "public"} - {outgoing.content.options.get("privacy")}
        return Receipt(
            id=progress.video_id,
            url=_url(outgoing, progress.video_id),
            note=f"made_{privacy}" if changed else "",
        )

    async def _look_at_uploads(self, outgoing: Outgoing, since: datetime) -> Finding:
        """Find a video by its title and description among the channel's newest uploads."""
        mine = {"part": "contentDetails", "id": outgoing.account_id}
        found = await read(self._http, outgoing.client, outgoing.tokens, CHANNELS, mine)
        channels = objects_of(found.get("items")) or [{}]
        lists = object_of(object_of(channels[0].get("contentDetails")).get("relatedPlaylists"))
        if not (uploads := text_of(lists.get("uploads"))):
            return Finding(outcome=Outcome.UNREADABLE)
        newest = {"part": "snippet", "playlistId": uploads, "maxResults": str(MOST_IDS)}
        found = await read(self._http, outgoing.client, outgoing.tokens, PLAYLIST_ITEMS, newest)
        wanted = (outgoing.content.title.strip(), description_of(outgoing.content).strip())
        earliest = (since - CLOCKS_DIFFER).strftime("%Y-%m-%dT%H:%M:%S")
        for item in objects_of(found.get("items")):
            snippet = object_of(item.get("snippet"))
            texts = (text_of(snippet.get("title")).strip(), text_of(snippet.get("description")).strip())
            video_id = text_of(object_of(snippet.get("resourceId")).get("videoId"))
            if video_id and texts == wanted and text_of(snippet.get("publishedAt")) >= earliest:
                receipt = await self._receipt(outgoing, Progress(video_id=video_id))
                return Finding(outcome=Outcome.LIVE, receipt=receipt)
        return Finding(outcome=Outcome.NOT_FOUND)

    async def _set_thumbnail(self, outgoing: Outgoing, handles: Handles) -> Receipt:
        video, cover = outgoing.receipts[0], outgoing.content.cover
        if cover is None:
            raise Rejected("mediaBodyRequired")
        upload = Upload(outgoing=outgoing, media=cover, handles=handles)
        request = self._http.build_request(
            "POST",
            outgoing.client.at(f"{UPLOADS}/thumbnails/set"),
            params={"videoId": video.id, "uploadType": "media"},
            content=upload.body(),
            headers=authorized(outgoing) | {"Content-Type": cover.type, "Content-Length": str(upload.size)},
            timeout=UPLOAD_TIMEOUT,
        )
        response = await send(self._http, request, has_effect=True, within_s=LONGEST_UPLOAD_S)
        if not response.is_success:
            raise verdict_on(response, PUBLISHING, has_effect=True)
        return Receipt(id=video.id, url=video.url)

    async def _look_at_thumbnail(self, outgoing: Outgoing) -> Finding:
        """Tell whether the video has a thumbnail of its own. If not it can be sent again: twice is as good as once."""
        video = outgoing.receipts[0]
        query = {"part": "contentDetails", "id": video.id}
        found = await read(self._http, outgoing.client, outgoing.tokens, VIDEOS, query)
        for item in objects_of(found.get("items")):
            if object_of(item.get("contentDetails")).get("hasCustomThumbnail") is True:
                return Finding(outcome=Outcome.LIVE, receipt=Receipt(id=video.id, url=video.url))
        return Finding(outcome=Outcome.NOT_SENT)


def _last_part(media: Media) -> int:
    """Return where the last bytes begin, which are not sent before the moment of publishing."""
    return (media.size - 1) // GRANULE * GRANULE


def _url(outgoing: Outgoing, video_id: str) -> str:
    path = "shorts/" if outgoing.content.format is Format.REEL else "watch?v="
    return outgoing.client.at(f"https://www.youtube.com/{path}{video_id}")
