"""Fixtures of the hostile tests: the product in its world, and a raw connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.application import Office, either_office, office
from tests.databases import postgres
from tests.hostile.wire import Wire

__all__ = ["either_office", "office", "postgres", "wire"]


@pytest.fixture
async def wire(office: Office) -> AsyncIterator[Wire]:
    async with Wire(office.world.app_url) as found:
        yield found
