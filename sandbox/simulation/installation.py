"""An installation of one organization: its database file, made once, and the engine of a process on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import text

from adapters.base import Publishes
from adapters.registry import REGISTRY
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.posts.altering import Altering
from bot.services.posts.calls import PublishingCalls
from bot.services.posts.delivering import Delivering, Parts
from bot.services.posts.holds import HoldService
from bot.services.posts.reconciling import Reconciling
from bot.services.posts.results import Results
from bot.services.posts.sending import Sending
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.refreshing import Refresher
from bot.settings import Settings
from sandbox.simulation.clock import VirtualLoop
from sandbox.simulation.machine import Opener
from sandbox.simulation.orders import KINDS, RENEWABLE
from sandbox.simulation.venue import VenueAdapter
from storage.accounts import Accounts
from storage.discoveries import Found
from storage.engine.db import Database
from storage.grants import Grants, NewGrant
from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations
from storage.vault import KeyRing, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from adapters.base import Adapter, Conversion, Media, Publisher
    from sandbox.simulation.machine import Machine
    from sandbox.simulation.venue import Scene

NOWHERE = "http://localhost:1"
FIRST_TOKEN_LASTS = timedelta(hours=2)


class StoredFiles:
    """The files of posts, none of which is ever read: the simulated platforms take a file's name for the file."""

    async def has(self, media: Media) -> bool:  # noqa: ARG002
        """Return True."""
        return True

    async def read(
        self,
        media: Media,
        start: int = 0,  # noqa: ARG002
        length: int | None = None,  # noqa: ARG002
    ) -> AsyncIterator[bytes]:
        """Yield the file's name."""
        yield media.key.encode()

    async def convert(
        self,
        organization_id: str,  # noqa: ARG002
        post_id: str,  # noqa: ARG002
        media: Media,
        conversion: Conversion,
    ) -> Media:
        """Return what a picture would be."""
        return conversion.result_of(media)

    async def public_url(self, media: Media) -> str:
        """Return an address at which nothing is."""
        return f"https://example.com/{media.key}"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What all days begin with."""

    template: bytes
    """The database file."""
    vault: Vault
    catalog: PlatformCatalog
    publishers: Mapping[str, Publisher]
    """The real ones, for their facts and steps, by platform."""
    adapters: Mapping[str, Adapter]
    organization_id: str
    membership_id: str
    accounts: Mapping[str, str]
    """Our id of an account, by the platform's."""
    grants: Mapping[str, str]
    """Our id of the grant that an account is connected with, by the platform's id of the account."""

    def engine(self, database: Database, scene: Scene) -> tuple[Delivering, Refresher, HoldService]:
        """Return what works in one process, as `bot.app` makes it, except that its platforms are simulated."""
        vault, results = self.vault, Results()
        adapters: Any = {
            key: VenueAdapter(self.adapters[key], publisher, scene)
            for key, publisher in self.publishers.items()
        }
        reports = Reports(incidents=IncidentService(self.catalog, vault), operator=OperatorPager(database))
        refresher = Refresher(self.catalog, adapters, database, vault, reports)
        calls = PublishingCalls(
            catalog=self.catalog,
            adapters=adapters,
            tokens=FreshTokens(self.catalog, refresher, database),
            refresher=refresher,
            media=lambda *_: StoredFiles(),
            converter=StoredFiles(),
            database=database,
            vault=vault,
        )
        parts: Any = {"calls": calls, "database": database, "vault": vault}
        return (
            Delivering(
                parts=Parts(
                    sending=Sending(results=results, **parts),
                    reconciling=Reconciling(results=results, **parts),
                    altering=Altering(results=results, **parts),
                ),
                **parts,
            ),
            refresher,
            HoldService(results, database),
        )


def opened(path: Path, machine: Machine | None = None) -> Database:
    """Return the database of one process, or of those to whom nothing happens."""
    return Database(f"sqlite+aiosqlite:///{path}", connect=Opener(str(path), machine))


def install(folder: Path) -> Installation:
    """Return a new installation, with every account connected. `folder` is for its file while it is made."""
    path, keys = folder / "template.sqlite3", KeyRing.generate()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        made = runner.run(_install(path, keys))
    return replace(made, template=path.read_bytes())


async def _install(path: Path, keys: str) -> Installation:
    vault, settings = Vault(KeyRing.parse(keys)), _settings(keys)
    database = opened(path)
    await database.upgrade()
    accounts, grants = {}, {}
    async with database.system() as session:
        organization = await Organizations(session).create("Acme")
        member = await Members(session).add(
            organization.id, realm="T1", user_id="U1", team_id="T1", role=Role.ADMIN
        )
        for kind in {kind.account: kind for kind in KINDS}.values():
            renews = kind.account in RENEWABLE
            new = NewGrant(
                connected_by=member.id,
                platform=kind.platform,
                app=kind.app or kind.platform,
                access=f"{kind.account}:1",
                refresh="first" if renews else None,
                scopes=["everything"],
                access_expires_in=FIRST_TOKEN_LASTS if renews else None,
                refresh_expires_in=None,
            )
            repository = Grants(session, vault)
            pending = await repository.create_pending(organization.id, new)
            grant = await repository.activate(
                organization.id,
                pending.id,
                external_id=kind.account,
                external_name=kind.account,
                scopes=["everything"],
            )
            found = Found(
                remote_id=kind.account, kind="Account", name=kind.account, token=f"{kind.account}:1"
            )
            account = await Accounts(session, vault).attach(
                organization.id, grant=grant, connected_by=member.id, found=found
            )
            accounts[kind.account], grants[kind.account] = account.id, grant.id
    async with database.system() as session:
        await (await session.connection()).execute(text("UPDATE grant_ SET due_at = NULL"))
    await database.close()
    real = REGISTRY.adapters(httpx.AsyncClient())
    return Installation(
        template=b"",
        vault=vault,
        catalog=PlatformCatalog(settings.platforms()),
        publishers={key: each.publisher for key, each in real.items() if isinstance(each, Publishes)},
        adapters=real,
        organization_id=organization.id,
        membership_id=member.id,
        accounts=accounts,
        grants=grants,
    )


def _settings(keys: str) -> Settings:
    env = {
        "PUBLIC_URL": NOWHERE,
        "DATABASE_URL": "sqlite+aiosqlite:///never-opened.sqlite3",
        "VAULT_KEYS": keys,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    }
    for app in {kind.app or kind.platform for kind in KINDS} | {"linkedin"}:
        env |= {f"{app.upper()}_CLIENT_ID": f"{app}-id", f"{app.upper()}_CLIENT_SECRET": f"{app}-secret"}
    return Settings.from_env({f"OCTAPOST_{name}": value for name, value in env.items()}, REGISTRY)
