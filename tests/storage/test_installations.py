"""Installations with their sealed tokens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from storage.installations import BotTokenPair, Installations, InstalledApp, bot_token
from tests.storage.world import run_sql

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.db import Database
    from storage.models import Installation
    from storage.vault import Vault

AT = datetime(2026, 11, 1, tzinfo=UTC)


async def install(session: AsyncSession, vault: Vault, **more: Any) -> Installation:
    values = {
        "slack_id": "T1",
        "team_id": "T1",
        "enterprise_id": None,
        "name": "Octa",
        "app_id": "A1",
        "bot_user_id": "UBOT",
        "scopes": ["chat:write"],
        "installed_by": "U1",
    }
    tokens = BotTokenPair(
        access=more.pop("bot_token", "xoxb-1"),
        refresh=more.pop("refresh_token", None),
        expires_at=more.pop("token_expires_at", None),
    )
    return await Installations(session, vault).save(InstalledApp(**values | more), tokens)


async def test_an_installation_keeps_its_token_sealed_and_gives_it_back(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)

    async with database.system(write=False) as session:
        repository = Installations(session, vault)
        found = await repository.get("T1")
        assert found is not None
        refresh = repository.refresh_token(found)

    assert bot_token(vault, found).reveal() == "xoxb-1"
    assert refresh is not None
    assert refresh.reveal() == "xoxe-1"
    assert (found.token_expires_at, found.scopes) == (AT, ["chat:write"])
    assert "xox" not in repr(await run_sql(database, "SELECT * FROM installation"))


async def test_installing_again_renews_the_same_installation(database: Database, vault: Vault) -> None:
    async with database.system() as session:
        first = await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)
        second = await install(session, vault, bot_token="xoxb-2", scopes=["chat:write", "commands"])

    assert first.id == second.id
    assert bot_token(vault, second).reveal() == "xoxb-2"
    assert Installations(session, vault).refresh_token(second) is None
    assert (second.token_expires_at, second.scopes) == (None, ["chat:write", "commands"])


@pytest.mark.parametrize(
    ("installed", "asked", "found"),
    [
        (["T1", "E1"], ("T1", "E1"), "T1"),
        (["E1"], ("T1", "E1"), "E1"),
        (["T1"], ("T1", None), "T1"),
        (["T1", "E1"], (None, "E1"), "E1"),
        (["T1"], ("T2", None), None),
        (["T1"], ("T2", "E1"), None),
        (["T1"], (None, None), None),
    ],
)
async def test_a_workspaces_own_installation_comes_before_its_grids(
    database: Database,
    vault: Vault,
    installed: list[str],
    asked: tuple[str | None, str | None],
    found: str | None,
) -> None:
    async with database.system() as session:
        for slack_id in installed:
            await install(session, vault, slack_id=slack_id)

        installation = await Installations(session, vault).find(*asked)

    assert (installation.slack_id if installation else None) == found


async def test_uninstalling_destroys_the_tokens_at_once_and_installing_again_brings_it_back(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        read = await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)

    async with database.system() as session:
        repository = Installations(session, vault)
        answers = [await repository.uninstall(read), await repository.uninstall(read)]
        gone = await repository.get("T1")
        assert gone is not None
        with pytest.raises(LookupError):
            bot_token(vault, gone)
        found = await repository.find("T1", None)

    assert (answers, found) == ([True, False], None)
    assert gone.uninstalled_at is not None
    stored = "SELECT bot_token_sealed, refresh_token_sealed, token_expires_at FROM installation"
    assert await run_sql(database, stored) == [(None, None, None)]
    async with database.system() as session:
        back = await install(session, vault)
        assert await Installations(session, vault).find("T1", None) is back
    assert back.id == gone.id


async def test_what_was_installed_again_since_it_was_read_is_not_uninstalled(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        read = await install(session, vault)
    async with database.system() as session:
        await install(session, vault, bot_token="xoxb-2")

    async with database.system() as session:
        done = await Installations(session, vault).uninstall(read)

    async with database.system(write=False) as session:
        assert (done, await Installations(session, vault).find("T1", None) is not None) == (False, True)


async def test_a_rotation_that_was_overtaken_by_an_uninstall_stores_no_token(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        before = await install(session, vault)
    async with database.system() as session:
        rotated = await Installations(session, vault).rotate(
            before, BotTokenPair(access="xoxb-2", refresh="xoxe-2", expires_at=AT)
        )
    async with database.system() as session:
        await Installations(session, vault).uninstall(before)

    async with database.system() as session:
        too_late = await Installations(session, vault).rotate(
            before, BotTokenPair(access="xoxb-3", refresh="xoxe-3", expires_at=AT)
        )

    assert (rotated, too_late) == (True, False)
    assert await run_sql(database, "SELECT bot_token_sealed FROM installation") == [(None,)]


async def test_of_many_who_would_renew_a_bot_token_one_at_a_time_may(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        installation = await install(session, vault)
        await Installations(session, vault).rotate(
            installation, BotTokenPair(access="xoxb-1", refresh="xoxe-1", expires_at=AT)
        )

    async def take(lease: timedelta = timedelta(seconds=30)) -> Installation | None:
        async with database.system() as session:
            return await Installations(session, vault).acquire_rotation_lease(installation, lease)

    taken = [each for each in await asyncio.gather(*(take() for _ in range(8))) if each]
    async with database.system() as session:
        await Installations(session, vault).release_rotation_lease(taken[0])
    dead, next_one = await take(timedelta(seconds=-1)), await take()
    async with database.system() as session:
        await Installations(session, vault).rotate(
            installation, BotTokenPair(access="xoxb-2", refresh="xoxe-2", expires_at=AT + timedelta(hours=12))
        )

    assert len(taken) == 1
    assert dead is not None
    assert next_one is not None
    assert await take() is None
    assert await run_sql(database, "SELECT rotating_until FROM installation") == [(None,)]
