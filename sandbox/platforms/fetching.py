"""What a simulated platform fetches: files at an address that the app named."""

from __future__ import annotations

import aiohttp

from sandbox.core import Received

WITHIN_S = 20.0


class NotFetched(Exception):
    """The address did not answer with a file: it redirects, answers an error, or breaks off."""


async def fetched(url: str) -> tuple[Received, str]:
    """Return the file at `url` and its MIME type. The caller checks before that the address is the app's own.

    Raises:
        NotFetched: There is no file. Redirects are not followed, as platforms document it.

    """
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise NotFetched
            return await Received().take(answer.content.iter_any()), answer.content_type
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotFetched from error
