"""The whole simulated Meta, and in it publishing on Instagram: containers, and the posts made of them.

Written from "Content Publishing", "Resumable Uploads", "Error Codes" and the IG User references `media`,
`media_publish` and `content_publishing_limit`. A picture is really fetched. What the documentation doesn't say is ours:
publishing a container again answers as if it was not there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.fetching import FetchRefused, fetch
from sandbox.platforms.meta.auth import VERSION
from sandbox.platforms.meta.graph import GraphRefusal, missing, pick
from sandbox.platforms.meta.kept import UNPUBLISHED_LIFE_S, Limits, Video, fits, written
from sandbox.platforms.meta.pages import CREATES, MetaPages
from sandbox.platforms.meta.state import Call, Reply
from sandbox.platforms.meta.world import PageNode
from sandbox.platforms.timeline import Attached, Published

ROBOT = "facebookexternalhit/1.1"
MOST_CAPTION, MOST_IMAGE_BYTES, MOST_VIDEO_BYTES = 2200, 8_000_000, 300_000_000
REEL: Limits = {"shortest_s": 3, "longest_s": 900, "ratios": (0.01, 10)}
IN_CAROUSEL: Limits = {"shortest_s": 3, "longest_s": 60, "ratios": (0.01, 10)}
MOST_CONTAINERS, MOST_PEOPLE, A_DAY_S = 400, 3, 86_400.0
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The JPEG markers of a frame, whose header has the size of the picture."""


@dataclass(slots=True, kw_only=True)
class Container:
    """A post, or a file of a carousel, that is not published yet."""

    id: str
    account: str
    kind: str
    """IMAGE, VIDEO, REELS or CAROUSEL."""
    at: float
    ready_at: float | None = None
    """When it is processed. None: its video has not arrived in full."""
    caption: str = ""
    child: bool = False
    image: Attached | None = None
    video: Video | None = None
    children: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    """The error code with which processing ends."""
    published: bool = False


