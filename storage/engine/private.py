"""Files that only their owner may read: made so, and made so again when they were not.

A file's mode is decided when it is made, by whoever's umask: too late for what is there already, and not
ours to rely on for what is not.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_READ = stat.S_IROTH


class Exposed(Exception):
    """A file with a secret that others may change or read. The sentence says what to do."""


def make_file(path: Path) -> None:
    """Make an empty file for us alone, or take an existing one of ours away from everybody else.

    Raises OSError where it can neither be made nor changed.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return
    tighten(path)


def tighten(path: Path) -> None:
    """Take a file away from everybody but us, if it is there and ours. A device is everybody's."""
    with suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def read_secret(path: Path) -> str:
    """Return the text of a file with a secret. Raises `Exposed`, OSError or UnicodeError.

    Others may read a file that is not ours: mounted secrets are often root's, and 0444 or 0440
    (https://kubernetes.io/docs/concepts/configuration/secret/).
    """
    with path.open(encoding="ascii") as file:
        found = os.fstat(file.fileno())
        if found.st_mode & OTHERS_WRITE:
            raise Exposed(
                "its group or others can change it: make it readable for its owner only (chmod 600)"
            )
        if found.st_uid == os.geteuid() and found.st_mode & OTHERS_READ:
            raise Exposed("others can read it: make it readable for its owner only (chmod 600)")
        return file.read().strip()
