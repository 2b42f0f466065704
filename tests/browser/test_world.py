"""The World page in Chromium: from the client and back, and a button that does what it says."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from sandbox.world import World
from tests.counts import in_full


@in_full
async def test_a_platform_is_put_out_of_order_and_back_by_its_buttons(page: Page) -> None:
    async with World() as world:
        await page.goto(world.url)
        await page.get_by_role("link", name="World").click()

        await page.get_by_role("button", name="Start an outage of TikTok").click()
        await expect(page.get_by_text("Out of order")).to_be_visible()
        broken = len(world.platforms["tiktok"].faults)
        await page.get_by_role("button", name="End the outage of TikTok").click()
        await expect(page.get_by_role("status")).to_contain_text("TikTok works again.")
        await page.get_by_role("link", name="Back to Slack").click()

        await expect(page.get_by_role("link", name="Add Octapost to Acme")).to_be_visible()
        assert (broken, world.platforms["tiktok"].faults) == (1, [])


@in_full
async def test_a_permission_that_ended_is_found_out_at_the_press_of_a_button(page: Page) -> None:
    async with World() as world:
        reddit = world.platforms["reddit"]
        person, app = reddit.people["big_mod"], next(iter(reddit.apps.values()))
        reddit.issue(reddit._new_grant(person, app, app.scopes, frozenset()))
        await page.goto(f"{world.url}/world")

        await page.get_by_role("button", name="Revoke the grant of big_mod at Reddit").click()
        await expect(page.get_by_role("status")).to_be_in_viewport()
        await expect(page.get_by_role("status")).to_contain_text("big_mod's permission ended")
        await page.get_by_role("button", name="Let Octapost find out about Reddit").click()

        await expect(page.get_by_role("status")).to_contain_text("Octapost looked at Reddit")
        await expect(page.get_by_role("button", name="Let Octapost find out")).to_have_count(0)
        assert reddit.clock.offset_s > 2 * 86_400


@in_full
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_has_room_for_every_button(page: Page, width: int) -> None:
    async with World() as world:
        for platform in world.platforms.values():
            person, app = next(iter(platform.people.values())), next(iter(platform.apps.values()))
            platform.issue(platform._new_grant(person, app, app.scopes, frozenset()))
        await page.set_viewport_size({"width": width, "height": 800})

        await page.goto(f"{world.url}/world")

        assert await page.evaluate("document.documentElement.scrollWidth") == width
        row = page.locator(".person", has=page.get_by_role("button", name="Take away a Page role: Ana Ruiz"))
        box = await row.locator("span").bounding_box()
        assert box is not None
        assert box["width"] >= 200
        await expect(row.get_by_role("button")).to_have_count(5)


@in_full
async def test_time_passes_at_the_press_of_a_button(page: Page) -> None:
    async with World() as world:
        await page.goto(f"{world.url}/world")

        await page.get_by_role("button", name="Let 53 days pass").click()

        await expect(page.get_by_role("status")).to_contain_text("53 days went by")
        await expect(page.get_by_text("53 days later")).to_be_visible()
        assert world.platforms["linkedin"].clock.offset_s == 53 * 86_400
