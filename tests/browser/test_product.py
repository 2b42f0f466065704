"""The product itself in Chromium: a newcomer connects an account on each platform, and disconnects one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page, expect

from sandbox.slack.world import OTTO
from sandbox.start import Playground, playground
from tests.browser.newcomer import Newcomer
from tests.counts import in_full


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(tmp_path: Path) -> AsyncIterator[Playground]:
    async with playground(data=tmp_path) as found:
        yield found
        assert found.world.slack.state.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def ada(page: Page, sandbox: Playground) -> Newcomer:
    newcomer = Newcomer(page, sandbox.world.url)
    await newcomer.add_the_app()
    await expect(page).to_have_title(re.compile("Octapost is in Acme"))
    return await newcomer.go()


SIX = (
    ("tiktok", "Octa Demo", "", ""),
    ("x", "Octa Demo", "", ""),
    ("reddit", "octa_demo", "", ""),
    ("youtube", "Studio Nine", "", "Studio Nine Shorts"),
    ("linkedin", "Ana Ruiz", "your LinkedIn profile", ""),
    ("instagram", "Ana Ruiz", "", ""),
)


@in_full
async def test_an_account_is_connected_by_following_what_the_screen_says(ada: Newcomer, page: Page) -> None:
    for platform, who, kind, choose in SIX:
        done = await ada.connect(platform, who, kind=kind, choose=choose)
        await expect(done.get_by_role("heading").first).to_contain_text("Done")
        await done.get_by_role("link", name=re.compile("Slack")).first.click()
        await expect(done.get_by_text("Slack is open in another tab")).to_be_visible()
        await expect(page.get_by_text("Connected to Acme").last).to_be_visible()
        await done.close()
        await ada.go()

    await ada.go("home")
    await expect(page.get_by_text("6 accounts, all connected.")).to_be_visible()


@in_full
async def test_back_to_slack_opens_it_where_no_tab_has_it(ada: Newcomer, page: Page) -> None:
    done = await ada.connect("x", "Octa Demo")
    await page.goto("about:blank")

    await done.get_by_role("link", name=re.compile("Slack")).first.click()

    await expect(done.get_by_text("Connected to Acme").last).to_be_visible()


@in_full
async def test_pages_are_picked_in_slack_and_one_is_disconnected_again(ada: Newcomer, page: Page) -> None:
    await (await ada.connect("facebook", "Ana Ruiz")).close()
    await ada.go("messages")
    await ada.last.get_by_role("button", name="Choose accounts").click()
    await ada.modal.get_by_role("combobox").click()
    # All three are chosen beforehand: she takes one out.
    await page.get_by_role("option", name="Ana Ruiz Studio").click()
    await page.keyboard.press("Escape")
    await ada.modal.get_by_role("button", name="Connect").click()
    await expect(ada.modal).to_contain_text("Connected to Acme: Blue Door Bakery and Harbor Market")
    await ada.modal.get_by_role("button", name="Close").click()

    await ada.go()
    modal = await ada.modal_by("disconnect Harbor Market")
    await modal.get_by_role("button", name="Disconnect").click()
    await expect(modal).to_contain_text("✅ Harbor Market is disconnected.")
    await modal.get_by_role("button", name="Close").click()
    await expect(modal).to_be_hidden()

    accounts = await ada.say("accounts")
    await expect(accounts).to_contain_text("Blue Door Bakery")
    await expect(accounts).not_to_contain_text("Harbor Market")


@in_full
async def test_a_forwarded_link_ends_before_the_platform(
    ada: Newcomer, page: Page, sandbox: Playground
) -> None:
    answer = await ada.say("connect tiktok")
    link = await answer.get_by_role("link", name="Continue to TikTok").get_attribute("href")
    context = await page.context.browser.new_context()  # type: ignore[union-attr]
    other = await context.new_page()

    await other.goto(str(link))
    await other.get_by_role("button", name="Continue").click()
    await other.locator(f"input[name=person][value^='{OTTO}.']").check()
    await other.get_by_role("button", name="Allow").click()

    await expect(other.get_by_role("heading").first).to_contain_text("someone else")
    assert sandbox.world.platforms["tiktok"].requests == []
    await context.close()


@in_full
async def test_a_no_at_the_platform_says_how_to_go_on(ada: Newcomer) -> None:
    tab = await ada.ticket("x")
    await ada.to_the_consent(tab)

    await ada.consent(tab, "Octa Demo", allow=False)

    await expect(tab.get_by_text("Nothing changed.", exact=False).first).to_be_visible()
    await expect(tab.get_by_text("/octapost connect x")).to_be_visible()
