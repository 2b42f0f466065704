"""The time zones of people, as Slack knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.services.access import Sender
from bot.slack.zones import UNKNOWN, PeopleZones
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA
from tests.application import Office, open_office
from tests.counts import in_full

HER = Sender(user_id=ADA, team_id=ACME, enterprise_id=None, channel_id="")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack)


def lives_in(office: Office, zone: str) -> None:
    """Let Slack know Ada's time zone."""
    office.slack.state.users[ADA].tz = zone


async def test_a_persons_zone_is_remembered_for_a_while_and_then_asked_again(office: Office) -> None:
    await office.installed()
    kept, asking = (PeopleZones(office.parts.slack_clients, kept_s=kept_s) for kept_s in (600.0, 0.0))

    first = [await one.of(HER) for one in (kept, asking)]
    lives_in(office, "Asia/Tokyo")
    second = [await one.of(HER) for one in (kept, asking)]

    assert first == ["Europe/Berlin"] * 2
    assert second == ["Europe/Berlin", "Asia/Tokyo"]


@in_full
@pytest.mark.parametrize("zone", ["", "Mars/Olympus_Mons"])
async def test_a_zone_that_nobody_knows_is_utc(office: Office, zone: str) -> None:
    await office.installed()
    lives_in(office, zone)

    assert await PeopleZones(office.parts.slack_clients).of(HER) == UNKNOWN


@in_full
async def test_a_workspace_without_the_app_has_no_zones(office: Office) -> None:
    await office.installed()
    elsewhere = replace(HER, team_id="T0NOWHERE")

    assert await PeopleZones(office.parts.slack_clients).of(elsewhere) == UNKNOWN


@in_full
async def test_where_slack_does_not_answer_the_next_request_asks_again(office: Office) -> None:
    await office.installed()
    zones = PeopleZones(office.parts.slack_clients)
    office.slack.faults.append(Fault(path="users.info$", status=503, times=9))

    silent = await zones.of(HER)
    office.slack.faults.clear()

    assert (silent, await zones.of(HER)) == (UNKNOWN, "Europe/Berlin")
