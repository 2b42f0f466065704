"""Looks into files as the product does, in the child process."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from bot.services.media.findings import FileFault, Findings, RefusedFileError
from bot.services.media.inspecting import Inspector


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a file."""

    found: Findings | None
    fault: FileFault | None
    copy: bytes
    """What is published instead of it; empty: the file itself."""


async def look(content: bytes) -> Seen:
    """Return what comes of a file."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as copy:
        file.write(content)
        try:
            found = await Inspector().inspect(file, len(content), copy)
        except RefusedFileError as error:
            return Seen(found=None, fault=error.fault, copy=b"")
        copy.seek(0)
        return Seen(found=found, fault=None, copy=copy.read())
