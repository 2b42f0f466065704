"""A simulated Slack in which the app is installed, and a client of that installation."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from tests.sandbox.slack.app import client_for, receiving, slack_for

SOCIAL = "C0ACMESOC"


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with receiving() as receiver, slack_for(receiver) as running:
        yield running


@pytest.fixture
async def client(slack: SlackSimulator) -> AsyncWebClient:
    """A client of Acme's installation, whose bot is in #social-media."""
    found = await client_for(slack)
    await slack.invite(SOCIAL)
    return found
