"""The operator's channel, in Slack as it looks there."""

from __future__ import annotations

import pytest

from adapters.base import Misconfigured
from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ACME, OTTO
from tests.application import CHANNELS, Office
from tests.stories.told import connected, grants

CHANNEL = CHANNELS[ACME]
OPERATED = {"OCTAPOST_OPERATOR_CHANNEL": f"{ACME}/{CHANNEL}"}


@pytest.mark.parametrize("office", [OPERATED], indirect=True, ids=["operated"])
async def test_an_app_that_a_platform_refuses_is_said_to_the_operator_and_to_no_member(
    office: Office,
) -> None:
    otto = await office.installed(OTTO)
    await office.slack.invite(CHANNEL)
    await connected(otto, "reddit", "octa_demo")
    await connected(otto, "reddit", "big_mod")
    private = len(otto.direct_messages())
    refusal = Fault(path="/access_token", status=401, body='{"error": "invalid_client"}')
    office.world.platforms["reddit"].faults.append(refusal)
    for grant in await grants(office, "reddit"):
        with pytest.raises(Misconfigured):
            await office.parts.tokens.get(grant.id, refused=grant.generation)

    def page() -> list[str]:
        heard = otto.slack.messages(CHANNEL, OTTO)
        return [text for text in map(text_of, heard) if "needs you" in text]

    await otto.slack.until(lambda: page() or None)
    (said,) = page()
    assert "Reddit refuses our app" in said
    assert "Members were not told" in said
    assert "invalid_client" in said
    assert len(otto.direct_messages()) == private
