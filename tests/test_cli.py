"""The command line, as the operator runs it: in a process of its own, because it configures that one's log."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

from sandbox.core import Fault
from sandbox.slack.server import SlackSimulator
from sandbox.start import bound
from storage.engine.db import Database
from storage.installations import BotTokenPair, Installations, InstalledApp
from storage.models import new_id
from storage.tallies import Outcome, Tallies
from storage.vault import KeyRing, Vault
from tests.counts import in_full
from tests.crash.children import Child
from tests.crash.children import octapost as command
from tests.databases import sqlite_file


def octapost(file: Path, keys: str, *arguments: str, **extra: str) -> AbstractAsyncContextManager[Child]:
    """Run a command on this database; `extra` are settings besides the usual ones."""
    settings = {
        "PUBLIC_URL": "http://localhost:1",
        "PORT": "0",
        "METRICS_PORT": "0",
        "DATABASE_URL": f"sqlite+aiosqlite:///{file}",
        "VAULT_KEYS": keys,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    } | extra
    return command({f"OCTAPOST_{name}": value for name, value in settings.items()}, *arguments)


async def result(file: Path, keys: str, *arguments: str, **extra: str) -> tuple[int, str, str]:
    """Return a command's exit status and what it wrote, once it is over."""
    async with octapost(file, keys, *arguments, **extra) as child:
        return await child.ended(), child.out, child.err


