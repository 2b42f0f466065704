"""The simulated Meta's initial people, Pages and business portfolio, and their pictures."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, field

from sandbox.platforms.values import Person

PAGE_SCOPES = frozenset(
    {
        "pages_show_list",
        "pages_read_engagement",
        "pages_manage_posts",
        "pages_manage_engagement",
        "pages_manage_metadata",
        "pages_read_user_content",
        "read_insights",
    }
)
INSTAGRAM_SCOPES = frozenset(
    {
        "instagram_basic",
        "instagram_content_publish",
        "instagram_manage_comments",
        "instagram_manage_insights",
    }
)
OTHER_SCOPES = frozenset({"public_profile", "email", "business_management"})
FULL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")
NEW_PAGE_TASKS = ("PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_CREATE_CONTENT", "PROFILE_PLUS_ANALYZE")
WEAK_TASKS = ("ANALYZE", "MODERATE")


@dataclass(slots=True, kw_only=True)
class PageNode:
    """A Facebook Page, and what each person may do on it."""

    id: str
    name: str
    username: str = ""
    category: str = "Local business"
    instagram: str = ""
    """User name of the linked professional account."""
    personal_instagram: bool = False
    owner: str = ""
    """The portfolio that owns it."""
    agency: str = ""
    """The portfolio that works on it for a client."""
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Person -> tasks."""
    onlookers: frozenset[str] = frozenset()
    """People who see it but get no token for it."""

    @property
    def instagram_id(self) -> str:
        """The professional account's id; empty if there is none."""
        return f"17841{self.id[-10:]}" if self.instagram else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """A business portfolio and the people in it."""

    id: str
    name: str
    people: frozenset[str]


PEOPLE = (
    Person(id="ana", name="Ana Ruiz", about="three Pages: with Instagram, with a personal one, without"),
    Person(id="ben", name="Ben Okafor", about="Pages with odd roles, and Pages of a business portfolio"),
    Person(id="mia", name="Mia Chen", about="no Pages at all"),
    Person(id="brand", name="Big Brand", about="1,000 Pages, a hundred of them with Instagram"),
)
BUSINESSES = (Business(id="880000000000001", name="Northwind Group", people=frozenset({"ben"})),)


def first_pages() -> list[PageNode]:
    """Return new nodes of the initial Pages."""
    pages = [
        PageNode(
            id="104000000000001",
            name="Blue Door Bakery",
            username="bluedoorbakery",
            category="Bakery",
            instagram="bluedoorbakery",
            roles={"ana": FULL_TASKS},
        ),
        PageNode(
            id="104000000000002",
            name="Ana Ruiz Studio",
            username="anaruizstudio",
            category="Artist",
            personal_instagram=True,
            roles={"ana": NEW_PAGE_TASKS},
        ),
        PageNode(
            id="104000000000003", name="Harbor Market", category="Market", roles={"ana": FULL_TASKS[2:]}
        ),
        PageNode(
            id="105000000000001",
            name="Okafor Cycling Club",
            category="Sports club",
            instagram="okaforcycling",
            roles={"ben": WEAK_TASKS},
        ),
        PageNode(id="105000000000002", name="Lagos Run Crew", onlookers=frozenset({"ben"})),
        PageNode(
            id="105000000000003",
            name="Northwind Outdoor",
            username="northwindoutdoor",
            category="Shopping and retail",
            instagram="northwindoutdoor",
            owner=BUSINESSES[0].id,
            roles={"ben": FULL_TASKS},
        ),
        PageNode(
            id="105000000000004",
            name="Fjord Coffee",
            category="Coffee shop",
            agency=BUSINESSES[0].id,
            roles={"ben": NEW_PAGE_TASKS},
        ),
    ]
    pages += [
        PageNode(
            id=f"{106000000000000 + n}",
            name=f"Big Brand Store {n:04}",
            category="Shopping and retail",
            instagram=f"bigbrand{n:04}" if n % 10 == 0 else "",
            roles={"brand": NEW_PAGE_TASKS},
        )
        for n in range(1, 1001)
    ]
    return pages


def square(seed: str) -> bytes:
    """Return a 64 x 64 PNG in one colour, so that a Page has a picture without the Internet."""
    pixel = bytes(96 + byte // 2 for byte in hashlib.sha256(seed.encode()).digest()[:3])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + pixel * 64) * 64)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
