"""A reconnect that brings back less than was hoped: the card goes on about what it didn't, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.world import ADA, BEA
from storage.models import Account, DeliveryStatus
from tests.counts import in_full
from tests.posts import HOUR, counted, schedule
from tests.stories.test_incidents import card_with, cards, dies, incidents, ready, thread_with
from tests.stories.told import answer_to, buttons, came_to, connected, hears, said

if TYPE_CHECKING:
    from sandbox.browser import Page
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from tests.application import Office

BAKERY = "104000000000001"


async def reconnects(person: Member, card: Message, consent: Consent) -> Page:
    """Press Reconnect on a card and go there."""
    return await person.travel(links_in(await answer_to(person, card, "incident.reconnect"))[0], consent)


CANNOT = "connected, but it can't publish yet"


async def with_pages(office: Office, many: int = 2) -> Member:
    """Give Ada with some of Ana's Pages connected, and alerts in #social."""
    ada = await ready(office, "reddit", "octa_demo")
    await connected(ada, "facebook", "ana", choose=many)
    return ada


@in_full
async def test_a_reconnect_that_mends_nothing_leaves_the_card_red(either_office: Office) -> None:
    ada = await with_pages(either_office)
    await dies(either_office, "deauthorized", "facebook")
    card = await card_with(either_office, "reconnecting. Until then")

    page = await reconnects(ada, card, Consent(person="ana", untick=["pages_show_list"]))

    assert "Not renewed: Ana Ruiz Studio and Blue Door Bakery." in " ".join(page.text.split())
    lines = await thread_with(either_office, card, "🟠")
    assert lines == [
        "🟠 The sign-in was renewed, but 2 accounts are missing: the last sign-in didn't include it."
    ]
    words = text_of(cards(either_office)[0])
    assert "🔴 Facebook: Ana Ruiz Studio and Blue Door Bakery need reconnecting." in words
    assert "Press Reconnect and tick it too" in words
    status = await said(ada, "status")
    assert "1 of 3 accounts can publish" in status
    assert status.count("🔴 needs reconnecting") == 2


@in_full
async def test_a_reconnect_without_the_permission_to_publish_leaves_the_card_red(office: Office) -> None:
    ada = await ready(office, "tiktok", "octa_demo")
    await dies(office, "authorization_removed", "tiktok")
    card = await card_with(office, "reconnecting. Until then")
    less = Consent(person="octa_demo", untick=["video.publish", "video.upload"])

    page = await reconnects(ada, card, less)

    told = await hears(ada, "🟠 Connected, but it can't publish yet: Octa Demo on TikTok.")
    assert "Renewed" not in text_of(told)
    assert buttons(told) == ["Reconnect"]
    assert page.title.startswith("Connected, but it can't publish yet")
    assert "Renewed" not in page.text
    await thread_with(office, card, "the permission to publish wasn't granted at the last sign-in")
    words = text_of(cards(office)[0])
    assert "🔴 TikTok: Octa Demo needs reconnecting. Until then, Acme can't publish there." in words
    assert "Press Reconnect and leave everything ticked." in words
    assert "🟠 connected, but it can't publish yet" in await said(ada, "status")
    await reconnects(ada, cards(office)[0], Consent(person="octa_demo"))
    shown = await card_with(office, "🟢 TikTok: Octa Demo can publish for Acme again.")
    assert buttons(shown) == []


async def test_a_page_that_a_reconnect_leaves_out_is_red_until_one_has_it(office: Office) -> None:
    ada = await with_pages(office, 3)
    await dies(office, "deauthorized", "facebook")
    card = await card_with(office, "reconnecting. Until then")

    await reconnects(ada, card, Consent(person="ana", assets=[BAKERY]))

    shown = await card_with(office, "🔴 Facebook: Ana Ruiz Studio and Harbor Market need reconnecting.")
    assert "*Why:* the last sign-in didn't include it." in text_of(shown)
    status, home = await said(ada, "status"), text_of(await office.slack.open_home(ADA))
    assert "🔴 needs reconnecting · Facebook: Harbor Market" in status
    assert "🟢 connected · Facebook: Blue Door Bakery" in status
    assert home.count("· needs reconnecting") == 2
    assert "the last sign-in didn't include it" in await said(ada, "doctor harbor market")
    await reconnects(ada, shown, Consent(person="ana"))
    await card_with(office, "🟢 Facebook: Ana Ruiz Studio and Harbor Market can publish for Acme again.")
    assert "4 of 4 accounts can publish" in await said(ada, "status")


