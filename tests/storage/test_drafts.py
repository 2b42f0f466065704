from __future__ import annotations

import pytest

from storage.drafts import Drafts, is_id_of, new_draft_id
from storage.engine.db import Database
from storage.vault import Vault
from tests.storage.world import build


def test_an_id_is_for_the_drafts_of_one_member() -> None:
    one, another = new_draft_id("mem_1"), new_draft_id("mem_2")

    assert [is_id_of(one, "mem_1"), is_id_of(another, "mem_2")] == [True, True]
    assert [is_id_of(one, "mem_2"), is_id_of(another, "mem_1"), is_id_of("drf_1", "mem_1")] == [False] * 3
    assert one != new_draft_id("mem_1")


def test_a_seed_gives_a_member_the_same_id_again() -> None:
    found = [new_draft_id("mem_1", "one"), new_draft_id("mem_1", "two"), new_draft_id("mem_2", "one")]

    assert new_draft_id("mem_1", "one") == found[0]
    assert len(set(found)) == 3


async def test_a_member_stores_nothing_under_an_id_of_somebody_else(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "one")

    async with database.organization(world.organization_id) as session:
        with pytest.raises(LookupError):
            await Drafts(session).save(
                world.organization_id, "mem_other", new_draft_id("mem_x"), {}, slack_id="", channel=""
            )
