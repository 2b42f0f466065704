"""What Octapost does after the World page's buttons: renames, a Page role, a permission that ends at LinkedIn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.browser import Consent
from sandbox.member import Member, text_of
from sandbox.slack.world import ACME, ADA
from sandbox.start import Playground, playground
from tests.counts import in_full

SOCIAL = "C0ACMESOC"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Playground]:
    async with playground(data=tmp_path) as found:
        yield found


@pytest.fixture
async def ada(sandbox: Playground) -> AsyncIterator[Member]:
    async with Member(sandbox.world, ADA, ACME, SOCIAL) as member:
        await member.install()
        await member.next_message(0)
        await sandbox.world.slack.invite(SOCIAL)
        yield member


async def press(sandbox: Playground, *buttons: tuple[str, str]) -> str:
    """Press buttons of the World page, and return the page after the last one."""
    page = ""
    async with aiohttp.ClientSession() as http:
        for button, what in buttons:
            async with http.post(f"{sandbox.world.url}/world/{button}", data={"what": what}) as answer:
                page = await answer.text()
    return page


@in_full
async def test_a_new_name_is_shown_after_the_daily_look(ada: Member, sandbox: Playground) -> None:
    await ada.connect("x")

    said = await press(sandbox, ("x/measure", "Rename/4711"))
    assert "Octa Demo is called Octa Demo New now, @octademo_new. X tells nobody" in said
    await press(sandbox, ("x/notice", ""))

    assert "Octa Demo New" in text_of(await ada.command("accounts x"))


@in_full
async def test_a_page_role_that_is_taken_away_and_given_back_is_noticed(
    ada: Member, sandbox: Playground
) -> None:
    await ada.connect("linkedin", Consent(person="ana-ruiz"), app="linkedin_page", choose=2)

    said = await press(
        sandbox, ("linkedin/measure", "Take away a Page role/ana-ruiz"), ("linkedin/notice", "")
    )
    assert "Octapost looked at LinkedIn" in said
    lost = text_of(await ada.command("accounts linkedin"))
    await press(sandbox, ("linkedin/measure", "Give it back/ana-ruiz"), ("linkedin/notice", ""))
    healed = text_of(await ada.command("accounts linkedin"))

    assert lost.count("· needs reconnecting") == 1
    assert (healed.count("🔴"), healed.count("· connected")) == (0, 2)


@in_full
async def test_a_permission_that_ends_at_linkedin_is_noticed(ada: Member, sandbox: Playground) -> None:
    await ada.connect("linkedin", Consent(person="ana-ruiz"), app="linkedin")

    await press(sandbox, ("linkedin/revoke", "ana-ruiz"), ("linkedin/notice", ""))

    assert "🔴 needs reconnecting · LinkedIn: Ana Ruiz" in text_of(await ada.command("status"))
