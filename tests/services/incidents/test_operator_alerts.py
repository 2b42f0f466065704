"""The operator is called once for each trouble, however many processes meet it, and again when it comes back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select, update

from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.operator_alerts import OVER_AFTER, OperatorPager
from bot.settings import ConfigurationError
from bot.slack.sender import Renderer
from storage.engine.statements import now
from storage.models import Notice, OperatorAlert
from tests.application import settings
from tests.databases import another
from tests.outbox import rendered
from tests.storage.world import run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database

CHANNEL = "T0OPS/C0OPS"


def operator(database: Database, channel: str = CHANNEL) -> OperatorPager:
    return OperatorPager(database, channel)


async def tell(one: OperatorPager, platform: str, code: str) -> None:
    async with one._database.system() as session:
        await one.page(session, platform, code)


async def said(database: Database) -> list[str]:
    renderer = Renderer(database, PlatformCatalog(settings().platforms()).platform, {})
    async with database.system(write=False) as session:
        rows = list(await session.exec(select(Notice).order_by(col(Notice.created_at))))
    assert {(row.slack_id, row.channel) for row in rows} <= {("T0OPS", "C0OPS")}
    return [str(await rendered(renderer, row)) for row in rows]


async def met_before(database: Database, span: timedelta) -> None:
    async with database.system() as session:
        await session.exec(
            update(OperatorAlert).values(last_seen_at=now(-span)).where(col(OperatorAlert.platform) == "x"),
            execution_options={"synchronize_session": False},
        )


async def test_every_trouble_is_said_once_however_many_processes_meet_it_at_once(database: Database) -> None:
    elsewhere = another(database)
    operators = [operator(database), operator(elsewhere)]

    await asyncio.gather(*(tell(one, "tiktok", "invalid_client") for one in operators * 25))
    for code in ("breaker_open", "outage"):
        await asyncio.gather(*(tell(one, "x", code) for one in operators))

    messages = await said(database)
    await elsewhere.close()
    assert len(messages) == 3
    assert "TikTok refuses our app" in messages[0]
    assert "invalid_client" in messages[0]
    assert "X suddenly says that many sign-ins have ended" in messages[1]
    assert "X isn't answering many of my calls" in messages[2]


async def test_a_trouble_that_lasts_is_said_once_and_one_that_comes_back_again(database: Database) -> None:
    one = operator(database)
    for _ in range(20):
        await tell(one, "x", "outage")
        await met_before(database, OVER_AFTER * 0.9)
    while_it_lasts = len(await said(database))

    await met_before(database, OVER_AFTER * 1.1)
    await tell(one, "x", "outage")

    assert while_it_lasts == 1
    assert len(await said(database)) == 2


async def test_without_a_channel_nothing_is_said(database: Database) -> None:
    one = operator(database, "")

    await tell(one, "x", "invalid_client")

    assert await said(database) == []


async def test_what_could_not_be_put_down_is_said_the_next_time(sqlite_database: Database) -> None:
    one = operator(sqlite_database)
    await run_sql(sqlite_database, "ALTER TABLE notice RENAME TO gone")
    with pytest.raises(DBAPIError):
        await tell(one, "x", "invalid_client")
    await run_sql(sqlite_database, "ALTER TABLE gone RENAME TO notice")

    await tell(one, "x", "invalid_client")

    assert len(await said(sqlite_database)) == 1


@pytest.mark.parametrize("channel", ["#ops", "C0OPS", "T0OPS/ops", "https://hooks.slack.com/services/T/B/x"])
def test_a_channel_is_named_by_two_ids(channel: str) -> None:
    with pytest.raises(ConfigurationError, match="OCTAPOST_OPERATOR_CHANNEL"):
        settings(OPERATOR_CHANNEL=channel)
