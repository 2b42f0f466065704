"""A workspace joins a Grid organization: everybody keeps what they are and had."""

from __future__ import annotations

from sqlmodel import select

from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ACME, ADA, BEA, BLUE, INITECH, OTTO
from storage.models import Membership
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import connected, joins, said, trail

SILENT = Fault(path="/api/migration.exchange", status=503)


async def without_the_event(office: Office) -> None:
    """Install the app as it was before it listened for such a move."""
    app = office.slack.state.app
    assert app is not None
    app.events = tuple(each for each in app.events if each != "grid_migration_finished")


async def realms(office: Office) -> set[tuple[str, str]]:
    async with office.database.system(write=False) as session:
        return {(one.realm, one.user_id) for one in await session.exec(select(Membership))}


async def test_everybody_is_still_a_member_under_their_new_id(either_office: Office) -> None:
    ada = await either_office.installed()
    await joins(ada, await either_office.person(OTTO))
    await connected(ada, "x", "4711")

    await either_office.slack.join_grid(ACME, INITECH)

    assert await realms(either_office) == {(INITECH, "W0ADA"), (INITECH, "W0OTTO")}
    ada, otto = await either_office.person("W0ADA", ACME), await either_office.person("W0OTTO", ACME)
    assert "Acme: you are an owner" in await said(ada, "org")
    assert "Octa Demo" in await said(otto, "accounts")
    assert "workspace joined a Grid" in await trail(either_office)


async def test_without_an_event_the_first_request_is_enough(office: Office) -> None:
    await without_the_event(office)
    await office.installed()

    await office.slack.join_grid(ACME, INITECH)

    assert await realms(office) == {(ACME, ADA)}
    ada = await office.person("W0ADA", ACME)
    assert "Acme: you are an owner" in await said(ada, "org")
    assert await realms(office) == {(INITECH, "W0ADA")}


async def test_the_buttons_of_old_messages_still_work(office: Office) -> None:
    await without_the_event(office)
    await office.installed()
    await office.slack.join_grid(ACME, INITECH)
    ada = await office.person("W0ADA", ACME)

    [welcome] = ada.direct_messages()
    await ada.press(welcome, "connect.start")

    await ada.modal_with("Which account do you want to connect to Acme?")


@in_full
async def test_adding_the_app_again_changes_nothing_about_that(office: Office) -> None:
    await without_the_event(office)
    await office.installed()
    await office.slack.join_grid(ACME, INITECH)
    ada = await office.person("W0ADA", ACME)

    await ada.install()

    assert "Acme: you are an owner" in await said(ada, "org")


async def test_while_slack_does_not_say_who_they_are_nobody_is_let_in_or_forgotten(office: Office) -> None:
    await without_the_event(office)
    await office.installed()
    await office.slack.join_grid(ACME, INITECH)
    ada = await office.person("W0ADA", ACME)
    office.slack.faults.append(SILENT)

    silent = await said(ada, "org")
    office.slack.faults.clear()

    assert "Slack" in silent
    assert "Acme: you are an owner" not in silent
    assert "Acme: you are an owner" in await said(ada, "org")


@in_full
async def test_another_workspace_is_not_touched(office: Office) -> None:
    await office.installed()
    await office.installed(BEA)

    await office.slack.join_grid(ACME, INITECH)

    assert (BLUE, BEA) in await realms(office)
    assert "Blue Door: you are an owner" in await said(await office.person(BEA), "org")


@in_full
async def test_who_leaves_slack_after_the_move_leaves_the_organization(office: Office) -> None:
    await joins(await office.installed(), await office.person(OTTO))
    await office.slack.join_grid(ACME, INITECH)

    await office.slack.deactivate("W0OTTO")

    ada = await office.person("W0ADA", ACME)
    assert "W0OTTO" not in text_of(await ada.modal_by("org members"))
