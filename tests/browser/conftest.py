"""Chromium for tests: one browser for all, a fresh context for each, and nothing reachable but this machine.

All tests below this folder share one event loop, because the browser does.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

CHROMIUM = Path(os.environ.get("OCTAPOST_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
HERE = Path(__file__).parent
MISSING = "" if CHROMIUM.exists() else f"no Chromium at {CHROMIUM}; install it, or set OCTAPOST_CHROMIUM"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    together = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(together, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Yield a running Chromium; `OCTAPOST_CHROMIUM` says where it is."""
    if MISSING:
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """Yield a page of 1280 x 800. Fails a test whose page broke a script or its own security policy."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(5000)
    opened = await context.new_page()
    broken: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            broken.append(message.text)

    context.on("console", note)
    context.on("weberror", lambda error: broken.append(str(error.error)))
    yield opened
    await context.close()
    assert broken == []
