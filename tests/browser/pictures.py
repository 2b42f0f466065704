"""The pictures in docs/images, taken anew: `uv run python -m tests.browser.pictures`.

A newcomer goes through the real product in Chromium, at 1280 x 800, and every screen that the
documentation shows is kept on the way.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import Locator, Page, async_playwright, expect

from sandbox.member import Member, text_of
from sandbox.platforms.linkedin.sign_in import WARNING_DAY
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.slack.world import ACME, ADA, OTTO
from sandbox.start import Playground, playground
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.engine.statements import now
from storage.memberships import Members
from storage.models import Role
from storage.refreshes import Refreshes
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.newcomer import SOCIAL, WHOLE_TRIP_MS, Newcomer
from tests.posts import schedule
from tests.rows import seats

ALERTS = "C0ACMERAN"
"""A channel in which nothing else is said."""
IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"
TOGETHER = (
    ("tiktok", "Octa Demo", "", ""),
    ("x", "Octa Demo", "", ""),
    ("reddit", "octa_demo", "", ""),
    ("youtube", "Octa Channel", "", ""),
    ("linkedin", "Ana Ruiz", "your LinkedIn profile", ""),
)


async def shoot(page: Page, name: str, only: Locator | None = None) -> None:
    """Keep what the page shows, or a part of it, as docs/images/<name>.png."""
    await page.wait_for_timeout(300)  # fonts and the last live update
    await (only or page).screenshot(path=IMAGES / f"{name}.png")


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
            await ada.add_the_app()
            await ada.go()
            tab = await ada.ticket("tiktok")
            await shoot(page, "client")
            await shoot(tab, "ticket")
            await tab.close()
            for platform, who, kind, choose in TOGETHER:
                done = await ada.connect(platform, who, kind=kind, choose=choose)
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
            await page.goto(f"{sandbox.world.url}/world#linkedin")
            await shoot(page, "world")
            await ada.go("home")
            await expect(page.get_by_text("renews itself").first).to_be_visible()
            await shoot(page, "home")
            await ada.go()
            await shoot(page, "accounts", await ada.say("accounts x"))
            await take_post(page, ada, sandbox)
            await take_incident(page, ada, sandbox)
            await browser.close()


async def take_post(page: Page, ada: Newcomer, sandbox: Playground) -> None:
    """Take the pictures of the form for a post, and of what became of it."""
    await sandbox.world.slack.invite(SOCIAL)
    modal = await ada.modal_by("post Fresh mugs today, blue and white. Come by until six!")
    for platform, said in (("Facebook", "Facebook: "), ("X", "X: ")):
        await modal.get_by_role("combobox", name="Accounts").click()
        await page.get_by_role("option", name=re.compile(rf"\({platform}\)")).first.click()
        await page.keyboard.press("Escape")
        await expect(modal).to_contain_text(said)  # the form has counted anew
    await shoot(page, "composer")
    await modal.get_by_role("button", name="Next").click()
    await modal.get_by_role("button", name="Publish").click()
    await expect(modal).to_contain_text("on its way")
    await modal.get_by_role("button", name="Close").click()
    post = page.get_by_role("log").get_by_role("article").filter(has_text="Live on 2 accounts")
    await expect(post).to_be_visible(timeout=WHOLE_TRIP_MS)
    await shoot(page, "post", post)


async def take_incident(page: Page, ada: Newcomer, sandbox: Playground) -> None:
    """Take the pictures of sign-ins that need a person, in a channel of their own, and of the form and the digest."""
    parts = sandbox.app.parts
    await sandbox.world.slack.invite(ALERTS)
    async with parts.database.system() as session:
        [(member, organization)] = await seats(session, ACME, ADA, ACME)
        await Members(session).add(organization.id, realm=ACME, user_id=OTTO, team_id=ACME, role=Role.ADMIN)
        night = {"quiet_from": "22:00", "quiet_to": "07:00", "timezone": quiet_elsewhere()}
        await Alerts(session).save(organization.id, slack_id=ACME, channel_id=ALERTS, **night)
        [(account, grant)] = await Accounts(session, parts.vault).all(organization.id, "x")
        assert grant is not None
        await schedule(session, organization.id, account.id, *(timedelta(hours=hours) for hours in (3, 6, 9)))
        assert await Refreshes(session).dead(grant, "invalid_grant")
        await parts.incidents.grant_died(session, grant, "invalid_grant")
    await ada.go(ALERTS)
    log = ada.page.get_by_role("log").get_by_role("article")
    card = log.filter(has_text="X: Octa Demo").first
    await expect(card).to_contain_text("reconnecting. Until then")
    await shoot(page, "card", card)
    otto = Member(sandbox.world, OTTO, ACME, ALERTS)
    [message] = [m for m in sandbox.world.slack.state.messages(ALERTS) if "X: Octa Demo" in text_of(m)]
    await otto.press(message, "incident.claim")
    await expect(card).to_contain_text("is on it")
    await shoot(page, "card-claimed", card)
    await otto.browser.close()
    async with parts.database.system() as session:
        await Alerts(session).save(member.organization_id, digest_sent_at=now(-timedelta(days=8)))
    await parts.watch.run()
    digest = log.filter(has_text="Sent every week")
    await expect(digest).to_be_visible()
    await shoot(page, "digest", digest)
    await card.get_by_role("button", name="Reconnect").click()
    await expect(ada.last).to_contain_text("Only you can use this link")
    tab = await ada.follow(ada.last.get_by_role("link", name=re.compile("^Continue to")))
    await ada.to_the_consent(tab)
    await ada.consent(tab, "Octa Demo")
    await expect(tab).to_have_title(re.compile("· Octapost$"), timeout=WHOLE_TRIP_MS)
    await tab.close()
    await expect(card).to_contain_text("Reconnected by")
    await shoot(page, "card-resolved", card)
    await sandbox.world.come_to_day(linkedin_of(sandbox), WARNING_DAY)
    reminder = log.filter(has_text="7 days")
    await expect(reminder.first).to_be_visible(timeout=WHOLE_TRIP_MS)
    await shoot(page, "card-ends", reminder.first)
    await ada.say("alerts")
    answer = log.filter(has=page.get_by_role("button", name="Change…")).last
    await shoot(page, "alerts", answer)
    await answer.get_by_role("button", name="Change…").click()
    await expect(ada.modal).to_be_visible()
    await shoot(page, "alerts-form", ada.modal)


def linkedin_of(sandbox: Playground) -> OAuthSimulator:
    """Return the simulated LinkedIn."""
    return sandbox.world.platforms["linkedin"]


def quiet_elsewhere() -> str:
    """Return a time zone in which it is day, so that quiet hours keep nothing back."""
    zones = ("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo")
    return next(zone for zone in zones if 8 <= datetime.now(ZoneInfo(zone)).hour < 20)


if __name__ == "__main__":
    asyncio.run(take())
