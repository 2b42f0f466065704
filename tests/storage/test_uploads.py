"""Upload pages: their address ends, and is not to be found by trying."""

from __future__ import annotations

from sqlmodel import select, update

from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Draft, UploadLink, new_secret
from storage.uploads import Uploads
from storage.vault import Vault
from tests.counts import tries
from tests.storage.world import build

GUESSES = tries(100_000, 500)


async def test_the_address_of_an_upload_page_ends_and_none_is_guessed(
    sqlite_database: Database, vault: Vault
) -> None:
    world, token = await build(sqlite_database, vault, "1"), new_secret()
    async with sqlite_database.system() as session:
        uploads = Uploads(session)
        draft = (await session.exec(select(Draft))).one()
        await uploads.open_link(token, world.organization_id, draft.author, world.team_id, draft.id)
        known = await uploads.link(token)
        guessed = [await uploads.link(new_secret()) for _ in range(GUESSES)]
        stored = repr(list(await session.exec(select(UploadLink))))
        await session.exec(update(UploadLink).values(expires_at=now()))
        late = await uploads.link(token)

    assert known is not None
    assert (known.draft_id, late) == (draft.id, None)
    assert guessed == [None] * GUESSES
    assert token not in stored
