"""What the organization publishes on a day, and how each platform lets it be read back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.base import Content, Format, Media, MediaKind, Part

if TYPE_CHECKING:
    from random import Random


class Reading(StrEnum):
    """How a platform shows what became of a call whose answer was lost."""

    LIST = "list"
    """The account's own list has it, a while later."""
    HANDLE = "handle"
    """It answers about an id that it gave out before the call, and so proves that nothing happened."""
    ANSWER = "answer"
    """It answers about an id that is in the answer, so about nothing once that is lost."""
    NEVER = "never"
    """The permissions that Octapost asks for don't allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of post to one account."""

    platform: str
    account: str
    """The platform's id of the account."""
    content: Content
    reading: Reading
    processes: bool = False
    """The platform takes it, and says later whether it is live."""
    app: str = ""
    """The app that the account is connected with. Empty: the platform's only one."""

    @property
    def name(self) -> str:
        """What the reports call it."""
        return f"{self.app or self.platform} {self.content.format}"

    def marked(self, number: int, version: int) -> Content:
        """Return the content of the post with this number, so that everybody recognizes it."""
        mark, content = f"{number}.{version}", self.content
        thread = tuple(replace(part, text=f"{mark} {part.text}") for part in content.thread)
        return replace(content, text="" if thread else mark, thread=thread)


_PICTURE = Media(
    key="picture", kind=MediaKind.IMAGE, type="image/jpeg", size=100_000, width=1080, height=1080
)
_VIDEO = Media(key="video", kind=MediaKind.VIDEO, type="video/mp4", size=9_000_000, width=1080, height=1920)
_THREAD = (Part(text="one"), Part(text="two"), Part(text="three"))
KINDS = (
    Kind(platform="facebook", account="fb", content=Content(format=Format.TEXT), reading=Reading.LIST),
    Kind(
        platform="facebook",
        account="fb",
        content=Content(format=Format.VIDEO, media=(_VIDEO,)),
        reading=Reading.HANDLE,
        processes=True,
    ),
    Kind(
        platform="instagram",
        account="ig",
        content=Content(format=Format.IMAGE, media=(_PICTURE,)),
        reading=Reading.HANDLE,
    ),
    Kind(platform="x", account="x", content=Content(format=Format.TEXT), reading=Reading.LIST),
    Kind(
        platform="x",
        account="x",
        content=Content(format=Format.THREAD, thread=_THREAD, first_comment="More"),
        reading=Reading.LIST,
    ),
    Kind(platform="linkedin", account="lip", content=Content(format=Format.TEXT), reading=Reading.NEVER),
    Kind(
        platform="linkedin",
        app="linkedin_page",
        account="lic",
        content=Content(format=Format.TEXT),
        reading=Reading.LIST,
    ),
    Kind(
        platform="tiktok",
        account="tt",
        content=Content(format=Format.VIDEO, media=(_VIDEO,)),
        reading=Reading.HANDLE,
        processes=True,
    ),
    Kind(
        platform="tiktok",
        account="tt",
        content=Content(format=Format.CAROUSEL, media=(_PICTURE, _PICTURE)),
        reading=Reading.ANSWER,
        processes=True,
    ),
    Kind(
        platform="reddit",
        account="rd",
        content=Content(format=Format.TEXT, title="News", first_comment="More"),
        reading=Reading.LIST,
    ),
    Kind(
        platform="youtube",
        account="yt",
        content=Content(format=Format.VIDEO, title="Film", media=(_VIDEO,), cover=_PICTURE),
        reading=Reading.HANDLE,
    ),
)
RENEWABLE = ("x", "tt", "rd", "yt")
"""Accounts whose tokens Octapost renews without a person, until the sign-in ends."""


@dataclass(kw_only=True)
class Order:
    """One post to one account, and what people have decided about it."""

    number: int
    kind: Kind
    delivery_id: str = ""
    post_id: str = ""
    version: int = 0
    """How often somebody has changed what it says."""
    retries: int = 0
    cancelled: bool = False
    spoiled: bool = False
    """For some time we could not read what it says."""
    freed_at: float = -1.0
    """When somebody last decided something that takes it away from whoever works on it, by the loop's time."""


def number_of(content: Content) -> tuple[int, int]:
    """Return the number and the version that `Kind.marked` wrote into a content."""
    text = content.thread[0].text if content.thread else content.text
    number, _, version = text.partition(" ")[0].partition(".")
    return int(number), int(version)


def drawn(rng: Random, count: int) -> list[Order]:
    """Return so many posts of different kinds."""
    return [Order(number=number, kind=rng.choice(KINDS)) for number in range(count)]
