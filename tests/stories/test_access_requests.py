"""Refusals that lead somewhere: who can help is named, and a button asks them."""

from __future__ import annotations

from sandbox.member import text_of
from sandbox.slack.world import ADA, GUS, OLGA, OTTO
from storage.memberships import Members
from storage.models import AccessRequest, Role
from tests.application import Office
from tests.counts import in_full
from tests.hostile.slack_side import first_organization
from tests.stories.told import answer_to, buttons, hears, joins, said, trail

ACME = "T0ACME"


async def test_whoever_is_no_member_asks_the_owners_with_a_button_and_is_let_in(
    either_office: Office,
) -> None:
    ada, otto = await either_office.installed(), await either_office.person(OTTO)
    refused = await otto.command("accounts")
    assert f"Ask <@{ADA}> to let you in." in text_of(refused)
    assert "Acme" not in text_of(refused)

    asked = await answer_to(otto, refused, "access.request")
    assert f"I've asked <@{ADA}>." in text_of(asked)
    again = await answer_to(otto, refused, "access.request")
    request = await hears(ada, f"<@{OTTO}> would like to join *Acme* as a member in Octapost.")
    await ada.press(request, "access.approve")

    assert f"You asked <@{ADA}> within the last week" in text_of(again)
    await hears(otto, f"<@{ADA}> made you a member of Acme.")
    assert "Acme has no accounts yet." in await said(otto, "accounts")
    assert "access granted" in await trail(either_office)


async def test_the_answer_stands_in_every_owners_messages(office: Office) -> None:
    ada, olga, otto = await office.installed(), await office.person(OLGA), await office.person(OTTO)
    await joins(ada, olga, "owner")
    await answer_to(otto, await otto.command("org"), "access.request")
    request = await hears(olga, "would like to join *Acme*")
    await hears(ada, "would like to join *Acme*")

    await olga.press(request, "access.decline")

    said_of_it = f"<@{OLGA}> declined <@{OTTO}>'s request for access to Acme."
    for owner in (ada, olga):
        assert buttons(await hears(owner, said_of_it)) == []
    await hears(otto, f"<@{OLGA}> declined your request for access to Acme.")
    later = await answer_to(otto, await otto.command("accounts"), "access.request")
    assert "within the last week" in text_of(later)


async def test_a_member_asks_for_the_role_that_the_command_needs(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)
    refused = await otto.command("connect x")
    assert "This needs an admin of Acme." in text_of(refused)
    assert f"Ask <@{ADA}> to make you an admin." in text_of(refused)

    await answer_to(otto, refused, "access.request")
    await ada.press(
        await hears(ada, f"<@{OTTO}> would like to be an admin of *Acme* in Octapost."), "access.approve"
    )

    await hears(otto, f"<@{ADA}> made you an admin of Acme.")
    assert "Continue to X" in await said(otto, "connect x")
    late = await answer_to(otto, refused, "access.request")
    assert "You already have access." in text_of(late)


@in_full
async def test_a_guest_is_told_who_can_do_it_for_them_and_never_what_guests_cannot_do(
    office: Office,
) -> None:
    ada, gus = await office.installed(), await office.person(GUS)

    for typed in ("accounts", "org create Evil"):
        refused = await gus.command(typed)
        words = text_of(refused)
        assert f"<@{ADA}> can do this for you." in words
        assert "org create" not in words
        assert "org invite" not in words
    await answer_to(gus, refused, "access.request")

    request = await hears(ada, f"<@{GUS}> asks for help with *Acme* in Octapost.")
    assert buttons(request) == []


@in_full
async def test_whoever_became_a_guest_meanwhile_is_not_let_in(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await answer_to(otto, await otto.command("accounts"), "access.request")
    request = await hears(ada, "would like to join *Acme*")
    office.slack.state.users[OTTO].is_restricted = True

    await ada.press(request, "access.approve")

    await hears(ada, "Otto Ordinary is a guest of this workspace, and guests can't be members.")
    async with office.database.system(write=False) as session:
        assert await Members(session).find((await acme(office)), ACME, OTTO) is None


@in_full
async def test_several_organizations_are_asked_for_by_their_owners(office: Office) -> None:
    await office.installed()
    olga, otto = await office.person(OLGA), await office.person(OTTO)
    await olga.command("org create Bakery")
    refused = await otto.command("accounts")

    words = text_of(refused)

    assert words.index(f"Ask <@{ADA}>") < words.index(f"Ask <@{OLGA}>")  # the channel's comes first
    assert "Bakery" not in words
    assert buttons(refused) == ["Request access", "Request access"]


@in_full
async def test_where_nobody_is_left_to_ask_the_refusal_says_so(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)
    async with office.database.system() as session:
        await Members(session).end_person(ACME, ADA)

    refused = await otto.command("connect x")

    assert "There's no owner to ask. Whoever runs Octapost here can appoint one." in text_of(refused)
    assert buttons(refused) == []


@in_full
async def test_a_request_for_ownership_says_what_that_means(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto, "admin")
    await answer_to(otto, await otto.command("org rename Bakery"), "access.request")

    request = await hears(ada, f"<@{OTTO}> would like to be an owner of *Acme* in Octapost.")

    [approve] = [e for b in request.blocks for e in b.get("elements", ()) if e.get("style") == "primary"]
    assert approve["confirm"]["text"]["text"] == "Owners can do everything, and remove you too."
    [asked] = await office.rows(AccessRequest)
    assert isinstance(asked, AccessRequest)
    assert asked.role == Role.OWNER


@in_full
async def test_whoever_is_invited_accepts_where_they_were_refused(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await ada.command(f"org invite <@{OTTO}>")

    refused = await otto.command("accounts")

    assert buttons(refused) == ["Accept", "Decline"]
    await otto.press(refused, "invitation.accept")
    await hears(ada, f"<@{OTTO}> accepted your invitation")


async def acme(office: Office) -> str:
    """Return the id of the organization that came with the installation."""
    return (await first_organization(office, ACME)).organization_id
