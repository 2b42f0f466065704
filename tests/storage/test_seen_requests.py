"""A signed request is new once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.seen_requests import Seen

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_the_same_request_is_new_once_however_often_it_comes(database: Database) -> None:
    async def handle(signature: str) -> bool:
        async with database.system() as session:
            return await Seen(session).first(signature)

    answers = await asyncio.gather(*(handle(f"v0={number % 4}") for number in range(100)))

    assert sum(answers) == 4


async def test_only_requests_older_than_asked_are_forgotten(database: Database) -> None:
    async with database.system() as session:
        await Seen(session).first("v0=1")

    async with database.system() as session:
        kept = await Seen(session).forget_older(timedelta(minutes=1))
        gone = await Seen(session).forget_older(timedelta(seconds=-1))
        again = await Seen(session).first("v0=1")

    assert (kept, gone, again) == (0, 1, True)
