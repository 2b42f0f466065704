"""An organization that publishes: an installation of the app, and accounts with a sign-in each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from adapters.registry import REGISTRY
from storage.engine.db import Database
from storage.installations import BotTokenPair, Installations, InstalledApp
from storage.models import Account, Grant, GrantHolder, GrantStatus, new_id
from storage.vault import KeyRing, Vault
from tests.bench.servers import TEAM, Seeded

if TYPE_CHECKING:
    from collections.abc import Sequence


async def connected(seeded: Seeded, platforms: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the ids of so many new accounts of these platforms in turns, on an installation of the app."""
    database, vault = Database(seeded.url), Vault(KeyRing.parse(seeded.keys))
    ours: dict[str, Any] = {
        "organization_id": seeded.organization_id,
        "connected_by": seeded.memberships[0],
    }
    grants, holders, accounts = [], [], []
    for number, key in zip(range(count), itertools.cycle(platforms), strict=False):
        app = REGISTRY.platforms[key].apps[0]
        place: dict[str, Any] = {"platform": key, "app": app.key}
        grant_id = new_id("grt")
        sealed = vault.seal("token", table="grant_", column="access_sealed", organization=None, row=grant_id)
        person: dict[str, Any] = {"external_id": f"bench-{number}", "external_name": "bench"}
        person["scopes"] = [scope.name for scope in app.scopes]
        grant = Grant(id=grant_id, **place, **person, access_sealed=sealed, status=GrantStatus.HEALTHY)
        grants.append(grant.model_dump())
        holders.append(GrantHolder(grant_id=grant_id, **ours).model_dump())
        facts: dict[str, Any] = {
            "remote_id": f"urn:li:organization:{number}",
            "kind": "Page",
            "name": f"Octa Mugs {number}",
        }
        accounts.append(Account(grant_id=grant_id, **place, **ours, **facts).model_dump())
    installed = InstalledApp(
        slack_id=TEAM,
        team_id=TEAM,
        enterprise_id=None,
        name="Bench",
        app_id="A0BENCH",
        bot_user_id="U0BOT",
        scopes=["chat:write"],
        installed_by=seeded.users[0],
    )
    try:
        async with database.system() as session:
            await Installations(session, vault).save(installed, BotTokenPair(access="xoxb-bench"))
            connection = await session.connection()
            for model, values in ((Grant, grants), (GrantHolder, holders), (Account, accounts)):
                await connection.execute(insert(model), values)
    finally:
        await database.close()
    return tuple(str(row["id"]) for row in accounts)
