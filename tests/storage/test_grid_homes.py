"""What Slack said of a Grid's workspaces: remembered for all where it is true, for one person where it isn't."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import select

from storage.cleanup import sweep
from storage.engine.db import Database
from storage.grid_homes import FOREIGN_FOR, OURS_FOR, Claim, known, remember
from storage.models import GridHome, utc_now
from storage.workspaces import Workspaces
from tests.storage.world import expire

CLAIM = Claim(enterprise_id="E1", team_id="T1", user_id="W1")


async def test_what_nobody_said_is_not_known(database: Database) -> None:
    assert await known(database.autocommit, CLAIM) is None


async def test_a_workspace_that_we_know_ourselves_needs_no_asking_in_its_own_grid(database: Database) -> None:
    async with database.system() as session:
        await Workspaces(session).ensure("T1", "E1", "North")
        await Workspaces(session).ensure("T2", None, "Elsewhere")

    answers = [
        await known(database.autocommit, replace(CLAIM, team_id=team, enterprise_id=grid))
        for team, grid in (("T1", "E1"), ("T1", "E2"), ("T2", "E1"))
    ]

    assert answers == [True, None, None]


async def test_a_workspace_is_everybodys_of_the_grid_and_a_refusal_is_one_persons(database: Database) -> None:
    foreign = replace(CLAIM, team_id="T9")
    await remember(database.autocommit, CLAIM, ours=True)
    await remember(database.autocommit, foreign, ours=False)

    answers = [
        await known(database.autocommit, claim)
        for claim in (CLAIM, replace(CLAIM, user_id="W2"), foreign, replace(foreign, user_id="W2"))
    ]

    assert answers == [True, True, False, None]


async def test_a_person_who_joined_the_workspace_since_is_let_in_by_anybodys_answer(
    database: Database,
) -> None:
    await remember(database.autocommit, CLAIM, ours=False)
    await remember(database.autocommit, replace(CLAIM, user_id="W2"), ours=True)

    assert await known(database.autocommit, CLAIM) is True


async def test_an_answer_replaces_the_one_before_and_lasts_as_long_as_promised(database: Database) -> None:
    lives = []
    for ours in (False, True):
        await remember(database.autocommit, CLAIM, ours=ours)
        async with database.system(write=False) as session:
            row = (await session.exec(select(GridHome))).one()
        lives.append((row.ours, round((row.expires_at - utc_now()) / FOREIGN_FOR)))

    assert lives == [(False, 1), (True, OURS_FOR // FOREIGN_FOR)]


async def test_an_answer_past_its_time_counts_no_more_and_is_swept(database: Database) -> None:
    await remember(database.autocommit, CLAIM, ours=True)
    await expire(database, GridHome)

    found = await known(database.autocommit, CLAIM)
    async with database.system() as session:
        swept = await sweep(session)

    assert found is None
    assert swept == 1
