"""Requests for access: one for each person and organization, and a few a day."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from storage.access_requests import (
    REQUESTS_A_DAY,
    AccessRequests,
    NewAccessRequest,
    TooManyAccessRequests,
)
from storage.cleanup import sweep
from storage.models import AccessRequest, Role
from storage.organizations import Organizations
from tests.storage.world import expire

if TYPE_CHECKING:
    from storage.engine.db import Database

OTTO = NewAccessRequest(realm="T1", user_id="UOTTO", team_id="T1", role=Role.MEMBER)


async def organization(database: Database, name: str = "Acme") -> str:
    async with database.system() as session:
        return (await Organizations(session).create(name)).id


async def ask(database: Database, organization_id: str) -> AccessRequest | None:
    async with database.system() as session:
        return await AccessRequests(session).request(organization_id, OTTO)


async def test_a_person_asks_an_organization_once_a_week(database: Database) -> None:
    acme = await organization(database)
    first = await ask(database, acme)
    assert first is not None
    async with database.organization(acme) as session:
        declined = await AccessRequests(session).decline(acme, first.id)

    again = await ask(database, acme)
    await expire(database, AccessRequest)
    later = await ask(database, acme)

    assert declined is not None
    assert again is None
    assert later is not None


async def test_of_two_owners_who_answer_at_once_one_is_heard(database: Database) -> None:
    acme = await organization(database)
    asked = await ask(database, acme)
    assert asked is not None

    async def approve() -> AccessRequest | None:
        async with database.organization(acme) as session:
            return await AccessRequests(session).approve(acme, asked.id)

    answers = await asyncio.gather(approve(), approve())

    assert [type(each) for each in answers].count(AccessRequest) == 1


async def test_a_person_asks_a_few_organizations_a_day(database: Database) -> None:
    for number in range(REQUESTS_A_DAY):
        assert await ask(database, await organization(database, f"Org {number}")) is not None

    with pytest.raises(TooManyAccessRequests):
        await ask(database, await organization(database, "One more"))


async def test_expired_requests_are_deleted(database: Database) -> None:
    await ask(database, await organization(database))
    await expire(database, AccessRequest)

    async with database.system() as session:
        gone = await sweep(session)

    assert gone == 1
