"""A Page that its sign-in lets us act for no more: what people read, and how it comes to its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.world import ADA
from storage.account_tokens import AccountTokens
from storage.engine.statements import now
from storage.models import Account, DeliveryStatus, Grant, GrantStatus, IncidentKind, Resolution
from storage.refreshes import Refreshes
from tests.counts import in_full
from tests.posts import counted, schedule
from tests.stories.test_incidents import (
    SOCIAL,
    card_with,
    cards,
    incidents,
    let_pass,
    organization_of,
    ready,
    snoozes,
    thread,
    thread_with,
)
from tests.stories.told import answer_to, buttons, connected, disconnect, grants, hears, said, trail

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from tests.application import Office

BAKERY, STUDIO, HARBOR = "104000000000001", "104000000000002", "104000000000003"
LOST = "Facebook: Blue Door Bakery needs reconnecting. Until then, Acme can't publish there."


async def with_pages(office: Office) -> Member:
    """Give Ada with Ana's three Pages connected, and alerts in #social."""
    ada = await ready(office, "reddit", "octa_demo")
    await connected(ada, "facebook", "ana", choose=3)
    return ada


async def loses(office: Office, *remote_ids: str) -> Grant:
    """Let a second look settle that Ana has lost her role on Pages."""
    [grant] = [one for one in await grants(office, "facebook") if one.status == GrantStatus.HEALTHY]
    for remote_id in remote_ids:
        role(office, remote_id, "ana")
    async with office.database.system() as session:
        own = AccountTokens(session, office.parts.vault)
        for owner in await own.due(grant.id, timedelta(0), 10):
            if owner.remote_id in remote_ids:
                await own.suspect(owner)
                await own.mark_lost(owner, "190_492")
        await office.parts.incidents.accounts_lost(session, grant)
    return grant


def role(office: Office, page: str, person: str, *tasks: str) -> None:
    """Give a person a role on a Page, or take it."""
    roles = office.world.platforms["facebook"].pages[page].roles  # type: ignore[attr-defined]
    roles.pop(person, None)
    if tasks:
        roles[person] = tasks


async def lost(office: Office) -> set[str]:
    async with office.database.system(write=False) as session:
        found = await session.exec(select(Account).where(col(Account.access_error) != ""))
        return {account.name for account in found}


async def reconnects(ada: Member, card: Message, person: str) -> None:
    link = links_in(await answer_to(ada, card, "incident.reconnect"))[0]
    await ada.travel(link, Consent(person=person))


async def test_one_card_names_the_page_alone_and_says_who_can_mend_it(either_office: Office) -> None:
    await with_pages(either_office)

    await loses(either_office, BAKERY)
    await loses(either_office, BAKERY)

    card = await card_with(either_office, f"🔴 {LOST}")
    words = text_of(card)
    assert "*Why:* the person lost their role on the Page. *Since* <!date^" in words
    assert (
        "Other accounts on this sign-in still work. Someone with a role on the Page can press Reconnect"
        in words
    )
    assert buttons(card) == ["Reconnect", "Claim", "Who can do this?"]
    assert [option["text"]["text"] for option in snoozes(card)] == ["For 1 hour", "For 1 day"]
    assert await trail(either_office, "access ended") == ["access ended"]


@in_full
async def test_status_doctor_cards_and_home_are_red_for_that_page_alone(office: Office) -> None:
    ada = await with_pages(office)
    await loses(office, BAKERY)

    status, doctor = await said(ada, "status"), await said(ada, "doctor blue door bakery")
    other, shown = await said(ada, "doctor harbor market"), text_of(await ada.command("accounts facebook"))
    home = text_of(await office.slack.open_home(ADA))

    assert "Acme: 3 of 4 accounts can publish." in status
    assert "🔴 needs reconnecting · Facebook: Blue Door Bakery" in status
    assert "🟢 connected · Facebook: Harbor Market" in status
    assert "Facebook doesn't let us act for it any more: the person lost their role on the Page." in doctor
    assert "give the person who connected it their role" in doctor
    assert "that we can't act for this account, <!date^" in doctor
    assert "Can't do anything until it's reconnected." in doctor
    assert "code 190_492" in doctor
    assert "all is well, <!date^" in other
    assert shown.count("· needs reconnecting") == home.count("· needs reconnecting") == 1


@in_full
async def test_a_colleague_with_the_role_brings_the_page_back(either_office: Office) -> None:
    ada = await with_pages(either_office)
    await loses(either_office, BAKERY)
    card = await card_with(either_office, LOST)
    role(either_office, BAKERY, "mia", "CREATE_CONTENT", "MANAGE", "ANALYZE")

    await reconnects(ada, card, "mia")

    words = text_of(
        await card_with(either_office, "🟢 Facebook: Blue Door Bakery can publish for Acme again.")
    )
    assert f"Reconnected by <@{ADA}>" in words
    assert await lost(either_office) == set()
    [incident] = await incidents(either_office)
    assert incident.resolution == Resolution.RECONNECTED


