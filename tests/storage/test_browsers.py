"""A browser is whose it was last proved to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.browsers import Browsers

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_a_browser_is_whose_it_was_proved_to_be_last(database: Database) -> None:
    async with database.system() as session:
        browsers = Browsers(session)
        await browsers.prove("b", "T1", "T1", "U1")
        first = (await browsers.who("b"), await browsers.who("other"))
        assert first[0] is not None
        assert (first[0].user_id, first[1]) == ("U1", None)
        await browsers.prove("b", "E1", "T2", "U2")
        second = await browsers.who("b")

    assert second is not None
    assert (second.realm, second.team_id, second.user_id) == ("E1", "T2", "U2")
