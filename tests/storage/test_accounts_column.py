"""CONTRIBUTING's example is true: a column on an account is a line in the model and a migration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.changes import ROOT, play
from tests.counts import in_full

if TYPE_CHECKING:
    from pathlib import Path

MIGRATION = re.compile(r"^def upgrade\(\) -> None:\n(?:    .+\n)+", re.MULTILINE)
SCRIPT = '''
import asyncio, pathlib, sys

versions = pathlib.Path("storage/migrations/versions")
newest = max(path.name[:4] for path in versions.glob("[0-9]*.py"))
(versions / "9999_example.py").write_text(f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{newest}", None, None

""" + MIGRATION)

from adapters.base import RemoteAccount
from bot.services.accounts.facts import found_account
from storage.accounts import Accounts
from storage.discoveries import Discoveries, NewDiscovery
from storage.engine.db import Database
from storage.grants import Grants, NewGrant
from storage.organizations import Organizations
from storage.vault import KeyRing, Vault


async def connect():
    database = Database(f"sqlite+aiosqlite:///{sys.argv[1]}/new.sqlite3")
    vault = Vault(KeyRing.parse(KeyRing.generate()))
    await database.upgrade()
    async with database.system() as session:
        owner = (await Organizations(session).create("Octa")).id
        consent = dict(platform="x", app="x", access="a", refresh=None, scopes=[])
        times = dict(access_expires_in=None, refresh_expires_in=None)
        grant = await Grants(session, vault).create_pending(owner, NewGrant(connected_by="mem_1", **consent, **times))
        discoveries = Discoveries(session, vault)
        shown = RemoteAccount(id="1", kind="Channel", name="Octa", detail="678 subscribers")
        new = NewDiscovery(membership_id="mem_1", grant_id=grant.id, team_id="T1", channel_id="C1")
        discovery = await discoveries.keep(owner, new, [found_account(shown)])
        [found] = await discoveries.search(owner, discovery.id, "octa")
        facts = dict(grant=grant, connected_by="mem_1", found=discoveries.opened(found))
        await Accounts(session, vault).attach(owner, **facts)
        [(account, _)] = await Accounts(session, vault).all(owner)
        print(account.detail)
    await database.close()


asyncio.run(connect())
'''


@in_full
async def test_a_column_on_an_account_is_a_line_in_the_model_and_a_migration(tmp_path: Path) -> None:
    shown = MIGRATION.search((ROOT / "CONTRIBUTING.md").read_text())
    assert shown is not None
    script = SCRIPT.replace("MIGRATION", repr(shown[0]))

    stored = await play(tmp_path, script, "storage/models/accounts.py")

    assert stored == "678 subscribers"
