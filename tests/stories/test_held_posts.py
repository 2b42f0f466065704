"""Posts wait while a sign-in is over: the card says how many, a reconnect releases them, and late ones ask first."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select, update

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.meta.world import FULL_TASKS
from sandbox.slack.world import ADA, BEA, OLGA, OTTO
from storage.engine.statements import now
from storage.models import Account, DeliveryStatus, Grant
from storage.posts import APART, Posts
from tests.counts import in_full
from tests.posts import HOUR, counted, deliveries, schedule
from tests.stories.test_incidents import (
    around,
    card_with,
    cards,
    dies,
    let_pass,
    organization_of,
    ready,
    settings,
    thread,
    thread_with,
)
from tests.stories.told import answer_to, button, buttons, connected, disconnect, grants, hears, trail

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from tests.application import Office

SCHEDULED, HELD, LATE = DeliveryStatus.SCHEDULED, DeliveryStatus.HELD, DeliveryStatus.LATE
CANCELLED = DeliveryStatus.CANCELLED
DUE = "3 scheduled posts are waiting; the first is due <!date^"


async def posts(office: Office, *due_in: timedelta, name: str = "") -> None:
    """Schedule posts to the one account, or to the one of this name. None goes out while the test looks."""
    await office.parts.posts.delivering.drain(0)
    async with office.database.system() as session:
        found = select(Account).where(Account.name == name) if name else select(Account)
        for account in list(await session.exec(found)):
            await schedule(session, account.organization_id, account.id, *due_in)


async def reconnects(person: Member, card: Message, as_: str = "4711") -> None:
    link = links_in(await answer_to(person, card, "incident.reconnect"))[0]
    await person.travel(link, Consent(person=as_))


async def asks(office: Office, *due_in: timedelta) -> tuple[Member, Message]:
    """Let posts be late after a reconnect; return Ada and the card that asks about them, as it is then."""
    ada = await ready(office)
    await posts(office, *due_in)
    await dies(office)
    await reconnects(ada, await card_with(office, "reconnecting. Until then"))
    return ada, copy.deepcopy(await card_with(office, "due meanwhile"))


async def test_what_waits_is_on_the_card_and_goes_out_after_the_reconnect(either_office: Office) -> None:
    ada = await ready(either_office)
    await posts(either_office, HOUR, 2 * HOUR, 3 * HOUR)

    await dies(either_office)
    card = copy.deepcopy(await card_with(either_office, "reconnecting. Until then"))
    during = await counted(either_office.database)
    [(_, first), *_] = await deliveries(either_office.database)
    await reconnects(ada, card)

    shown = await card_with(either_office, "can publish for Acme again")
    assert f"🗓️ {DUE}{int(first.timestamp())}^" in text_of(card)
    assert during == {HELD: 3}
    assert await counted(either_office.database) == {SCHEDULED: 3}
    assert f"Reconnected by <@{ADA}> <!date^" in text_of(shown)
    assert ", 3 posts released." in text_of(shown)
    assert "scheduled post" not in text_of(shown)
    assert await thread_with(either_office, card, "🟢") == [f"🟢 Reconnected by <@{ADA}>, 3 posts released."]
    assert buttons(shown) == []


@in_full
async def test_of_a_hundred_held_posts_all_are_released_and_the_overdue_ones_ask(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    ada = await ready(either_office)
    await posts(either_office, *[HOUR * (number + 1) for number in range(70)])
    await posts(either_office, *[timedelta(minutes=-number) for number in range(30)])
    await dies(either_office)
    held = await counted(either_office.database)

    await reconnects(
        ada, await card_with(either_office, "100 scheduled posts are waiting; the first was due")
    )

    shown = await card_with(either_office, "30 posts were due meanwhile. Publish them now?")
    assert held == {HELD: 100}
    assert await counted(either_office.database) == {SCHEDULED: 70, LATE: 30}
    assert ", 70 posts released." in text_of(shown)
    record_property(
        "counted",
        f"100 posts held ({either_office.database.dialect}): 70 released at their times, 30 overdue ones asked"
        " about, 0 lost",
    )


async def test_overdue_posts_go_out_with_pauses_when_somebody_says_so(either_office: Office) -> None:
    ada, card = await asks(either_office, -2 * HOUR, -HOUR, HOUR)
    before = await counted(either_office.database)

    await ada.press(card, "incident.publish")

    shown = await card_with(either_office, f"▶️ 2 late posts go out now, approved by <@{ADA}>.")
    assert before == {LATE: 2, SCHEDULED: 1}
    assert "1 post released." in text_of(shown)
    assert "They go out at least 5 minutes apart on each account." in text_of(card)
    assert "at least 5 minutes apart" in text_of(shown)
    assert buttons(card) == ["Publish now", "Discard…"]
    assert buttons(shown) == []
    resolved, answered = await thread_with(either_office, card, "▶️")
    assert resolved.endswith("2 posts were due meanwhile. The card asks what to do.")
    assert answered.startswith(f"▶️ 2 late posts go out now, approved by <@{ADA}>.")
    [(_, first), (_, second), _] = await deliveries(either_office.database)
    assert await counted(either_office.database) == {SCHEDULED: 3}
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
    assert second - first >= APART
    assert await trail(either_office, "late posts released") == ["late posts released"]


@in_full
async def test_overdue_posts_are_discarded_when_somebody_says_so(either_office: Office) -> None:
    ada, card = await asks(either_office, -HOUR)
    discard = button(card, "Discard…")

    await ada.press(card, "incident.discard")

    shown = await card_with(either_office, f"🗑️ 1 late post was discarded by <@{ADA}>.")
    assert "⏳ 1 post was due meanwhile. Publish it now?" in text_of(card)
    assert "5 minutes" not in text_of(card)
    assert discard["confirm"]["title"]["text"] == "Discard 1 late post?"
    assert "can't bring it back" in discard["confirm"]["text"]["text"]
    assert buttons(shown) == []
    assert await counted(either_office.database) == {CANCELLED: 1}
    assert await trail(either_office, "late posts discarded") == ["late posts discarded"]


@in_full
@pytest.mark.unrecorded("whoever is first decides")
async def test_of_two_who_answer_at_once_one_is_heard_and_the_other_is_told_it_is_settled(
    either_office: Office,
) -> None:
    ada, card = await asks(either_office, -HOUR, -HOUR)
    olga = await either_office.person(OLGA)

    await asyncio.gather(ada.press(card, "incident.publish"), olga.press(card, "incident.discard"))
    await either_office.slack.until(lambda: len(thread(either_office, card)) == 2 or None)
    again = await answer_to(ada, card, "incident.publish")

    whispers = [m for who in (ADA, OLGA) for m in either_office.slack.messages(card.channel_id, who)]
    refused = [m for m in whispers if m.ephemeral_for and "already sorted" in text_of(m)]
    assert "already sorted" in text_of(again)
    assert len({m.ts for m in refused}) == 2
    assert await counted(either_office.database) in ({SCHEDULED: 2}, {CANCELLED: 2})
    assert len([line for line in await trail(either_office) if line.startswith("late posts")]) == 1


@in_full
async def test_a_member_without_the_role_decides_nothing(office: Office) -> None:
    _, card = await asks(office, -HOUR)
    otto = await office.person(OTTO)

    for pressed in ("incident.publish", "incident.discard"):
        assert "This needs an admin of Acme." in text_of(await answer_to(otto, card, pressed))

    assert await counted(office.database) == {LATE: 1}


@in_full
async def test_a_shared_sign_in_releases_each_organizations_posts_and_neither_decides_for_the_other(
    either_office: Office,
) -> None:
    await ready(either_office)
    bea = await either_office.installed(BEA)
    await connected(bea, "x", "4711")
    await posts(either_office, -HOUR, HOUR)
    await dies(either_office)
    await card_with(either_office, "2 scheduled posts are waiting; the first was due")
    theirs = await hears(bea, "2 scheduled posts are waiting; the first was due")
    seen = len(bea.direct_messages())
    await bea.press(theirs, "incident.reconnect")
    await bea.travel(links_in(await bea.next_message(seen))[0], Consent(person="4711"))

    ours = await card_with(either_office, "1 post was due meanwhile. Publish it now?")
    own = await hears(bea, "1 post was due meanwhile. Publish it now?")
    await bea.press(own, "incident.publish")
    await hears(bea, "1 late post goes out now")

    words = text_of(ours)
    assert "Reconnected by another organization that shares this sign-in, 1 post released." in words
    assert await counted(either_office.database) == {LATE: 1, SCHEDULED: 3}
    organization_id = await organization_of(either_office)
    async with either_office.database.system() as session:
        mine = [a.id for a in await session.exec(select(Account)) if a.organization_id == organization_id]
        assert await Posts(session).late(organization_id, mine) == 1


@in_full
async def test_a_post_to_an_account_whose_sign_in_is_over_is_held_at_once(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")

    await posts(office, HOUR)
    during = await counted(office.database)
    await reconnects(ada, card)

    await card_with(office, ", 1 post released.")
    assert during == {HELD: 1}
    assert "scheduled post" not in text_of(card)


@in_full
async def test_a_warning_names_the_posts_that_are_due_after_the_end(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")
    day = timedelta(days=1)
    await posts(office, day, 3 * day, 4 * day)
    async with office.database.system() as session:
        await session.exec(update(Grant).values(access_expires_at=now(2 * day), next_reminder_at=now()))

    await office.parts.expiry_reminders.run()

    words = text_of(await card_with(office, "for Acme within 2 days."))
    [_, (_, first), _] = await deliveries(office.database)
    assert f"🗓️ 2 scheduled posts are due after that, the first <!date^{int(first.timestamp())}^" in words
    assert await counted(office.database) == {SCHEDULED: 3}


@in_full
async def test_a_warning_without_posts_after_the_end_says_nothing_of_them(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")
    await posts(office, HOUR)
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(days=2)), next_reminder_at=now())
        )

    await office.parts.expiry_reminders.run()

    assert "scheduled post" not in text_of(await card_with(office, "for Acme within 2 days."))


@in_full
async def test_what_ends_by_the_clock_holds_its_posts_too(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")
    await posts(office, HOUR)
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(seconds=-1)), next_reminder_at=now())
        )

    await office.parts.expiry_reminders.run()

    await card_with(office, "1 scheduled post is waiting; it is due <!date^")
    assert await counted(office.database) == {HELD: 1}


@in_full
async def test_what_a_platform_signs_to_be_over_holds_its_posts_too(office: Office) -> None:
    await ready(office, "instagram", "ana")
    await posts(office, HOUR)
    meta = office.world.platforms["instagram"]
    assert isinstance(meta, MetaSimulator)

    await meta.controls()["revoke"]({"person": "ana"})

    await card_with(office, "1 scheduled post is waiting; it is due <!date^")
    assert await counted(office.database) == {HELD: 1}


async def test_disconnecting_says_what_will_not_be_published_and_cancels_it(either_office: Office) -> None:
    ada = await ready(either_office)
    await posts(either_office, HOUR, 2 * HOUR)

    view = await ada.modal_by("disconnect Octa Demo")
    asked = text_of(view)
    await ada.close(view)
    before = await counted(either_office.database)
    await disconnect(ada, "Octa Demo")

    assert "2 waiting posts to it won't be published." in asked
    assert before == {SCHEDULED: 2}
    assert await counted(either_office.database) == {CANCELLED: 2}


@in_full
async def test_late_posts_of_an_account_that_was_disconnected_meanwhile_are_settled(office: Office) -> None:
    ada, card = await asks(office, -HOUR)
    await disconnect(ada, "Octa Demo")

    answer = await answer_to(ada, card, "incident.publish")

    assert "already sorted" in text_of(answer)
    assert await counted(office.database) == {CANCELLED: 1}


@in_full
async def test_what_is_asked_when_a_sign_in_ends_again_is_asked_after_the_next_reconnect(
    office: Office,
) -> None:
    ada, first = await asks(office, -HOUR)
    await dies(office)
    await office.slack.until(lambda: cards(office)[1:] or None)
    again = copy.deepcopy(cards(office)[1])

    settled = await answer_to(ada, first, "incident.publish")
    held = await counted(office.database)
    await reconnects(ada, again)

    await office.slack.until(lambda: "1 post was due meanwhile" in text_of(cards(office)[1]) or None)
    assert "already sorted" in text_of(settled)
    assert "1 scheduled post is waiting; it was due" in text_of(again)
    assert held == {HELD: 1}
    await ada.press(cards(office)[1], "incident.publish")
    assert await counted(office.database) == {SCHEDULED: 1}


@in_full
async def test_a_question_is_asked_although_all_was_over_before_anybody_was_told(office: Office) -> None:
    ada = await ready(office)
    await settings(office, **around(datetime.now(UTC), 2))
    await posts(office, -HOUR)
    await dies(office)
    answer = await ada.command("reconnect Octa Demo")
    await ada.travel(links_in(answer)[0], Consent(person="4711"))
    before = cards(office)
    await settings(office, quiet_from="", quiet_to="")

    await let_pass(office, quiet_until=now(timedelta(seconds=-1)))

    card = await card_with(office, "1 post was due meanwhile. Publish it now?")
    await ada.press(card, "incident.publish")
    await card_with(office, "▶️ 1 late post goes out now")
    assert before == []


@in_full
async def test_a_question_that_its_channel_cannot_hear_is_asked_of_a_person(office: Office) -> None:
    ada = await ready(office)
    await posts(office, -HOUR)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    answer = await ada.command("reconnect Octa Demo")
    office.slack.state.channels[card.channel_id].is_archived = True

    await ada.travel(links_in(answer)[0], Consent(person="4711"))

    asked = await hears(ada, "1 post was due meanwhile. Publish it now?")
    await ada.press(asked, "incident.publish")
    await hears(ada, "▶️ 1 late post goes out now")


@in_full
async def test_accounts_that_somebody_else_takes_over_are_released_while_the_others_wait_on(
    either_office: Office,
) -> None:
    ada = await ready(either_office)
    await connected(ada, "facebook", "ana", choose=2)
    await posts(either_office, HOUR, -HOUR, name="Blue Door Bakery")
    await posts(either_office, HOUR, name="Ana Ruiz Studio")
    await dies(either_office, platform="facebook")
    await card_with(either_office, "3 scheduled posts are waiting")
    meta = either_office.world.platforms["facebook"]
    assert isinstance(meta, MetaSimulator)
    meta.pages["104000000000001"].roles["ben"] = FULL_TASKS

    answer = await ada.command("reconnect Blue Door Bakery")
    await ada.travel(links_in(answer)[0], Consent(person="ben"))

    card = await card_with(either_office, "1 post of Blue Door Bakery was due meanwhile. Publish it now?")
    assert (
        "🔴 Facebook: Ana Ruiz Studio needs reconnecting. Until then, Acme can't publish there."
        in text_of(card)
    )
    assert "1 scheduled post is waiting; it is due" in text_of(card)
    assert await counted(either_office.database) == {HELD: 1, SCHEDULED: 1, LATE: 1}
    await ada.press(card, "incident.publish")
    card = await card_with(either_office, "▶️ 1 late post goes out now")
    assert buttons(card) == ["Reconnect", "Claim", "Who can do this?"]
    await reconnects(ada, card, "ana")
    await card_with(either_office, ", 2 posts released.")
    assert await counted(either_office.database) == {SCHEDULED: 3}


@in_full
async def test_an_account_that_is_chosen_after_its_sign_in_has_ended_gets_a_card(office: Office) -> None:
    ada = await ready(office)
    await settings(office, channel_id="")
    seen = len(ada.direct_messages())
    await ada.travel(await ada.link("facebook"), Consent(person="ana"))
    offer = await ada.next_message(seen)
    await dies(office, platform="facebook")
    silent = [m for m in ada.direct_messages() if "reconnecting. Until then" in text_of(m)]

    await ada.pick(offer, 1)

    await hears(ada, "Facebook: Ana Ruiz Studio needs reconnecting. Until then, Acme can't publish there.")
    assert silent == []
    [grant] = await grants(office, "facebook")
    assert grant.reason == "190_460"
