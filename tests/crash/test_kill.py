"""Processes that end at the worst moment: what was lost, who was asked to reconnect, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sandbox.core import Fault
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit import RedditSimulator
from sandbox.platforms.x import XSimulator
from storage.db import Database
from storage.models import GrantStatus
from tests.counts import sampled, tries
from tests.crash.children import octapost, refreshing, until
from tests.crash.house import A_CALM_WHILE, SECOND_LOOK, House, open_house
from tests.crash.worker import OWN_DEATHS, Moment
from tests.databases import DIALECTS

WINDOW = frozenset({Moment.IN_FLIGHT, Moment.ANSWERED, Moment.COMMITTING})
"""From the request to the commit: there a single-use token is spent, and only the dead process knew the next."""
KILLS = tries(40, 1)
FAMILIES, WORKERS = 50, 20
STOPS, GRANTS = tries(20, 2), tries(1000, 100)
SLOW_S = 0.05


EVERYWHERE = [(kind, platform) for platform in (RedditSimulator, XSimulator) for kind in DIALECTS]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(("database", "platform"), sampled(EVERYWHERE[::-1], 4), indirect=["database"])
async def test_a_killed_process_loses_nothing_but_what_only_it_had_seen(
    database: Database,
    platform: Callable[[], OAuthSimulator],
    moment: Moment,
    record_property: Callable[[str, object], None],
) -> None:
    async with open_house(database, platform()) as house:
        ids = await house.connect(KILLS)
        for grant_id in ids:
            await kill(house, grant_id, moment)
            await recover(house, grant_id)

        after = [await house.grant(grant_id) for grant_id in ids]
        asked = [grant for grant in after if grant.status == GrantStatus.NEEDS_RECONNECT]
        stuck = [grant for grant in after if grant.lease_until is not None]
        lost, prompts = await house.lost(), await house.prompts()
    spent = len(ids) if house.simulator.rules.single_use_refresh and moment in WINDOW else 0
    if spent and database.dialect == "postgresql" and moment is Moment.COMMITTING:
        # The server finishes what it was asked for: the new tokens may be there although nobody waits for them.
        spent -= sum(grant.generation > 1 for grant in after)
    record_property(
        "counted",
        f"{database.dialect}, {house.simulator.title}, killed {moment}: {len(ids)} kills, {len(lost)} lost"
        f" unnoticed, {len(asked)} asked to reconnect with {len(prompts)} prompts, {len(stuck)} stuck",
    )
    assert (lost, stuck) == ([], [])
    assert len(asked) == len(prompts) == spent


async def kill(house: House, grant_id: str, moment: Moment) -> None:
    """Let a process begin with this grant, and end at the moment."""
    held = Fault(path=house.simulator.rules.token_path, delay_s=0.1, times=1)
    before = house.refreshes()
    generation = (await house.grant(grant_id)).generation
    if moment in {Moment.IN_FLIGHT, Moment.COMMITTING}:
        house.simulator.faults.append(held)
    async with refreshing(house.env, death=moment if moment in OWN_DEATHS else None) as [child]:
        await house.due(grant_id)
        if moment in OWN_DEATHS:
            await child.died()
        elif moment is Moment.IN_FLIGHT:
            await until(lambda: held.times == 0)
            await child.killed()
        elif moment is Moment.COMMITTING:
            await until(lambda: held.times == 0)
            async with house.nobody_writes(grant_id):
                await until(lambda: house.refreshes() > before)
                await asyncio.sleep(0.03)
                await child.killed()
        else:
            await house.until(lambda grant: grant.generation > generation, grant_id)
            await child.killed()
    if moment is not Moment.BEFORE:
        await until(lambda: house.refreshes() > before)
    house.simulator.faults.clear()


async def recover(house: House, grant_id: str) -> None:
    """Let the lease end and everybody else go on, for as long as two looks take, and the breaker forget."""
    if (await house.grant(grant_id)).lease_until is None:
        return
    await house.pass_time(house.lease)
    await house.work()
    if (await house.grant(grant_id)).suspected_at is not None:
        await house.pass_time(SECOND_LOOK)
        await house.work()
        await house.pass_time(A_CALM_WHILE)


@pytest.mark.parametrize("database", sampled(DIALECTS, 2), indirect=True)
async def test_twenty_workers_refresh_fifty_single_use_grants_once_each(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    processes = 4 if database.dialect == "postgresql" else 1
    async with open_house(database, XSimulator()) as house:
        ids = await house.connect(FAMILIES)
        async with refreshing(house.env, processes=processes, refreshers=WORKERS // processes):
            await house.due(*ids)
            await house.idle()

        generations = [grant.generation for grant in await house.grants()]
        calls, revoked, lost = house.refreshes(), house.revoked(), await house.lost()
    record_property(
        "counted",
        f"{database.dialect}: {WORKERS} workers in {processes} processes on {FAMILIES} single-use grants:"
        f" {calls} calls, {revoked} families revoked",
    )
    assert (calls, revoked, lost) == (FAMILIES, 0, [])
    assert generations == [2] * FAMILIES


@pytest.mark.parametrize("database", sampled(DIALECTS, 2), indirect=True)
async def test_a_process_asked_to_stop_commits_what_is_in_flight(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(database, XSimulator()) as house:
        house.simulator.faults.append(Fault(path=house.simulator.rules.token_path, delay_s=SLOW_S))
        ids = await house.connect(GRANTS)
        statuses = []
        for first in range(0, GRANTS, GRANTS // STOPS):
            await house.due(*ids[first : first + GRANTS // STOPS])
            begun = house.refreshes()
            async with octapost(house.env, "run", "--only", "jobs") as child:
                await until(lambda begun=begun: house.refreshes() >= begun + 5)  # type: ignore[misc]
                statuses.append(await child.stopped())
            await house.pass_time(house.lease)
        unanswered = GRANTS - house.refreshes()
        house.simulator.faults.clear()
        await house.work()

        calls, revoked, lost, prompts = (
            house.refreshes(),
            house.revoked(),
            await house.lost(),
            await house.prompts(),
        )
    record_property(
        "counted",
        f"{database.dialect}: {STOPS} SIGTERMs during {GRANTS} refreshes ({unanswered} left to the last"
        f" process): {calls} calls, {revoked} families revoked, {len(lost)} lost, {len(prompts)} prompts",
    )
    assert statuses == [0] * STOPS
    assert (calls, revoked, lost, prompts) == (GRANTS, 0, [], [])
