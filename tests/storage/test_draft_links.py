"""Pages for drafts: their address ends, and is not to be found by trying."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select, update

from storage.draft_links import DraftLinks, NewLink
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Draft, DraftLink, new_secret
from storage.vault import Vault
from tests.counts import tries
from tests.storage.world import build

GUESSES = tries(100_000, 500)


async def test_the_address_of_a_page_ends_and_none_is_guessed(
    sqlite_database: Database, vault: Vault
) -> None:
    world, token = await build(sqlite_database, vault, "1"), new_secret()
    async with sqlite_database.system() as session:
        links = DraftLinks(session)
        draft = (await session.exec(select(Draft))).one()
        new = NewLink(
            token=token,
            organization_id=world.organization_id,
            membership_id=draft.author,
            team_id=world.team_id,
            draft_id=draft.id,
            lives=timedelta(days=1),
            form={},
        )
        await links.open(new)
        known = await links.find(token)
        guessed = [await links.find(new_secret()) for _ in range(GUESSES)]
        stored = repr(list(await session.exec(select(DraftLink))))
        await session.exec(update(DraftLink).values(expires_at=now()))
        late = await links.find(token)

    assert known is not None
    assert (known.draft_id, late) == (draft.id, None)
    assert guessed == [None] * GUESSES
    assert token not in stored
