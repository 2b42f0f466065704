"""The bytes of files: in a folder, or in an S3-compatible store that several machines share.

`obstore` is imported when the first file is read or written, so a process that handles none needs no memory for it.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from obstore.store import ObjectStore

PIECE = 1024 * 1024
"""The most bytes that are read at once."""
MARK, MARK_LENGTH = "octapost-mark", 64
"""The name and the size of the one object that is no file of a post."""
UPLOADED_AT_ONCE = 2
"""Parts of 5 MiB."""


@dataclass(frozen=True)
class MediaStore:
    """The bytes of files, by key. `url`: `s3://bucket/prefix`, or a folder."""

    url: str
    endpoint: str = ""
    """Of an S3-compatible store that is not Amazon's."""
    variables: Mapping[str, str] | None = None
    """The environment's AWS variables (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, ...)."""

    @cached_property
    def _store(self) -> ObjectStore:
        from obstore.store import LocalStore, S3Store  # noqa: PLC0415 - only where a file is used

        parts = urlsplit(self.url)
        if parts.scheme != "s3":
            folder = Path(self.url)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return LocalStore(folder)
        options: dict[str, object] = {name.lower(): value for name, value in (self.variables or {}).items()}
        if self.endpoint:
            options["endpoint"] = self.endpoint
        plain = {"allow_http": True} if self.endpoint.startswith("http://") else {}
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=options,  # type: ignore[arg-type]
            client_options=plain,  # type: ignore[arg-type]
        )

    def free(self) -> float:
        """Return which part of the fuller disk is free: the one of the folder, or that of files in progress."""
        places = [tempfile.gettempdir()]
        if urlsplit(self.url).scheme != "s3":
            Path(self.url).mkdir(mode=0o700, parents=True, exist_ok=True)
            places.append(self.url)
        return min(usage.free / usage.total for usage in map(shutil.disk_usage, places))

    async def write(self, key: str, file: IO[bytes]) -> None:
        """Store what is in `file`, from its start."""
        import obstore  # noqa: PLC0415

        file.seek(0)
        await obstore.put_async(self._store, key, file, max_concurrency=UPLOADED_AT_ONCE)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to before `end`, in pieces of at most 1 MiB.

        Raises:
            LookupError: Nothing is stored under this key.

        """
        import obstore  # noqa: PLC0415

        while start < end:
            length = min(PIECE, end - start)
            try:
                piece = await obstore.get_range_async(self._store, key, start=start, length=length)
            except FileNotFoundError:
                raise LookupError(key) from None
            yield bytes(piece)
            start += length

    async def read_mark(self) -> str:
        """Return what `write_mark` wrote last; empty: nothing."""
        try:
            return b"".join([piece async for piece in self.read(MARK, 0, MARK_LENGTH)]).decode().strip()
        except LookupError:
            return ""

    async def write_mark(self, mark: str) -> None:
        """Write a text of at most `MARK_LENGTH` bytes in place of the last one."""
        await self.write(MARK, BytesIO(mark.encode().ljust(MARK_LENGTH)))

    async def has(self, key: str) -> bool:
        """Tell whether something is stored under this key."""
        import obstore  # noqa: PLC0415

        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Delete what is stored under this key, if anything is."""
        import obstore  # noqa: PLC0415

        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)
