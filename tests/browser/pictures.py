"""The pictures in docs/images, taken anew: `uv run python -m tests.browser.pictures`.

A newcomer goes through the real product in Chromium, at 1280 x 800, and every screen that the
documentation shows is kept on the way.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from sandbox.slack.world import ACME, ADA
from sandbox.start import Playground, playground
from storage.db import now
from storage.grants import Accounts
from storage.incidents import Alerts
from storage.refreshes import Refreshes
from storage.tenants import Members
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.newcomer import SOCIAL, WHOLE_TRIP_MS, Newcomer

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
            await take_incident(page, ada, sandbox)
            await browser.close()


async def take_incident(page: Page, ada: Newcomer, sandbox: Playground) -> None:
    """Take the pictures of a sign-in that ends, is claimed and renewed, and of the alerts' form and digest."""
    parts = sandbox.app.parts
    await sandbox.world.slack.invite(SOCIAL)
    async with parts.database.system() as session:
        [(member, organization)] = await Members(session).of_person(ACME, ADA, ACME)
        night = {"quiet_from": "03:00", "quiet_to": "03:30", "timezone": "Europe/Berlin"}
        await Alerts(session).save(organization.id, slack_id=ACME, channel_id=SOCIAL, **night)
        found = await Accounts(session, parts.vault).all(organization.id, "x")
        grant = found[0][1]
        assert grant is not None
        assert await Refreshes(session, parts.vault).dead(grant, "invalid_grant")
        await parts.incidents.grant_died(session, grant, "invalid_grant")
    await ada.go()
    card = ada.page.get_by_role("log").get_by_role("article").filter(has_text="until somebody reconnects")
    await expect(card).to_be_visible()
    await shoot(page, "card")
    await card.get_by_role("button", name="Claim").click()
    await expect(card).to_contain_text("is on it")
    await shoot(page, "card-claimed")
    await card.get_by_role("button", name="Reconnect").click()
    await expect(ada.last).to_contain_text("Only you can use this link")
    tab = await ada.follow(ada.last.get_by_role("link", name=re.compile("^Continue to")))
    await ada.to_the_consent(tab)
    await ada.consent(tab, "Octa Demo")
    await expect(tab).to_have_title(re.compile("· Octapost$"), timeout=WHOLE_TRIP_MS)
    await tab.close()
    await expect(page.get_by_text("can publish for Acme again").first).to_be_visible()
    await shoot(page, "card-resolved")
    async with parts.database.system() as session:
        await Alerts(session).save(member.organization_id, told_at=now(-timedelta(days=8)))
    await parts.watch.run()
    await expect(page.get_by_text("all is well with Acme").first).to_be_visible()
    await shoot(page, "digest")
    answer = await ada.say("alerts")
    await shoot(page, "alerts")
    await answer.get_by_role("button", name="Change…").click()
    await expect(ada.modal).to_be_visible()
    await shoot(page, "alerts-form")


if __name__ == "__main__":
    asyncio.run(take())
