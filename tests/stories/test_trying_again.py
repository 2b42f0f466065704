"""A trip to a platform that came to nothing is begun again for the same thing, never for something new."""

from __future__ import annotations

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import answer_to, buttons, connected, disconnect, hears, said

OCTA, PENNY = "octa_demo", "private_penny"


async def test_cancel_during_a_reconnect_is_followed_by_a_reconnect_of_the_same_account(
    office: Office,
) -> None:
    ada = await office.installed()
    await connected(ada, "tiktok", OCTA)
    asked = await ada.command("reconnect Octa Demo")
    page = await ada.browser.open(links_in(asked)[0])
    await ada.travel(links_in(asked)[0], Consent(person=OCTA, approve=False))
    cancelled = await hears(ada, "You cancelled at TikTok. Nothing changed.")

    again = await answer_to(ada, cancelled, "account.renew")
    end = await ada.travel(links_in(again)[0], Consent(person=PENNY))

    for shown in (text_of(asked), text_of(cancelled), text_of(again)):
        assert "Sign in at TikTok as @octademo." in shown
    assert "Sign in at TikTok as\n@octademo" in page.text
    picture = next(block for block in cancelled.blocks if block["type"] == "context")["elements"][0]
    assert picture["image_url"].endswith(f"/avatar/{OCTA}.svg")
    assert f'src="{picture["image_url"]}"' in page.html
    origin = picture["image_url"].removesuffix(f"/avatar/{OCTA}.svg")
    assert f"; img-src 'self' {origin};" in page.headers["content-security-policy"]
    assert "; img-src 'self';" in end.headers["content-security-policy"]
    assert end.title.startswith("You signed in as someone else")
    assert "Penny" not in await said(ada, "accounts")


@in_full
async def test_a_reconnect_that_found_nothing_to_use_is_tried_again_for_the_same_account(
    office: Office,
) -> None:
    ada = await office.installed()
    await connected(ada, "youtube", "110000000000000000001")
    link = links_in(await ada.command("reconnect Octa Channel"))[0]
    await ada.travel(link, Consent(person="110000000000000000003"))
    nothing = await hears(ada, "has no YouTube channel")

    again = await answer_to(ada, nothing, "account.renew")

    assert buttons(nothing) == ["Reconnect"]
    assert "Sign in at YouTube as" in text_of(again)


@in_full
async def test_a_reconnect_of_what_was_disconnected_meanwhile_connects_nobody_else_by_itself(
    office: Office,
) -> None:
    ada = await office.installed()
    await connected(ada, "tiktok", OCTA)
    link = links_in(await ada.command("reconnect tiktok octa demo"))[0]
    await disconnect(ada, "Octa Demo")

    await ada.travel(link, Consent(person=PENNY))

    assert buttons(await hears(ada, "I found 1 account on TikTok that you can connect to Acme")) == [
        "Choose accounts"
    ]
    assert "Acme has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_a_renewal_that_is_settled_meanwhile_is_not_begun_again(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "tiktok", OCTA)
    link = links_in(await ada.command("reconnect tiktok octa demo"))[0]
    await ada.travel(link, Consent(person=OCTA, approve=False))
    cancelled = await hears(ada, "You cancelled at TikTok")
    await disconnect(ada, "Octa Demo")

    again = await answer_to(ada, cancelled, "account.renew")

    assert "That sign-in isn't there any more" in text_of(again)
