"""Protects the memory of a running process, which contains the keys, from other users."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress

PR_SET_DUMPABLE = 4
"""From Linux's <sys/prctl.h> (https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html)."""


def keep_memory_private() -> list[str]:
    """Forbid core dumps of this process, and let nobody but root read its memory or initial environment.

    Return what could not be done, one sentence each: the process works without it. The second needs Linux.
    """
    undone = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        undone.append("a crash may write the memory, keys included, into a core dump")
    if sys.platform == "linux" and not _undumpable():
        undone.append("other processes of this user may read this one's memory, keys included")
    return undone


def _undumpable() -> bool:
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    return False
