"""The publishing half of the simulated TikTok: uploads, photos, drafts, their status, and the pages that show posts.

Written from "Direct Post", "Photo Post", "Upload", "Media Transfer Guide", "Get Post Status", "Query Videos" and
"Content Sharing Guidelines" (developers.tiktok.com). A chunk that breaks off is dropped, which is our choice.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiohttp import web

from sandbox.core import Received
from sandbox.platforms.fetching import FetchRefused, fetch
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.tiktok.envelopes import answer, refuse
from sandbox.platforms.tiktok.posts import Publish, chunks_fit
from sandbox.platforms.timeline import Attached, Published
from sandbox.platforms.values import Grant, Person

DAY_S = 24 * 60 * 60
MOST_PHOTOS = 35
MOST_PHOTO_BYTES = 20 * (1 << 20)
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm"})
PHOTO_TYPES = frozenset({"image/jpeg", "image/webp"})
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
PUBLIC, ONLY_ME = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
ROBOT = "TikTokBot"
INBOX = "inbox"
"""The place of a draft: nobody sees it but the account."""


class Publishing(OAuthSimulator):
    """Posts to the account of a grant.

    Settings: `audited` (if not, only to private accounts and only for themselves), `processing_s`, `moderation_s`
    (until a public post has its id), `fail_reason` (of the next posts), `posts_a_day`, `drafts_a_day`,
    `inits_a_minute`, `looks_a_minute`, `upload_life_s`, and `media_origin` (the verified address of photos).
    """

    uploads: ClassVar[re.Pattern[str]] = re.compile("^/video/$")

    def __init__(self) -> None:
        super().__init__()
        self.published: dict[str, Publish] = {}
        self.names: dict[str, str] = {}
        """Open id -> the person's name."""
        self.calls_made: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._fetching: set[asyncio.Task[None]] = set()
        self._post_ids = itertools.count(7_300_000_000_000_000_001)
        self.settings |= {
            "audited": True,
            "processing_s": 1.0,
            "moderation_s": 2.0,
            "fail_reason": "",
            "posts_a_day": 15,
            "drafts_a_day": 5,
            "inits_a_minute": 6,
            "looks_a_minute": 30,
            "upload_life_s": 3600,
            "media_origin": "",
        }

    def routes(self) -> list[web.RouteDef]:
        """Add the routes of uploads, posts, their status, and the pages that show them."""
        return [
            *super().routes(),
            web.post("/v2/post/publish/video/init/", self.init_video),
            web.post("/v2/post/publish/inbox/video/init/", self.init_draft),
            web.post("/v2/post/publish/content/init/", self.init_photos),
            web.put("/video/", self.take_chunk),
            web.post("/v2/post/publish/status/fetch/", self.tell_status),
            web.post("/v2/video/query/", self.query_videos),
            web.get("/@{username}", self.show_profile),
            web.get("/@{username}/{kind}/{post}", self.show_one),
        ]

    async def stop(self) -> None:
        """Stop listening, and what is being fetched."""
        for task in self._fetching:
            task.cancel()
        await asyncio.gather(*self._fetching, return_exceptions=True)
        await super().stop()

    def open_id(self, grant: Grant) -> str:
        """Return the id of this person for this app."""
        raise NotImplementedError

    def privacy_levels(self, person: Person) -> list[str]:
        """Return the levels that creator_info offers."""
        widest = "FOLLOWER_OF_CREATOR" if person.facts.get("private") else PUBLIC
        return [widest, "MUTUAL_FOLLOW_FRIENDS", ONLY_ME]

    def account_name(self, account_id: str) -> str:
        """Return the name of the person whose open id it is."""
        return self.names.get(account_id, account_id)

    def admitted(self, request: web.Request, *scopes: str) -> Grant | web.Response:
        """Return whose call it is, or the refusal of a call whose token does not allow it. One scope is enough."""
        if (grant := self.live_grant(request)) is None:
            return refuse(
                401, "access_token_invalid", "The access token is invalid or not found in the request."
            )
        if not grant.scopes & set(scopes):
            return refuse(401, "scope_not_authorized", "The user did not authorize the scope required.")
        return grant

    def too_often(self, grant: Grant, what: str, most: int) -> bool:
        """Count a call in a sliding minute, and tell whether it exceeds the limit."""
        now, calls = self.clock.now(), self.calls_made[grant.id, what]
        while calls and calls[0] <= now - 60:
            calls.popleft()
        calls.append(now)
        return len(calls) > most

    async def init_video(self, request: web.Request) -> web.Response:
        """Answer `video/init`: a direct post of a video by file upload."""
        return await self._init_upload(request, "video.publish", draft=False)

    async def init_draft(self, request: web.Request) -> web.Response:
        """Answer `inbox/video/init`: a video for the account's inbox."""
        return await self._init_upload(request, "video.upload", draft=True)

    async def init_photos(self, request: web.Request) -> web.Response:
        """Answer `content/init`: photos, posted or sent to the inbox, which TikTok then fetches."""
        body = await _json(request)
        draft = body.get("post_mode") == "MEDIA_UPLOAD"
        grant = self.admitted(request, "video.upload" if draft else "video.publish")
        if isinstance(grant, web.Response):
            return grant
        source, info = body.get("source_info", {}), body.get("post_info")
        urls = source.get("photo_images", [])
        known_mode = body.get("post_mode") in {"MEDIA_UPLOAD", "DIRECT_POST"}
        if body.get("media_type") != "PHOTO" or not known_mode or not isinstance(info, dict):
            return refuse(400, "invalid_params", "media_type, post_mode or post_info is invalid.")
        if source.get("source") != "PULL_FROM_URL" or not 0 < len(urls) <= MOST_PHOTOS:
            return refuse(400, "invalid_params", "photo_images must have 1 to 35 URLs.")
        if not 0 <= source.get("photo_cover_index", -1) < len(urls):
            return refuse(400, "invalid_params", "photo_cover_index is invalid.")
        if _utf16(info.get("title", "")) > 90 or _utf16(info.get("description", "")) > 4000:
            return refuse(400, "invalid_params", "The title or description is too long.")
        if wrong := self._refusal(grant, info, draft=draft):
            return wrong
        if not all(url.startswith(f"{self.settings['media_origin']}/") for url in urls):
            return refuse(
                403, "url_ownership_unverified", "Please review our URL ownership verification rules."
            )
        publish = self._opened(grant, "p_pub_url", info, draft=draft)
        task = asyncio.create_task(self._pull(publish, urls))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)
        return answer({"publish_id": publish.id})

    async def take_chunk(self, request: web.Request) -> web.Response:
        """Take the next chunk of a video. It is dropped if it is not whole, or not the next one."""
        publish = self.published.get(request.query.get("upload_id", ""))
        match = RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if publish is None or request.query.get("upload_token") != publish.token:
            return await _refused_chunk(request, 404)
        if publish.opened_at + float(self.settings["upload_life_s"]) <= self.clock.now() or publish.failure:
            return await _refused_chunk(request, 403)
        if match is None or request.content_type not in VIDEO_TYPES:
            return await _refused_chunk(request, 400)
        start, end, size = (int(part) for part in match.groups())
        if publish.taken_at is not None or size != publish.size or (start, end) != publish.expects:
            return await _refused_chunk(request, 416)
        longer = await publish.file.copy().take(request.content.iter_any())
        if longer.size != end + 1:
            return web.Response(status=400)
        publish.file = longer
        if longer.size < publish.size:
            return web.Response(status=206, headers={"Content-Range": f"bytes 0-{end}/{size}"})
        self._take(publish, [Attached(file=longer, type=request.content_type)])
        return web.Response(status=201)

    async def tell_status(self, request: web.Request) -> web.Response:
        """Answer `status/fetch`."""
        grant = self.admitted(request, "video.publish", "video.upload")
        if isinstance(grant, web.Response):
            return grant
        if self.too_often(grant, "status", self.settings["looks_a_minute"]):
            return refuse(429, "rate_limit_exceeded", "The API rate limit was exceeded.")
        publish = self.published.get((await _json(request)).get("publish_id", ""))
        if publish is None:
            return refuse(400, "invalid_publish_id", "The publish_id does not exist.")
        if publish.open_id != self.open_id(grant):
            words = "The publish_id belongs to another user."
            return refuse(403, "token_not_authorized_for_specified_publish_id", words)
        return answer(self._status(publish))

    async def query_videos(self, request: web.Request) -> web.Response:
        """Answer `video/query`: the public posts of the account among the ids asked for."""
        grant = self.admitted(request, "video.list")
        if isinstance(grant, web.Response):
            return grant
        ids = (await _json(request)).get("filters", {}).get("video_ids", [])
        if not 0 < len(ids) <= 20 or not request.query.get("fields"):
            return refuse(400, "invalid_params", "video_ids must have 1 to 20 ids.")
        public = {
            publish.post_id
            for publish in self.published.values()
            if publish.open_id == self.open_id(grant) and self._is_public(publish)
        }
        there = {post.id for post in self.timeline.posts(self.open_id(grant))}
        videos = [{"id": one} for one in ids if one in public & there]
        return answer({"videos": videos, "cursor": 0, "has_more": False})

    async def show_profile(self, request: web.Request) -> web.Response:
        """Answer with everything that an account has published, newest first."""
        name = request.match_info["username"]
        ids = {one.open_id for one in self.published.values() if one.person.facts["username"] == name}
        return self.show(f"@{name}", [post for post in self.timeline.posts() if post.account_id in ids][::-1])

    async def show_one(self, request: web.Request) -> web.Response:
        """Answer with the page of a post."""
        return self.show_post(request.match_info["post"])

    async def _init_upload(self, request: web.Request, scope: str, *, draft: bool) -> web.Response:
        grant = self.admitted(request, scope)
        if isinstance(grant, web.Response):
            return grant
        body = await _json(request)
        source, info = body.get("source_info", {}), body.get("post_info", {})
        size, chunk, chunks = (
            source.get(name, 0) for name in ("video_size", "chunk_size", "total_chunk_count")
        )
        if source.get("source") != "FILE_UPLOAD" or not chunks_fit(size, chunk, chunks):
            return refuse(400, "invalid_params", "The chunk size or total chunk count is invalid.")
        if _utf16(info.get("title", "")) > 2200:
            return refuse(400, "invalid_params", "The title is too long.")
        if wrong := self._refusal(grant, info, draft=draft):
            return wrong
        publish = self._opened(grant, "v_inbox_file" if draft else "v_pub_file", info, draft=draft)
        publish.size, publish.chunk, publish.chunks = size, chunk, chunks
        address = f"{self.url}/video/?upload_id={publish.id}&upload_token={publish.token}"
        return answer({"publish_id": publish.id, "upload_url": address})

    def _opened(self, grant: Grant, kind: str, info: Mapping[str, Any], *, draft: bool) -> Publish:
        publish = Publish(
            id=f"{kind}~v2.{secrets.randbelow(10**18):018}",
            open_id=self.open_id(grant),
            person=grant.person,
            info=info,
            draft=draft,
            opened_at=self.clock.now(),
        )
        self.published[publish.id] = publish
        self.names[publish.open_id] = grant.person.name
        return publish

    def _refusal(self, grant: Grant, info: Mapping[str, Any], *, draft: bool) -> web.Response | None:
        """Return the refusal of a post that this account may not make now, or None."""
        if self.too_often(grant, "draft" if draft else "init", self.settings["inits_a_minute"]):
            return refuse(429, "rate_limit_exceeded", "The API rate limit was exceeded.")
        today = [
            one
            for one in self.published.values()
            if one.open_id == self.open_id(grant)
            and one.draft is draft
            and one.opened_at > self.clock.now() - DAY_S
        ]
        taken = sum(one.taken_at is not None and not one.failure for one in today)
        if draft:
            if taken >= self.settings["drafts_a_day"]:
                return refuse(403, "spam_risk_too_many_pending_share", "There are too many pending shares.")
            return None
        if taken >= self.settings["posts_a_day"]:
            return refuse(403, "spam_risk_too_many_posts", "The daily post cap for the user is reached.")
        level, private = info.get("privacy_level"), bool(grant.person.facts.get("private"))
        if level not in self.privacy_levels(grant.person):
            words = "The privacy_level is not among the options of creator_info."
            return refuse(403, "privacy_level_option_mismatch", words)
        if not self.settings["audited"] and (level != ONLY_ME or not private):
            words = "Unaudited clients can only post to a private account."
            return refuse(403, "unaudited_client_can_only_post_to_private_accounts", words)
        if info.get("brand_content_toggle") and level == ONLY_ME:
            return refuse(400, "invalid_params", "Branded content cannot be private.")
        return None

    async def _pull(self, publish: Publish, urls: Sequence[str]) -> None:
        """Fetch photos one after the other, and publish them if all are photos."""
        photos: list[Attached] = []
        for url in urls:
            try:
                file, kind = await fetch(
                    url, public=self.settings["media_origin"], agent=ROBOT, most_bytes=MOST_PHOTO_BYTES
                )
            except FetchRefused:
                publish.failure, publish.taken_at = "photo_pull_failed", self.clock.now()
                return
            if kind not in PHOTO_TYPES or not file.size:
                publish.failure, publish.taken_at = "file_format_check_failed", self.clock.now()
                return
            photos.append(Attached(file=file, type=kind))
        self._take(publish, photos)

    def _take(self, publish: Publish, media: Sequence[Attached]) -> None:
        """Publish what is complete, or put it into the inbox, unless TikTok is to fail."""
        publish.taken_at, publish.failure = self.clock.now(), self.settings["fail_reason"]
        if publish.failure:
            return
        publish.post_id, info = str(next(self._post_ids)), publish.info
        kind = "video" if publish.size else "photo"
        switches = ("disable_comment", "disable_duet", "disable_stitch", "is_aigc")
        labels = {name: json.dumps(info[name]) for name in switches if name in info}
        if info.get("brand_content_toggle"):
            labels["label"] = "Paid partnership"
        elif info.get("brand_organic_toggle"):
            labels["label"] = "Promotional content"
        self.timeline.add(
            Published(
                id=publish.post_id,
                account_id=publish.open_id,
                title="" if publish.size else info.get("title", ""),
                text=info.get("title" if publish.size else "description", ""),
                media=tuple(media),
                place=INBOX if publish.draft else "",
                url=f"{self.url}/@{publish.person.facts['username']}/{kind}/{publish.post_id}",
                at=publish.taken_at,
                options=labels | ({} if publish.draft else {"privacy": info["privacy_level"]}),
            )
        )

    def _is_public(self, publish: Publish) -> bool:
        """Tell whether a post has passed its review. Only public ones get that far."""
        waits = float(self.settings["processing_s"]) + float(self.settings["moderation_s"])
        public = not publish.draft and publish.info.get("privacy_level") == PUBLIC
        taken = publish.taken_at is not None and not publish.failure
        return public and taken and (publish.taken_at or 0) + waits <= self.clock.now()

    def _status(self, publish: Publish) -> dict[str, Any]:
        done = publish.taken_at is not None and (
            publish.taken_at + float(self.settings["processing_s"]) <= self.clock.now()
        )
        sizes = {"uploaded_bytes": publish.file.size} if publish.size else {}
        if not done:
            return {"status": "PROCESSING_UPLOAD" if publish.size else "PROCESSING_DOWNLOAD", **sizes}
        if publish.failure:
            return {"status": "FAILED", "fail_reason": publish.failure, **sizes}
        if publish.draft:
            return {"status": "SEND_TO_USER_INBOX", **sizes}
        ids = [int(publish.post_id)] if self._is_public(publish) else []
        return {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ids, **sizes}


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _refused_chunk(request: web.Request, status: int) -> web.Response:
    await Received().take(request.content.iter_any())
    return web.Response(status=status)
