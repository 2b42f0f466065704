"""The operator's channel: one message an hour of each fault, and none where no channel is set."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from bot.incidents import Incidents
from bot.offer import Offer
from bot.operator import Operator
from bot.settings import ConfigurationError
from tests.application import settings
from tests.databases import another
from tests.storage.world import run_sql

if TYPE_CHECKING:
    from storage.db import Database
    from storage.vault import Vault

CHANNEL = "T0OPS/C0OPS"


def operator(database: Database, channel: str = CHANNEL) -> Operator:
    return Operator(Offer(settings().platforms()), database, channel)


async def said(database: Database) -> list[str]:
    rows = await run_sql(database, "SELECT slack_id, channel, body FROM notice ORDER BY key")
    assert {tuple(row[:2]) for row in rows} <= {("T0OPS", "C0OPS")}
    return [str(row[2]) for row in rows]


async def test_every_fault_is_said_once_an_hour_however_many_processes_meet_it(
    database: Database, vault: Vault
) -> None:
    if time.time() % 3600 > 3590:
        await asyncio.sleep(11)  # not across the hour
    offer, elsewhere = Offer(settings().platforms()), another(database)
    operators = [operator(database), operator(elsewhere)]
    for one in operators:
        incidents = Incidents(offer, vault, one)
        for _ in range(50):
            incidents.page_operator("tiktok", "invalid_client")
        incidents.page_operator("x", "breaker_open")

    for one in operators:
        await one.drain(5)

    messages = await said(database)
    await elsewhere.close()
    assert len(messages) == 2
    assert "TikTok refuses our app" in messages[0]
    assert "invalid_client" in messages[0]
    assert "X suddenly calls many sign-ins over" in messages[1]


async def test_without_a_channel_nothing_is_said(database: Database) -> None:
    one = operator(database, "")
    one.tell("x", "invalid_client")

    await one.drain(5)

    assert await said(database) == []


async def test_what_could_not_be_put_down_is_said_the_next_time(sqlite_database: Database) -> None:
    one = operator(sqlite_database)
    await run_sql(sqlite_database, "ALTER TABLE notice RENAME TO gone")
    one.tell("x", "invalid_client")
    await one.drain(5)
    await run_sql(sqlite_database, "ALTER TABLE gone RENAME TO notice")

    one.tell("x", "invalid_client")
    await one.drain(5)

    assert len(await said(sqlite_database)) == 1


@pytest.mark.parametrize("channel", ["#ops", "C0OPS", "T0OPS/ops", "https://hooks.slack.com/services/T/B/x"])
def test_a_channel_is_named_by_two_ids(channel: str) -> None:
    with pytest.raises(ConfigurationError, match="OCTAPOST_OPERATOR_CHANNEL"):
        settings(OPERATOR_CHANNEL=channel)
