"""Which organization a channel is about, and requests that it be about another one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from storage.channels import REQUESTS_A_DAY, Channels, NewChannelRequest, TooManyRequests
from storage.founding import FOUNDED_A_DAY, TooManyFounded, found
from storage.models import ChannelRequest
from storage.organizations import Organizations
from storage.workspaces import Workspaces
from tests.databases import another
from tests.storage.world import expire

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Organization

ADA = {"realm": "T1", "user_id": "UADA"}


async def founded(database: Database, *names: str) -> list[Organization]:
    """Return organizations of workspace T1, the first of them its default."""
    made = []
    for number, name in enumerate(names):
        async with database.system() as session:
            await Workspaces(session).ensure("T1", None, "Acme")
            made.append(await found(session, name, realm="T1", user_id=f"U{number}", team_id="T1"))
    return made


async def ask(
    database: Database, organization: str, wanted: str, channel: str = "C1"
) -> ChannelRequest | None:
    async with database.system() as session:
        return await Channels(session).request(
            organization,
            NewChannelRequest(
                team_id="T1", channel_id=channel, wanted_id=wanted, requested_by="mem_x", **ADA
            ),
        )


async def test_the_first_organization_of_a_workspace_is_its_default_and_no_later_one(
    database: Database,
) -> None:
    acme, cafe = await founded(database, "Acme", "Cafe")

    async with database.system() as session:
        channels = Channels(session)
        present = [await channels.present("T1", channel) for channel in ("C1", "C2")]
        await Workspaces(session).set_channel_default("T1", "C1", cafe.id)
        moved = [await channels.present("T1", channel) for channel in ("C1", "C2")]
        await Organizations(session).delete(cafe.id)
        back = await channels.present("T1", "C1")
        nowhere = await channels.present("T9", "C1")

    assert [each and each.id for each in present] == [acme.id, acme.id]
    assert [each and each.id for each in moved] == [cafe.id, acme.id]
    assert (back and back.id, nowhere) == (acme.id, None)


async def test_a_request_is_made_once_and_again_after_it_expired_or_was_approved(database: Database) -> None:
    acme, cafe = await founded(database, "Acme", "Cafe")
    first = await ask(database, acme.id, cafe.id)
    assert first is not None
    assert await ask(database, acme.id, cafe.id) is None

    async with database.system() as session:
        assert await Channels(session).approve(cafe.id, first.id) is None
        assert await Channels(session).approve(acme.id, first.id) is not None
        assert await Channels(session).approve(acme.id, first.id) is None
    second = await ask(database, acme.id, cafe.id)
    assert second is not None
    async with database.system() as session:
        assert await Channels(session).decline(acme.id, second.id) is not None
        assert await Channels(session).approve(acme.id, second.id) is None
    assert await ask(database, acme.id, cafe.id) is None
    await expire(database, ChannelRequest)

    assert await ask(database, acme.id, cafe.id) is not None
    await expire(database, ChannelRequest)
    async with database.system() as session:
        assert await Channels(session).sweep() == 1


async def test_what_another_organization_was_asked_before_is_no_repetition(database: Database) -> None:
    acme, bakery, cafe = await founded(database, "Acme", "Bakery", "Cafe")
    first = await ask(database, acme.id, cafe.id)
    assert first is not None

    second = await ask(database, bakery.id, cafe.id)

    assert second is not None
    async with database.system() as session:
        assert await Channels(session).approve(acme.id, first.id) is None


async def test_a_person_asks_for_so_many_channels_a_day_and_no_more(database: Database) -> None:
    acme, cafe = await founded(database, "Acme", "Cafe")
    for number in range(REQUESTS_A_DAY):
        assert await ask(database, acme.id, cafe.id, f"C{number}") is not None

    with pytest.raises(TooManyRequests):
        await ask(database, acme.id, cafe.id, "C9")


async def test_a_person_of_a_grid_asks_for_no_more_in_many_workspaces_at_once(
    postgres_database: Database,
) -> None:
    """SQLite has one writer, so nothing is ever at once there."""
    acme, cafe = await founded(postgres_database, "Acme", "Cafe")
    databases, all_there = (postgres_database, another(postgres_database)), asyncio.Barrier(16)

    async def one(number: int) -> Any:
        async with databases[number % 2].system() as session:
            channels = Channels(session)
            await channels.present(f"T{number}", "C1")
            await all_there.wait()
            return await channels.request(
                acme.id,
                NewChannelRequest(
                    team_id=f"T{number}",
                    channel_id="C1",
                    wanted_id=cafe.id,
                    requested_by="mem_x",
                    realm="E1",
                    user_id="UIRIS",
                ),
            )

    outcomes = await asyncio.gather(*map(one, range(16)), return_exceptions=True)

    await databases[1].close()
    assert [type(each) for each in outcomes].count(TooManyRequests) == 16 - REQUESTS_A_DAY


async def test_a_request_repeated_while_it_is_approved_waits_for_that(database: Database) -> None:
    acme, cafe = await founded(database, "Acme", "Cafe")
    waiting = await ask(database, acme.id, cafe.id)
    assert waiting is not None
    elsewhere, taken = another(database), asyncio.Event()

    async def approve() -> Any:
        async with database.system() as session:
            approved = await Channels(session).approve(acme.id, waiting.id)
            taken.set()
            await asyncio.sleep(0.3)  # long enough for the other one to get in the way
            await Channels(session).present("T1", "C1")
            return approved

    async def repeat() -> Any:
        await taken.wait()
        async with elsewhere.system() as session:
            channels = Channels(session)
            await channels.present("T1", "C1")
            return await channels.request(
                acme.id,
                NewChannelRequest(
                    team_id="T1", channel_id="C1", wanted_id=cafe.id, requested_by="mem_x", **ADA
                ),
            )

    outcomes = await asyncio.gather(approve(), repeat(), return_exceptions=True)

    await elsewhere.close()
    assert [type(each) for each in outcomes] == [ChannelRequest, ChannelRequest]


async def test_a_person_founds_so_many_organizations_a_day_and_no_more_also_at_once(
    database: Database,
) -> None:
    databases = (database, another(database))

    async def one(number: int) -> Any:
        async with databases[number % 2].system() as session:
            team = f"T{number}"  # of one Grid, so that no workspace's lock is in the way
            await Workspaces(session).ensure(team, "E1", "Initech")
            return await found(session, f"Cafe {number}", realm="E1", user_id="UIRIS", team_id=team)

    outcomes = await asyncio.gather(*map(one, range(12)), return_exceptions=True)

    await databases[1].close()
    refused = [each for each in outcomes if isinstance(each, TooManyFounded)]
    assert len(refused) == 12 - FOUNDED_A_DAY
