"""Runs the child process that decodes a file (`bot.services.media.child`), and returns what it found."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import IO, TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.media.findings import FileFault, RefusedFileError, load

if TYPE_CHECKING:
    from bot.services.media.findings import Drawing, Findings

log = logger(__name__)
AT_ONCE = 2
"""Child processes."""
WITHIN_S = 60.0
LONGEST_RESULT = 4096
OUTPUT_MORE = 32 * 1024 * 1024
"""How many bytes a rewritten copy may have beyond the file: a HEIC becomes a larger JPEG."""
ENDINGS = {
    "image/jpeg": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "image/png": {".png"},
    "image/gif": {".gif"},
    "image/webp": {".webp"},
    "video/mp4": {".mp4", ".m4v", ".mov", ".qt"},
    "video/quicktime": {".mov", ".qt", ".mp4", ".m4v"},
    "video/webm": {".webm", ".mkv"},
    "video/x-matroska": {".mkv", ".webm"},
    "application/pdf": {".pdf"},
}
"""MIME type -> the endings of names that go with it. One container has several."""
HEIF_ENDINGS = {".heic", ".heif", ".hif"}
KNOWN = frozenset().union(*ENDINGS.values(), HEIF_ENDINGS)


@dataclass(frozen=True)
class Inspector:
    """Looks into files. Built once, in `bot.app`."""

    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def inspect(self, file: IO[bytes], size: int, copy: IO[bytes]) -> Findings:
        """Return what is in a file; if it had to be changed, what is to be published is in `copy` then.

        Raises:
            RefusedFileError: It is not taken.

        """
        if not size:
            raise RefusedFileError(FileFault.EMPTY)
        return await self._findings(file, copy, size + OUTPUT_MORE)

    async def draw(self, file: IO[bytes], copy: IO[bytes], drawing: Drawing) -> Findings:
        """Write a drawing of a file to `copy`, and return what it is.

        Raises:
            RefusedFileError: There is none.

        """
        return await self._findings(file, copy, drawing.most_bytes, drawing.recipe)

    async def _findings(self, file: IO[bytes], copy: IO[bytes], most: int, *task: str) -> Findings:
        async with self._places:
            line = await _run(file, copy, most, *task)
        try:
            return load(line)
        except ValueError:
            raise RefusedFileError(FileFault.TRUNCATED) from None


async def _run(file: IO[bytes], copy: IO[bytes], most: int, *task: str) -> str:
    """Return the line that the child process writes. `most`: how many bytes it may write to `copy`."""
    file.flush()
    file.seek(0)
    output = copy.fileno()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "bot.services.media.child",
        str(output),
        str(most),
        *task,
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(output,),
        env={},
        cwd="/",
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            line = await child.stdout.read(LONGEST_RESULT) if child.stdout else b""
            code = await child.wait()
    except TimeoutError:
        raise RefusedFileError(FileFault.TOO_COMPLEX) from None
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if code != 0 or not line:
        log.warning("media.child_died", code=code)
        # Killed by a limit: memory or processor time. Otherwise a library gave up on the file.
        raise RefusedFileError(FileFault.TOO_COMPLEX if code < 0 else FileFault.TRUNCATED)
    return line.decode("utf-8", "replace")


def fits(name: str, found: str, *, converted: bool) -> bool:
    """Tell whether a file's name goes with its MIME type. A name without a known ending goes with every type."""
    ending = PurePath(name).suffix.lower()
    if ending not in KNOWN:
        return True
    return ending in HEIF_ENDINGS if converted else ending in ENDINGS.get(found, set())
