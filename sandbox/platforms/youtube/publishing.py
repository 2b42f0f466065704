"""The publishing half of the simulated YouTube: uploads, videos, thumbnails, and the pages where people watch.

Written from "Resumable Uploads", "videos.insert", "videos.list", "playlistItems.list", "thumbnails.set" and "Errors"
(developers.google.com/youtube/v3), and from the revision history: 100 uploads a day for a project.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from sandbox.core import Received
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.timeline import Attached, Published
from sandbox.platforms.values import Grant
from sandbox.platforms.youtube.channels import READERS, SCOPE, Channel, chosen, error_answer

UPLOAD = "/upload/youtube/v3"
UPLOAD_SCOPES = frozenset({f"{SCOPE}youtube", f"{SCOPE}youtube.force-ssl", f"{SCOPE}youtube.upload"})
GRANULE = 256 * 1024
"""YouTube stores whole granules, and takes no others but at the end of a file."""
SESSION_LIFE_S = 7 * 86_400
MOST_THUMBNAIL_BYTES = 50 << 20
THUMBNAIL_UNITS = 50
PRIVACY = frozenset({"public", "unlisted", "private"})
CATEGORIES = frozenset(
    ["1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"]
)
RANGE = re.compile(r"bytes (?:\*|(\d+)-(\d+))/(\d+)")


@dataclass(slots=True, kw_only=True)
class Upload:
    """A resumable session."""

    channel: Channel
    resource: dict[str, Any]
    type: str
    size: int
    opened_at: float
    file: Received = field(default_factory=Received)
    video_id: str = ""
    """The video that it has become. Empty: YouTube has not got the last byte."""


@dataclass(slots=True, kw_only=True)
class Video:
    """What YouTube knows of a video besides what its page shows."""

    resource: dict[str, Any]
    privacy: str
    done_at: float
    """When it is processed, by the simulator's clock."""
    failure: str = ""
    rejection: str = ""
    custom_thumbnail: bool = False


