"""Fixtures of the web pages' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.databases import sqlite_template
from tests.web.house import House, open_house

__all__ = ["browser", "house", "sqlite_template"]


@pytest.fixture
async def house(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(sqlite_template, tmp_path) as found:
        yield found


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.browser() as found:
        yield found
