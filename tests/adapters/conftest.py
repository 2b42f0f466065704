"""What every adapter is given to make its calls with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.browser import PLAIN


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN) as found:
        yield found
