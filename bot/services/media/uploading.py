"""Files that members add on an upload page: large ones, or many.

A file arrives in pieces of at most 8 MiB, each an object of its own in the media store that is committed before more is
read. So whatever happens in between, to the connection or to the process, every process can go on after the last piece.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, TYPE_CHECKING

from pydantic import TypeAdapter

from adapters.base import Media, Publishes
from bot.ops.logs import logger
from bot.services.acting import acting
from bot.services.errors import NotFoundError, ServiceError, Thing
from bot.services.media.intake import Incoming, RefusedFile, Taken
from bot.services.media.keeping import LONGEST_NAME
from bot.services.permissions import Permission
from storage.drafts import Drafts
from storage.media import Files
from storage.models import Upload, UploadState
from storage.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from adapters.base import Adapter
    from bot.services.access import Actor
    from bot.services.media.intake import Intake
    from bot.services.posts.draft_pages import FormWatch
    from storage.engine.db import Database
    from storage.media_store import MediaStore
    from storage.models import DraftLink

log = logger(__name__)
PIECE = 8 << 20
"""Bytes: the most that is sent again after an interruption."""
GIGABYTE = 10**9
_MEDIA = TypeAdapter(Media)


class UploadFault(StrEnum):
    """Why an upload is refused."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    """No platform takes such a file."""
    FULL = "full"
    """The organization has no room left."""
    TOO_MANY = "too_many"
    """The organization has as many open uploads as it may."""
    NO_SPACE = "no_space"
    """The installation has hardly any room left."""
    OVERLONG = "overlong"
    """More bytes came than were announced."""


class UploadRefusedError(Exception):
    """An upload is not taken. `most`: the limit, in bytes or uploads, if there is one."""

    def __init__(self, fault: UploadFault, most: int = 0) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.most = most


class WrongOffsetError(Exception):
    """Bytes came for another position than the one where the upload goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """What an organization may have."""

    quota: int
    """Bytes in the store."""
    at_once: int
    """Open uploads."""
    free: float
    """The part of the disk that must be free for an upload to begin."""


