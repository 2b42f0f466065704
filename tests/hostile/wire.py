"""One raw HTTP connection to the product, and what a hostile request must leave as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from sqlmodel import SQLModel, func, select

from sandbox.core import Recorded
from storage.engine.db import Database
from tests.application import Office
from tests.pages import COOKIE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, headers as they stood on the wire, with lower-case names."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for found, value in self.headers if found == name]


class Wire:
    """A client that sends exactly the bytes it is told to, and follows nothing."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, *, cookie: str | None = None
    ) -> Answer:
        """Send one request without a body and return its answer."""
        lines = [f"{method} {target} HTTP/1.1"]
        given = {"Host": f"{self._host}:{self._port}"} | dict(headers or {})
        if cookie is not None:
            given["Cookie"] = f"{COOKIE}={cookie}"
        lines += [f"{name}: {value}" for name, value in given.items()]
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        reader, writer = self._streams
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = tuple(
            (n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in head[1:] if line)
        )
        length = int(dict(found).get("content-length", "0")) if method != "HEAD" else 0
        body = await reader.readexactly(length)
        answer = Answer(status=int(head[0].split()[1]), headers=found, body=body.decode("utf-8", "replace"))
        if "close" in answer.all("connection"):
            await self.close()
        return answer

    async def get(self, target: str, *, cookie: str | None = None) -> Answer:
        """Send a GET."""
        return await self.send("GET", target, cookie=cookie)


async def rows(database: Database) -> dict[str, int]:
    """Return how many rows every table has."""
    async with database.system(write=False) as session:
        return {
            table.name: (await session.exec(select(func.count()).select_from(table))).one()
            for table in SQLModel.metadata.sorted_tables
            if table.name != "beat"  # counted every minute, whoever asks for what
        }


def asked(office: Office) -> list[Recorded]:
    """Return every request that any platform has received."""
    return [each for simulator in office.world.simulators[1:] for each in simulator.requests]
