"""A large file on its way through the upload page: its process dies, and what it needs of memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from sqlmodel import select

from bot.services.media.uploading import PIECE
from sandbox.start import bound
from storage.models import StoredFile, Upload
from tests.application import PATIENT, Office, open_office
from tests.counts import in_full
from tests.crash.children import Child, octapost
from tests.media import mp4
from tests.patience import PATIENCE_S, until
from tests.uploads import BYTES, UploadPage, opened

MEBIBYTE = 1 << 20
LARGE = 256 * MEBIBYTE
GROWS_BY = 64 * MEBIBYTE


@asynccontextmanager
async def another_process(
    office: Office, data: Path, page: UploadPage
) -> AsyncIterator[tuple[Child, UploadPage]]:
    """Run a web process on the same database and files, and give the page as the same browser has it there."""
    with bound() as probe:
        port = probe.getsockname()[1]
    env = office.world.env(office.url, data) | PATIENT
    env |= {"OCTAPOST_PORT": str(port), "OCTAPOST_HOST": "127.0.0.1", "OCTAPOST_METRICS_PORT": "0"}
    async with (
        octapost(env, "run", "--only", "web") as child,
        httpx.AsyncClient(
            base_url=f"http://localhost:{port}",
            cookies=page.browser.cookies,
            timeout=PATIENCE_S,
            trust_env=False,
        ) as browser,
    ):
        await until(lambda: _answers(port), every_s=0.05)
        yield child, UploadPage(browser=browser, path=page.path)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://localhost:{port}/livez", trust_env=False).is_success
    except httpx.TransportError:
        return False


@in_full
async def test_another_process_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    content = mp4(3 * PIECE)
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, work=False)
        here = await opened(office, await stack.enter_async_context(office.browser()))
        child, there = await stack.enter_async_context(another_process(office, tmp_path, here))
        file = await there.announced(len(content))

        async def body() -> AsyncIterator[bytes]:
            yield content[: PIECE + PIECE // 2]
            async with asyncio.timeout(PATIENCE_S):
                while not await here.offset(file):  # noqa: ASYNC110 - another process has no event
                    await asyncio.sleep(0.02)
            await child.killed()
            yield content[PIECE + PIECE // 2 :]

        try:
            await there.browser.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=body())
            died = False
        except httpx.TransportError:
            died = True
        kept = await here.offset(file)
        await here.send(file, kept, content[kept:])
        found = await here.checked()
        async with office.database.system(write=False) as session:
            stored = (await session.exec(select(StoredFile))).one()
        pieces = office.parts.posts.library.store.read(stored.key, 0, stored.size)
        arrived = b"".join([piece async for piece in pieces])

    assert died
    assert PIECE <= kept < PIECE + PIECE // 2
    assert [one["state"] for one in found] == ["stored"]
    assert arrived == content


@in_full
async def test_a_large_upload_needs_little_memory(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, work=False)
        here = await opened(office, await stack.enter_async_context(office.browser()))
        child, there = await stack.enter_async_context(another_process(office, tmp_path, here))
        clip = mp4()
        await there.send(
            await there.announced(len(clip)), 0, clip
        )  # what is imported with the first file is there
        await there.checked()
        before = most = child.memory()
        rest = bytes(MEBIBYTE)

        async def body() -> AsyncIterator[bytes]:
            nonlocal most
            head = mp4(LARGE)[:MEBIBYTE]
            yield head
            for _ in range(LARGE // MEBIBYTE - 1):
                yield rest
                most = max(most, child.memory())

        file = await there.announced(LARGE)
        answer = await there.browser.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=body())
        watching = asyncio.create_task(there.checked())
        while not watching.done():
            most = max(most, child.memory())
            await asyncio.sleep(0.05)
        found = await watching
        async with office.database.system(write=False) as session:
            sizes = [one.size for one in await session.exec(select(Upload))]

    record_property(
        "counted",
        f"an upload of {LARGE >> 20} MiB: {(most - before) / MEBIBYTE:.1f} MiB more resident memory",
    )
    assert answer.status_code == 204
    assert [one["state"] for one in found] == ["stored"] * 2
    assert max(sizes) == LARGE
    assert most - before <= GROWS_BY
