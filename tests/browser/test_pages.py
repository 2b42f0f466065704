"""Our own pages in Chromium, on a phone: nothing is wider than the screen, and what to press is in sight."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from sandbox.member import links_in
from tests.application import Office, open_office
from tests.counts import in_full
from tests.platforms import PLATFORMS
from tests.stories.told import connected

WIDTH = 390
APPS = [(platform.key, app.key) for platform in PLATFORMS.values() for app in platform.apps]


@pytest_asyncio.fixture(loop_scope="session")
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack)


@in_full
@pytest.mark.parametrize(("platform", "app"), APPS, ids=[app for _, app in APPS])
async def test_a_tickets_page_fits_a_phone(page: Page, office: Office, platform: str, app: str) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": 800})
    ticket = await office.ticket(await office.member(), platform, app)

    await page.goto(f"{office.url}{ticket}")

    assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
    await expect(page.get_by_role("button", name="Continue")).to_be_in_viewport()


@in_full
async def test_the_page_of_a_reconnect_shows_the_account_to_sign_in_as_with_its_picture(
    page: Page, office: Office
) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": 800})
    ada = await office.installed()
    await connected(ada, "tiktok", "octa_demo")
    [link] = links_in(await ada.command("reconnect Octa Demo"))

    await page.goto(link)

    await expect(page.get_by_text("Sign in at TikTok as @octademo")).to_be_in_viewport()
    assert await page.locator(".whom img").evaluate("picture => picture.naturalWidth") > 0
    assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
