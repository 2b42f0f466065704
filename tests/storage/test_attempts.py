from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from storage.attempts import (
    AskedBefore,
    Attempts,
    Browsers,
    Seen,
    SignIns,
    Tickets,
    TooManyTickets,
    sweep,
)
from storage.install_states import INSTALL_LIFE, InstallStates
from storage.join_codes import JoinCodes
from storage.models import (
    Browser,
    ConnectionAttempt,
    Discovery,
    InstallState,
    JoinCode,
    Role,
    SeenRequest,
    SignIn,
    Ticket,
    digest,
    new_secret,
    utc_now,
)
from storage.tenants import Members
from tests.counts import tries
from tests.storage.world import ahead, backdate, build, expire, open_ticket, run_sql, tenant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.db import Database
    from storage.vault import Vault

CALLERS = 16
ROUNDS = tries(200, 25)


async def ticket_of(database: Database, **more: str) -> tuple[str, Ticket]:
    """Return a new organization's ticket and its row."""
    organization = await tenant(database)
    async with database.system() as session:
        ticket = await open_ticket(session, organization, "mem_1", **more)
        row = await Tickets(session).peek(ticket)
    assert row is not None
    return ticket, row


async def winners(redeem: Callable[[], Awaitable[object]]) -> int:
    """Return how many of the callers who redeem the same thing at once get it."""
    answers = await asyncio.gather(*(redeem() for _ in range(CALLERS)))
    return sum(bool(answer) for answer in answers)


async def test_of_sixteen_simultaneous_callbacks_exactly_one_redeems_a_state(
    database: Database, vault: Vault
) -> None:
    _, ticket = await ticket_of(database)
    wins = []

    for _ in range(ROUNDS):
        async with database.system() as session:
            state = await Attempts(session, vault).open(ticket=ticket, browser="b", verifier="v")

        async def redeem(state: str = state) -> object:
            async with database.system() as session:
                return await Attempts(session, vault).redeem(state, "b", "x")

        wins.append(await winners(redeem))

    print(
        f"{database.dialect}: {wins.count(1)} of {ROUNDS} states redeemed exactly once by {CALLERS} callers"
    )
    assert wins == [1] * ROUNDS


@pytest.mark.parametrize("kind", ["ticket", "sign_in", "install_state", "join_code"])
async def test_of_sixteen_simultaneous_callers_exactly_one_redeems_any_one_time_thing(
    database: Database, vault: Vault, kind: str
) -> None:
    organization = await tenant(database)
    async with database.organization(organization) as session:
        owner = await Members(session).add(
            organization, realm="T1", user_id="U1", team_id="T1", role=Role.OWNER
        )
    wins = []

    for turn in range(10):
        async with database.system() as session:
            if kind == "ticket":
                token = await open_ticket(session, organization, f"mem_{turn}")
            elif kind == "sign_in":
                token, _ = await SignIns(session, vault).open("ticket", "b")
            elif kind == "install_state":
                token = new_secret()
            else:
                token = await JoinCodes(session).create(organization, Role.MEMBER, owner.id)

        async def redeem(token: str = token) -> object:
            async with database.system() as session:
                if kind == "ticket":
                    return await Tickets(session).redeem(token)
                if kind == "sign_in":
                    return await SignIns(session, vault).redeem(token, "b")
                if kind == "install_state":
                    states = InstallStates(session)
                    return await states.spend(token, await states.expiry())
                return await JoinCodes(session).redeem(token)

        wins.append(await winners(redeem))

    assert wins == [1] * 10


async def test_an_attempt_gives_back_what_it_was_opened_for_and_its_verifier(
    database: Database, vault: Vault
) -> None:
    _, ticket = await ticket_of(database, platform="tiktok", app="tiktok", reconnects="grt_1")
    async with database.system() as session:
        state = await Attempts(session, vault).open(ticket=ticket, browser="b", verifier="the verifier")

    async with database.system() as session:
        redeemed = await Attempts(session, vault).redeem(state, "b", "tiktok")

    assert redeemed is not None
    assert redeemed.verifier.reveal() == "the verifier"
    attempt = redeemed.attempt
    assert (attempt.organization_id, attempt.membership_id) == (ticket.organization_id, "mem_1")
    assert (attempt.team_id, attempt.channel_id, attempt.reconnects) == ("T1", "C1", "grt_1")
    assert await run_sql(database, "SELECT * FROM connection_attempt") == []


