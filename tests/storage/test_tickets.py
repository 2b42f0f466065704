"""Tickets are limited per member, and used once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from storage.models import Ticket
from storage.tickets import TICKETS_PER_MINUTE, AskedBefore, Tickets, TooManyTickets
from tests.storage.world import ahead, backdate, open_ticket, run_sql, tenant, ticket_of

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_looking_at_a_ticket_does_not_use_it_up(database: Database) -> None:
    ticket, _ = await ticket_of(database)

    async with database.system(write=False) as session:
        looks = [await Tickets(session).peek(ticket) for _ in range(5)]
    async with database.system() as session:
        redeemed = await Tickets(session).redeem(ticket)
    async with database.system() as session:
        again = await Tickets(session).redeem(ticket), await Tickets(session).peek(ticket)

    assert all(look is not None and look.membership_id == "mem_1" for look in looks)
    assert redeemed is not None
    assert redeemed.platform == "x"
    assert again == (None, None)


async def test_the_sixth_link_of_a_member_closes_their_oldest(database: Database) -> None:
    organization = await tenant(database)
    tickets: list[str] = []
    others: list[str] = []
    for _ in range(8):
        async with database.system() as session:
            tickets.append(await open_ticket(session, organization, "mem_1"))
            others.append(await open_ticket(session, organization, "mem_2") if len(others) < 5 else "")

    async with database.system(write=False) as session:
        works = [await Tickets(session).peek(ticket) is not None for ticket in tickets]
        theirs = [await Tickets(session).peek(ticket) is not None for ticket in others[:5]]

    assert works == [False] * 3 + [True] * 5
    assert theirs == [True] * 5


async def test_a_used_link_makes_no_room_and_takes_none(database: Database) -> None:
    organization = await tenant(database)
    tickets = []
    for _ in range(5):
        async with database.system() as session:
            tickets.append(await open_ticket(session, organization, "mem_1"))
    async with database.system() as session:
        await Tickets(session).redeem(tickets[3])
    async with database.system() as session:
        await open_ticket(session, organization, "mem_1")

    async with database.system(write=False) as session:
        works = [await Tickets(session).peek(ticket) is not None for ticket in tickets]

    assert works == [True, True, True, False, True]


async def test_a_clock_that_is_set_back_an_hour_lets_links_be_asked_for_again(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        for _ in range(TICKETS_PER_MINUTE):
            await open_ticket(session, organization, "mem_1")
    for column in ("created_at", "expires_at"):
        await ahead(database, "ticket", column, timedelta(hours=1))

    async with database.system() as session:
        for _ in range(TICKETS_PER_MINUTE):
            newest = await open_ticket(session, organization, "mem_1")
        with pytest.raises(TooManyTickets):
            await open_ticket(session, organization, "mem_1")
    async with database.system(write=False) as session:
        assert await Tickets(session).peek(newest) is not None


async def test_a_request_gets_one_ticket_however_often_it_comes(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        await open_ticket(session, organization, "mem_1", request="v0=one")

    for _ in range(10):
        async with database.system() as session:
            with pytest.raises(AskedBefore):
                await open_ticket(session, organization, "mem_1", request="v0=one")

    assert await run_sql(database, "SELECT count(*) FROM ticket") == [(1,)]
    async with database.system() as session:
        await open_ticket(session, organization, "mem_1", request="v0=another")


async def test_a_member_gets_at_most_thirty_tickets_a_minute(database: Database) -> None:
    organization = await tenant(database)
    for _ in range(TICKETS_PER_MINUTE):
        async with database.system() as session:
            await Tickets(session).redeem(await open_ticket(session, organization, "mem_1"))

    async with database.system() as session:
        with pytest.raises(TooManyTickets):
            await open_ticket(session, organization, "mem_1")
    await backdate(database, Ticket, "created_at", timedelta(seconds=61))
    async with database.system() as session:
        await open_ticket(session, organization, "mem_1")


async def test_a_flood_from_many_places_at_once_leaves_no_more_than_five_open(database: Database) -> None:
    organization = await tenant(database)

    async def ask() -> bool:
        try:
            async with database.system() as session:
                await open_ticket(session, organization, "mem_1")
        except TooManyTickets:
            return False
        return True

    opened = sum(await asyncio.gather(*(ask() for _ in range(200))))

    assert opened == TICKETS_PER_MINUTE
    assert await run_sql(database, "SELECT count(*) FROM ticket WHERE used_at IS NULL") == [(5,)]
