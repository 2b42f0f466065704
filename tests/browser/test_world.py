"""The World page in Chromium: from the client and back, and a button that does what it says."""

from __future__ import annotations

from playwright.async_api import Page, expect

from sandbox.world import World


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


async def test_time_passes_at_the_press_of_a_button(page: Page) -> None:
    async with World() as world:
        await page.goto(f"{world.url}/world")

        await page.get_by_role("button", name="Let 53 days pass").click()

        await expect(page.get_by_role("status")).to_contain_text("53 days went by")
        await expect(page.get_by_text("53 days later")).to_be_visible()
        assert world.platforms["linkedin"].clock.offset_s == 53 * 86_400
