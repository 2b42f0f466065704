"""Settings are as they were chosen last."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storage.alert_settings import Alerts
from storage.organizations import Organizations
from tests.storage.world import build

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


async def test_what_was_never_chosen_is_as_for_everybody(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system() as session:
        other = (await Organizations(session).create("Other")).id

        found = await Alerts(session).get(other)

    assert (found.channel_id, found.reminder_days, found.digest) == ("", [14, 7, 3, 1], "weekly")
    assert (found.quiet_from, found.timezone) == ("", "UTC")
    assert found.organization_id != world.organization_id


async def test_a_change_keeps_what_it_does_not_name(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")

    async with database.system() as session:
        await Alerts(session).save(world.organization_id, reminder_days=[3], digest="off")
        kept = await Alerts(session).save(world.organization_id, digest="daily")

    assert (kept.channel_id, kept.reminder_days, kept.digest) == (world.channel_id, [3], "daily")


async def test_trouble_is_dated_once_and_ends_with_the_first_message_that_arrives(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")

    async with database.system() as session:
        alerts = Alerts(session)
        await alerts.set_channel_error(world.organization_id, "C_elsewhere", "is_archived")
        elsewhere = (await alerts.get(world.organization_id)).channel_error
        await alerts.set_channel_error(world.organization_id, world.channel_id, "not_in_channel")
        since = (await alerts.get(world.organization_id)).channel_error_since
        await alerts.set_channel_error(world.organization_id, world.channel_id, "is_archived")
        found = await alerts.get(world.organization_id)
        during = found.channel_error, found.channel_error_since
        await alerts.set_channel_error(world.organization_id, world.channel_id, "")
        after = await alerts.get(world.organization_id)

    assert elsewhere == ""
    assert during == ("is_archived", since)
    assert (after.channel_error, after.channel_error_since) == ("", None)


async def test_of_two_who_say_a_digest_one_does(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system(write=False) as session:
        before = (await Alerts(session).get(world.organization_id)).digest_sent_at

    async def tell() -> bool:
        async with database.system() as session:
            return await Alerts(session).claim_digest(world.organization_id, before)

    assert sorted(await asyncio.gather(tell(), tell(), tell())) == [False, False, True]