class Publishing(OAuthSimulator):
    """Uploads to the chosen channel.

    Settings: `api_enabled`, `daily_units` and `daily_uploads` (what is left of the project's quotas today),
    `channel_uploads` (what is left of a channel's secret number of uploads), `processing_s`, `stores_at_most` (bytes of
    each request that are stored; None: all), `session_life_s`, `force_private` (as for projects that were not verified,
    before November 2026), `failure` and `rejection` (why the next videos are not published after processing).
    """

    uploads: ClassVar[re.Pattern[str]] = re.compile(f"^{UPLOAD}/")

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Upload] = {}
        self.videos: dict[str, Video] = {}
        self.settings |= {
            "api_enabled": True,
            "daily_units": 10_000,
            "daily_uploads": 100,
            "channel_uploads": 100,
            "processing_s": 2.0,
            "stores_at_most": None,
            "session_life_s": SESSION_LIFE_S,
            "force_private": False,
            "failure": "",
            "rejection": "",
        }

    def routes(self) -> list[web.RouteDef]:
        """Add the routes of uploads, videos, thumbnails and the pages where people watch."""
        return [
            *super().routes(),
            web.post(f"{UPLOAD}/videos", self.open_upload),
            web.put(f"{UPLOAD}/videos", self.continue_upload),
            web.post(f"{UPLOAD}/thumbnails/set", self.set_thumbnail),
            web.get("/youtube/v3/videos", self.list_videos),
            web.get("/youtube/v3/playlistItems", self.list_playlist),
            web.get("/watch", self.watch),
            web.get("/shorts/{video}", self.watch),
        ]

    def account_name(self, account_id: str) -> str:
        """Return the title of a channel."""
        every = [channel for person in self.people.values() for channel in person.facts["channels"]]
        return next((one.title for one in every if one.id == account_id), account_id)

    def admitted(self, request: web.Request, scopes: frozenset[str]) -> Grant | web.Response:
        """Return whose call it is, or the refusal of a call whose token does not allow it."""
        if (grant := self.live_grant(request)) is None:
            return error_answer(401, "authError", "Invalid Credentials")
        if not self.settings["api_enabled"]:
            return error_answer(
                403, "accessNotConfigured", "YouTube Data API v3 is disabled.", "SERVICE_DISABLED"
            )
        if not grant.scopes & scopes:
            words = "Request had insufficient authentication scopes."
            return error_answer(403, "insufficientPermissions", words, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return grant

    def spend(self, units: int = 1) -> web.Response | None:
        """Take units off the project's daily quota; return the refusal if there are not enough."""
        if self.settings["daily_units"] < units:
            return error_answer(403, "quotaExceeded", "You have exceeded your quota.", domain="youtube.quota")
        self.settings["daily_units"] -= units
        return None

    async def open_upload(self, request: web.Request) -> web.Response:
        """Answer `videos.insert` with `uploadType=resumable`: the texts are checked, and a session is opened."""
        grant = self.admitted(request, UPLOAD_SCOPES)
        if isinstance(grant, web.Response):
            return grant
        if (channel := chosen(grant)) is None:
            return error_answer(401, "youtubeSignupRequired", "Unauthorized", domain="youtube.header")
        try:
            resource = await request.json()
        except ValueError:
            return error_answer(400, "parseError", "Parse Error")
        size = request.headers.get("X-Upload-Content-Length", "")
        if request.query.get("uploadType") != "resumable" or not size.isdigit():
            return error_answer(400, "badRequest", "Only resumable uploads of a stated length are simulated.")
        if wrong := _wrong(resource, request.query.get("part", "").split(",")):
            return error_answer(
                400, wrong, f"The request metadata is not valid: {wrong}.", domain="youtube.video"
            )
        if size == "0":
            return error_answer(400, "mediaBodyRequired", "The request does not include the video content.")
        if self.settings["daily_uploads"] < 1:
            return error_answer(403, "quotaExceeded", "You have exceeded your quota.", domain="youtube.quota")
        if self.settings["channel_uploads"] < 1:
            words = "The user has exceeded the number of videos they may upload."
            return error_answer(400, "uploadLimitExceeded", words, domain="youtube.video")
        self.settings["daily_uploads"] -= 1
        upload_id = secrets.token_urlsafe(24)
        self.sessions[upload_id] = Upload(
            channel=channel,
            resource=resource,
            type=request.headers.get("X-Upload-Content-Type", "application/octet-stream"),
            size=int(size),
            opened_at=self.clock.now(),
        )
        query = f"uploadType=resumable&part={request.query['part']}&upload_id={upload_id}"
        return web.Response(headers={"Location": f"{self.url}{UPLOAD}/videos?{query}"})

    async def continue_upload(self, request: web.Request) -> web.Response:
        """Take bytes of a session, or tell how many there are (`Content-Range: bytes */<size>`)."""
        session = self.sessions.get(request.query.get("upload_id", ""))
        life = float(self.settings["session_life_s"])
        if session is None or session.opened_at + life <= self.clock.now():
            await _drain(request)
            raise web.HTTPNotFound(text="Not Found")
        if "Authorization" in request.headers and self.live_grant(request) is None:
            await _drain(request)
            return error_answer(401, "authError", "Invalid Credentials")
        match = RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if match is None or int(match[3]) != session.size:
            await _drain(request)
            raise web.HTTPBadRequest(text="Failed to parse Content-Range header.")
        if match[1] is not None and not session.video_id and int(match[1]) == session.file.size:
            last = int(match[2]) + 1 == session.size
            if not last and (int(match[2]) + 1 - int(match[1])) % GRANULE:
                await _drain(request)
                raise web.HTTPBadRequest(text="The size of a chunk must be a multiple of 262144 bytes.")
            await self._store(session, request.content.iter_any())
        await _drain(request)
        return self._state(session)

    async def list_videos(self, request: web.Request) -> web.Response:
        """Answer `videos.list`: the videos with these ids that exist. Costs one unit."""
        grant = self.admitted(request, READERS)
        if isinstance(grant, web.Response):
            return grant
        if refused := self.spend():
            return refused
        ids = request.query.get("id", "").split(",")
        parts = frozenset(request.query.get("part", "").split(","))
        found = [self._video(one, parts) for one in ids if self._visible(one)]
        page = {"totalResults": len(found), "resultsPerPage": len(found)}
        return web.json_response({"kind": "youtube#videoListResponse", "items": found, "pageInfo": page})

    async def list_playlist(self, request: web.Request) -> web.Response:
        """Answer `playlistItems.list` for a channel's uploads, newest first. Costs one unit."""
        grant = self.admitted(request, READERS)
        if isinstance(grant, web.Response):
            return grant
        if refused := self.spend():
            return refused
        channel = f"UC{request.query.get('playlistId', '')[2:]}"
        newest = self.timeline.posts(channel)[::-1][: int(request.query.get("maxResults", 5))]
        items = [
            {
                "kind": "youtube#playlistItem",
                "id": secrets.token_urlsafe(16),
                "snippet": {
                    "publishedAt": _time(post.at),
                    "channelId": channel,
                    "title": post.title,
                    "description": post.text,
                    "resourceId": {"kind": "youtube#video", "videoId": post.id},
                },
            }
            for post in newest
        ]
        return web.json_response({"kind": "youtube#playlistItemListResponse", "items": items})

    async def set_thumbnail(self, request: web.Request) -> web.Response:
        """Answer `thumbnails.set`. The channel must be verified. Costs 50 units."""
        picture = await Received().take(request.content.iter_any())
        grant = self.admitted(request, UPLOAD_SCOPES)
        if isinstance(grant, web.Response):
            return grant
        if refused := self.spend(THUMBNAIL_UNITS):
            return refused
        video_id, kind = request.query.get("videoId", ""), request.content_type
        if not self._visible(video_id):
            return error_answer(
                404, "videoNotFound", "The video cannot be found.", domain="youtube.thumbnail"
            )
        channel = chosen(grant)
        if channel is None or channel.long_uploads != "allowed":
            words = "The authenticated user doesn't have permissions to upload custom video thumbnails."
            return error_answer(403, "forbidden", words, domain="youtube.thumbnail")
        if picture.size == 0:
            words = "The request does not include the image content."
            return error_answer(400, "mediaBodyRequired", words, domain="youtube.thumbnail")
        if kind not in {"image/jpeg", "image/png"} or picture.size > MOST_THUMBNAIL_BYTES:
            words = "The provided image content is invalid."
            return error_answer(400, "invalidImage", words, domain="youtube.thumbnail")
        self.videos[video_id].custom_thumbnail = True
        post = self.timeline.get(video_id)
        if post is not None:
            post.media = (
                post.media[0],
                Attached(file=picture, type=kind, name="thumbnail", alt_text="Thumbnail"),
            )
        return web.json_response({"kind": "youtube#thumbnailSetResponse", "items": [{}]})

    async def watch(self, request: web.Request) -> web.Response:
        """Answer with the page of a video."""
        return self.show_post(request.match_info.get("video") or request.query.get("v", ""))

    async def _store(self, session: Upload, pieces: AsyncIterator[bytes]) -> None:
        """Add whole granules to a session, and at its end the rest; then it is a video."""
        most = self.settings["stores_at_most"]
        until = session.size if most is None else session.file.size + int(most) // GRANULE * GRANULE
        waiting = bytearray()
        async for piece in pieces:
            waiting += piece
            while len(waiting) >= GRANULE and session.file.size + GRANULE <= until:
                session.file.add(bytes(waiting[:GRANULE]))
                del waiting[:GRANULE]
        if session.file.size + len(waiting) == session.size <= until:
            session.file.add(bytes(waiting))
        if session.file.size == session.size:
            self._publish(session)

    def _publish(self, session: Upload) -> None:
        session.video_id = secrets.token_urlsafe(8)
        self.settings["channel_uploads"] -= 1
        snippet, status = session.resource["snippet"], session.resource["status"]
        privacy = "private" if self.settings["force_private"] else status.get("privacyStatus", "public")
        self.videos[session.video_id] = Video(
            resource=session.resource,
            privacy=privacy,
            done_at=self.clock.now() + float(self.settings["processing_s"]),
            failure=self.settings["failure"],
            rejection=self.settings["rejection"],
        )
        self.timeline.add(
            Published(
                id=session.video_id,
                account_id=session.channel.id,
                title=snippet["title"],
                text=snippet.get("description", ""),
                media=(Attached(file=session.file, type=session.type),),
                url=f"{self.url}/watch?v={session.video_id}",
                at=self.clock.now(),
                options={
                    "privacy": privacy,
                    "tags": ", ".join(snippet.get("tags", ())),
                    "category": snippet.get("categoryId", "22"),
                    "made for kids": json.dumps(status.get("selfDeclaredMadeForKids")),
                    "altered": json.dumps(status.get("containsSyntheticMedia", False)),
                },
            )
        )

    def _state(self, session: Upload) -> web.Response:
        if session.video_id:
            return web.json_response(self._video(session.video_id, frozenset({"snippet", "status"})))
        stored = {"Range": f"bytes=0-{session.file.size - 1}"} if session.file.size else {}
        return web.Response(status=308, reason="Resume Incomplete", headers=stored)

    def _visible(self, video_id: str) -> bool:
        post = self.timeline.get(video_id)
        return post is not None and not post.removed

    def _video(self, video_id: str, parts: frozenset[str]) -> dict[str, Any]:
        video = self.videos[video_id]
        done = video.done_at <= self.clock.now()
        status: dict[str, Any] = {**video.resource["status"], "privacyStatus": video.privacy}
        outcome = (
            ("rejected" if video.rejection else "failed" if video.failure else "processed")
            if done
            else "uploaded"
        )
        status["uploadStatus"] = outcome
        if outcome in {"rejected", "failed"}:
            status |= {
                "rejected": {"rejectionReason": video.rejection},
                "failed": {"failureReason": video.failure},
            }[outcome]
        sections: Mapping[str, Any] = {
            "snippet": video.resource["snippet"],
            "status": status,
            "contentDetails": {"hasCustomThumbnail": video.custom_thumbnail},
            "processingDetails": {"processingStatus": "succeeded" if done else "processing"},
        }
        return {"kind": "youtube#video", "id": video_id} | {
            name: section for name, section in sections.items() if name in parts
        }


def _wrong(resource: Any, parts: list[str]) -> str:
    """Return the reason for which a video's resource is refused, or an empty string."""
    if not isinstance(resource, dict) or not {"snippet", "status"} <= resource.keys():
        return "invalidVideoMetadata"
    snippet, status = resource["snippet"], resource["status"]
    title, description = str(snippet.get("title", "")), str(snippet.get("description", ""))
    tags = [str(tag) for tag in snippet.get("tags", ())]
    length = sum(len(tag) + 2 * (" " in tag) for tag in tags) + max(len(tags) - 1, 0)
    checks = (
        ("unexpectedPart", bool(resource.keys() - set(parts))),
        ("invalidTitle", not 0 < len(title.strip()) <= len(title) <= 100 or "<" in title or ">" in title),
        ("invalidDescription", len(description.encode()) > 5000 or "<" in description or ">" in description),
        ("invalidTags", length > 500 or any(set(tag) & set("<>") for tag in tags)),
        ("invalidCategoryId", snippet.get("categoryId", "22") not in CATEGORIES),
        ("invalidVideoMetadata", status.get("privacyStatus", "public") not in PRIVACY),
    )
    return next((reason for reason, wrong in checks if wrong), "")


async def _drain(request: web.Request) -> None:
    async for _ in request.content.iter_any():
        pass


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
