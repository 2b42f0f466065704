"""Files that only their owner may read: they are created this way, and changed if they are not.

The umask decides a new file's mode: that is too late for a file that exists, and not reliable for one that does not.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_READ = stat.S_IROTH


class Exposed(Exception):
    """A file with a secret can be read or changed by others. The text says what to do."""


def make_file(path: Path) -> None:
    """Create an empty file that only its owner may read, or make an existing file of ours so.

    Raises:
        OSError: It can be neither created nor changed.

    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return
    tighten(path)


def tighten(path: Path) -> None:
    """Remove all rights of others on a file, if it exists and is ours. Devices are left alone."""
    with suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def read_secret(path: Path) -> str:
    """Return the text of a file with a secret.

    A file that is not ours may be readable by others: mounted secrets often belong to root, with the mode 0444 or 0440
    (https://kubernetes.io/docs/concepts/configuration/secret/).

    Raises:
        Exposed: Others may change the file, or read it although it is ours.
        OSError: It cannot be read.
        UnicodeError: It is not UTF-8.

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
