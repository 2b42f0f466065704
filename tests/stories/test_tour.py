"""The guided tour is a test: it plays a team's first minutes and fails where a person would be stuck."""

from __future__ import annotations

import io

from rich.console import Console

from sandbox.core import Fault
from sandbox.tour import Tour
from tests.application import Office
from tests.counts import in_full


@in_full
async def test_the_tour_arrives_at_its_end(office: Office) -> None:
    heard = io.StringIO()

    status = await Tour(office.world, Console(file=heard, width=200)).play()

    assert status == 0, heard.getvalue()
    assert "✗" not in heard.getvalue()
    assert office.slack.state.complaints == []


async def test_the_tour_names_the_step_that_failed(office: Office) -> None:
    heard = io.StringIO()
    office.world.platforms["tiktok"].faults.append(Fault(path="/v2/oauth/token", status=500))

    status = await Tour(office.world, Console(file=heard, width=200)).play()

    assert status == 1
    [failed] = [line for line in heard.getvalue().splitlines() if line.startswith("✗")]
    assert "TikTok" in failed