@pytest.mark.parametrize(
    ("state", "browser", "platform"),
    [
        ("", "b", "x"),
        ("unknown", "b", "x"),
        (None, "", "x"),
        (None, "other", "x"),
        (None, "B", "x"),
        (None, "b", ""),
        (None, "b", "tiktok"),
        (None, "b", "X"),
        (None, "\udcff\x00", "x"),
    ],
)
async def test_a_wrong_state_browser_or_platform_gets_nothing_and_spoils_nothing(
    database: Database, vault: Vault, state: str | None, browser: str, platform: str
) -> None:
    _, ticket = await ticket_of(database)
    async with database.system() as session:
        right = await Attempts(session, vault).open(ticket=ticket, browser="b", verifier="v")

    async with database.system() as session:
        wrong = await Attempts(session, vault).redeem(right if state is None else state, browser, platform)
    async with database.system() as session:
        still = await Attempts(session, vault).redeem(right, "b", "x")

    assert wrong is None
    assert still is not None


async def test_what_is_past_its_time_is_refused_whatever_it_is(database: Database, vault: Vault) -> None:
    ticket, row = await ticket_of(database)
    async with database.system() as session:
        state = await Attempts(session, vault).open(ticket=row, browser="b", verifier="v")
        sign_in, _ = await SignIns(session, vault).open(ticket, "b")
        install = await InstallStates(session).expiry() - INSTALL_LIFE
        code = await JoinCodes(session).create(row.organization_id, Role.MEMBER, "mem_1")
        await Browsers(session).prove("b", "T1", "T1", "U1")
    for model in (Ticket, ConnectionAttempt, SignIn, InstallState, JoinCode, Browser):
        await expire(database, model)

    async with database.system() as session:
        answers = [
            await Attempts(session, vault).redeem(state, "b", "x"),
            await SignIns(session, vault).redeem(sign_in, "b"),
            await InstallStates(session).spend("state", install) or None,
            await JoinCodes(session).redeem(code),
            await Tickets(session).peek(ticket),
            await Tickets(session).redeem(ticket),
            await Browsers(session).who("b"),
        ]

    assert answers == [None] * 7


async def test_lives_are_as_long_as_promised(database: Database, vault: Vault) -> None:
    await build(database, vault, "1")
    promised = {
        "ticket": 10,
        "connection_attempt": 10,
        "sign_in": 10,
        "install_state": 10,
        "join_code": 24 * 60,
        "browser": 12 * 60,
        "discovery": 24 * 60,
    }

    async with database.system(write=False) as session:
        connection = await session.connection()
        minutes = {}
        for table in promised:
            until = select(SQLModel.metadata.tables[table].c.expires_at)
            minutes[table] = ((await connection.execute(until)).scalar_one() - utc_now()) / timedelta(
                minutes=1
            )

    assert {table: round(each) for table, each in minutes.items()} == promised


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


async def test_only_hashes_of_tickets_and_states_are_stored(database: Database, vault: Vault) -> None:
    ticket, row = await ticket_of(database)
    async with database.system() as session:
        state = await Attempts(session, vault).open(ticket=row, browser="b", verifier="v")
        sign_in, nonce = await SignIns(session, vault).open(ticket, "b")

    stored = ""
    for table in ("ticket", "connection_attempt", "sign_in"):
        stored += repr(await run_sql(database, f"SELECT * FROM {table}"))  # noqa: S608

    assert all(secret not in stored for secret in (ticket, state, sign_in, nonce))
    assert row.ticket_hash == digest(ticket)


