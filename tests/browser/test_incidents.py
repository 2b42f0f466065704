"""What goes wrong, in Chromium: broken on the World page, read and mended in Slack, by clicking alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from sandbox.browser import Consent
from sandbox.member import Member
from sandbox.slack.world import ACME, ADA, OTTO
from sandbox.start import Playground, playground
from tests.application import PATIENT
from tests.browser.newcomer import SOCIAL, WHOLE_TRIP_MS, Newcomer
from tests.counts import in_full


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(tmp_path: Path) -> AsyncIterator[Playground]:
    """Give a sandbox in which Ada has connected Reddit, LinkedIn and YouTube, and Otto is an admin."""
    async with playground(data=tmp_path, extra=PATIENT) as found:
        found.world.slack.settings["message_interval_s"] = 0
        async with Member(found.world, ADA, ACME, SOCIAL) as ada:
            await ada.install()
            await ada.next_message(0)
            await ada.connect("reddit", Consent(person="octa_demo"))
            await ada.connect("linkedin", Consent(person="ana-ruiz"), app="linkedin")
            await ada.connect("youtube", Consent(person="110000000000000000001"))
            await ada.command(f"org invite <@{OTTO}|otto> admin")
        async with Member(found.world, OTTO, ACME, SOCIAL) as otto:
            await otto.accept()
        yield found
        assert found.world.slack.state.complaints == []


async def choose_channel(ada: Newcomer) -> None:
    """Bring the app into the channel and choose it for alerts, without a digest."""
    await ada.go()
    await ada.write("/invite @Octapost")
    await expect(ada.last).to_contain_text("added @Octapost to this channel.")
    await (await ada.say("alerts")).get_by_role("button", name="Change…").click()
    for field, choice in (("Channel", "social-media"), ("Digest", "Never")):
        await ada.modal.get_by_role("combobox", name=field).click()
        await ada.page.get_by_role("option", name=choice).click()
    await ada.modal.get_by_role("button", name="Save").click()
    await expect(ada.modal).to_contain_text("Saved.")
    await ada.modal.get_by_role("button", name="Close").click()


async def press(page: Page, sandbox: Playground, *names: str) -> None:
    """Press buttons of the World page, each after the page has come back from the one before."""
    await page.goto(f"{sandbox.world.url}/world")
    for name in names:
        await page.get_by_role("button", name=name).click()
        await expect(page.get_by_role("status")).to_be_in_viewport()


def cards(page: Page, words: str) -> Locator:
    return page.get_by_role("log").get_by_role("article").filter(has_text=words)


@in_full
async def test_what_breaks_in_the_world_is_mended_in_slack(page: Page, sandbox: Playground) -> None:
    await choose_channel(Newcomer(page, sandbox.world.url))
    otto = Newcomer(page, sandbox.world.url, person=OTTO)

    # A permission ends: a card, which a colleague claims and settles.
    await press(
        page, sandbox, "Revoke the grant of octa_demo at Reddit", "Let Octapost find out about Reddit"
    )
    await otto.go()
    await expect(cards(page, "reconnecting. Until then")).to_be_visible()
    await page.get_by_role("button", name="Claim").click()
    await expect(cards(page, "@Otto Ordinary is on it.").first).to_be_visible()
    await page.get_by_role("button", name="Reconnect").click()
    await expect(otto.last).to_contain_text("Reconnect octa_demo on Reddit")
    tab = await otto.follow(otto.last.get_by_role("link", name="Continue to Reddit"))
    await otto.to_the_consent(tab)
    await otto.consent(tab, "octa_demo")
    await expect(tab).to_have_title(re.compile("Renewed"), timeout=WHOLE_TRIP_MS)
    await tab.close()
    await expect(cards(page, "octa_demo can publish for Acme again")).to_contain_text("by @Otto Ordinary")
    await expect(cards(page, "reconnecting. Until then")).to_have_count(0)

    # LinkedIn's sign-in comes to its last week: another card.
    await press(page, sandbox, "Go to day 53 of LinkedIn's sign-in")
    await otto.go()
    await expect(cards(page, "for Acme within 7 days.")).to_be_visible()
    said = await page.get_by_role("log").get_by_role("article").all_inner_texts()

    # An outage comes and goes: nothing.
    asked = len(sandbox.world.platforms["youtube"].calls("/token"))
    await press(
        page,
        sandbox,
        "Start an outage of YouTube",
        "Let 6 hours pass",
        "End the outage of YouTube",
        "Let 20 minutes pass",
    )
    answers = [call.status for call in sandbox.world.platforms["youtube"].calls("/token")[asked:]]
    await otto.go()
    await expect(cards(page, "for Acme within 7 days.")).to_be_visible()
    assert await page.get_by_role("log").get_by_role("article").all_inner_texts() == said
    assert (503 in answers, answers[-1]) == (True, 200)
