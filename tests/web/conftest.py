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
async def office(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """The product and its world; parametrize it indirectly with settings."""
    async with AsyncExitStack() as stack:
        extra = getattr(request, "param", None)
        yield await open_office(tmp_path, stack, extra, work=False, monitoring_listener=bound())


@pytest.fixture
async def browser(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with office.browser() as found:
        yield found
