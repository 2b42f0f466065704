"""`/octapost` alone: the state in one line, and the buttons that fit it."""

from __future__ import annotations

from sqlmodel import col, update

from sandbox.member import Member, text_of
from sandbox.slack.state import Message
from sandbox.slack.world import GUS, OTTO
from storage.models import Grant, GrantStatus
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import answer_to, buttons, chosen, connected, joins

ELSEWHERE = "C0ACMERAN"
"""A channel that is linked to no organization."""


def first_line(message: Message) -> str:
    return text_of(message).split("\n")[0]


async def broken(office: Office, *platforms: str) -> None:
    async with office.database.system() as session:
        over = update(Grant).where(col(Grant.platform).in_(platforms))
        await session.exec(over.values(status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant"))


async def test_it_offers_what_an_admin_needs_most(office: Office) -> None:
    ada = await office.installed()

    empty = await ada.command("")
    await connected(ada, "x", "4711")
    well = await ada.command("")
    await broken(office, "x")
    one = await ada.command("")
    link = await answer_to(ada, one, "account.needy")
    await connected(ada, "tiktok", "octa_demo")
    await broken(office, "x", "tiktok")
    two = await ada.command("")

    assert first_line(empty) == "Acme has no accounts yet."
    assert buttons(empty) == ["Connect an account", "Members", "All commands"]
    assert first_line(well) == "🟢 Acme: 1 account, all connected."
    assert buttons(well) == ["New post", "Show accounts", "Connect an account", "All commands"]
    assert first_line(one) == "🔴 Acme: 1 account, 1 needs reconnecting."
    assert buttons(one) == ["Reconnect Octa Demo", "New post", "Show accounts", "All commands"]
    assert "Reconnect Octa Demo on X" in text_of(link)
    assert first_line(two) == "🔴 Acme: 2 accounts, 2 need reconnecting."
    assert buttons(two)[0] == "Reconnect…"
    assert "Which account should be reconnected?" in text_of(await answer_to(ada, two, "account.needy"))


@in_full
async def test_its_buttons_lead_where_the_commands_do(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    card = await ada.command("")

    accounts = await answer_to(ada, card, "account.list")
    manual = await answer_to(ada, card, "help.show")

    assert text_of(accounts) == text_of(await ada.command("accounts"))
    assert text_of(manual) == text_of(await ada.command("help"))


@in_full
async def test_a_member_is_offered_nothing_that_needs_an_admin(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, otto := await office.person(OTTO))

    empty = await otto.command("")
    await connected(ada, "x", "4711")
    await broken(office, "x")
    red = await otto.command("")

    assert buttons(empty) == ["Members", "All commands"]
    assert buttons(red) == ["New post", "Show accounts", "All commands"]


@in_full
async def test_a_person_in_no_organization_is_shown_their_invitation_or_whom_to_ask(office: Office) -> None:
    ada = await office.installed()
    otto: Member = await office.person(OTTO)
    await ada.command("org invite <@U0OTTO|otto>")

    invited = await otto.command("")
    stranger = await (await office.person(GUS)).command("")

    assert "invites you to join *Acme*" in text_of(invited)
    assert buttons(invited) == ["Accept", "Decline"]
    assert "You aren't a member of an Octapost organization" in text_of(stranger)


@in_full
async def test_where_it_is_not_clear_which_organization_is_meant_it_asks(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    for name in ("Bakery", "Cork"):
        await ada.command(f"org create {name}")
        await ada.command(f"org switch {name}")
        await joins(ada, otto)
    asked = await otto.command("", channel_id=ELSEWHERE)
    question, bakery = first_line(asked), chosen(asked, "Bakery")

    await otto.press(asked, "start.organization", bakery)

    assert question == "You're in 2 organizations here. Which one do you mean?"
    [shown] = office.slack.messages(ELSEWHERE, OTTO)
    assert first_line(shown) == "Bakery has no accounts yet."