@in_full
async def test_a_first_connection_without_the_permission_to_publish_is_no_success_anywhere(
    office: Office,
) -> None:
    ada = await office.installed()

    page, told = await came_to(ada, "tiktok", Consent(person="octa_demo", untick=["video.publish"]))

    assert "🟠 Connected, but it can't publish yet: Octa Demo on TikTok." in text_of(told)
    assert "✅" not in text_of(told)
    assert "The permission to publish wasn't granted at sign-in" in text_of(told)
    assert page.title.startswith("Connected, but it can't publish yet")
    assert "The Reconnect button is in the message I sent you in Slack." in page.text
    home = text_of(await office.slack.open_home(ADA))
    assert "1 account, 1 can't publish yet." in home
    for words in (home, await said(ada, "accounts"), await said(ada, "status"), await said(ada, "doctor")):
        assert CANNOT in words
    await ada.travel(links_in(await answer_to(ada, told, "account.renew"))[0], Consent(person="octa_demo"))
    await hears(ada, "✅ Renewed for Acme: Octa Demo on TikTok.")
    assert "1 account, all connected." in text_of(await office.slack.open_home(ADA))


@in_full
async def test_pages_chosen_without_the_permission_to_publish_are_no_success(office: Office) -> None:
    ada = await office.installed()

    shown = await ada.connect("facebook", Consent(person="ana", untick=["pages_manage_posts"]), choose=2)

    assert "✅" not in shown
    assert "🟠 Connected, but they can't publish yet: Ana Ruiz Studio and Blue Door Bakery." in shown
    assert "2 accounts, 2 can't publish yet." in text_of(await office.slack.open_home(ADA))


@in_full
@pytest.mark.parametrize("code", ["left_out", "scope_lost"])
async def test_a_sign_in_that_was_well_and_comes_back_with_less_gets_a_card(
    office: Office, code: str
) -> None:
    ada = await with_pages(office)
    less = {
        "left_out": Consent(person="ana", assets=[BAKERY]),
        "scope_lost": Consent(person="ana", untick=["pages_manage_posts"]),
    }[code]

    await ada.travel(links_in(await ada.command("reconnect blue door bakery"))[0], less)

    shown = await card_with(office, "reconnecting. Until then, Acme can't publish there")
    [incident] = await incidents(office)
    names = {"left_out": ["Ana Ruiz Studio"], "scope_lost": ["Ana Ruiz Studio", "Blue Door Bakery"]}[code]
    assert (incident.code, sorted(incident.accounts.values())) == (code, names)
    assert "Other accounts on this sign-in still work." in text_of(shown)


@in_full
async def test_posts_of_what_was_left_out_stay_held_and_the_others_go(office: Office) -> None:
    ada = await with_pages(office)
    async with office.database.system() as session:
        for account in list(await session.exec(select(Account).where(col(Account.platform) == "facebook"))):
            await schedule(session, account.organization_id, account.id, HOUR)
    await dies(office, "deauthorized", "facebook")
    card = await card_with(office, "reconnecting. Until then")

    await reconnects(ada, card, Consent(person="ana", assets=[BAKERY]))

    await card_with(office, "🔴 Facebook: Ana Ruiz Studio needs reconnecting.")
    assert await counted(office.database) == {DeliveryStatus.SCHEDULED: 1, DeliveryStatus.HELD: 1}


@in_full
async def test_who_shares_a_sign_in_is_told_of_their_own_page_that_was_left_out(office: Office) -> None:
    ada = await with_pages(office)
    bea = await office.installed(BEA)
    await connected(bea, "facebook", "ana", choose=1)
    link = links_in(await ada.command("reconnect blue door bakery"))[0]

    await ada.travel(link, Consent(person="ana", assets=[BAKERY]))

    told = await hears(
        bea, "🔴 Facebook: Ana Ruiz Studio needs reconnecting. Until then, Blue Door can't publish there"
    )
    assert "Acme" not in text_of(told)
