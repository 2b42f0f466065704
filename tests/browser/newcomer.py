"""A newcomer at a browser: adds the app, types commands, follows links, signs in, says yes and picks.

Everything is done with what is on the screen, found by the words a person reads.
"""

from __future__ import annotations

import re
from typing import Self

from playwright.async_api import Locator, Page, expect

from sandbox.slack.world import ACME, ADA

SOCIAL = "C0ACMESOC"
WHOLE_TRIP_MS = 15_000


class Newcomer:
    """A person in one workspace, with Slack in one tab and everything else in the tabs it opens."""

    def __init__(self, page: Page, url: str, *, person: str = ADA, team: str = ACME) -> None:
        self.page = page
        self._client = f"{url}/client/{team}/{person}"

    async def go(self, place: str = SOCIAL) -> Self:
        """Open a channel, or "home", "messages", "about", "welcome"."""
        await self.page.goto(f"{self._client}/{place}")
        return self

    async def add_the_app(self) -> None:
        """Press the button of the welcome screen and allow what the app asks of Slack."""
        await self.go("welcome")
        await self.page.get_by_role("link", name=re.compile("^Add Octapost to")).click()
        await self.page.get_by_role("button", name="Allow").click()

    async def write(self, text: str) -> None:
        """Type something where one is, and send it."""
        composer = self.page.get_by_role("combobox", name=re.compile("^Message "))
        await composer.fill(text)
        await composer.press("Enter")

    async def say(self, text: str) -> Locator:
        """Type `/octapost <text>` where one is; return the newest message, once there is a new one."""
        messages = self.page.get_by_role("log").get_by_role("article")
        before = await messages.count()
        await self.write(f"/octapost {text}".rstrip())
        answer = messages.nth(before)
        await expect(answer).to_be_visible()
        return answer

    async def modal_by(self, text: str) -> Locator:
        """Type `/octapost <text>`, which opens a modal; return the modal."""
        await self.write(f"/octapost {text}")
        await expect(self.modal).to_be_visible()
        return self.modal

    @property
    def modal(self) -> Locator:
        """The modal that is open."""
        return self.page.locator("dialog#modal[open]")

    @property
    def last(self) -> Locator:
        """The newest message."""
        return self.page.get_by_role("log").get_by_role("article").last

    async def follow(self, link: Locator) -> Page:
        """Press a link that opens a tab; return the tab."""
        async with self.page.context.expect_page() as opened:
            await link.click()
        tab = await opened.value
        await tab.wait_for_load_state()
        return tab

    async def ticket(self, platform: str, *, kind: str = "") -> Page:
        """Ask for a link and follow it; `kind` is the button to press where a platform asks which."""
        answer = await self.say(f"connect {platform}")
        if kind:
            await answer.get_by_role("button", name=kind).click()
            answer = self.last
        return await self.follow(answer.get_by_role("link", name=re.compile("^Continue to")))

    async def to_the_consent(self, tab: Page) -> None:
        """Press Continue and, where Slack asks who one is, say so."""
        await tab.get_by_role("button", name="Continue").click()
        await expect(tab).to_have_title(re.compile(r"\(sandbox\)"))
        if "Slack" in await tab.title():
            await tab.get_by_role("button", name="Allow").click()
            await expect(tab.get_by_role("heading", name=re.compile("wants to use your"))).to_be_visible()

    async def consent(self, tab: Page, who: str, *, choose: str = "", allow: bool = True) -> None:
        """Be `who` at the platform, choose an asset where there are several, and say yes or no."""
        await tab.get_by_role("link", name=who).click()
        if choose:
            await tab.get_by_label(choose).check()
        await tab.get_by_role("button", name="Allow" if allow else "Cancel").click()

    async def connect(self, platform: str, who: str, *, kind: str = "", choose: str = "") -> Page:
        """Go the whole way to a platform and back; return the tab with the page at the end."""
        tab = await self.ticket(platform, kind=kind)
        await self.to_the_consent(tab)
        await self.consent(tab, who, choose=choose)
        await expect(tab).to_have_title(re.compile("· Octapost$"), timeout=WHOLE_TRIP_MS)
        return tab
