"""Deleting an organization: what is said before, what is gone at once, and the receipt."""

from __future__ import annotations

from sandbox.member import text_of
from sandbox.slack.world import OLGA, OTTO
from tests.application import Office
from tests.stories.told import connected, hears, joins, said

GONE = "You aren't a member of an Octapost organization"


async def settle(office: Office) -> None:
    await office.parts.deletions.work()


async def test_an_owner_deletes_an_organization_and_every_owner_gets_a_receipt(either_office: Office) -> None:
    office = either_office
    ada, otto, olga = await office.installed(), await office.person(OTTO), await office.person(OLGA)
    await joins(ada, otto, "owner")
    await joins(ada, olga, "member")
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "tt-4711")

    view = await ada.modal_by("org delete")
    warned = text_of(view)
    wrong = await ada.submit(view, {"text": "Acne"})
    shown = text_of(await ada.submit(wrong, {"text": " acme "}))

    assert "2 accounts will be disconnected" in warned
    print(warned, shown)
    assert wrong.errors
    assert GONE in await said(ada, "accounts")
    for owner in (ada, otto):
        receipt = text_of(await hears(owner, "Receipt: Acme is deleted"))
        print(receipt)
        assert receipt.count("confirmed that our access has ended") == 2
    assert "deleted Acme" in text_of(await hears(otto, "deleted Acme"))
