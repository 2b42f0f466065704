"""Deleting an organization: what is said before, what is gone at once, and the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.member import text_of
from sandbox.slack.world import ADA, BEA, GUS, OLGA, OTTO
from tests.counts import in_full
from tests.stories.test_incidents import card_with, card_with_ts, cards, dies, ready
from tests.stories.told import buttons, connected, hears, joins, said

if TYPE_CHECKING:
    from tests.application import Office

NOT_MEMBER = "You aren't a member of an Octapost organization"


async def test_an_owner_deletes_an_organization_and_every_owner_gets_a_receipt(either_office: Office) -> None:
    office = either_office
    ada, otto, olga = await office.installed(), await office.person(OTTO), await office.person(OLGA)
    await joins(ada, otto, "owner")
    await joins(ada, olga, "admin")
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "tt-4711")
    for admin in (otto, olga):
        await hears(admin, "on TikTok.")

    form = await ada.modal_by("org delete")
    warned = text_of(form)
    refused = "\n".join((await ada.submit(form, {"text": "Acne"})).errors.values())
    shown = text_of(await ada.submit(form, {"text": " acme "}))

    assert "2 accounts will be disconnected: TikTok (1) and X (1)." in warned
    assert "I'll revoke 2 sign-ins at the platforms." in warned
    assert "3 members will lose access." in warned
    assert "That isn't the organization's name. Type Acme to delete it." in refused
    assert "Acme is deleted. 2 accounts are disconnected." in shown
    number = shown.split("Receipt number: ")[1]
    for owner in (ada, otto):
        receipt = text_of(await hears(owner, "Receipt: Acme is deleted"))
        assert "• Octa Demo (X): X confirmed that our access has ended." in receipt
        assert receipt.count("confirmed that our access has ended") == 2
        assert f"Receipt number: {number}" in receipt
    for other in (otto, olga):
        assert f"<@{ADA}> deleted Acme." in text_of(await hears(other, f"Receipt number: {number}"))
    assert "Receipt:" not in " ".join(map(text_of, olga.direct_messages()))
    for person in (ada, otto, olga):
        assert NOT_MEMBER in await said(person, "accounts")
    await ada.command("org create Acme")
    assert "Acme: you are an owner" in await said(ada, "org")


@in_full
async def test_a_sign_in_that_another_organization_uses_lives_on_there(office: Office) -> None:
    ada, bea = await office.installed(), await office.installed(BEA)
    await connected(ada, "x", "4711")
    await connected(bea, "x", "4711")

    form = await ada.modal_by("org delete")
    warned = text_of(form)
    await ada.submit(form, {"text": "Acme"})

    receipt = text_of(await hears(ada, "Receipt: Acme is deleted"))
    assert "1 sign-in shared with another organization will keep working there." in warned
    assert "still used elsewhere in Octapost, so it keeps working there" in receipt
    assert "can publish" in await said(bea, "status")
    assert not all(family.dead for family in office.world.platforms["x"].grants.values())


@in_full
async def test_what_asked_for_something_of_the_organization_says_that_it_is_gone(
    either_office: Office,
) -> None:
    office = either_office
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "X")
    olga, gus = await office.person(OLGA), await office.person(GUS)
    await gus.press(await gus.command("accounts"), "access.request")
    request = await hears(ada, f"<@{GUS}>")
    bea = await office.installed(BEA)
    bystander = await connected(bea, "reddit", "octademo")

    form = await ada.modal_by("org delete")
    await ada.submit(form, {"text": "Acme"})

    gone = "Acme was deleted, so there's nothing left to do here."
    shown = await card_with_ts(office, card, gone)
    assert (text_of(shown), buttons(shown)) == (gone, [])
    assert buttons(await card_with_ts(office, request, gone)) == []
    assert len(cards(office)) == 1
    await hears(olga, f"<@{ADA}> deleted Acme.")
    assert text_of(await hears(bea, "Connected to")) == bystander
    await hears(ada, "Receipt: Acme is deleted")


@in_full
async def test_only_an_owner_may_delete_also_from_a_form_that_was_opened_before(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto, "owner")
    form = await otto.modal_by("org delete")
    await ada.command(f"org role <@{OTTO}> admin")

    shown = text_of(await otto.submit(form, {"text": "Acme"}))

    assert "This needs an owner of Acme." in shown
    assert "This needs an owner of Acme." in await said(otto, "org delete")
    assert "Acme has no accounts yet." in await said(ada, "accounts")
