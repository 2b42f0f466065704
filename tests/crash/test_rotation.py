"""Keys are rotated while everybody writes, and the rotation is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from sqlmodel import col, func, select

from adapters.base import Busy
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.x.simulator import XSimulator
from storage.engine.db import Database
from storage.grants import token_pair
from storage.key_rotation import remaining
from storage.models import Grant
from storage.vault import KeyRing, Vault, VaultError
from tests.counts import in_full, tries
from tests.crash.children import octapost
from tests.crash.house import House, open_house
from tests.databases import another
from tests.patience import PATIENCE_S

OLD, NEW = KeyRing.generate(1), KeyRing.generate(2)
WRITERS, SOON = 50, 500
GRANTS = tries(8000, 600)
KILLS = tries(3, 1)
ROTATE = ("keys", "rotate")


class Traffic:
    """Writers that renew grants and open what is stored then, and what failed for them."""

    def __init__(self, house: House, ids: list[str]) -> None:
        self._house = house
        self._ids = ids
        self.reads = self.writes = self.put_off = 0
        self.failed: list[str] = []
        self.over = False

    async def write(self, *, ahead: bool) -> None:
        """Renew one grant after the other, as somebody whose access token was refused, and read it back."""
        while not self.over:
            grant = await self._house.grant(random.choice(await self._next() if ahead else self._ids))  # noqa: S311 - any will do
            try:
                await self._house.parts.tokens.get(grant.id, refused=grant.generation)
                self.writes += 1
                for each in (grant, await self._house.grant(grant.id)):
                    token_pair(self._house.vault, each)
                    self.reads += 1
            except (Busy, TimeoutError):
                # Somebody else renews it, or SQLite had no turn for it while keys are rotated.
                self.put_off += 1
            except VaultError as error:
                self.failed.append(type(error).__name__)
            await asyncio.sleep(0.05)

    async def _next(self) -> list[str]:
        """Return the grants to which the rotation comes next, or all: the two are to meet."""
        sealed = col(Grant.refresh_sealed)
        old = func.substr(sealed, 2, 2) != self._house.vault.newest.to_bytes(2)
        soon = select(Grant.id).where(old).order_by(col(Grant.id)).limit(SOON)
        async with self._house.database.system(write=False) as session:
            return list(await session.exec(soon)) or self._ids


async def old_values(house: House) -> int:
    """Return how many values the old key still seals."""
    return (await remaining(house.database, house.vault))[1]


@in_full
@pytest.mark.parametrize(
    ("database", "platform"),
    [("sqlite", XSimulator), ("postgresql", XSimulator), ("postgresql", RedditSimulator)],
    indirect=["database"],
)
async def test_a_rotation_that_is_killed_among_writers_fails_nobody_and_leaves_nothing_behind(
    database: Database,
    platform: Callable[[], OAuthSimulator],
    record_property: Callable[[str, object], None],
) -> None:
    async with open_house(database, platform(), keys=f"{NEW},{OLD}") as house:
        new, house.vault = house.vault, Vault(KeyRing.parse(OLD))
        ids = await house.connect(GRANTS)
        house.vault = new
        before = await old_values(house)
        traffic = Traffic(house, ids)
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(traffic.write(ahead=number % 10 == 0))
            try:
                left = [await killed_half_way(house) for _ in range(KILLS)]
                async with octapost(house.env, *ROTATE) as child:
                    status, words = await child.ended(), child.said()
            finally:
                traffic.over = True
        after, only_new = await remaining(database, house.vault), Vault(KeyRing.parse(NEW))
        for grant in await house.grants():
            token_pair(only_new, grant)
        lost, revoked, prompts = await house.lost(), house.revoked(), await house.prompts()
    record_property(
        "counted",
        f"{database.dialect}, {house.simulator.title}: {before} values rotated under {WRITERS} writers, killed {KILLS}"
        f" times with {', '.join(map(str, left))} left: {traffic.writes} writes, {traffic.reads} reads,"
        f" {len(traffic.failed)} failed, {traffic.put_off} put off,"
        f" {after[1]} left on the old key, {len(lost)} newer tokens lost, {revoked}"
        " families revoked",
    )
    assert (status, traffic.failed, after[1]) == (0, [], 0), words
    assert (lost, revoked, prompts) == ([], 0, [])
    assert left == sorted(left, reverse=True)
    assert 0 < left[-1] < before
    assert traffic.writes >= WRITERS


async def killed_half_way(house: House) -> int:
    """Kill a rotation as soon as it has sealed something anew; return how much it left."""
    begun_with = await old_values(house)
    async with octapost(house.env, *ROTATE) as child:

        async def kill() -> None:
            database = another(house.database)
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    if (await remaining(database, house.vault))[1] <= begun_with - GRANTS // 4:
                        break
            child.kill()
            await database.close()

        # In a thread, so that the writers here don't delay it until the rotation is over.
        await asyncio.to_thread(asyncio.run, kill())
        await child.died()
    return await old_values(house)
