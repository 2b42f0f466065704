"""What was published on a simulated platform: its posts with their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A published file."""

    file: Received
    type: str
    """Its MIME type."""
    name: str = ""
    alt_text: str = ""

    @property
    def shape(self) -> str:
        """How a page shows it: "image", "video", or "file" where it can only be named."""
        kind = self.type.partition("/")[0]
        return kind if kind in {"image", "video"} and self.file.content is not None else "file"


@dataclass(slots=True, kw_only=True)
class Published:
    """A post, a reply or a comment."""

    id: str
    account_id: str
    text: str = ""
    """As people see it, after what the platform does to it."""
    title: str = ""
    link: str = ""
    media: tuple[Attached, ...] = ()
    place: str = ""
    """The community or page section it is in. Empty: the account itself."""
    url: str = ""
    at: float
    """Unix time by the simulator's clock."""
    thread_of: str = ""
    """The id of the post that it replies to or comments on."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the platform shows beside it: flair, privacy, labels."""
    removed: str = ""
    """Who removed it: "moderator", "owner". Empty: it is visible."""


class Timeline:
    """All posts on a platform, oldest first. A removed post stays, marked."""

    def __init__(self) -> None:
        self._posts: dict[str, Published] = {}

    def add(self, post: Published) -> Published:
        """Publish `post` and return it."""
        self._posts[post.id] = post
        return post

    def get(self, post_id: str) -> Published | None:
        """Return a post, also a removed one, or None."""
        return self._posts.get(post_id)

    def posts(self, account_id: str | None = None) -> list[Published]:
        """Return the visible posts of an account, or of all."""
        return [
            post
            for post in self._posts.values()
            if not post.removed and account_id in {None, post.account_id}
        ]

    def remove(self, post_id: str, by: str) -> bool:
        """Remove a post, and tell whether it was visible."""
        post = self._posts.get(post_id)
        if post is None or post.removed:
            return False
        post.removed = by
        return True

    def thread(self, post: Published) -> list[Published]:
        """Return `post` with everything below it, and above it up to the first one, in order."""
        first = post
        while first.thread_of in self._posts:
            first = self._posts[first.thread_of]
        inside = {first.id}
        for each in self._posts.values():
            if each.thread_of in inside:
                inside.add(each.id)
        return [each for each in self._posts.values() if each.id in inside]

    def file(self, sha256: str) -> Attached | None:
        """Return a published file by its hash, or None."""
        return next((one for one in self._files() if one.file.sha256 == sha256), None)

    def _files(self) -> Iterator[Attached]:
        for post in self._posts.values():
            yield from post.media


def facts_of(post: Published) -> dict[str, Any]:
    """Return a post as JSON: what a test or a person asks the control API for."""
    return {
        "id": post.id,
        "account_id": post.account_id,
        "text": post.text,
        "title": post.title,
        "link": post.link,
        "place": post.place,
        "url": post.url,
        "at": post.at,
        "thread_of": post.thread_of,
        "options": dict(post.options),
        "removed": post.removed,
        "media": [
            {
                "type": one.type,
                "size": one.file.size,
                "sha256": one.file.sha256,
                "name": one.name,
                "alt_text": one.alt_text,
            }
            for one in post.media
        ],
    }
