"""Times come back as they went in; secrets and roles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import select

from storage.models import Organization, Role, Utc, new_secret

if TYPE_CHECKING:
    from storage.engine.db import Database


def test_secrets_are_long_and_never_the_same() -> None:
    assert len({new_secret() for _ in range(100_000)}) == 100_000
    assert len(new_secret()) == 43


async def test_times_come_back_as_they_went_in_and_naive_ones_are_refused(database: Database) -> None:
    at = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with database.system() as session:
        session.add(Organization(name="Octa", created_at=at))
    async with database.system(write=False) as session:
        stored = (await session.exec(select(Organization))).one()

    assert stored.created_at == at
    assert stored.created_at.utcoffset() == timedelta(0)
    async with database.system() as session:
        session.add(Organization(name="Octa", created_at=at.replace(tzinfo=None)))
        with pytest.raises(StatementError, match="timezone-aware"):
            await session.flush()
        await session.rollback()


def test_a_time_is_read_back_aware_whatever_the_driver_gives() -> None:
    utc: Any = Utc()

    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    read = [utc.process_result_value(value, None) for value in (None, "2026-01-01 00:00:00", naive)]

    assert read == [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]


def test_a_role_has_a_word() -> None:
    assert Role.OWNER.word == "owner"
