"""What the operator was told of is told once, as long as it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, update

from storage.engine.statements import now
from storage.models import OperatorAlert
from storage.operator_alerts import OperatorAlerts

if TYPE_CHECKING:
    from storage.engine.db import Database

OVER_AFTER = timedelta(hours=2)


async def wait(database: Database, span: timedelta) -> None:
    async with database.system() as session:
        earlier = (
            update(OperatorAlert)
            .values(last_seen_at=now(-span))
            .where(col(OperatorAlert.last_seen_at) > now(-span))
        )
        await session.exec(earlier, execution_options={"synchronize_session": False})


async def met(database: Database, code: str = "outage") -> bool:
    async with database.system() as session:
        return await OperatorAlerts(session).raise_once("x", code, OVER_AFTER)


async def goes_on(database: Database, code: str = "outage") -> None:
    async with database.system() as session:
        await OperatorAlerts(session).touch("x", code, OVER_AFTER)


async def test_a_trouble_is_new_once_and_again_when_nobody_has_met_it_for_long(database: Database) -> None:
    told = [await met(database), await met(database)]
    await wait(database, OVER_AFTER + timedelta(minutes=1))

    assert [*told, await met(database)] == [True, False, True]


async def test_what_goes_on_is_no_new_trouble_however_rarely_it_is_met(database: Database) -> None:
    await met(database)
    for _ in range(3):
        await wait(database, timedelta(minutes=90))
        await goes_on(database)

    assert not await met(database)


async def test_what_nobody_was_told_of_and_what_was_over_do_not_go_on(database: Database) -> None:
    await goes_on(database, "never_told")
    await met(database, "over")
    await wait(database, OVER_AFTER + timedelta(minutes=1))
    await goes_on(database, "over")

    assert [await met(database, "never_told"), await met(database, "over")] == [True, True]
