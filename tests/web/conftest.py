"""Fixtures of the web pages' tests: an app that serves its pages and does no other work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from sandbox.start import bound
from tests.application import Office, open_office

__all__ = ["browser", "office"]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack, work=False, monitoring_listener=bound())


@pytest.fixture
async def browser(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with office.browser() as found:
        yield found
