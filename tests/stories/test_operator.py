"""The operator's channel, in Slack as it looks there."""

from __future__ import annotations

import pytest

from adapters.base import Misconfigured
from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import Member, text_of
from sandbox.slack.world import ACME, OTTO
from tests.application import CHANNELS, Office
from tests.counts import in_full
from tests.stories.told import came_to, connected, grants

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

    await otto.slack.until(lambda: pages(otto) or None)
    (said,) = pages(otto)
    assert "Reddit refuses our app" in said
    assert "invalid_client" in said
    assert len(otto.direct_messages()) == private


@in_full
@pytest.mark.parametrize("office", [OPERATED], indirect=True, ids=["operated"])
async def test_a_secret_that_a_platform_refuses_at_a_consent_is_said_to_the_operator_once(
    office: Office,
) -> None:
    otto = await office.installed(OTTO)
    await office.slack.invite(CHANNEL)
    reddit = office.world.platforms["reddit"]
    ours = reddit.apps["sandboxReddit1"]
    reddit.register(ours.client_id, "another secret", ours.redirect_uris)

    for person in ("octa_demo", "big_mod"):
        await came_to(otto, "reddit", Consent(person=person))

    await otto.slack.until(lambda: pages(otto) or None)
    (said,) = pages(otto)
    assert "Reddit refuses our app, so I can't connect or renew anything there" in said
    assert "octapost doctor" in said
    assert len([text for text in map(text_of, otto.direct_messages()) if "on us, not on you" in text]) == 2


@in_full
@pytest.mark.parametrize("office", [OPERATED], indirect=True, ids=["operated"])
async def test_an_app_without_a_product_is_said_to_the_operator(office: Office) -> None:
    otto = await office.installed(OTTO)
    await office.slack.invite(CHANNEL)
    linkedin = office.world.platforms["linkedin"]
    ours = linkedin.apps["86li0pages"]
    linkedin.register(ours.client_id, ours.client_secret, ours.redirect_uris, ["r_basicprofile"])

    await came_to(otto, "linkedin", Consent(person="ana-ruiz"), "linkedin_page")

    await otto.slack.until(lambda: pages(otto) or None)
    assert "unauthorized_scope_error" in pages(otto)[0]


@in_full
@pytest.mark.parametrize("office", [OPERATED], indirect=True, ids=["operated"])
async def test_an_app_that_facebook_has_switched_off_is_said_to_the_operator(office: Office) -> None:
    otto = await office.installed(OTTO)
    await office.slack.invite(CHANNEL)
    office.world.platforms["facebook"].settings["app_active"] = False

    await came_to(otto, "facebook", Consent(person="ana"))

    await otto.slack.until(lambda: pages(otto) or None, 10)
    assert "Facebook refuses our app" in pages(otto)[0]
    assert "1349126" in pages(otto)[0]


def pages(member: Member) -> list[str]:
    """Return what the operator's channel was told."""
    heard = member.slack.messages(CHANNEL, member.user_id)
    return [text for text in map(text_of, heard) if "needs you" in text]
