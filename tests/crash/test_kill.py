"""Processes that end at the worst moment: what was lost, who was asked to reconnect, and how often."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.services.tokens.queue import AT_ONCE
from sandbox.core import Fault
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.x.simulator import XSimulator
from storage.engine.db import Database
from storage.models import GrantStatus
from tests.counts import in_full, sampled, tries
from tests.crash.children import octapost, refreshing
from tests.crash.house import A_CALM_WHILE, SECOND_LOOK, House, open_house
from tests.crash.worker import OWN_DEATHS, WORKER, Moment, Shift
from tests.databases import DIALECTS
from tests.patience import until

WINDOW = frozenset({Moment.IN_FLIGHT, Moment.ANSWERED, Moment.COMMITTING})
"""From the request to the commit: there a single-use token is spent, and only the dead process knew the next."""
KILLS, STANDSTILLS = tries(40, 1), tries(10, 1)
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
    # The test has so long to take the database away before the answer comes.
    delay_s = 0.3 if moment is Moment.COMMITTING else 0.1
    held = Fault(path=house.simulator.rules.token_path, delay_s=delay_s, times=1)
    before = house.refreshes()
    generation = (await house.grant(grant_id)).generation
    if moment in {Moment.IN_FLIGHT, Moment.COMMITTING}:
        house.simulator.faults.append(held)
    async with refreshing(house.env, Shift(death=moment if moment in OWN_DEATHS else None)) as [child]:
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
            await house.orphans_end()
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


@in_full
@pytest.mark.parametrize("database", DIALECTS, indirect=True)
async def test_a_process_killed_with_all_its_single_use_calls_in_flight_asks_each_person_once_and_nobody_else(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    begun, waiting, step = AT_ONCE, 16, timedelta(minutes=5)
    async with open_house(database, XSimulator()) as house:
        held = Fault(path=house.simulator.rules.token_path, delay_s=3, times=begun)
        house.simulator.faults.append(held)
        await house.connect(begun + waiting)
        async with refreshing(house.env) as [child]:
            await house.due()
            await until(lambda: held.times == 0)
            await asyncio.sleep(0.2)  # the others are claimed, and wait for a slot
            await child.killed()
        await until(lambda: house.refreshes() == begun)
        await house.pass_time(house.lease)
        told = []
        for _ in range(timedelta(hours=3) // step):
            await house.parts.refresher.run()
            told.append(len(await house.prompts()))
            await house.pass_time(step)

        grants, lost, pages = await house.grants(), await house.lost(), await house.pages()
        cards = {(card.organization_id, card.key) for card in await house.prompts()}
    asked = [grant for grant in grants if grant.status == GrantStatus.NEEDS_RECONNECT]
    stuck = [
        grant for grant in grants if grant.lease_until is not None or (grant.suspected_at and grant.due_at)
    ]
    by = told.index(begun) * step if begun in told else None
    record_property(
        "counted",
        f"{database.dialect}: killed with {begun} single-use calls in flight and {waiting} more claimed: {told[-1]}"
        f" cards for {len(asked)} people, the last {by} after the lease, {pages} operator page, {len(lost)} lost"
        f" unnoticed, {len(stuck)} stuck",
    )
    assert (lost, stuck) == ([], [])
    assert len(asked) == told[-1] == len(cards) == begun
    assert [grant.generation for grant in grants if grant not in asked] == [2] * waiting
    assert pages == 1


@in_full
@pytest.mark.parametrize("database", DIALECTS, indirect=True)
async def test_a_process_that_stood_still_until_its_lease_was_over_does_not_undo_what_came_meanwhile(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(database, RedditSimulator()) as house:
        ids, kept = await house.connect(STANDSTILLS), 0
        for grant_id in ids:
            async with refreshing(house.env, Shift(death=Moment.ANSWERED, by=signal.SIGSTOP)) as [child]:
                await house.due(grant_id)
                await child.rests()
                await house.pass_time(house.lease)
                await house.work()
                newer = await house.grant(grant_id)
                child.goes_on()
                await child.says("refresh.newer_generation_exists")
            kept += (await house.grant(grant_id)).access_sealed == newer.access_sealed

        lost, generations = await house.lost(), {grant.generation for grant in await house.grants()}
        calls = house.refreshes()
    record_property(
        "counted",
        f"{database.dialect}: {len(ids)} processes stopped between answer and commit until another had renewed:"
        f" {kept} newer tokens kept, {len(lost)} lost",
    )
    assert (kept, calls) == (len(ids), 2 * len(ids))
    assert (generations, lost) == ({2}, [])


@pytest.mark.parametrize("database", sampled(DIALECTS, 2), indirect=True)
async def test_twenty_workers_refresh_fifty_single_use_grants_once_each(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    processes = 4 if database.dialect == "postgresql" else 1
    async with open_house(database, XSimulator()) as house:
        house.simulator.faults.append(Fault(path=house.simulator.rules.token_path, delay_s=SLOW_S))
        ids = await house.connect(FAMILIES)
        shift = Shift(refreshers=WORKERS // processes, at_once=1, asked=ids)
        async with refreshing(house.env, shift, processes=processes) as children:
            await house.due(*ids)
            await house.idle()
            words = [child.said() for child in children]

        generations = [grant.generation for grant in await house.grants()]
        calls, revoked, lost = house.refreshes(), house.revoked(), await house.lost()
        busy = {call.headers[WORKER.lower()] for call in house.simulator.requests}
        on_demand = [worker for worker in busy if int(worker.rpartition("-")[2]) % 2]
    record_property(
        "counted",
        f"{database.dialect}: {WORKERS} workers in {processes} processes on {FAMILIES} single-use grants, half of them"
        f" asked for all: {calls} calls of {len(busy)} workers, {len(on_demand)} of them asked, {revoked}"
        " families revoked",
    )
    assert (calls, revoked, lost) == (FAMILIES, 0, [])
    assert generations == [2] * FAMILIES
    assert 0 < len(on_demand) < len(busy)
    assert words == [""] * processes


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
