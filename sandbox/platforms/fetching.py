"""How a simulated platform fetches a file from the address that it was given.

It does what platforms document: HTTPS and a public host only, no redirect, and only what the site's robots.txt allows.
Since nothing leaves this machine, one address is taken for public: that of the app, or of a test.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import aiohttp

from sandbox.core import Received

WITHIN_S = 10.0


class FetchRefused(Exception):
    """The file could not be fetched. The text says why."""


async def fetch(url: str, *, public: str, agent: str, most_bytes: int) -> tuple[Received, str]:
    """Return the file at `url` and the type that its server names. `public` is the origin that may be fetched from.

    Raises:
        FetchRefused: There is no such file for the robot `agent`, or it is too large.

    """
    if not url.isascii() or not public or not url.startswith(f"{public}/") or "@" in urlsplit(url).netloc:
        raise FetchRefused("it is not at a public HTTPS address")
    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": agent}) as session:
            await _ask_robots(session, url, public, agent)
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise FetchRefused(f"the answer is {answer.status}")
                if (answer.content_length or 0) > most_bytes:
                    raise FetchRefused("it is too large")
                file = await Received().take(answer.content.iter_any())
                if answer.content_length not in {None, file.size}:
                    raise FetchRefused("its length is not the announced one")
                return file, answer.content_type
    except (aiohttp.ClientError, TimeoutError):
        raise FetchRefused("there is no answer") from None


async def _ask_robots(session: aiohttp.ClientSession, url: str, public: str, agent: str) -> None:
    async with session.get(f"{public}/robots.txt", allow_redirects=False) as answer:
        if answer.status != 200:
            return
        rules = RobotFileParser()
        rules.parse((await answer.text()).splitlines())
        if not rules.can_fetch(agent, url):
            raise FetchRefused("robots.txt does not allow it")
