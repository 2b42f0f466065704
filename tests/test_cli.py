"""The command line's doctor: the same words about platforms as in Slack."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import uvloop
from typer.testing import CliRunner

from bot.cli import cli
from storage.db import Database
from storage.refreshes import Outcome, Refreshes
from storage.vault import KeyRing, Vault


def test_the_doctor_names_a_platform_that_answers_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, url = KeyRing.generate(), f"sqlite+aiosqlite:///{tmp_path / 'octapost.sqlite3'}"
    for name, value in {
        "PUBLIC_URL": "http://localhost:1",
        "DATABASE_URL": url,
        "VAULT_KEYS": keys,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    }.items():
        monkeypatch.setenv(f"OCTAPOST_{name}", value)

    async def outage() -> None:
        database = Database(url)
        await database.upgrade()
        async with database.system() as session:
            refreshes = Refreshes(session, Vault(KeyRing.parse(keys)))
            await refreshes.count("tiktok", int(time.time() // 60), {Outcome.BUSY: 3})
        await database.close()

    before = CliRunner().invoke(cli, ["doctor"])
    uvloop.run(outage())
    during = CliRunner().invoke(cli, ["doctor"])

    assert (before.exit_code, during.exit_code) == (0, 0)
    assert "isn't answering" not in before.output
    assert "TikTok isn't answering anybody right now." in " ".join(during.output.split())
