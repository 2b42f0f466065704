"""Switching a channel to another organization: who may, whose word it takes, and what is chosen for nobody."""

from __future__ import annotations

import pytest
from sqlmodel import col, update

from sandbox.member import Member, text_of
from sandbox.slack.world import ADA, OLGA, OTTO
from storage.memberships import Members
from storage.models import Organization, Role
from tests.application import Office
from tests.counts import in_full
from tests.rows import channel_default, seats
from tests.stories.told import answer_to, buttons, hears, joins, said, trail

RANDOM = "C0ACMERAN"


async def asked(office: Office) -> None:
    """Let Otto, who owns Bakery and is no admin of Acme, ask for the team's channel."""
    otto = await office.person(OTTO)
    await otto.command("org create Bakery")
    words = await said(otto, "org switch Bakery")
    assert "This channel is linked to Acme, so I've asked its admins." in words


async def test_a_channel_changes_when_an_admin_of_its_organization_approves(either_office: Office) -> None:
    ada, olga = await either_office.installed(), await either_office.person(OLGA)
    await joins(ada, olga, "admin")
    await asked(either_office)

    request = await hears(
        olga, f"<@{OTTO}> wants /octapost in <#C0ACMESOC> to mean *Bakery* instead of *Acme*."
    )
    assert f"Bakery: Owned by <@{OTTO}> · no accounts" in text_of(request)
    assert "Acme has no accounts yet." in await said(ada, "accounts")
    await olga.press(request, "channel.approve")
    await olga.slack.until(
        lambda: "Approved: the channel is now linked to Bakery." in text_of(olga.direct_messages()[-1])
    )

    otto = await either_office.person(OTTO)
    await hears(otto, "An admin approved your request: in <#C0ACMESOC>, /octapost now means Bakery.")
    assert "Bakery has no accounts yet." in await said(otto, "accounts")
    assert {"channel requested", "channel given up", "channel switched"} <= set(await trail(either_office))
    late = await hears(ada, "wants /octapost in <#C0ACMESOC>")
    await ada.press(late, "channel.decline")
    await hears(ada, "Someone already answered that request")


async def test_a_declined_request_changes_nothing_and_is_not_repeated(office: Office) -> None:
    ada = await office.installed()
    await asked(office)

    await ada.press(await hears(ada, "wants /octapost"), "channel.decline")

    otto = await office.person(OTTO)
    await hears(otto, "An admin declined your request: <#C0ACMESOC>")
    words = await said(otto, "org switch Bakery")
    assert "Someone already asked the admins of Acme for this in the last week." in words


@in_full
async def test_whoever_lost_the_role_meanwhile_neither_approves_nor_gets_the_channel(office: Office) -> None:
    ada, olga = await office.installed(), await office.person(OLGA)
    await joins(ada, olga, "admin")
    await asked(office)
    request = await hears(olga, "wants /octapost")
    await ada.command("org role <@U0OLGA|olga> member")
    refused = await answer_to(olga, request, "channel.approve")
    assert "This needs an admin of Acme." in text_of(refused)
    async with office.database.system() as session:
        [(membership, _)] = await seats(session, "T0ACME", OTTO, "T0ACME")
        bakery = membership.organization_id
        await Members(session).add(bakery, realm="T0ACME", user_id=OLGA, team_id="T0ACME", role=Role.OWNER)
        await Members(session).set_role(bakery, membership.id, Role.MEMBER)

    await ada.press(await hears(ada, "wants /octapost"), "channel.approve")

    await hears(ada, "Someone already answered that request")
    async with office.database.system(write=False) as session:
        assert await channel_default(session, "T0ACME", "C0ACMESOC") is None


async def test_an_admin_of_both_moves_a_channel_and_a_plain_member_does_not(office: Office) -> None:
    ada, olga = await office.installed(), await office.person(OLGA)
    await ada.command("org create Bakery")
    assert "now means Bakery, for everyone." in text_of(await ada.command("org switch Bakery"))
    await joins(ada, olga)

    assert "This needs an admin of Bakery." in await said(olga, "org switch Bakery")


@in_full
async def test_a_channel_of_an_organization_without_admins_waits_for_nobody(office: Office) -> None:
    await office.installed()
    otto = await office.person(OTTO)
    await otto.command("org create Bakery")
    async with office.database.system() as session:
        await Members(session).end_person("T0ACME", ADA)

    switched = await otto.command("org switch Bakery")

    assert "now means Bakery, for everyone." in text_of(switched)


@in_full
async def test_a_new_organization_is_no_default_for_anybody(office: Office) -> None:
    ada = await office.installed()
    await ada.command("org create Bakery")

    elsewhere = await ada.command("accounts", channel_id=RANDOM)

    assert "Acme has no accounts yet." in text_of(elsewhere)


@in_full
@pytest.mark.unrecorded("two of one name are sorted by their ids, which are random")
async def test_two_of_one_name_from_before_are_told_apart_by_their_owners(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await otto.command("org create Bakery")
    await joins(otto, ada, "admin")
    async with office.database.system() as session:
        await session.exec(update(Organization).where(col(Organization.name) == "Bakery").values(name="Acme"))

    shown = await ada.command("org switch acme")
    listed = await said(ada, "org")
    view = await ada.modal_by("connect x")

    for words in (text_of(shown), listed, text_of(view)):
        assert f"Owned by <@{ADA}> · no accounts" in words
        assert f"Owned by <@{OTTO}> · no accounts" in words
    assert buttons(view) == ["Choose", "Choose"]
    await ada.choose(shown, f"<@{OTTO}>")
    await ada.slack.until(lambda: "now means Acme, for everyone." in str([text_of(m) for m in ada.seen()]))
    async with office.database.system(write=False) as session:
        bakery = await channel_default(session, "T0ACME", "C0ACMESOC")
        assert [each.user_id for each in await Members(session).owners(str(bakery))] == [OTTO]


# A channel whose id Slack has changed


async def of_two(office: Office) -> Member:
    """Return Ada, who owns Acme and Bakery; the channel she types in is set to Bakery."""
    ada = await office.installed()
    await said(ada, "org create Bakery")
    await ada.command("org switch Bakery")
    return ada


@in_full
async def test_a_change_asks_for_which_organization_it_is_after_the_channel_got_another_id(
    office: Office,
) -> None:
    ada = await of_two(office)
    await office.slack.change_channel_id(ada.channel_id, "C9NEW")
    ada.channel_id = "C9NEW"

    question = await ada.command("org rename Café")
    words = text_of(question)
    await ada.choose(question, "Bakery")

    assert "Which organization is /octapost org rename for?" in words
    assert [line for line in words.splitlines() if line.startswith("*")] == ["*Acme*", "*Bakery*"]
    await office.slack.until(lambda: "Bakery is now called Café" in text_of(question))
    assert "Acme: you are an owner" in await said(ada, "org")


@in_full
async def test_in_a_channel_that_is_set_to_one_of_them_nobody_is_asked(office: Office) -> None:
    ada = await of_two(office)

    assert "Bakery is now called Café" in await said(ada, "org rename Café")


@in_full
async def test_who_is_in_one_organization_is_not_asked(office: Office) -> None:
    ada = await office.installed()

    assert "Acme is now called Café" in await said(ada, "org rename Café")
