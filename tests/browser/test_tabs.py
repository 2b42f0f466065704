"""Many tabs with the sandbox's Slack in one browser, which opens six connections to a server at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Page, Request, expect

from sandbox.slack.world import ACME, ADA, OTTO
from tests.browser.showcase import Showcase, showcase
from tests.counts import in_full
from tests.patience import PATIENCE_S

TABS = 8


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[Showcase]:
    async with showcase() as found:
        yield found


async def open_tabs(page: Page, app: Showcase) -> list[Page]:
    """Return eight tabs, of Ada and of Otto in turn."""
    tabs = [page, *[await page.context.new_page() for _ in range(TABS - 1)]]
    for at, tab in enumerate(tabs):
        await tab.goto(f"{app.slack.url}/client/{ACME}/{(ADA, OTTO)[at % 2]}/C0ACMEGEN")
    return tabs


@in_full
async def test_the_eighth_tab_does_not_wait_for_the_others(page: Page, app: Showcase) -> None:
    open_requests: set[Request] = set()

    def ended(request: Request) -> None:
        open_requests.discard(request)

    page.context.on("request", lambda request: open_requests.update({request}))
    page.context.on("requestfinished", ended)
    page.context.on("requestfailed", ended)
    tabs = await open_tabs(page, app)

    composer = tabs[-1].get_by_role("combobox", name="Message #general")
    await composer.fill("/octapost hello")
    await composer.press("Enter")
    await expect(tabs[-1].get_by_text("You said: hello")).to_be_visible()
    app.slack.state.post("C0ACMEGEN", OTTO, "For everybody")

    for tab in tabs:
        await expect(tab.get_by_text("For everybody")).to_be_visible()
    async with asyncio.timeout(PATIENCE_S):
        while len(open_requests) > 1:
            await page.wait_for_timeout(10)
    assert [request.frame.page for request in open_requests] == [tabs[0]]


@in_full
async def test_another_tab_takes_over_from_the_one_that_is_closed(page: Page, app: Showcase) -> None:
    first, *others = await open_tabs(page, app)

    await first.goto("about:blank")
    app.slack.state.post("C0ACMEGEN", OTTO, "Still here")

    for tab in others:
        await expect(tab.get_by_text("Still here")).to_be_visible()


@in_full
async def test_tabs_show_the_slack_that_was_started_again(page: Page, app: Showcase) -> None:
    tabs = await open_tabs(page, app)
    app.slack.state.version = 0
    app.slack.state.post("C0ACMEGEN", OTTO, "A new beginning")

    for tab in tabs:
        await expect(tab.get_by_text("A new beginning")).to_be_visible()
