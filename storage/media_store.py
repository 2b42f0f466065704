"""The bytes of files: in a folder, or in an S3-compatible store that several machines share.

`obstore` is imported when the first file is read or written, so a process that handles none needs no memory for it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from obstore.store import ObjectStore

PIECE = 1024 * 1024
"""The most bytes that are handed on at once."""
MARK, MARK_LENGTH = "octapost-mark", 64
"""The name and the size of the one object that is no file of a post."""
UPLOADED_AT_ONCE = 2
"""Parts of 5 MiB."""
VARIABLES = frozenset(
    f"AWS_{name}"
    for name in (
        *("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION"),
        *("ROLE_ARN", "ROLE_SESSION_NAME", "WEB_IDENTITY_TOKEN_FILE", "METADATA_ENDPOINT"),
        *("CONTAINER_CREDENTIALS_RELATIVE_URI", "CONTAINER_CREDENTIALS_FULL_URI"),
        *("CONTAINER_AUTHORIZATION_TOKEN_FILE", "REQUEST_PAYER", "VIRTUAL_HOSTED_STYLE_REQUEST"),
        *("SERVER_SIDE_ENCRYPTION", "SSE_KMS_KEY_ID", "SSE_BUCKET_KEY_ENABLED"),
    )
)
"""Those of the environment's variables that are used. Others, such as `AWS_PROFILE`, `obstore` refuses."""
STALLED, LONGEST_READ = timedelta(seconds=30), timedelta(hours=1)
"""After so long without a byte a request to an S3 store is made again; and how long one may last in all, because a
platform that takes its time is read for slowly."""


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
        if not self._on_s3:
            folder = Path(self.url)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return LocalStore(folder)
        given = (self.variables or {}).items()
        options: dict[str, object] = {name.lower(): value for name, value in given if name in VARIABLES}
        if self.endpoint:
            options["endpoint"] = self.endpoint
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=options,  # type: ignore[arg-type]
            client_options={
                "allow_http": self.endpoint.startswith("http://"),
                "read_timeout": STALLED,
                "timeout": LONGEST_READ,
            },
        )

    @property
    def _on_s3(self) -> bool:
        return urlsplit(self.url).scheme == "s3"

    def free(self) -> float:
        """Return which part of the fuller disk is free: the one of the folder, or that of files in progress."""
        places = [tempfile.gettempdir()]
        if not self._on_s3:
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
        pieces = self._streamed if self._on_s3 else self._ranges
        try:
            async for piece in pieces(key, start, end):
                yield piece
        except FileNotFoundError as error:
            raise _missing(key, error) from None

    async def _ranges(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes with a request for each piece: of a folder the fastest."""
        import obstore  # noqa: PLC0415

        while start < end:
            length = min(PIECE, end - start)
            yield bytes(await obstore.get_range_async(self._store, key, start=start, length=length))
            start += length

    async def _streamed(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes with one request. Where the connection is cut, `obstore` asks for the rest."""
        import obstore  # noqa: PLC0415

        if start < end:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for received in found.stream(min_chunk_size=PIECE):
                piece = bytes(received)
                for at in range(0, len(piece), PIECE):
                    yield piece[at : at + PIECE]

    async def read_mark(self) -> str:
        """Return what `write_mark` wrote last; empty: nothing."""
        if not self._on_s3:  # every process asks every minute, also one that handles no file
            return await asyncio.to_thread(_read_text, Path(self.url, MARK))
        try:
            return b"".join([piece async for piece in self.read(MARK, 0, MARK_LENGTH)]).decode().strip()
        except LookupError:
            return ""

    async def write_mark(self, mark: str) -> None:
        """Write a text of at most `MARK_LENGTH` bytes in place of the last one."""
        if not self._on_s3:
            await asyncio.to_thread(_write_text, Path(self.url, MARK), mark)
            return
        await self.write(MARK, BytesIO(mark.encode().ljust(MARK_LENGTH)))

    async def has(self, key: str) -> bool:
        """Tell whether something is stored under this key. Nothing that is stored is empty."""
        try:
            return any([piece async for piece in self.read(key, 0, 1)])
        except LookupError:
            return False

    async def delete(self, key: str) -> None:
        """Delete what is stored under this key, if anything is."""
        import obstore  # noqa: PLC0415

        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            if self._on_s3:  # where a key that is not there is no error: the bucket is missing
                raise


def _missing(key: str, error: FileNotFoundError) -> Exception:
    """Return what a read raises: not every "not found" is about the key."""
    return error if "NoSuchBucket" in str(error) else LookupError(key)


def _read_text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def _write_text(file: Path, text: str) -> None:
    """Replace a file at once, so that whoever reads it meanwhile finds the old text or the new one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}#", delete=False) as new:
        new.write(text)
    Path(new.name).replace(file)
