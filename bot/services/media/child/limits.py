"""What the child process may use."""

from __future__ import annotations

import errno
import os
import resource

from bot.services.media.findings import FileFault, RefusedFileError

MEMORY = 1536 * 1024 * 1024
"""Of address space, of which the libraries take a third."""
SECONDS = 30
"""Of processor time."""


def limit(output: int) -> None:
    """Limit memory, processor time and how much can be written; leave no core dump."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(what, most)


def confine() -> None:
    """Give up opening files and sockets: no new descriptor can have a number below the limit."""
    lowest = os.dup(0)
    os.close(lowest)
    _lower(resource.RLIMIT_NOFILE, lowest)


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def damaged(error: Exception) -> Exception:
    """Return what a library's error says about the file. One about our own limits says nothing about it."""
    if isinstance(error, OSError) and error.errno == errno.EMFILE:
        return RuntimeError("something was to be opened after the process was confined")
    too_large = isinstance(error, OSError) and error.errno == errno.EFBIG
    return RefusedFileError(FileFault.TOO_COMPLEX if too_large else FileFault.TRUNCATED)
