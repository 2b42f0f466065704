"""The scan for secrets finds what was really written down, and names its place without repeating it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import secret_scan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("Slack Token", "xoxb" + "-23984754863-2348975623103-Hb28nFtPq9sWzLk3Ye7Ucx0D"),
        ("Private Key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("AWS Access Key", "AKIA" + "IX6Q3BZ7MNOPW2RT"),
        ("GitHub Token", "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"),
        ("Basic Auth Credentials", "postgresql://octapost:" + "Xw7pQz93@db.internal/octapost"),
        ("Vault key ring", "OCTAPOST_VAULT_KEYS=1:" + "b2N0b3BvdXMgYW5kIGEgcG9zdCwgbWFkZSB1cCBoZXI" + "="),
    ],
)
def test_a_secret_is_found_and_not_repeated(tmp_path: Path, kind: str, secret: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(f"first line\n{secret}\n")

    assert list(secret_scan.found([file])) == [f"{file}:2: {kind}"]


def test_made_up_passwords_are_not_reported(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("postgresql://octapost:" + "hunter22@db.internal/octapost\n")

    assert list(secret_scan.found([file])) == []


def test_everything_is_scanned_but_what_is_never_committed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("# kept out\n.venv/\n/dist/\n*.sqlite3*\noctapost.env\n")
    for name in (
        ".venv/a.py",
        ".git/config",
        "dist/a",
        "b/octapost.env",
        "o.sqlite3-wal",
        "b/c.py",
        ".ci/run",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    names = {path.relative_to(tmp_path).as_posix() for path in secret_scan.committed(tmp_path)}

    assert names == {".gitignore", "b/c.py", ".ci/run"}
