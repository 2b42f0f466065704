"""What all one-time things have in common: one redeems them, in time, and only hashes are stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from storage.attempts import Attempts
from storage.browsers import Browsers
from storage.install_states import INSTALL_LIFE, InstallStates
from storage.join_codes import JoinCodes
from storage.memberships import Members
from storage.models import (
    Browser,
    ConnectionAttempt,
    InstallState,
    JoinCode,
    Role,
    SignIn,
    Ticket,
    digest,
    new_secret,
    utc_now,
)
from storage.sign_ins import SignIns
from storage.tickets import Tickets
from tests.counts import tries
from tests.storage.world import build, expire, open_ticket, run_sql, tenant, ticket_of, winners

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

TURNS = tries(10, 3)


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

    for turn in range(TURNS):
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
                return await JoinCodes(session).redeem(token, Role.OWNER)

        wins.append(await winners(redeem))

    assert wins == [1] * TURNS


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
            await JoinCodes(session).redeem(code, Role.OWNER),
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
        "install_state": 15,
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