async def test_a_member_has_at_most_five_open_tickets(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        tickets = [await open_ticket(session, organization, "mem_1") for _ in range(5)]

    async with database.system() as session:
        with pytest.raises(TooManyTickets):
            await open_ticket(session, organization, "mem_1")
        await open_ticket(session, organization, "mem_2")
    async with database.system() as session:
        await Tickets(session).redeem(tickets[0])
        await open_ticket(session, organization, "mem_1")


async def test_a_clock_that_is_set_back_an_hour_lets_links_be_asked_for_again(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        for _ in range(5):
            await open_ticket(session, organization, "mem_1")
    for column in ("created_at", "expires_at"):
        await ahead(database, "ticket", column, timedelta(hours=1))

    async with database.system() as session:
        for _ in range(5):
            await open_ticket(session, organization, "mem_1")
        with pytest.raises(TooManyTickets):
            await open_ticket(session, organization, "mem_1")


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


async def test_a_member_gets_at_most_ten_tickets_a_minute(database: Database) -> None:
    organization = await tenant(database)
    for _ in range(10):
        async with database.system() as session:
            await Tickets(session).redeem(await open_ticket(session, organization, "mem_1"))

    async with database.system() as session:
        with pytest.raises(TooManyTickets):
            await open_ticket(session, organization, "mem_1")
    await backdate(database, Ticket, "created_at", timedelta(seconds=61))
    async with database.system() as session:
        await open_ticket(session, organization, "mem_1")


async def test_a_flood_from_many_places_at_once_opens_no_more_than_five(database: Database) -> None:
    organization = await tenant(database)

    async def ask() -> bool:
        try:
            async with database.system() as session:
                await open_ticket(session, organization, "mem_1")
        except TooManyTickets:
            return False
        return True

    opened = sum(await asyncio.gather(*(ask() for _ in range(200))))

    assert opened == 5
    assert await run_sql(database, "SELECT count(*) FROM ticket") == [(5,)]


async def test_a_sign_in_comes_back_with_its_ticket_to_its_own_browser_only(
    database: Database, vault: Vault
) -> None:
    ticket, _ = await ticket_of(database)
    async with database.system() as session:
        state, nonce = await SignIns(session, vault).open(ticket, "b")

    async with database.system() as session:
        strange = await SignIns(session, vault).redeem(state, "other")
    async with database.system() as session:
        own = await SignIns(session, vault).redeem(state, "b")

    assert strange is None
    assert own is not None
    assert own[1] == ticket
    assert own[0].nonce_hash == digest(nonce)
    assert own[0].ticket_hash == digest(ticket)


async def test_a_browser_is_whose_it_was_proved_to_be_last(database: Database) -> None:
    async with database.system() as session:
        browsers = Browsers(session)
        await browsers.prove("b", "T1", "T1", "U1")
        first = (await browsers.who("b"), await browsers.who("other"))
        assert first[0] is not None
        assert (first[0].user_id, first[1]) == ("U1", None)
        await browsers.prove("b", "E1", "T2", "U2")
        second = await browsers.who("b")
    async with database.system() as session:
        await Browsers(session).forget("b")
        forgotten = await Browsers(session).who("b")

    assert second is not None
    assert (second.realm, second.team_id, second.user_id) == ("E1", "T2", "U2")
    assert forgotten is None


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


async def test_a_sweep_takes_what_is_past_its_time_and_nothing_else(database: Database, vault: Vault) -> None:
    await build(database, vault, "1")
    async with database.system() as session:
        assert await sweep(session) == 0
    expiring = (Ticket, SignIn, Browser, ConnectionAttempt, InstallState, JoinCode, Discovery)
    for model in expiring:
        await expire(database, model)
    await backdate(database, SeenRequest, "seen_at", timedelta(minutes=11))

    async with database.system() as session:
        count = await sweep(session)

    assert count == 8
    for table in (*(model.__tablename__ for model in expiring), "seen_request", "found_account"):
        assert await run_sql(database, f"SELECT count(*) FROM {table!s}") == [(0,)], table  # noqa: S608
    assert await run_sql(database, "SELECT count(*) FROM account") == [(1,)]


def test_secrets_are_long_and_never_the_same() -> None:
    assert len({new_secret() for _ in range(100_000)}) == 100_000
    assert len(new_secret()) == 43
