"""A new platform is an adapter, a simulator and a line in each registry: nothing else in the product changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from sqlmodel import select

from adapters.registry import Registry
from bot import app
from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.world import ADA
from sandbox.world import World
from storage.models import Grant, GrantStatus
from tests.ageing import age
from tests.application import EITHER, Office, open_office
from tests.counts import in_full
from tests.databases import postgres
from tests.toy.adapter import Toy
from tests.toy.simulator import ToySimulator

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message

__all__ = ["postgres"]

DAY = timedelta(days=1)
SECOND_LOOK = timedelta(minutes=20)
TESS = Consent(person="tess")


@pytest_asyncio.fixture(params=EITHER)
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product on either database, with Toy as its only platform."""
    toy: dict[str, Any] = {
        "world": World(simulators=[ToySimulator]),
        "settings_from": partial(app.settings_from, registry=Registry(Toy)),
    }
    async with AsyncExitStack() as stack:
        if request.param == "sqlite":
            yield await open_office(tmp_path, stack, **toy)
            return
        server = request.getfixturevalue("postgres")
        stack.push_async_callback(server.empty)
        found = await open_office(tmp_path, stack, {"OCTAPOST_DATABASE_URL": server.url(server.name)}, **toy)
        found.world.age_app = partial(age, found.database)
        yield found


async def grant_of(office: Office) -> Grant:
    async with office.database.system(write=False) as session:
        return (await session.exec(select(Grant))).one()


async def left(office: Office) -> timedelta:
    """Return how long the stored token still lives."""
    ends = (await grant_of(office)).access_expires_at
    assert ends is not None
    return ends - datetime.now(UTC)


async def pass_days(office: Office, days: int) -> None:
    for _ in range(days):
        await office.world.pass_time(DAY)


def exchanges(office: Office) -> int:
    toy = office.world.platforms["toy"]
    return sum("grant_type=exchange_token" in call.body for call in toy.calls("^/token$"))


async def card(person: Member, words: str) -> Message:
    """Return the direct message with these words, as soon as it is there."""
    return await person.slack.until(
        lambda: next((m for m in person.direct_messages() if words in text_of(m)), None)
    )


async def test_a_toy_account_is_connected_and_refreshed(office: Office) -> None:
    ada = await office.installed(ADA)

    said = await ada.connect("toy", TESS)
    await pass_days(office, 4)  # a refresh is due after 0.9 to 1.1 days, so at the latest every second day

    assert "Tess Toy" in said
    assert exchanges(office) >= 2
    assert await left(office) > timedelta(days=58)
    assert "🟢 connected · Toy: Tess Toy" in text_of(await ada.command("status"))


@in_full
async def test_a_token_that_is_extended_no_more_is_warned_about_and_ends(office: Office) -> None:
    ada = await office.installed(ADA)
    await ada.connect("toy", TESS)
    office.world.platforms["toy"].settings["extends"] = False

    await office.world.pass_time(45 * DAY)
    await pass_days(office, 2)
    warning = await card(ada, "for Acme within")
    refreshed = exchanges(office)
    await pass_days(office, 13)
    over = await card(ada, "reconnecting. Until then")

    assert refreshed >= 1
    assert over.ts == warning.ts
    assert (await grant_of(office)).status == GrantStatus.NEEDS_RECONNECT
    assert "incident.reconnect" in str(over.blocks)


@in_full
async def test_a_grant_that_toy_ends_is_reconnected(office: Office) -> None:
    ada = await office.installed(ADA)
    await ada.connect("toy", TESS)
    toy = office.world.platforms["toy"]

    await toy.controls()["revoke"]({"person": "tess"})
    await pass_days(office, 2)
    await office.world.pass_time(SECOND_LOOK)
    over = await card(ada, "reconnecting. Until then")
    seen = len(ada.direct_messages())
    await ada.press(over, "incident.reconnect")
    [link] = await office.slack.until(
        lambda: [each for m in ada.direct_messages()[seen:] for each in links_in(m)]
    )
    page = await ada.travel(link, TESS)

    assert (page.status, page.origin) == (200, office.world.app_url)
    assert (await card(ada, "can publish for Acme again")).ts == over.ts
    assert (await grant_of(office)).status == GrantStatus.HEALTHY
