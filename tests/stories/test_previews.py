"""What a post will look like is seen in the form, before it is published."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from sandbox.browser import Consent
from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.models import Draft
from tests.media import jpeg, png
from tests.stories.test_posts import written

if TYPE_CHECKING:
    from tests.application import Office


async def test_the_preview_shows_each_post_with_its_pictures_as_the_platform_gets_them(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("instagram", Consent(person="ana"))
    files = [
        office.slack.upload(ADA, "mugs.jpg", jpeg(1200, 1200), "image/jpeg").id,
        office.slack.upload(ADA, "cups.png", png(1200, 640), "image/png").id,
    ]
    form = await written(ada, "Fresh mugs today", files=files)

    await ada.press(form, "compose.preview")
    view = await ada.modal_with("image_url")

    pictures = [block for block in view.blocks if block["type"] == "image"]
    async with office.browser() as slack:
        seen = [await slack.get(one["image_url"]) for one in pictures]
    said = text_of(view)
    sizes = [Image.open(io.BytesIO(one.content)).size for one in seen]
    assert (sizes, seen[0].headers["content-type"]) == ([(1000, 1000), (640, 640)], "image/jpeg")
    assert seen[0].headers["cache-control"] == "no-store"
    assert "Fresh mugs today" in said
    assert "cups.png will be converted: PNG to JPEG." in said
    assert "in the shape of the first one" in said
    assert await office.count(Draft) == 1


@pytest.mark.parametrize("office", [{"OCTAPOST_PREVIEWS": "page"}], indirect=True)
async def test_a_setting_moves_the_pictures_to_a_page_for_the_signed_in_member_alone(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("instagram", Consent(person="ana"))
    picture = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    form = await written(ada, "Fresh mugs today", files=[picture.id])
    await ada.press(form, "compose.preview")
    view = await ada.modal_with("compose.preview_page")
    url = next(one["accessory"]["url"] for one in view.blocks if "accessory" in one)
    path = httpx.URL(url).path

    async with office.browser() as stranger, office.browser() as browser:
        turned_away = await stranger.get(path, follow_redirects=False)
        await office.sign_in(browser, path.removesuffix("/preview"))
        page = await browser.get(path)
        [address] = re.findall(r'<img src="([^"]+)"', page.text)
        seen = await browser.get(httpx.URL(address).path)

    assert [block for block in view.blocks if block["type"] == "image"] == []
    assert (turned_away.status_code, "mugs.jpg" in turned_away.text) == (303, False)
    assert (page.status_code, "mugs.jpg" in page.text) == (200, True)
    assert Image.open(io.BytesIO(seen.content)).size == (640, 640)
