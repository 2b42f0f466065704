"""The pictures in docs/images, taken anew: `uv run python -m tests.browser.pictures`.

A newcomer goes through the real product in Chromium, at 1280 x 800, and every screen that the
documentation shows is kept on the way.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from sandbox.start import playground
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.newcomer import Newcomer

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"
TOGETHER = (
    ("tiktok", "Octa Demo", "", ""),
    ("x", "Octa Demo", "", ""),
    ("reddit", "octa_demo", "", ""),
    ("youtube", "Octa Channel", "", ""),
    ("linkedin", "Ana Ruiz", "your LinkedIn profile", ""),
)


async def shoot(page: Page, name: str) -> None:
    """Keep what the page shows as docs/images/<name>.png."""
    await page.wait_for_timeout(300)  # fonts and the last live update
    await page.screenshot(path=IMAGES / f"{name}.png")


async def take() -> None:
    """Take every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        async with async_playwright() as playwright, playground(data=Path(data)) as sandbox:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            context = await browser.new_context(
                viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
            )
            page = await context.new_page()
            ada = Newcomer(page, sandbox.world.url)
            await page.goto(sandbox.world.url)
            await shoot(page, "welcome")
            await ada.add_the_app()
            await ada.go()
            tab = await ada.ticket("tiktok")
            await shoot(page, "client")
            await shoot(tab, "ticket")
            await tab.close()
            for platform, who, kind, choose in TOGETHER:
                done = await ada.connect(platform, who, kind=kind, choose=choose)
                if platform == "tiktok":
                    await shoot(done, "done")
                await done.close()
            await (await ada.connect("facebook", "Ana Ruiz")).close()
            await ada.go("messages")
            await ada.last.get_by_role("button", name="Choose accounts").click()
            await expect(ada.modal).to_be_visible()
            await ada.modal.get_by_role("combobox").click()
            await expect(page.get_by_role("option").first).to_be_visible()
            await shoot(page, "picker")
            for option in ("Blue Door Bakery", "Ana Ruiz Studio"):
                await page.get_by_role("option", name=option).click()
            await page.keyboard.press("Escape")
            await ada.modal.get_by_role("button", name="Connect").click()
            await expect(ada.modal).to_contain_text("Connected to")
            await ada.modal.get_by_role("button", name="Close").click()
            await page.goto(f"{sandbox.world.url}/world")
            await shoot(page, "world")
            await ada.go("home")
            await expect(page.get_by_text("Renews itself").first).to_be_visible()
            await shoot(page, "home")
            await ada.go()
            await ada.say("accounts x")
            await shoot(page, "accounts")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(take())
