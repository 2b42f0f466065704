"""What a simulator keeps of what is published, and how it shows it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from typing import ClassVar

import httpx
import pytest
from aiohttp import web

from sandbox.browser import PLAIN
from sandbox.core import KEPT_FILE, Fault, Received
from sandbox.platforms.showing import TimelineSimulator
from sandbox.platforms.timeline import Attached, Published, Timeline
from tests.media import gif, jpeg, mp4, pdf, png


class Gallery(TimelineSimulator):
    name = "gallery"
    title = "Gallery"
    uploads: ClassVar[re.Pattern[str]] = re.compile("^/upload$")

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.put("/upload", self.upload), web.get("/p/{id}", self.post)]

    async def upload(self, request: web.Request) -> web.Response:
        file = await Received().take(request.content.iter_any())
        return web.json_response({"size": file.size, "sha256": file.sha256, "kept": file.content is not None})

    async def post(self, request: web.Request) -> web.Response:
        return self.show_post(request.match_info["id"])


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    found = Gallery()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def http(gallery: Gallery) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=gallery.url) as http:
        yield http


def attached(content: bytes, kind: str, **facts: str) -> Attached:
    file = Received()
    file.add(content)
    return Attached(file=file, type=kind, **facts)


async def test_an_upload_is_streamed_hashed_and_kept_only_if_it_is_small(
    gallery: Gallery, http: httpx.AsyncClient
) -> None:
    small, large = b"s" * KEPT_FILE, b"l" * (KEPT_FILE + 1)

    answers = [(await http.put("/upload", content=each)).json() for each in (small, large)]

    assert answers == [
        {"size": len(small), "sha256": hashlib.sha256(small).hexdigest(), "kept": True},
        {"size": len(large), "sha256": hashlib.sha256(large).hexdigest(), "kept": False},
    ]
    assert [(one.body, one.headers["content-length"], one.status) for one in gallery.calls("upload")] == [
        ("", str(len(small)), 200),
        ("", str(len(large)), 200),
    ]


async def test_a_refused_upload_is_read_to_its_end(gallery: Gallery, http: httpx.AsyncClient) -> None:
    gallery.faults.append(Fault(path="upload", status=503, times=1))

    refused = await http.put("/upload", content=b"x" * KEPT_FILE)

    assert refused.status_code == 503
    assert (await http.put("/upload", content=b"x")).json()["size"] == 1


async def test_a_permalink_shows_the_post_with_its_thread_files_and_labels(
    gallery: Gallery, http: httpx.AsyncClient
) -> None:
    photo = attached(jpeg(), "image/jpeg", alt_text="A <blue> mug")
    film, menu = attached(mp4(), "video/mp4"), attached(pdf(), "application/pdf", name="menu.pdf")
    timeline = gallery.timeline
    timeline.add(
        Published(id="1", account_id="octa", text="First\nline", media=(photo, film, menu), at=0, url="/p/1")
    )
    timeline.add(
        Published(id="2", account_id="octa", text="Second", at=1, thread_of="1", options={"Flair": "News"})
    )
    timeline.add(Published(id="3", account_id="octa", text="Other", at=2))

    page = (await http.get("/p/2")).text

    assert page.index("First\nline") < page.index("Second")
    assert "Other" not in page
    assert 'alt="A &lt;blue&gt; mug"' in page
    assert "Flair: News" in page
    assert "menu.pdf" in page
    for one in (photo, film):
        assert f'src="/_files/{one.file.sha256}"' in page
    served = await http.get(f"/_files/{photo.file.sha256}")
    assert (served.content, served.headers["content-type"]) == (jpeg(), "image/jpeg")


async def test_a_removed_post_is_shown_as_removed_and_is_on_no_list(
    gallery: Gallery, http: httpx.AsyncClient
) -> None:
    gallery.timeline.add(Published(id="1", account_id="octa", text="First", at=0))

    removed = [(await http.post("/_control/remove", json={"post": "1"})).json() for _ in range(2)]

    page = await http.get("/p/1")
    assert removed == [{"removed": True}, {"removed": False}]
    assert page.status_code == 404
    assert "Removed by the moderator" in page.text
    assert (await http.post("/_control/posts", json={"account": "octa"})).json() == []
    assert "Nothing has been published" in (await http.get("/_timeline/octa")).text


def test_a_timeline_keeps_accounts_apart() -> None:
    timeline = Timeline()
    for number, account in enumerate(("a", "b", "a")):
        timeline.add(Published(id=str(number), account_id=account, at=number))

    assert [post.id for post in timeline.posts("a")] == ["0", "2"]
    assert len(timeline.posts()) == 3


@pytest.mark.parametrize(
    ("content", "start"),
    [(jpeg(), b"\xff\xd8\xff"), (png(), b"\x89PNG"), (gif(), b"GIF89a"), (pdf(3), b"%PDF-")],
    ids=["jpeg", "png", "gif", "pdf"],
)
def test_files_for_tests_begin_as_their_kinds_do(content: bytes, start: bytes) -> None:
    assert content.startswith(start)
    assert len(content) < 20_000


def test_the_clip_can_have_any_size() -> None:
    assert mp4()[4:8] == b"ftyp"
    assert len(mp4(100_000)) == 100_000
    assert mp4(100_000).startswith(mp4())