@dataclass(frozen=True, kw_only=True)
class Uploading:
    """The use cases of the upload page. Built once, in `bot.app`."""

    database: Database
    store: MediaStore
    intake: Intake
    adapters: Mapping[str, Adapter]
    limits: UploadLimits
    forms: FormWatch
    _checks: set[asyncio.Task[None]] = field(default_factory=set)

    async def largest(self, link: DraftLink) -> int:
        """Return the size of the largest file that a platform takes: one of those chosen, if any are."""
        async with self.database.organization(link.organization_id, write=False) as session:
            platforms = await Drafts(session).platforms(
                link.organization_id, link.membership_id, link.draft_id
            )
        chosen = [self.adapters[key] for key in platforms if key in self.adapters]
        return most_bytes(chosen) or most_bytes([*self.adapters.values()])

    async def files(self, link: DraftLink) -> list[Upload]:
        """Return the draft's uploads, the first one first."""
        async with self.database.organization(link.organization_id, write=False) as session:
            return await Uploads(session).all(link.organization_id, link.draft_id)

    async def unfinished(self, actor: Actor, draft_id: str) -> list[Upload]:
        """Return the uploads of a draft that are still arriving or being checked."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            found = await Uploads(session).all(actor.organization_id, draft_id)
        return [one for one in found if one.state in {UploadState.ARRIVING, UploadState.CHECKING}]

    async def file(self, link: DraftLink, upload_id: str) -> Upload:
        """Return one of the draft's uploads.

        Raises:
            NotFoundError: There is none of this id.

        """
        async with self.database.organization(link.organization_id, write=False) as session:
            found = await Uploads(session).get(link.organization_id, link.draft_id, upload_id)
        if found is None:
            raise NotFoundError(Thing.FILE)
        return found

    async def announce(self, link: DraftLink, name: str, size: int) -> Upload:
        """Return a new upload for a file of this size.

        Raises:
            UploadRefusedError: It is not taken.
            NotMemberError: The member has left.
            NotAllowedError: They may publish nothing any more.

        """
        if not size:
            raise UploadRefusedError(UploadFault.EMPTY)
        if size > (most := await self.largest(link)):
            raise UploadRefusedError(UploadFault.TOO_LARGE, most)
        if await asyncio.to_thread(self.store.free) < self.limits.free:
            log.warning("upload.no_space")
            raise UploadRefusedError(UploadFault.NO_SPACE)
        async with acting(self.database, link, Permission.WRITE_POSTS, system=True) as session:
            room = await Uploads(session).room(link.organization_id)
            if room.open >= self.limits.at_once:
                raise UploadRefusedError(UploadFault.TOO_MANY, self.limits.at_once)
            if room.stored + size > self.limits.quota:
                raise UploadRefusedError(UploadFault.FULL, self.limits.quota)
            return await Uploads(session).create(
                link.organization_id, link.draft_id, name[:LONGEST_NAME], size
            )

    async def receive(
        self, link: DraftLink, upload_id: str, offset: int, body: AsyncIterator[bytes]
    ) -> Upload:
        """Store what arrives from `offset` on, and return the upload as it is then.

        `body` may end early: what has arrived stays.

        Raises:
            NotFoundError: There is no such upload.
            WrongOffsetError: It goes on elsewhere, or somebody else was faster.
            UploadRefusedError: More came than was announced; what belongs to the file is stored.

        """
        upload = await self.file(link, upload_id)
        if upload.state != UploadState.ARRIVING or upload.received != offset:
            raise WrongOffsetError
        with tempfile.TemporaryFile() as piece:
            async with aclosing(_pieces(body, piece, upload.size - offset)) as sizes:
                async for size in sizes:
                    await self._keep(link, upload, offset, piece, size)
                    offset += size
        if offset == upload.size:
            self.check_soon(upload)
        return await self.file(link, upload_id)

    async def _keep(self, link: DraftLink, upload: Upload, start: int, piece: IO[bytes], size: int) -> None:
        key = secrets.token_hex(16)
        async with acting(self.database, link, Permission.WRITE_POSTS, system=True) as session:
            await Files(session).announce(key)
        await self.store.write(key, piece)
        async with acting(self.database, link, Permission.WRITE_POSTS, system=True) as session:
            kept = await Uploads(session).append(upload, start, size, key)
        if not kept:  # the bytes are deleted after a day, as announced
            raise WrongOffsetError

    async def remove(self, link: DraftLink, upload_id: str) -> None:
        """Remove a file from the draft, whether it is here or still arriving.

        Raises:
            NotFoundError: There is none of this id.

        """
        async with acting(self.database, link, Permission.WRITE_POSTS, system=True) as session:
            gone = await Uploads(session).remove(link.organization_id, link.draft_id, upload_id)
            if gone is None:
                raise NotFoundError(Thing.FILE)
            if gone.state == UploadState.STORED:
                await Files(session).discard(link.organization_id, [media_of(gone).key])

    # Checking

    def check_soon(self, upload: Upload) -> None:
        """Look into a file whose bytes are all here, in the background."""
        task = asyncio.create_task(self._check_quietly(upload))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def drain(self, within_s: float) -> None:
        """Let the checks under way end. What takes longer is checked again by the job, once its lease is over."""
        if self._checks:
            _, left = await asyncio.wait(set(self._checks), timeout=within_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def check_due(self) -> None:
        """Look into the files that nobody looks into: the process that should have is gone."""
        async with self.database.system(write=False) as session:
            due = await Uploads(session).unchecked()
        for upload in due:
            await self._check_quietly(upload)

    async def _check_quietly(self, upload: Upload) -> None:
        try:
            await self._check(upload)
        except ServiceError as error:  # its member may not publish any more, so it runs out
            log.info("upload.not_checked", upload=upload.id, code=error.code)
        except Exception:  # the job looks again once the lease is over
            log.exception("upload.check_failed", upload=upload.id)

    async def _check(self, upload: Upload) -> None:
        async with self.database.organization(upload.organization_id, write=False) as session:
            membership_id = await Drafts(session).author(upload.organization_id, upload.draft_id)
            pieces = await Uploads(session).pieces(upload.organization_id, upload.id)
        if membership_id is None:
            return
        author = Author(organization_id=upload.organization_id, membership_id=membership_id)
        async with acting(self.database, author, Permission.WRITE_POSTS) as session:
            claimed = await Uploads(session).claim(upload.organization_id, upload.id)
        if claimed is None:
            return

        async def joined() -> AsyncIterator[bytes]:
            for piece in pieces:
                async for part in self.store.read(piece.key, 0, piece.size):
                    yield part

        incoming = Incoming(name=upload.name, read=joined, most=upload.size)
        await self._settle(author, claimed, await self.intake.take(author, incoming))

    async def _settle(self, author: Author, upload: Upload, taken: Taken | RefusedFile) -> None:
        if isinstance(taken, RefusedFile):
            outcome = UploadState.REFUSED
            values: dict[str, object] = {"fault": str(taken.fault), "found": taken.found}
        else:
            outcome, values = UploadState.STORED, {"media": _MEDIA.dump_python(taken.media, mode="json")}
        async with acting(self.database, author, Permission.WRITE_POSTS, system=True) as session:
            settled = await Uploads(session).settle(upload, outcome, values)
            if not settled and not isinstance(taken, RefusedFile):
                await Files(session).discard(upload.organization_id, [taken.media.key])
        log.info("upload.checked", upload=upload.id, outcome=str(outcome), fault=values.get("fault", ""))
        if outcome is UploadState.STORED:
            await self.forms.changed(upload.organization_id, upload.draft_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The member whose draft a file is for (`bot.services.access.ActorRef`)."""

    organization_id: str
    membership_id: str


def media_of(upload: Upload) -> Media:
    """Return the file of an upload that is stored."""
    return _MEDIA.validate_python(upload.media)


def most_bytes(adapters: Sequence[Adapter]) -> int:
    """Return the size of the largest file that one of the platforms takes; 0: none takes any."""
    rules = [
        rule
        for adapter in adapters
        if isinstance(adapter, Publishes)
        for wanted in adapter.publisher.facts.formats.values()
        for rule in wanted.media.values()
    ]
    return max((rule.most_bytes for rule in rules), default=0)


async def _pieces(body: AsyncIterator[bytes], piece: IO[bytes], most: int) -> AsyncGenerator[int]:
    """Write what arrives into `piece`, and yield how much is in it whenever it is full, and at the end."""
    size = 0
    async for part in body:
        if len(part) > most:
            if size or most:
                piece.write(part[:most])
                yield size + most
            raise UploadRefusedError(UploadFault.OVERLONG)
        most -= len(part)
        piece.write(part)
        size += len(part)
        if size >= PIECE:
            piece.flush()
            yield size
            piece.seek(0)
            piece.truncate()
            size = 0
    if size:
        piece.flush()
        yield size
