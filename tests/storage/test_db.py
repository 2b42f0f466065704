from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from storage.db import now

if TYPE_CHECKING:
    from storage.db import Database


async def test_the_databases_clock_and_its_offsets_agree_with_ours(database: Database) -> None:
    async with database.system(write=False) as session:
        row = (
            await session.exec(select(now(), now(timedelta(minutes=10)), now(timedelta(seconds=-2.5))))
        ).one()

    assert abs(row[0] - datetime.now(UTC)) < timedelta(seconds=5)
    assert row[1] - row[0] == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=1))
    assert row[0] - row[2] == pytest.approx(timedelta(seconds=2.5), abs=timedelta(seconds=1))