async def test_the_doctor_names_a_platform_that_answers_nobody_and_writes_nothing(tmp_path: Path) -> None:
    keys, file = KeyRing.generate(), sqlite_file(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with database.system() as session:
        tallies = Tallies(session)
        await tallies.count("tiktok", int(time.time() // 60), {Outcome.BUSY: 3})
        await tallies.count("x", int(time.time() // 60), {Outcome.FRESH: 3})
    await database.close()

    status, said, _ = await result(file, keys, "doctor")

    words = " ".join(said.split())
    assert status == 0
    assert "TikTok is down." in words
    assert " X isn't answering" not in words
    with closing(sqlite3.connect(file)) as found:
        assert found.execute("SELECT count(*) FROM canary").fetchone() == (0,)


async def test_a_file_that_cannot_be_opened_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    status, _, told = await result(tmp_path / "absent" / "octapost.sqlite3", KeyRing.generate(), "doctor")

    assert status == 1
    assert told == "The database refused (unable to open database file). Nothing changed.\n"


@in_full
async def test_a_rotation_that_ends_says_that_older_keys_may_go_whatever_their_numbers(
    tmp_path: Path,
) -> None:
    new, old, file = KeyRing.generate(1), KeyRing.generate(2), sqlite_file(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with database.system() as session:
        await Installations(session, Vault(KeyRing.parse(old))).save(
            InstalledApp(
                slack_id="T1",
                team_id="T1",
                enterprise_id=None,
                name="Acme",
                app_id="A1",
                bot_user_id="U1",
                scopes=[],
                installed_by=new_id("usr"),
            ),
            BotTokenPair(access="xoxb-1"),
        )
    await database.close()

    status, said, _ = await result(file, f"{new},{old}", "keys", "rotate")

    words = " ".join(said.split())
    assert status == 0
    assert "Re-encrypted 1 values. Values by key: {1: 1, 2: 0}" in words
    assert "Remove the older keys once" in words


@in_full
async def test_half_of_the_work_on_sqlite_is_warned_of(tmp_path: Path) -> None:
    async with octapost(sqlite_file(tmp_path), KeyRing.generate(), "run", "--only", "jobs") as jobs:
        await jobs.says("ready")

        assert "the other half must open this same file" in jobs.err


@in_full
async def test_the_doctor_wants_to_know_the_proxies_of_a_public_installation(tmp_path: Path) -> None:
    keys, file, https = KeyRing.generate(), sqlite_file(tmp_path), {"PUBLIC_URL": "https://bot.example.com"}

    (unset, _, told), (none, _, nothing) = await asyncio.gather(
        result(file, keys, "doctor", **https), result(file, keys, "doctor", **https, TRUSTED_PROXIES="0")
    )

    assert (unset, none) == (1, 0)
    assert "OCTAPOST_TRUSTED_PROXIES is not set. Set it to the number of proxies" in told
    assert nothing == ""


@in_full
async def test_a_start_that_was_not_told_of_its_proxies_warns(tmp_path: Path) -> None:
    address = {"PUBLIC_URL": "https://bot.example.com"}

    async with octapost(sqlite_file(tmp_path), KeyRing.generate(), "run", **address) as web:
        await web.says("ready")

        assert "OCTAPOST_TRUSTED_PROXIES is not set" in web.err


async def test_the_doctor_lists_every_address_and_what_looks_wrong(tmp_path: Path) -> None:
    extra = {
        "YOUTUBE_CLIENT_ID": "GOCSPX-hunter22",
        "YOUTUBE_CLIENT_SECRET": "1.apps.googleusercontent.com",
        "FACEBOOK_CLIENT_ID": "4711",
        "FACEBOOK_CLIENT_SECRET": "0a1b2c",
        "FACEBOOK_CONFIG_ID": "777000777",
    }

    status, said, _ = await result(sqlite_file(tmp_path), KeyRing.generate(), "doctor", **extra)

    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert status == 0
    assert "Deauthorize callback URL: http://localhost:1/meta/deauthorize" in lines
    assert "Data deletion request URL: http://localhost:1/meta/data-deletion" in lines
    assert "Callback URL (Webhooks): http://localhost:1/tiktok/webhook" in lines
    assert "Redirect URI: http://localhost:1/oauth/youtube/callback" in lines
    assert "Request URL (events, commands, interactivity): http://localhost:1/slack/events" in lines
    assert "OCTAPOST_YOUTUBE_CLIENT_ID and the secret look swapped." in lines
    assert "configuration 777000777" in said
    assert "OCTAPOST_SLACK_SIGNING_SECRET should be 32 hexadecimal digits" in " ".join(lines)


async def test_every_fault_of_the_settings_is_named_at_once(tmp_path: Path) -> None:
    wrong = {"PORT": "http", "X_CLIENT_ID": '"quoted"', "X_CLIENT_SECRET": "newline\n"}

    status, _, told = await result(sqlite_file(tmp_path), "no key ring", "doctor", **wrong)

    assert status == 1
    assert sorted(line.partition(":")[0] for line in told.splitlines()) == [
        f"OCTAPOST_{name}" for name in ("PORT", "VAULT_KEYS", "X_CLIENT_ID", "X_CLIENT_SECRET")
    ]


async def test_the_doctor_asks_slack_about_every_sample(tmp_path: Path) -> None:
    slack = SlackSimulator()
    url = await slack.start()
    where = {"SLACK_API_URL": f"{url}/api/", "SLACK_WEB_URL": url}
    file, keys = sqlite_file(tmp_path), KeyRing.generate()

    taken, said, unsaid = await result(file, keys, "doctor", "--slack", **where)
    answer = {
        "ok": False,
        "error": "invalid_view",
        "errors": [{"pointer": "/blocks/0", "message": "too new"}],
    }
    slack.faults.append(Fault(path="/api/blocks.validate", status=200, body=json.dumps(answer), times=1))
    slack.faults.append(
        Fault(
            path="/api/blocks.validate",
            status=429,
            body='{"ok": false, "error": "ratelimited"}',
            times=1,
            headers={"Retry-After": "1"},
        )
    )
    refused, _, told = await result(file, keys, "doctor", "--slack", **where)
    await slack.stop()
    silent, _, missed = await result(file, keys, "doctor", "--slack", **where)

    assert unsaid == ""
    assert (taken, refused, silent) == (0, 1, 1)
    assert "Slack accepts our messages and forms (" in said
    assert "lifecycle.welcome /blocks/0: too new" in told
    assert told.count("too new") == 1
    assert "Slack didn't say whether it accepts our messages and forms" in missed


async def test_the_sandbox_names_the_option_for_another_port(tmp_path: Path) -> None:
    with bound() as taken:
        taken.listen()
        port = str(taken.getsockname()[1])

        status, _, told = await result(sqlite_file(tmp_path), KeyRing.generate(), "sandbox", "--port", port)

    assert status == 1
    assert told == f"Port {port} is in use by another process. Choose another one with --port.\n"


@in_full
async def test_the_sandbox_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    file, keys, own = sqlite_file(tmp_path), KeyRing.generate(), tmp_path / "temporary"
    own.mkdir()

    status, _, refused = await result(file, keys, "sandbox", "--data", str(tmp_path))
    async with command({"TMPDIR": str(own)}, "sandbox", "--port", "0") as child:
        await child.says("Everything is forgotten when you stop it.")
        during = [each.name for each in own.iterdir()]
        stopped = await child.stopped()

    assert (status, "No such option: --data" in refused) == (2, True)
    assert [name.startswith("octapost-") for name in during] == [True]
    assert (stopped, list(own.iterdir())) == (0, [])
