"""An organization whose last owner is gone gets another from whoever runs Octapost."""

from __future__ import annotations

import pytest

from bot.services.errors import IneligiblePersonError, OrganizationNotFoundError, OrganizationOwnedError
from bot.views.errors import sentence
from sandbox.slack.world import ADA, BEA, GUS, OLGA, OTTO
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import hears, joins, said, trail


async def test_the_operator_gives_an_organization_without_an_owner_a_new_one(either_office: Office) -> None:
    office = either_office
    ada, otto, olga = await office.installed(), await office.person(OTTO), await office.person(OLGA)
    await joins(ada, otto, "admin")
    await joins(ada, olga)
    await office.slack.deactivate(ADA)
    await hears(otto, "no one can change its members right now")

    appointed = await office.parts.ownership.appoint("acme", OTTO)

    assert (appointed.organization, appointed.told) == ("Acme", 2)
    for member in (otto, olga):
        await hears(member, f"<@{OTTO}> now owns Acme.")
    assert "Acme: you are an owner" in await said(otto, "org")
    assert (await trail(office))[-1] == "owner appointed"


@in_full
async def test_the_operator_changes_nothing_where_there_is_an_owner(office: Office) -> None:
    await office.installed()

    with pytest.raises(OrganizationOwnedError) as refused:
        await office.parts.ownership.appoint("Acme", OTTO)

    assert sentence(refused.value).startswith(f"Acme already has an owner ({ADA})")
    assert "owner appointed" not in await trail(office)


@in_full
@pytest.mark.parametrize("person", [BEA, GUS, "U0NOBODY"])
async def test_only_a_full_member_of_one_of_its_workspaces_can_be_appointed(
    office: Office, person: str
) -> None:
    await office.installed()
    await office.slack.deactivate(ADA)

    with pytest.raises(IneligiblePersonError):
        await office.parts.ownership.appoint("Acme", person)


@in_full
async def test_an_unknown_name_and_one_that_several_have_are_told_apart(office: Office) -> None:
    ada, bea = await office.installed(), await office.installed(BEA)
    await ada.command("org create Bakery")
    await bea.command("org create Bakery")

    with pytest.raises(OrganizationNotFoundError) as unknown:
        await office.parts.ownership.appoint("Bakkery", OTTO)
    with pytest.raises(OrganizationNotFoundError) as several:
        await office.parts.ownership.appoint("Bakery", OTTO)

    assert sentence(unknown.value) == "No organization here has the name or id Bakkery."
    assert len(several.value.ids) == 2
