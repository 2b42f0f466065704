"""A sign-in comes back to its own browser with its ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.models import digest
from storage.sign_ins import SignIns
from tests.storage.world import ticket_of

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


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