@in_full
async def test_newer_tokens_and_a_sign_in_without_the_role_settle_nothing(office: Office) -> None:
    ada = await with_pages(office)
    await loses(office, BAKERY)
    card = await card_with(office, LOST)
    async with office.database.system() as session:
        await session.exec(update(Grant).values(generation=Grant.generation + 1))

    await connected(ada, "tiktok", "octa_demo")
    await reconnects(ada, card, "ana")

    [incident] = await incidents(office)
    assert incident.open
    assert await lost(office) == {"Blue Door Bakery"}
    assert LOST in text_of(cards(office)[0])
    assert thread(office, card) == []


async def test_the_person_s_own_sign_in_with_the_role_given_back_ends_it(office: Office) -> None:
    ada = await with_pages(office)
    await loses(office, BAKERY, HARBOR)
    card = await card_with(office, "Blue Door Bakery")
    role(office, BAKERY, "ana", "CREATE_CONTENT")

    await reconnects(ada, card, "ana")

    await card_with(
        office, "🔴 Facebook: Harbor Market needs reconnecting. Until then, Acme can't publish there."
    )
    assert await lost(office) == {"Harbor Market"}


@in_full
async def test_a_disconnected_page_is_nobody_s_worry(office: Office) -> None:
    ada = await with_pages(office)
    await loses(office, BAKERY)
    await card_with(office, LOST)

    await disconnect(ada, "facebook blue door bakery")

    await card_with(office, "⚪ Facebook: Blue Door Bakery was disconnected from Acme. Nothing to do.")


@in_full
async def test_when_the_whole_sign_in_dies_its_card_speaks_for_all_and_a_renewal_leaves_what_is_still_lost(
    either_office: Office,
) -> None:
    ada = await with_pages(either_office)
    grant = await loses(either_office, BAKERY)
    await card_with(either_office, LOST)

    async with either_office.database.system() as session:
        assert await Refreshes(session).dead(grant, "190_460")
        await either_office.parts.incidents.grant_died(session, grant, "190_460")
        await either_office.parts.incidents.accounts_lost(session, grant)
    card = await card_with(either_office, "Ana Ruiz Studio")
    words = text_of(card)
    await reconnects(ada, card, "ana")

    assert "*Why:* the person changed their Facebook password." in words
    assert "Other accounts on this sign-in" not in words
    still = text_of(await card_with(either_office, f"🔴 {LOST}"))
    lines = await thread_with(either_office, card, "🟠")
    assert "Other accounts on this sign-in still work." in still
    assert lines[-1] == (
        "🟠 The sign-in was renewed, but one account is missing: the person lost their role on the Page."
    )
    [incident] = await incidents(either_office)
    assert (incident.open, incident.grant_still_valid) == (True, True)


@in_full
async def test_a_warning_about_the_whole_sign_in_gives_way_to_the_page_that_is_lost(office: Office) -> None:
    await with_pages(office)
    [grant] = await grants(office, "facebook")

    async def ends() -> None:
        async with office.database.system() as session:
            await office.parts.incidents.grant_ends(session, grant, timedelta(days=2))

    await ends()
    card = await card_with(office, "for Acme within 3 days.")
    await loses(office, BAKERY)
    await card_with(office, f"🔴 {LOST}")
    await ends()

    assert await thread_with(office, card, "🔴") == [
        "🔴 One account can't publish any more: the person lost their role on the Page."
    ]
    assert LOST in text_of(cards(office)[0])
    [incident] = await incidents(office)
    assert (incident.kind, incident.deadline) == (IncidentKind.NEEDS_RECONNECT, None)
    assert set(incident.accounts.values()) == {"Blue Door Bakery"}


@in_full
async def test_posts_of_the_lost_page_wait_and_those_of_the_others_go_on(either_office: Office) -> None:
    ada = await with_pages(either_office)
    async with either_office.database.system() as session:
        found = await session.exec(select(Account).where(Account.platform == "facebook"))
        ids = {account.remote_id: account.id for account in found}
        organization_id = await organization_of(either_office)
        for remote_id in (BAKERY, HARBOR):
            await schedule(session, organization_id, ids[remote_id], timedelta(days=1), timedelta(days=2))

    await loses(either_office, BAKERY)
    card = await card_with(either_office, LOST)
    held = [await counted(either_office.database, ids[page]) for page in (BAKERY, HARBOR)]
    role(either_office, BAKERY, "mia", "CREATE_CONTENT")
    await reconnects(ada, card, "mia")
    words = text_of(await card_with(either_office, "🟢 Facebook: Blue Door Bakery"))

    assert held == [{DeliveryStatus.HELD: 2}, {DeliveryStatus.SCHEDULED: 2}]
    assert "2 posts" in text_of(card)
    assert "2 posts released" in words
    assert await counted(either_office.database, ids[BAKERY]) == {DeliveryStatus.SCHEDULED: 2}


@in_full
async def test_what_nobody_takes_is_brought_before_the_owners(office: Office) -> None:
    await with_pages(office)
    await loses(office, BAKERY)
    card = await card_with(office, LOST)

    await let_pass(office, since=now(timedelta(hours=-25)))

    await hears(await office.person(), "No one has picked this up yet, so I'm asking you.")
    assert [line for line in thread(office, card) if "⏫" in line] == []
    assert card.channel_id == SOCIAL
