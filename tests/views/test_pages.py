"""What the page after a trip to a platform says."""

from __future__ import annotations

import pytest

from adapters.base import Busy, Misconfigured, PlatformError
from bot.services.notifications import ConsentWaiting, Failure
from bot.views import pages
from tests.platforms import PLATFORMS


@pytest.mark.parametrize(
    ("error", "title", "why"),
    [
        (Busy("http_503"), "X isn't answering yet", "X is busy or down right now."),
        (Misconfigured("client-not-enrolled"), "That's on us", "That's on us, not on you: X refused"),
    ],
)
def test_a_consent_that_waits_says_whose_fault_it_is(error: PlatformError, title: str, why: str) -> None:
    waiting = ConsentWaiting(
        organization_id="org_1", platform="x", grant_id="grt_1", failure=Failure.of(error)
    )

    page = pages.of_outcome(waiting, PLATFORMS["x"])

    assert isinstance(page, pages.WaitingPage)
    assert page.title == title
    assert page.why.startswith(why)
