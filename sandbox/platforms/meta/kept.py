"""What the simulated Meta keeps of photos and videos on their way, and what it shows of published posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict
from urllib.parse import urlencode

from sandbox.core import Received
from sandbox.platforms.clips import clip_of
from sandbox.platforms.timeline import Attached, Published

PHOTO_TYPES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
UNPUBLISHED_LIFE_S = 86_400.0
"""How long what is uploaded waits to be published."""


class Limits(TypedDict):
    """What `fits` compares a video with."""

    shortest_s: float
    longest_s: float
    ratios: tuple[float, float]
    """Width by height: the lowest and the highest."""


@dataclass(slots=True, kw_only=True)
class Photo:
    """A photo that is not published yet, or belongs to a post."""

    id: str
    page: str
    shown: Attached
    at: float
    post: str = ""


@dataclass(slots=True, kw_only=True)
class Video:
    """A video or a Reel of a Page."""

    id: str
    page: str
    at: float
    reel: bool
    session: str = ""
    size: int | None = None
    file: Received = field(default_factory=Received)
    finished_at: float | None = None
    failed: bool = False

    @property
    def whole(self) -> bool:
        """Tell whether all of it has arrived."""
        return self.file.size == self.size

    def status(self, now: float, processing_s: float) -> Mapping[str, Any]:
        """Return the node's `status` ("Reels Publishing"; the misspelling is Meta's)."""
        done = self.finished_at is not None and now >= self.finished_at + processing_s
        if self.finished_at is None:
            name = "upload_complete" if self.whole else "uploading"
            name = "expired" if now > self.at + UNPUBLISHED_LIFE_S else name
        else:
            name = ("error" if self.failed else "ready") if done else "processing"
        phase = "error" if name == "error" else "complete"
        publishing = {"status": "not_started"}
        if name == "ready":
            publishing = {"status": "complete", "publish_status": "published"}
        started = "not_started" if self.finished_at is None else "in_progress"
        return {
            "video_status": name,
            "uploading_phase": {
                "status": "complete" if self.whole else "in_progress",
                "bytes_transfered": self.file.size,
            },
            "processing_phase": {"status": phase if done else started},
            "publishing_phase": publishing,
        }


def photo_type(content: bytes | None) -> str:
    """Return the MIME type of a photo by its first bytes, or an empty string."""
    return next((kind for start, kind in PHOTO_TYPES.items() if (content or b"").startswith(start)), "")


def fits(file: Received, limits: Limits) -> bool:
    """Tell whether a file is a video within these limits. One too large to be kept is not looked at: yes."""
    if file.content is None:
        return True
    clip = clip_of(file.content)
    return (
        clip is not None
        and limits["shortest_s"] <= clip.lasts_s <= limits["longest_s"]
        and limits["ratios"][0] <= clip.width / clip.height <= limits["ratios"][1]
    )


def written(at: float) -> str:
    """Return a time as Graph writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def post_view(post: Published, photos: Sequence[Photo], *, video: bool) -> dict[str, Any]:
    """Return a Page post as Graph shows it."""
    attachments: list[dict[str, Any]] = []
    targets = [{"type": "photo", "target": {"id": photo.id}} for photo in photos]
    if len(targets) > 1:
        attachments = [{"type": "album", "target": {"id": post.id}, "subattachments": {"data": targets}}]
    elif targets:
        attachments = targets
    elif video:
        attachments = [{"type": "video_inline", "target": {"id": post.id}}]
    elif post.link:
        shim = f"https://l.facebook.com/l.php?{urlencode({'u': post.link})}"
        attachments = [{"type": "share", "url": shim, "unshimmed_url": post.link}]
    return {
        "id": f"{post.account_id}_{post.id}" if video else post.id,
        "message": post.text or None,
        "created_time": written(post.at),
        "permalink_url": post.url,
        "is_published": True,
        "attachments": {"data": attachments} if attachments else None,
    }
