"""Fixtures of the hostile tests: the product in its world, a raw connection to it, and its members' hands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.platforms.x import XSimulator
from sandbox.platforms.youtube import YouTubeSimulator
from tests.application import Office, either_office, office
from tests.databases import postgres
from tests.hostile.wire import Wire
from tests.web.house import House

__all__ = ["either_office", "house", "house_of", "office", "postgres", "wire"]


def house_of(office: Office) -> House:
    """Return the same product as the web pages' tests know it: members, tickets and rows."""
    x, youtube = office.world.platforms["x"], office.world.platforms["youtube"]
    assert isinstance(x, XSimulator)
    assert isinstance(youtube, YouTubeSimulator)
    return House(slack=office.slack, x=x, youtube=youtube, parts=office.parts, url=office.world.app_url)


@pytest.fixture
def house(office: Office) -> House:
    return house_of(office)


@pytest.fixture
async def wire(office: Office) -> AsyncIterator[Wire]:
    async with Wire(office.world.app_url) as found:
        yield found
