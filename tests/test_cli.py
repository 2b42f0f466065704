"""The command line's doctor: the same words about platforms as in Slack."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from storage.db import Database
from storage.refreshes import Outcome, Refreshes
from storage.vault import KeyRing, Vault


async def test_the_doctor_names_a_platform_that_answers_nobody(tmp_path: Path) -> None:
    keys, url = KeyRing.generate(), f"sqlite+aiosqlite:///{tmp_path / 'octapost.sqlite3'}"
    settings = {
        "PUBLIC_URL": "http://localhost:1",
        "DATABASE_URL": url,
        "VAULT_KEYS": keys,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    }
    database = Database(url)
    await database.upgrade()
    async with database.system() as session:
        refreshes = Refreshes(session, Vault(KeyRing.parse(keys)))
        await refreshes.count("tiktok", int(time.time() // 60), {Outcome.BUSY: 3})
        await refreshes.count("x", int(time.time() // 60), {Outcome.FRESH: 3})
    await database.close()

    # A process of its own: the command configures the log of the one it runs in.
    doctor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from bot.cli import main; main()", "doctor"),
        env=os.environ | {f"OCTAPOST_{name}": value for name, value in settings.items()},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await doctor.communicate()

    words = " ".join(said.decode().split())
    assert doctor.returncode == 0
    assert "TikTok isn't answering anybody right now." in words
    assert " X isn't answering" not in words
