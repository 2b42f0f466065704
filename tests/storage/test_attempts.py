"""Connection attempts are redeemed once, by their own browser and platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.attempts import Attempts
from tests.counts import tries
from tests.storage.world import CALLERS, run_sql, ticket_of, winners

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

ROUNDS = tries(200, 25)


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
