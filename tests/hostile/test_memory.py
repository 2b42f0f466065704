"""The keys of a running process: not in a child's environment, not in a core dump, not another process's to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from storage.vault import KeyRing
from tests.counts import in_full

SECRETS = {
    "OCTAPOST_VAULT_KEYS": KeyRing.generate(),
    "OCTAPOST_SLACK_CLIENT_SECRET": "slack-secret-canary",
    "OCTAPOST_SLACK_SIGNING_SECRET": "signing-secret-canary",
    "OCTAPOST_SLACK_APP_TOKEN": "xapp-canary",
    "OCTAPOST_DATABASE_URL": "postgresql+asyncpg://octapost:database-canary@localhost/octapost",
    "OCTAPOST_DATABASE_MIGRATION_URL": "postgresql+asyncpg://owner:owner-canary@localhost/octapost",
    "OCTAPOST_X_CLIENT_SECRET": "platform-canary",
}
OTHERS = {
    "OCTAPOST_PUBLIC_URL": "http://localhost:1",
    "OCTAPOST_SLACK_CLIENT_ID": "1.2",
    "OCTAPOST_X_CLIENT_ID": "x",
}
NOBODY = 65534
SCRIPT = f"""
import ctypes, json, os, resource, subprocess, sys
from bot import app, cli

def others_can_read(name):
    child = os.fork()
    if child == 0:
        try:
            open(f"/proc/{{os.getppid()}}/{{name}}", "rb").close()
        except PermissionError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

app.settings_from()
inherited = subprocess.run(["env"], capture_output=True, check=True, text=True).stdout
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as it is for whoever was started by this user
before = [others_can_read(name) for name in ("environ", "mem")]
sys.argv = ["octapost", "keys", "new"]
try:
    cli.main()
except SystemExit:
    pass
after = [others_can_read(name) for name in ("environ", "mem")]
itself = [bool(open(f"/proc/self/{{name}}").read(1)) for name in ("stat", "limits")]
print(json.dumps({{
    "inherited": inherited,
    "own": "".join(os.environ.values()),
    "others read, before and after": [before, after],
    "reads of itself": [*itself, bool(os.listdir("/proc/self/fd"))],
    "core": resource.getrlimit(resource.RLIMIT_CORE),
}}))
"""
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux keeps a process's memory from its own user"
)


@pytest.fixture(scope="module")
def told() -> Any:
    """Give what a process with our settings says of itself."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("OCTAPOST_")}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", SCRIPT],
        env=around | SECRETS | OTHERS,
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@in_full
@LINUX
def test_a_child_inherits_no_secret(told: Any) -> None:
    everything = told["inherited"] + told["own"]

    assert "PATH=" in told["inherited"]
    assert "OCTAPOST_" not in told["inherited"]
    assert [value for value in SECRETS.values() if value in everything] == []


@in_full
@LINUX
def test_another_process_of_the_same_user_reads_neither_its_memory_nor_its_first_environment(
    told: Any,
) -> None:
    assert told["others read, before and after"] == [[True, True], [False, False]]


@in_full
@LINUX
def test_it_still_reads_of_itself_what_its_metrics_need(told: Any) -> None:
    assert told["reads of itself"] == [True, True, True]


@LINUX
def test_no_core_is_dumped(told: Any) -> None:
    assert told["core"] == [0, 0]