class MetaSimulator(MetaPages):
    """Facebook and Instagram, with what is published on both."""

    told_at: ClassVar[Mapping[str, str]] = {**MetaPages.told_at, "media_origin": ""}

    def __init__(self) -> None:
        super().__init__()
        self.containers: dict[str, Container] = {}
        self.settings |= {
            "media_origin": "",
            "quota_total": 50,
            "container_fails": 0,
        }

    def routes(self) -> list[web.RouteDef]:
        """Add the edges of an account, the host for uploads, and the posts' own pages."""
        root = f"/{VERSION}"
        return [
            web.post(f"{root}/{{node}}/media", self._graph(self._make)),
            web.get(f"{root}/{{node}}/media", self._graph(self._media)),
            web.post(f"{root}/{{node}}/media_publish", self._graph(self._publish_container)),
            web.get(f"{root}/{{node}}/content_publishing_limit", self._graph(self._limit)),
            web.post(f"/ig-api-upload/{VERSION}/{{container}}", self._take_video),
            web.get("/p/{post}/", self._post_page),
            *super().routes(),
        ]

    def account_name(self, account_id: str) -> str:
        """Return the user name of a professional account, or the name of a Page."""
        page = self._linked(account_id)
        return f"@{page.instagram}" if page else super().account_name(account_id)

    def site_of(self, posts: Sequence[Published]) -> str:
        """Return Instagram for posts of a professional account."""
        return "Instagram" if any(self._linked(post.account_id) for post in posts) else super().site_of(posts)

    # Containers

    async def _make(self, call: Call) -> Reply:
        page, given, now = self._creating(call), call.parameters, self.clock.now()
        recent = [
            c for c in self.containers.values() if c.account == page.instagram_id and c.at > now - A_DAY_S
        ]
        if len(recent) >= MOST_CONTAINERS:
            raise GraphRefusal(9, "Application request limit reached", subcode=2207042, status=403)
        container = Container(
            id=self._new_id(),
            account=page.instagram_id,
            kind=given.get("media_type", "IMAGE"),
            at=now,
            caption=given.get("caption", "").strip(),
            child=given.get("is_carousel_item") == "true",
            failed=int(self.settings["container_fails"]),
        )
        self._check_texts(container, given)
        await self._fill(container, given)
        self.containers[container.id] = container
        answer = {"id": container.id}
        if container.video is not None:
            version = call.request.match_info["version"]
            answer["uri"] = f"https://rupload.facebook.com/ig-api-upload/{version}/{container.id}"
        return answer

    async def _fill(self, container: Container, given: Mapping[str, str]) -> None:
        match container.kind:
            case "IMAGE":
                container.image = await self._fetched(given.get("image_url", ""), given.get("alt_text", ""))
                container.ready_at = self.clock.now()
            case "REELS" | "VIDEO" if given.get("upload_type") == "resumable":
                if container.child != (container.kind == "VIDEO"):
                    raise GraphRefusal(100, "The media type is not supported here", subcode=2207023)
                container.video = Video(id=container.id, page=container.account, at=container.at, reel=True)
                if cover := given.get("cover_url"):
                    await self._fetched(cover, "", any_ratio=True)
            case "CAROUSEL":
                container.children = self._children(container, given.get("children", ""))
                container.ready_at = self.clock.now()
            case _:
                raise GraphRefusal(100, f"Unknown media type {container.kind}", subcode=2207023)

    def _children(self, container: Container, raw: str) -> tuple[str, ...]:
        children = tuple(raw.split(","))
        if not 2 <= len(children) <= 10:
            raise GraphRefusal(100, "The carousel must have 2 to 10 items", subcode=2207028)
        for one in children:
            child = self.containers.get(one)
            if child is None or not child.child or child.account != container.account:
                raise missing(one)
            if self._code(child) != "FINISHED":
                raise GraphRefusal(9007, "The media is not ready for publishing", subcode=2207027)
        return children

    def _check_texts(self, container: Container, given: Mapping[str, str]) -> None:
        if len(container.caption) > MOST_CAPTION:
            raise GraphRefusal(36004, "The caption was too long", subcode=2207010)
        if container.caption.count("@") > 20:
            raise GraphRefusal(100, "Too many tags", subcode=2207040)
        if "alt_text" in given and container.kind != "IMAGE":
            raise GraphRefusal(100, "(#100) param alt_text is not allowed for this media type")
        try:
            people = json.loads(given.get("collaborators", "[]"))
        except ValueError:
            people = None
        if not isinstance(people, list) or len(people) > MOST_PEOPLE or (people and container.child):
            raise GraphRefusal(100, "(#100) param collaborators is not allowed")
        if people:
            container.options["collaborators"] = ", ".join(f"@{name}" for name in people)
        for name in ("share_to_feed", "thumb_offset"):
            if name in given and container.kind == "REELS":
                container.options[name] = given[name]

    async def _fetched(self, url: str, alt_text: str, *, any_ratio: bool = False) -> Attached:
        """Fetch a picture as Instagram does, and refuse what it refuses."""
        origin = str(self.settings["media_origin"])
        try:
            file, kind = await fetch(url, public=origin, agent=ROBOT, most_bytes=2 * MOST_IMAGE_BYTES)
        except FetchRefused as refused:
            message = f"The media could not be fetched from this URI: {refused}"
            raise GraphRefusal(9004, message, subcode=2207052) from None
        if file.size > MOST_IMAGE_BYTES:
            raise GraphRefusal(36000, "The image size is too large", subcode=2207004)
        size = jpeg_size(file.content or b"")
        if kind != "image/jpeg" or size is None:
            raise GraphRefusal(36001, "The image format is not supported", subcode=2207005)
        if not any_ratio and not 0.8 <= size[0] / size[1] <= 1.91:
            raise GraphRefusal(36003, "The aspect ratio is not supported", subcode=2207009)
        return Attached(file=file, type=kind, alt_text=alt_text)

    async def _take_video(self, request: web.Request) -> web.Response:
        container = self.containers.get(request.match_info["container"])
        video = container.video if container else None
        page = self._linked(container.account) if container else None
        answer = await self._take_bytes(request, video, page.id if page else "")
        if container is not None and video is not None and video.whole and container.ready_at is None:
            container.ready_at = self.clock.now() + float(self.settings["processing_s"])
            limits = IN_CAROUSEL if container.child else REEL
            if video.file.size > MOST_VIDEO_BYTES or not fits(video.file, limits):
                container.failed = 2207026
        return answer

    def _code(self, container: Container) -> str:
        now = self.clock.now()
        if container.published:
            return "PUBLISHED"
        if now > container.at + UNPUBLISHED_LIFE_S:
            return "EXPIRED"
        if container.ready_at is None or now < container.ready_at:
            return "IN_PROGRESS"
        return "ERROR" if container.failed else "FINISHED"

    def _container_view(self, container: Container) -> dict[str, Any]:
        code, video = self._code(container), container.video
        said = f"{code.capitalize()}: Media upload has failed with error code {container.failed}"
        phase = {"status": "complete" if video and video.whole else "in_progress"}
        arrived = {"bytes_transferred": video.file.size} if video else {}
        return {
            "id": container.id,
            "status_code": code,
            "status": said if code == "ERROR" else code.capitalize(),
            "video_status": {"uploading_phase": phase | arrived} if video else None,
        }

    # Posts

    async def _publish_container(self, call: Call) -> Reply:
        page, wanted = self._creating(call), call.parameters.get("creation_id", "")
        container = self.containers.get(wanted)
        gone = container is None or container.account != page.instagram_id or container.child
        if container is None or gone or self._code(container) in {"PUBLISHED", "EXPIRED"}:
            raise GraphRefusal(24, "The requested resource does not exist", subcode=2207006)
        if self._code(container) != "FINISHED":
            raise GraphRefusal(9007, "The media is not ready for publishing", subcode=2207027)
        if self._used(page) >= int(self.settings["quota_total"]):
            raise GraphRefusal(9, "Application request limit reached", subcode=2207042, status=403)
        container.published = True
        media_id = self._new_id()
        where = "reel" if container.kind == "REELS" else "p"
        self.timeline.add(
            Published(
                id=media_id,
                account_id=page.instagram_id,
                text=container.caption,
                media=tuple(self._files(container)),
                url=f"{self.url}/{where}/{media_id}/",
                at=self.clock.now(),
                options=container.options,
            )
        )
        return {"id": media_id}

    def _files(self, container: Container) -> list[Attached]:
        found: list[Attached] = []
        for one in (container, *(self.containers[child] for child in container.children)):
            if one.image is not None:
                found.append(one.image)
            if one.video is not None:
                found.append(Attached(file=one.video.file, type="video/mp4"))
        return found

    def _used(self, page: PageNode) -> int:
        since = self.clock.now() - A_DAY_S
        return sum(post.at > since for post in self.timeline.posts(page.instagram_id))

    async def _limit(self, call: Call) -> Reply:
        page = self._creating(call)
        config = {"quota_total": int(self.settings["quota_total"]), "quota_duration": int(A_DAY_S)}
        shown = {"quota_usage": self._used(page), "config": config}
        fields = call.fields("quota_usage")
        return {"data": [{name: shown[name] for name in fields if name in shown}]}

    async def _media(self, call: Call) -> Reply:
        page = self._account(call, "instagram_basic")
        rows = [
            pick("IGMedia", self._media_view(post), call.fields("id"))
            for post in self.timeline.posts(page.instagram_id)[::-1]
        ]
        return self._window(call, rows)

    def _media_view(self, post: Published) -> dict[str, Any]:
        kind = "VIDEO" if post.media[0].shape == "video" or "/reel/" in post.url else "IMAGE"
        return {
            "id": post.id,
            "caption": post.text or None,
            "timestamp": written(post.at),
            "permalink": post.url,
            "media_type": "CAROUSEL_ALBUM" if len(post.media) > 1 else kind,
            "media_product_type": "REELS" if "/reel/" in post.url else "FEED",
        }

    async def _node(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        container, post = self.containers.get(node), self.timeline.get(node)
        account = container.account if container else post.account_id if post else ""
        page = self._linked(account)
        if page is None or not self._sees(call, page) or not call.consent.allows("instagram_basic"):
            return await super()._node(call)
        if container is not None:
            return pick("IGContainer", self._container_view(container), call.fields("id"))
        if post is None or post.removed:
            raise missing(node)
        return pick("IGMedia", self._media_view(post), call.fields("id"))

    def _linked(self, account_id: str) -> PageNode | None:
        """Return the Page to which a professional account is linked."""
        return next((p for p in self.pages.values() if account_id and p.instagram_id == account_id), None)

    def _account(self, call: Call, scope: str) -> PageNode:
        """Return the Page of the account that the path names, if its token has `scope`."""
        node = call.request.match_info["node"]
        page = self._linked(node)
        if page is None or not self._sees(call, page):
            raise missing(node)
        self._need(call, scope)
        return page

    def _creating(self, call: Call) -> PageNode:
        page = self._account(call, "instagram_content_publish")
        if not CREATES & {*page.roles.get(call.token.person, ())}:
            raise GraphRefusal(10, "(#10) Application does not have permission for this action", status=403)
        return page


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Return the width and height of a JPEG, or None if it is none."""
    if not content.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        length = struct.unpack_from(">H", content, at + 2)[0]
        if content[at + 1] in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return (width, height) if width and height else None
        at += 2 + length
    return None
