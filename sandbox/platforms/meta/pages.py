"""Publishing on the simulated Pages: posts, photos, videos, Reels.

Written from "Pages API: Posts", "Video API: Publishing", "Reels Publishing" and the Page references `feed`, `photos`,
`videos`, `video_reels` and `published_posts`. What the documentation doesn't say is ours: the same text and link again
within `duplicate_window_s` is refused (506), and finishing a video again changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.platforms.meta.auth import VERSION
from sandbox.platforms.meta.graph import GraphRefusal, missing, pick
from sandbox.platforms.meta.kept import (
    UNPUBLISHED_LIFE_S,
    Limits,
    Photo,
    Video,
    fits,
    photo_type,
    post_view,
)
from sandbox.platforms.meta.nodes import MetaNodes
from sandbox.platforms.meta.state import Call, Reply
from sandbox.platforms.meta.world import PageNode
from sandbox.platforms.timeline import Attached, Published

MOST_TEXT, MOST_PHOTOS, MOST_PHOTO_BYTES, REELS_A_DAY = 63_206, 10, 4_000_000, 30
REEL: Limits = {"shortest_s": 3, "longest_s": 90, "ratios": (0.55, 0.575)}
VIDEO: Limits = {"shortest_s": 0, "longest_s": 4 * 3600, "ratios": (0.01, 100)}
CREATES = frozenset({"CREATE_CONTENT", "MANAGE", "PROFILE_PLUS_CREATE_CONTENT", "PROFILE_PLUS_FULL_CONTROL"})
REUPLOAD = "There was a problem uploading your video. Please try uploading it again."


class MetaPages(MetaNodes):
    """What a Page publishes."""

    uploads: ClassVar[re.Pattern[str]] = re.compile(r"/(photos|videos)$|^/(video-upload|ig-api-upload)/")

    def __init__(self) -> None:
        super().__init__()
        self.photos: dict[str, Photo] = {}
        self.videos: dict[str, Video] = {}
        self._made = 122_000_000_000_000
        self.settings |= {
            "processing_s": 2.0,
            "chunk_bytes": 1_048_576,
            "duplicate_window_s": 600.0,
            "video_fails": False,
        }

    def routes(self) -> list[web.RouteDef]:
        """Add the edges that publish, the host for uploads, and the posts' own pages."""
        root = f"/{VERSION}"
        return [
            web.post(f"{root}/{{node}}/feed", self._graph(self._feed)),
            web.get(f"{root}/{{node}}/published_posts", self._graph(self._published_posts)),
            web.post(f"{root}/{{node}}/photos", self._graph(self._add_photo)),
            web.post(f"{root}/{{node}}/videos", self._graph(self._video)),
            web.post(f"{root}/{{node}}/video_reels", self._graph(self._reel)),
            web.post(f"/video-upload/{VERSION}/{{video}}", self._take_reel),
            *super().routes(),
            web.post(f"{root}/{{node}}", self._graph(self._edit)),
            web.delete(f"{root}/{{node}}", self._graph(self._delete)),
            web.get(r"/{page:\d+}/posts/{number:\d+}", self._post_page),
            web.get(r"/{post:\d+_\d+}", self._post_page),
            web.get("/reel/{post}/", self._post_page),
        ]

    def account_name(self, account_id: str) -> str:
        """Return the name of a Page."""
        return self.pages[account_id].name if account_id in self.pages else super().account_name(account_id)

    # Posts

    async def _feed(self, call: Call) -> Reply:
        page, given = self._acting(call), call.parameters
        text, link = given.get("message", "").strip(), given.get("link", "")
        photos = [self._attachable(page, photo) for photo in attached_in(given)]
        if not (text or link or photos):
            raise GraphRefusal(100, "(#100) The post must have a message, a link or attached media")
        if len(text) > MOST_TEXT:
            raise GraphRefusal(100, "(#100) param message is too long")
        if len(photos) > MOST_PHOTOS:
            raise GraphRefusal(100, "(#100) Too many attached_media")
        self._check_link(link)
        if not photos:
            self._check_repeated(page, text, link)
        post_id = f"{page.id}_{self._new_id()}"
        for photo in photos:
            photo.post = post_id
        shown = tuple(photo.shown for photo in photos)
        post = self._publish(page, post_id, text=text, link=link, media=shown)
        return pick("Post", self._post_view(post), call.fields("id"))

    def _check_link(self, link: str) -> None:
        parts = urlsplit(link)
        if link and (parts.scheme not in {"http", "https"} or "." not in (parts.hostname or "")):
            raise GraphRefusal(100, "(#100) link URL is not properly formatted", subcode=2061006)
        if link and (parts.hostname or "").endswith("facebook.com"):
            raise GraphRefusal(100, "Links to facebook.com can't be posted", subcode=1609008)

    def _check_repeated(self, page: PageNode, text: str, link: str) -> None:
        since = self.clock.now() - float(self.settings["duplicate_window_s"])
        for post in self.timeline.posts(page.id):
            if (post.text, post.link, post.media) == (text, link, ()) and post.at > since:
                raise GraphRefusal(506, "Duplicate status message")

    def _publish(self, page: PageNode, post_id: str, **shown: Any) -> Published:
        where = f"/reel/{post_id}/" if post_id in self.videos else f"/{post_id.replace('_', '/posts/')}"
        # A video's address has no host in Graph's answer, a post's has.
        url = where if post_id in self.videos else self.url + where
        return self.timeline.add(
            Published(id=post_id, account_id=page.id, at=self.clock.now(), url=url, **shown)
        )

    def _post_view(self, post: Published) -> dict[str, Any]:
        photos = [photo for photo in self.photos.values() if photo.post == post.id]
        return post_view(post, photos, video=post.id in self.videos)

    async def _published_posts(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        page = self._acting(call, "pages_read_engagement") if node in self.pages else None
        if page is None:
            raise missing(node)
        since = float(call.parameters.get("since", 0))
        rows = [
            pick("Post", self._post_view(post), call.fields("id,message,created_time"))
            for post in self.timeline.posts(page.id)[::-1]
            if post.at >= since and self._is_live(post)
        ]
        return self._window(call, rows)

    def _is_live(self, post: Published) -> bool:
        video = self.videos.get(post.id)
        return video is None or self._status(video)["video_status"] == "ready"

    # Photos

    async def _add_photo(self, call: Call) -> Reply:
        page, file = self._acting(call), call.file
        if file is None:
            raise GraphRefusal(324, "(#324) Missing or invalid image file")
        kind = photo_type(file.content)
        if not kind or file.size > MOST_PHOTO_BYTES:
            message = (
                "Photos should be smaller than 4 MB and saved as JPG, PNG, GIF, TIFF, HEIF or WebP files."
            )
            raise GraphRefusal(324, message, subcode=1366046)
        alt_text = call.parameters.get("alt_text_custom", "")
        shown = Attached(file=file, type=kind, alt_text=alt_text)
        photo = Photo(id=self._new_id(), page=page.id, shown=shown, at=self.clock.now())
        self.photos[photo.id] = photo
        if call.parameters.get("published", "true") == "false":
            return {"id": photo.id}
        photo.post = f"{page.id}_{self._new_id()}"
        self._publish(page, photo.post, text=call.parameters.get("message", ""), media=(shown,))
        return {"id": photo.id, "post_id": photo.post}

    def _attachable(self, page: PageNode, photo_id: str) -> Photo:
        photo = self.photos.get(photo_id)
        if photo is None or photo.page != page.id or photo.post or self._too_old(photo):
            raise GraphRefusal(100, f"(#100) Invalid media_fbid {photo_id}")
        return photo

    def _too_old(self, photo: Photo) -> bool:
        return not photo.post and self.clock.now() > photo.at + UNPUBLISHED_LIFE_S

    # Videos

    async def _video(self, call: Call) -> Reply:
        page, given = self._acting(call), call.parameters
        match given.get("upload_phase"):
            case "start":
                video = self._begin(page, reel=False, size=size_in(given))
                return {
                    "upload_session_id": video.session,
                    "video_id": video.id,
                    **self._asked_for(video),
                }
            case "transfer":
                return self._take_chunk(self._session(page, given), call)
            case "finish":
                return self._finish(page, self._session(page, given), given)
        raise GraphRefusal(389, "Unable to fetch video file from URL.")

    def _begin(self, page: PageNode, *, reel: bool, size: int | None = None) -> Video:
        if size is not None and size < 1024:
            message = "The video you tried to upload is too small. The minimum size for a video is 1 KB."
            raise GraphRefusal(6000, message, subcode=1363022)
        now = self.clock.now()
        video = Video(id=self._new_id(), page=page.id, at=now, reel=reel, session=self._new_id(), size=size)
        self.videos[video.id] = video
        return video

    def _session(self, page: PageNode, given: Mapping[str, str]) -> Video:
        named = given.get("upload_session_id")
        found = next((v for v in self.videos.values() if v.session == named and v.page == page.id), None)
        if found is None or self.clock.now() > found.at + UNPUBLISHED_LIFE_S:
            raise GraphRefusal(100, "(#100) Invalid upload_session_id")
        return found

    def _asked_for(self, video: Video) -> Reply:
        start, size = video.file.size, video.size or 0
        end = min(start + int(self.settings["chunk_bytes"]), size)
        return {"start_offset": str(start), "end_offset": str(end)}

    def _take_chunk(self, video: Video, call: Call) -> Reply:
        asked = self._asked_for(video)
        if call.file is None:
            raise GraphRefusal(6000, "No Video Selected", subcode=1363020)
        if call.parameters.get("start_offset") != asked["start_offset"]:
            raise GraphRefusal(6000, REUPLOAD, subcode=1363037, data=json.dumps(asked))
        expected = int(asked["end_offset"]) - int(asked["start_offset"])
        if call.file.content is None or call.file.size != expected:
            raise GraphRefusal(6000, REUPLOAD, subcode=1363033)
        video.file.add(call.file.content)
        return self._asked_for(video)

    async def _reel(self, call: Call) -> Reply:
        page, given = self._acting(call), call.parameters
        match given.get("upload_phase"):
            case "start":
                video, version = self._begin(page, reel=True), call.request.match_info["version"]
                address = f"https://rupload.facebook.com/video-upload/{version}/{video.id}"
                return {"video_id": video.id, "upload_url": address}
            case "finish" if given.get("video_state") == "PUBLISHED":
                uploaded = self.videos.get(given.get("video_id", ""))
                expired = uploaded is not None and self._status(uploaded)["video_status"] == "expired"
                if uploaded is None or uploaded.page != page.id or not uploaded.reel or expired:
                    raise missing(given.get("video_id", ""))
                self._check_reels(page)
                return self._finish(page, uploaded, given)
        raise GraphRefusal(100, "(#100) upload_phase must be start or finish, and video_state PUBLISHED")

    def _check_reels(self, page: PageNode) -> None:
        since = self.clock.now() - 86_400
        reels = [v for v in self.videos.values() if v.reel and v.page == page.id and v.finished_at]
        if sum((reel.finished_at or 0) > since for reel in reels) >= REELS_A_DAY:
            raise GraphRefusal(613, "(#613) Calls to this api have exceeded the rate limit.")

    def _finish(self, page: PageNode, video: Video, given: Mapping[str, str]) -> Reply:
        if not video.whole:
            raise GraphRefusal(6000, REUPLOAD, subcode=1363033)
        if video.finished_at is None:
            video.finished_at = self.clock.now()
            limits = REEL if video.reel else VIDEO
            video.failed = bool(self.settings["video_fails"]) or not fits(video.file, limits)
            if not video.failed:
                shown = (Attached(file=video.file, type="video/mp4"),)
                texts = {"title": given.get("title", ""), "text": given.get("description", "")}
                self._publish(page, video.id, media=shown, **texts)
        return {"success": True}

    def _status(self, video: Video) -> Reply:
        return video.status(self.clock.now(), float(self.settings["processing_s"]))

    async def _take_reel(self, request: web.Request) -> web.Response:
        video = self.videos.get(request.match_info["video"])
        return await self._take_bytes(request, video, video.page if video else "")

    async def _take_bytes(self, request: web.Request, video: Video | None, page: str) -> web.Response:
        """Take a file from an offset on, as the host for uploads does. What arrives before a cut is kept."""
        try:
            token = self._live(request.headers.get("Authorization", "").removeprefix("OAuth "))
        except GraphRefusal as refusal:
            return self._envelope(request, refusal)
        expired = video is not None and self.clock.now() > video.at + UNPUBLISHED_LIFE_S
        if video is None or token.page != page or expired:
            return upload_refusal(
                "NotAuthorizedError", "The upload does not exist or has expired", status=403
            )
        offset, size = (int(request.headers.get(name, -1)) for name in ("offset", "file_size"))
        if offset != video.file.size or size < 1 or video.size not in {None, size}:
            return upload_refusal("OffsetInvalidError", f"Request starting offset is invalid: {offset}")
        video.size = size
        await video.file.take(request.content.iter_any())
        if not video.whole:
            return upload_refusal("PartialRequestError", "Partial request (did not match length of file)")
        return web.json_response({"success": True, "message": "Upload successful."})

    # Nodes

    async def _node(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        if (video := self.videos.get(node)) and self._reads(call, video.page):
            post = self.timeline.get(node)
            if post is None or not post.removed:
                shown = {
                    "id": video.id,
                    "status": self._status(video),
                    "description": post.text if post else None,
                    "permalink_url": post.url if post else None,
                    "published": post is not None and self._is_live(post),
                    "post_id": f"{video.page}_{video.id}" if post and self._is_live(post) else None,
                }
                return pick("Video", shown, call.fields("id,description"))
        elif (post := self._post(node)) and self._reads(call, post.account_id):
            return pick("Post", self._post_view(post), call.fields("id,message,created_time"))
        elif (photo := self.photos.get(node)) and self._reads(call, photo.page) and not self._too_old(photo):
            return pick("Photo", {"id": photo.id}, call.fields("id"))
        return await super()._node(call)

    async def _edit(self, call: Call) -> Reply:
        post = self._own(call)
        name = "description" if post.id in self.videos else "message"
        if name not in call.parameters:
            raise GraphRefusal(100, f"(#100) The parameter {name} is required")
        post.text = call.parameters[name].strip()
        return {"success": True}

    async def _delete(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        if (photo := self.photos.get(node)) and not photo.post and self._reads(call, photo.page):
            del self.photos[node]
        else:
            self.timeline.remove(self._own(call).id, "owner")
        return {"success": True}

    def _post(self, node: str) -> Published | None:
        """Return the visible Page post with this id; a video's post is found by the video's id too."""
        post = self.timeline.get(node) or self.timeline.get(node.rpartition("_")[2])
        return None if post is None or post.removed or post.account_id not in self.pages else post

    def _own(self, call: Call) -> Published:
        """Return the post that the path names, if this token may change it."""
        node = call.request.match_info["node"]
        post = self._post(node)
        if post is None or call.token.page != post.account_id:
            raise missing(node)
        self._need(call, "pages_manage_posts")
        return post

    def _reads(self, call: Call, page_id: str) -> bool:
        return call.token.page == page_id and call.consent.allows("pages_read_engagement")

    def _acting(self, call: Call, scope: str = "pages_manage_posts") -> PageNode:
        """Return the Page that the path names, if the call is made with its own token and `scope`."""
        node = call.request.match_info["node"]
        page = self.pages.get(node)
        if page is None or call.token.page != node:
            raise missing(node)
        self._need(call, scope)
        if scope == "pages_manage_posts" and not CREATES & {*page.roles.get(call.token.person, ())}:
            raise GraphRefusal(
                200, "(#200) The user hasn't authorized the application to perform this action"
            )
        return page

    def _new_id(self) -> str:
        self._made += 1
        return str(self._made)

    async def _post_page(self, request: web.Request) -> web.Response:
        match = request.match_info
        return self.show_post(match["post"] if "post" in match else f"{match['page']}_{match['number']}")


def attached_in(given: Mapping[str, str]) -> list[str]:
    """Return the photos that a form attaches, in order: `attached_media[0]={"media_fbid": "1"}`."""
    found = {}
    for name, value in given.items():
        if match := re.fullmatch(r"attached_media\[(\d+)\]", name):
            try:
                found[int(match[1])] = str(json.loads(value)["media_fbid"])
            except (ValueError, KeyError, TypeError):
                raise GraphRefusal(100, "(#100) param attached_media must be an array") from None
    return [found[index] for index in sorted(found)]


def size_in(given: Mapping[str, str]) -> int:
    """Return the size of the file that a form announces."""
    try:
        return int(given["file_size"])
    except (KeyError, ValueError):
        raise GraphRefusal(100, "(#100) The parameter file_size is required") from None


def upload_refusal(kind: str, message: str, *, status: int = 400) -> web.Response:
    """Return a refusal of the host for uploads."""
    reason = {"retriable": False, "type": kind, "message": message}
    return web.json_response({"debug_info": reason}, status=status)
