"""A sign-in needs a person: one card says so, is worked on by several, and says what became of it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select, update

from bot.services.access import Actor, sender_behind
from bot.services.incidents.responses import ClaimResult, IncidentResponses
from bot.services.incidents.watch import ESCALATION
from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.world import ACME, ADA, BEA, OLGA, OTTO
from storage.alert_settings import Alerts
from storage.engine.statements import now
from storage.memberships import Members
from storage.models import Account, Grant, GrantStatus, Incident, IncidentCard, IncidentKind, Role
from storage.organizations import Organizations
from storage.refreshes import Refreshes
from tests.counts import in_full, sampled, tries
from tests.patience import PATIENCE_S
from tests.rows import seats
from tests.stories.told import answer_to, button, buttons, connected, disconnect, grants, hears, said, trail

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from storage.models import Membership
    from tests.application import Office

SOCIAL = "C0ACMESOC"


async def ready(office: Office, platform: str = "x", who: str = "4711") -> Member:
    """Give Ada, owner, with one account connected and alerts in #social; Olga is an admin, Otto a member."""
    ada = await office.installed()
    await office.slack.invite(SOCIAL)
    await connected(ada, platform, who, app="linkedin" if platform == "linkedin" else "")
    organization_id = await organization_of(office)
    async with office.database.system() as session:
        for user_id, role in ((OLGA, Role.ADMIN), (OTTO, Role.MEMBER)):
            await Members(session).add(organization_id, realm=ACME, user_id=user_id, team_id=ACME, role=role)
        await Alerts(session).save(organization_id, slack_id=ACME, channel_id=SOCIAL)
    return ada


async def organization_of(office: Office) -> str:
    async with office.database.system(write=False) as session:
        found = await seats(session, ACME, ADA, ACME)
    return found[0][1].id


async def dies(office: Office, code: str = "190_460", platform: str = "x") -> Grant:
    """Let the platform's signed word, or a second opinion, settle that the sign-in is over."""
    [grant] = await grants(office, platform)
    async with office.database.system() as session:
        assert await Refreshes(session).dead(grant, code)
        await office.parts.incidents.grant_died(session, grant, code)
    return grant


async def settings(office: Office, **chosen: Any) -> None:
    async with office.database.system() as session:
        await Alerts(session).save(await organization_of(office), **chosen)


async def incidents(office: Office) -> list[Incident]:
    async with office.database.system(write=False) as session:
        return list(await session.exec(select(Incident).order_by(col(Incident.since))))


async def let_pass(office: Office, **columns: Any) -> None:
    """Move what an incident, or its card, waits for into the past, and let the clock look."""
    table = IncidentCard if "quiet_until" in columns else Incident
    async with office.database.system() as session:
        await session.exec(update(table).values(**columns), execution_options={"synchronize_session": False})
    await office.parts.watch.run()


async def held(office: Office) -> Incident:
    """Return the one incident, as soon as it waits for its time."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            [incident] = await incidents(office)
            if incident.card.quiet_until is not None:
                return incident
            await asyncio.sleep(0.02)


def responses(office: Office) -> IncidentResponses:
    incidents = office.parts.incidents
    return IncidentResponses(incidents.cards, incidents.reader, office.database)


def acting_as(member: Membership) -> Actor:
    return Actor(
        sender=sender_behind(member, ACME),
        membership_id=member.id,
        organization_id=member.organization_id,
        organization="Acme",
        role=Role(member.role),
    )


def cards(office: Office, channel_id: str = SOCIAL) -> list[Message]:
    """Return what the app has posted in a channel, without what stands in threads."""
    found = office.slack.messages(channel_id, ADA)
    return [m for m in found if m.app_id and not m.ephemeral_for and not m.thread_ts]


def thread(office: Office, card: Message) -> list[str]:
    found = office.slack.messages(card.channel_id, ADA)
    return [text_of(m) for m in found if m.thread_ts == card.ts and m.ts != card.ts and m.app_id]


def now_there(office: Office, message: Message) -> Message:
    """Return a message as it reads now."""
    found = office.slack.state.message(message.channel_id, message.ts)
    assert found is not None
    return found


async def card_with(office: Office, words: str, channel_id: str = SOCIAL) -> Message:
    """Return the one card of a channel, as soon as it holds these words."""
    shown = await office.slack.until(
        lambda: next((m for m in cards(office, channel_id) if words in text_of(m)), None)
    )
    assert len(cards(office, channel_id)) == 1
    assert office.slack.state.complaints == []
    return shown


async def card_with_ts(office: Office, card: Message, words: str) -> Message:
    """Return a message as soon as it holds these words, where it stands."""
    return await office.slack.until(
        lambda: shown if words in text_of(shown := now_there(office, card)) else None
    )


async def reply(person: Member, target: Message, action_id: str) -> Message:
    """Press something in a direct message, and return what is answered there."""
    seen = len(person.direct_messages())
    await person.press(target, action_id)
    return await person.next_message(seen)


def snoozes(card: Message) -> list[dict[str, Any]]:
    """Return the options of a card's Snooze."""
    [select] = [e for b in card.blocks for e in b.get("elements", ()) if e.get("type") == "static_select"]
    return list(select["options"])


async def thread_with(office: Office, card: Message, words: str) -> list[str]:
    await office.slack.until(lambda: [line for line in thread(office, card) if words in line] or None)
    return thread(office, card)


async def owner_asked(office: Office) -> Message:
    """Return the message with which an owner is asked for help, once it is there."""
    return await hears(await office.person(), "No one has picked this up yet, so I'm asking you.")


# One card


async def test_a_dead_sign_in_is_one_card_that_says_what_why_since_when_and_by_whom(
    either_office: Office,
) -> None:
    await ready(either_office)

    await dies(either_office)

    card = await card_with(either_office, "reconnecting. Until then")
    words = text_of(card)
    assert "🔴 X: Octa Demo needs reconnecting. Until then, Acme can't publish there." in words
    assert "*Why:* the person changed their Facebook password. *Since* <!date^" in words
    assert f"Connected by <@{ADA}>." in words
    assert buttons(card) == ["Reconnect", "Claim", "Who can do this?"]
    assert not [m for m in (await either_office.person()).direct_messages() if "reconnects" in text_of(m)]


@in_full
async def test_the_same_death_reported_again_and_again_is_one_card(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    await ready(either_office)
    [grant] = await grants(either_office, "x")

    async def report() -> None:
        async with either_office.database.system() as session:
            await Refreshes(session).dead(grant, "invalid_grant")
            await either_office.parts.incidents.grant_died(session, grant, "invalid_grant")

    for _ in range(tries(100, 20) // 10):
        await asyncio.gather(*(report() for _ in range(10)))

    await card_with(either_office, "reconnecting. Until then")
    await either_office.parts.watch.run()
    assert len(cards(either_office)) == 1
    assert len(await incidents(either_office)) == 1
    assert await trail(either_office, "sign-in ended") == ["sign-in ended"]
    record_property(
        "counted", f"the same death reported {tries(100, 20)} times, 10 at once: 1 card, 1 incident"
    )


async def test_reminders_change_one_card_day_by_day_until_it_is_over(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")

    async def left(span: timedelta) -> None:
        async with office.database.system() as session:
            await session.exec(update(Grant).values(access_expires_at=now(span), next_reminder_at=now()))
        await office.parts.expiry_reminders.run()

    await left(timedelta(days=13))
    card = await card_with(office, "for Acme within 13 days.")
    assert "LinkedIn makes you sign in again every 60 days. It takes a minute." in text_of(card)
    await left(timedelta(days=9.5))
    await card_with(office, "for Acme within 10 days.")
    await left(timedelta(days=2))
    await card_with(office, "for Acme within 2 days.")
    await left(timedelta(seconds=-1))

    words = text_of(await card_with(office, "reconnecting. Until then"))
    assert "*Why:* LinkedIn sign-ins last 60 days, and this one has expired." in words
    lines = await thread_with(office, card, "The sign-in has ended")
    assert lines == [
        "🟡 2 days left.",
        "🔴 The sign-in has ended: LinkedIn sign-ins last 60 days, and this one has expired.",
    ]


@in_full
async def test_what_meta_shows_only_for_a_while_keeps_its_card_until_a_person_signs_in_again(
    office: Office,
) -> None:
    ada = await ready(office, "instagram", "ana")
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(data_access_expires_at=now(timedelta(days=6.5)), next_reminder_at=now())
        )
    await office.parts.expiry_reminders.run()
    card = await card_with(office, "for Acme within 7 days.")
    async with office.database.system() as session:
        await session.exec(update(Grant).values(generation=Grant.generation + 1))

    await connected(ada, "reddit", "octa_demo")
    [still] = await incidents(office)
    link = links_in(await answer_to(ada, card, "incident.reconnect"))[0]
    await ada.travel(link, Consent(person="ana"))

    assert still.open
    assert "Instagram shows us data for 90 days after each sign-in" in text_of(card)
    await card_with(office, "🟢 Instagram: Blue Door Bakery can keep publishing for Acme.")


@in_full
async def test_what_meta_shows_no_longer_is_said_once_and_stays_until_a_person_signs_in_again(
    office: Office,
) -> None:
    ada = await ready(office, "instagram", "ana")
    for span in (timedelta(hours=20), timedelta(minutes=-1)):
        async with office.database.system() as session:
            await session.exec(update(Grant).values(data_access_expires_at=now(span), next_reminder_at=now()))
        for _ in range(2):
            await office.parts.expiry_reminders.run()

    card = await card_with(office, "🟠 Instagram has stopped showing us data for Blue Door Bakery.")
    lines = await thread_with(office, card, "has shown us no data since")
    link = links_in(await answer_to(ada, card, "incident.reconnect"))[0]
    await ada.travel(link, Consent(person="ana"))

    assert [line.partition(" <!date")[0] for line in lines] == ["🟠 Instagram has shown us no data since"]
    assert "*Ended* <!date^" in text_of(card)
    assert [option["text"]["text"] for option in snoozes(card)] == ["For 1 hour", "For 1 day"]
    await card_with(office, "🟢 Instagram: Blue Door Bakery can keep publishing for Acme.")


@in_full
async def test_between_two_reminders_the_card_counts_the_days_without_a_sound(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")

    async def left(span: timedelta) -> None:
        async with office.database.system() as session:
            await session.exec(update(Grant).values(access_expires_at=now(span), next_reminder_at=now()))
        await office.parts.expiry_reminders.run()

    await left(timedelta(days=12.5))
    card = await card_with(office, "for Acme within 13 days.")
    await left(timedelta(days=7.5))
    await card_with(office, "for Acme within 8 days.")
    await settings(office, digest="daily", digest_sent_at=datetime.now(UTC) - timedelta(days=2))
    await office.parts.watch.run()

    digest = await office.slack.until(lambda: cards(office)[1:] or None)
    assert "for Acme within 8 days." in text_of(digest[0])
    assert thread(office, card) == []


@in_full
async def test_a_warning_is_taken_back_when_the_platform_gives_more_time(office: Office) -> None:
    await ready(office, "instagram", "ana")
    for span in (timedelta(days=6), timedelta(days=89)):
        async with office.database.system() as session:
            await session.exec(update(Grant).values(data_access_expires_at=now(span), next_reminder_at=now()))
        await office.parts.expiry_reminders.run()

    card = await card_with(office, "🟢 Instagram: Blue Door Bakery can keep publishing for Acme.")
    line = "Instagram extended the sign-in. Nothing to do."
    assert await thread_with(office, card, "🟢") == [f"🟢 {line}"]
    assert line in text_of(card)


@in_full
async def test_an_organization_is_warned_on_the_days_it_chose_and_reads_the_same_everywhere(
    office: Office,
) -> None:
    ada = await ready(office, "linkedin", "ana-ruiz")
    await settings(office, reminder_days=[21])
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(days=20)), next_reminder_at=now())
        )

    await office.parts.expiry_reminders.run()

    await card_with(office, "🟡 Reconnect Ana Ruiz (LinkedIn) for Acme within 20 days.")
    assert "🟡 connected, ends soon" in await said(ada, "status")
    assert "🟡 connected, ends soon" in await said(ada, "doctor")
    assert "· connected, expires in" in text_of(await office.slack.open_home(ADA))


# What people do about it


@in_full
async def test_whoever_claims_first_has_it_and_the_second_is_told_who(office: Office) -> None:
    ada = await ready(office)
    olga = await office.person(OLGA)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")

    await olga.press(card, "incident.claim")
    shown = await card_with(office, f"🙋 <@{OLGA}> is on it.")
    claimed = button(shown, "Release")
    answer = await answer_to(ada, card, "incident.who")
    await office.slack.until(lambda: thread(office, card) or None)

    assert claimed["action_id"] == "incident.unclaim"
    assert "Who can reconnect Octa Demo?" in text_of(answer)
    assert f"owners <@{ADA}>; admins <@{OLGA}>" in text_of(answer)
    assert thread(office, card) == [f"🙋 <@{OLGA}> is on it."]
    [incident] = await incidents(office)
    async with office.database.system(write=False) as session:
        members = Members(session)
        adas = await members.find(incident.organization_id, ACME, ADA)
        olgas = await members.find(incident.organization_id, ACME, OLGA)
    assert adas is not None
    result = await responses(office).claim(acting_as(adas), incident.id)
    assert result == ClaimResult(granted=False, holder=olgas)


@pytest.mark.unrecorded("whoever is first is named")
async def test_of_two_who_claim_at_once_one_has_it(either_office: Office) -> None:
    ada = await ready(either_office)
    olga = await either_office.person(OLGA)
    await dies(either_office)
    card = await card_with(either_office, "reconnecting. Until then")

    await asyncio.gather(ada.press(card, "incident.claim"), olga.press(card, "incident.claim"))

    await card_with(either_office, "is on it.")
    told = [m for m in either_office.slack.messages(SOCIAL, ADA) if m.ephemeral_for]
    told += [m for m in either_office.slack.messages(SOCIAL, OLGA) if m.ephemeral_for]
    refused = {m.ephemeral_for for m in told if "is already on it" in text_of(m)}
    [incident] = await incidents(either_office)
    assert len(refused) == 1
    assert incident.claimed_by is not None
    assert await trail(either_office, "incident claimed") == ["incident claimed"]


@in_full
async def test_what_was_claimed_can_be_given_back(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await ada.press(card, "incident.claim")
    card = await card_with(office, "is on it")

    await ada.press(card, "incident.unclaim")

    await thread_with(office, card, "released it")
    assert "Claim" in buttons(cards(office)[0])


async def test_a_snooze_ends_by_itself_and_says_so(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    [incident] = await incidents(office)

    await ada.press(card, "incident.snooze", f"{incident.organization_id}/{incident.id}:day")
    await card_with(office, "💤 Snoozed until")
    await thread_with(office, card, f"💤 <@{ADA}> snoozed it until")
    await let_pass(office, since=now(-2 * ESCALATION.unclaimed_after))
    quiet = thread(office, card)
    await let_pass(office, snoozed_until=now(timedelta(seconds=-1)))

    assert [line for line in quiet if "⏫" in line] == []
    await thread_with(office, card, "⏰ The snooze is over, and this still needs someone.")
    assert "Snoozed" not in text_of(cards(office)[0])


@in_full
async def test_a_snooze_that_ends_with_the_sign_in_says_one_thing_and_not_two(office: Office) -> None:
    ada = await ready(office, "linkedin", "ana-ruiz")
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(days=2)), next_reminder_at=now())
        )
    await office.parts.expiry_reminders.run()
    card = await card_with(office, "within 2 days")
    [incident] = await incidents(office)
    await ada.press(card, "incident.snooze", f"{incident.organization_id}/{incident.id}:deadline")
    await card_with(office, "💤 Snoozed until")

    past = now(timedelta(seconds=-1))
    await let_pass(office, snoozed_until=past, deadline=past)
    async with office.database.system() as session:
        await session.exec(update(Grant).values(access_expires_at=past, next_reminder_at=now()))
    await office.parts.expiry_reminders.run()

    await thread_with(office, card, "The sign-in has ended")
    assert [line.split()[0] for line in thread(office, card)] == ["💤", "🔴"]


@in_full
async def test_a_claim_that_nothing_comes_of_lapses_after_a_day_and_the_owners_are_asked(
    office: Office,
) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await ada.press(card, "incident.claim")
    await card_with(office, "is on it")

    await let_pass(office, since=now(-ESCALATION.unclaimed_after))
    kept = (await incidents(office))[0].claimed_by
    home = text_of(await office.slack.open_home(OTTO))
    await let_pass(office, claimed_at=now(-ESCALATION.claim_lapses_after))
    for _ in range(2):
        await office.parts.watch.run()

    assert kept is not None
    assert f"🙋 <@{ADA}> is on it." in home
    await owner_asked(office)
    [_, lapsed] = thread(office, card)
    assert (
        lapsed
        == f"↩️ <@{ADA}> claimed it a day ago, and it still needs doing. Another admin can claim it now."
    )
    assert "Claim" in buttons(await card_with(office, "⏫ No one has picked this up, so I asked the owners."))


@in_full
async def test_what_nobody_took_is_brought_before_the_owners_in_its_last_hours(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(hours=20)), next_reminder_at=now())
        )
    await office.parts.expiry_reminders.run()
    card = await card_with(office, "within 1 day")

    await office.parts.watch.run()
    early = thread(office, card)
    await let_pass(office, deadline=now(ESCALATION.final_window), since=now(-ESCALATION.final_window))

    assert early == []
    await owner_asked(office)


@in_full
async def test_only_what_has_an_end_can_be_snoozed_until_it_ends(office: Office) -> None:
    ada = await ready(office, "linkedin", "ana-ruiz")
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(days=2)), next_reminder_at=now())
        )
    await office.parts.expiry_reminders.run()
    card = await card_with(office, "within 2 days")
    [incident] = await incidents(office)

    await ada.press(card, "incident.snooze", f"{incident.organization_id}/{incident.id}:deadline")

    await card_with(office, "💤 Snoozed until")
    [incident] = await incidents(office)
    assert incident.snoozed_until == incident.deadline


async def test_nobody_took_it_for_a_day_so_the_owners_are_asked_once(office: Office) -> None:
    await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")

    for _ in range(3):
        await let_pass(office, since=now(-ESCALATION.unclaimed_after - timedelta(minutes=1)))

    await card_with(office, "⏫ No one has picked this up")
    await owner_asked(office)
    asked = [
        m for m in (await office.person()).direct_messages() if "No one has picked this up" in text_of(m)
    ]
    assert len(asked) == 1
    assert thread(office, card) == []
    assert await trail(office, "incident escalated") == ["incident escalated"]


@in_full
async def test_the_owners_are_asked_themselves_when_the_card_is_somebody_elses_message(
    office: Office,
) -> None:
    ada, olga = await connected_by_olga(office)
    await dies(office)
    await hears(olga, "reconnecting. Until then")

    await let_pass(office, since=now(-ESCALATION.unclaimed_after - timedelta(minutes=1)))

    asked = await hears(ada, "Please reconnect Octa Demo (X) for Acme.")
    assert "No one has picked this up yet, so I'm asking you." in text_of(asked)
    assert links_in(await reply(ada, asked, "incident.reconnect"))


@in_full
async def test_owners_who_are_not_in_the_channel_are_asked_themselves_until_it_is_settled(
    office: Office,
) -> None:
    ada = await ready(office)
    olga = await office.person(OLGA)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    office.slack.state.channels[SOCIAL].members.discard(ADA)

    await let_pass(office, since=now(-ESCALATION.unclaimed_after - timedelta(minutes=1)))
    asked = await hears(ada, "Please reconnect Octa Demo (X) for Acme.")
    link = links_in(await answer_to(olga, card, "incident.reconnect"))[0]
    await olga.travel(link, Consent(person="4711"))

    settled = await hears(ada, "🟢 Done: X: Octa Demo can publish for Acme again.")
    assert f"Reconnected by <@{OLGA}>" in text_of(settled)
    assert settled.ts == asked.ts
    assert buttons(settled) == []


@in_full
async def test_an_incident_of_a_platform_that_is_no_more_does_not_silence_the_others(office: Office) -> None:
    await ready(office)
    await dies(office)
    await card_with(office, "reconnecting. Until then")
    async with office.database.system() as session:
        organization_id = await organization_of(office)
        incident = Incident(
            organization_id=organization_id,
            generation=1,
            kind=IncidentKind.NEEDS_RECONNECT,
            platform="no_more",
            connected_by="",
        )
        incident.card = IncidentCard(
            incident_id=incident.id, organization_id=organization_id, number=1, channel=SOCIAL
        )
        session.add(incident)

    await let_pass(office, since=now(-ESCALATION.unclaimed_after))

    await owner_asked(office)
    asked = {one.platform for one in await incidents(office) if one.escalated_at is not None}
    assert "x" in asked


# The end


async def test_a_reconnect_from_the_card_resolves_it_by_name(either_office: Office) -> None:
    await ready(either_office)
    olga = await either_office.person(OLGA)
    await dies(either_office)
    card = await card_with(either_office, "reconnecting. Until then")

    answer = await answer_to(olga, card, "incident.reconnect")
    await olga.travel(links_in(answer)[0], Consent(person="4711"))

    shown = await card_with(either_office, "🟢 X: Octa Demo can publish for Acme again.")
    assert "Reconnect Octa Demo on X for Acme." in text_of(answer)
    assert f"Reconnected by <@{OLGA}> <!date^" in text_of(shown)
    assert buttons(shown) == []
    assert await thread_with(either_office, card, "🟢") == [f"🟢 Reconnected by <@{OLGA}>."]
    [grant] = await grants(either_office, "x")
    assert grant.status == GrantStatus.HEALTHY
    assert await trail(either_office, "incident resolved") == ["incident resolved"]


@in_full
async def test_the_link_names_every_account_that_it_renews(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "ana", choose=2)
    await connected(ada, "x", "4711")

    answer = await ada.command("reconnect Blue Door Bakery")

    assert "Reconnect Ana Ruiz Studio and Blue Door Bakery on Facebook" in text_of(answer)


@in_full
async def test_the_next_death_after_a_reconnect_is_another_card(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await ada.travel(links_in(await answer_to(ada, card, "incident.reconnect"))[0], Consent(person="4711"))
    await card_with(office, "can publish for Acme again")

    await dies(office)

    await office.slack.until(lambda: len(cards(office)) == 2 or None)
    assert [one.open for one in await incidents(office)] == [False, True]


@in_full
async def test_a_disconnected_account_leaves_nothing_to_do(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    await card_with(office, "reconnecting. Until then")

    await disconnect(ada, "Octa Demo")

    shown = await card_with(office, "⚪ X: Octa Demo was disconnected from Acme. Nothing to do.")
    assert f"Disconnected by <@{ADA}> <!date^" in text_of(shown)
    assert buttons(shown) == []


@in_full
async def test_a_card_from_before_does_nothing_after_the_end(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    stale = copy.deepcopy(card)
    await disconnect(ada, "Octa Demo")
    await card_with(office, "was disconnected")

    answer = await answer_to(ada, stale, "incident.claim")

    assert "already sorted" in text_of(answer)
    [incident] = await incidents(office)
    assert (incident.claimed_by, incident.resolution) == (None, "disconnected")


@in_full
async def test_the_card_of_a_deleted_organization_says_so(office: Office) -> None:
    await ready(office)
    await dies(office)
    await card_with(office, "reconnecting. Until then")
    async with office.database.system() as session:
        await Organizations(session).delete(await organization_of(office))

    await office.parts.watch.run()

    shown = await card_with(office, "⚪ X: Octa Demo: the organization was deleted. Nothing to do.")
    assert buttons(shown) == []


@in_full
async def test_organizations_that_share_a_sign_in_are_all_told_and_none_reads_who_mended_it(
    either_office: Office,
) -> None:
    ada = await ready(either_office)
    bea = await either_office.installed(BEA)
    await connected(bea, "x", "4711")
    await dies(either_office)
    card = await card_with(either_office, "Until then, Acme can't publish there")
    theirs = await hears(bea, "Until then, Blue Door can't publish there")

    await bea.travel(links_in(await reply(bea, theirs, "incident.reconnect"))[0], Consent(person="4711"))

    await hears(bea, f"Reconnected by <@{BEA}>")
    shown = await card_with(either_office, "can publish for Acme again")
    assert "Reconnected by another organization that shares this sign-in." in text_of(shown)
    assert BEA not in str(shown.blocks) + str(thread(either_office, card))
    assert len(await incidents(either_office)) == 2
    assert ada.user_id not in text_of(theirs)


@in_full
async def test_a_reconnect_as_somebody_else_leaves_the_card_as_it_is(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")

    await ada.travel(links_in(await answer_to(ada, card, "incident.reconnect"))[0], Consent(person="4712"))

    await hears(ada, "this account is Octa Demo's")
    [incident] = await incidents(office)
    assert incident.open
    await card_with(office, "reconnecting. Until then")


@in_full
async def test_what_somebody_claimed_who_left_needs_somebody_again(office: Office) -> None:
    await ready(office)
    olga = await office.person(OLGA)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await olga.press(card, "incident.claim")
    await card_with(office, "is on it")
    async with office.database.system() as session:
        await Members(session).end_person(ACME, OLGA)

    await office.parts.watch.run()

    await thread_with(office, card, "The person on it has left")
    await office.slack.until(lambda: "Claim" in buttons(cards(office)[0]) or None)


# Who can do this?


@in_full
async def test_a_member_who_presses_reconnect_is_told_who_can(office: Office) -> None:
    await ready(office)
    otto = await office.person(OTTO)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")

    answer = await answer_to(otto, card, "incident.reconnect")

    assert "Who can reconnect Octa Demo?" in text_of(answer)
    assert links_in(answer) == []
    assert buttons(answer) == []


async def test_the_link_is_sent_to_one_named_person_who_alone_can_use_it(office: Office) -> None:
    ada = await ready(office)
    olga = await office.person(OLGA)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    answer = await answer_to(ada, card, "incident.who")
    await ada.press(answer, "incident.send")
    view = await ada.modal_with("Who should reconnect")

    shown = await ada.submit(view, {"select": OLGA})

    assert "✅ Sent." in text_of(shown)
    await thread_with(office, card, f"📨 <@{ADA}> sent <@{OLGA}> a link to reconnect it.")
    asked = await hears(olga, "Please reconnect")
    assert f"<@{ADA}> asked you." in text_of(asked)
    link = links_in(await reply(olga, asked, "incident.reconnect"))[0]
    page = await ada.travel(link, Consent(person="4711"))
    assert "Renewed" not in page.title
    await olga.travel(link, Consent(person="4711"))
    await card_with(office, f"Reconnected by <@{OLGA}>")
    settled = await hears(olga, "🟢 Done: X: Octa Demo can publish for Acme again.")
    assert (settled.ts, buttons(settled)) == (asked.ts, [])


@in_full
async def test_a_person_who_could_not_use_the_link_is_not_sent_it_and_why_is_said(office: Office) -> None:
    ada = await ready(office)
    otto = await office.person(OTTO)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await ada.press(await answer_to(ada, card, "incident.who"), "incident.send")
    view = await ada.modal_with("Who should reconnect")

    shown = await ada.submit(view, {"select": OTTO})

    assert "only admins can reconnect" in str(shown.errors)
    assert [m for m in otto.direct_messages() if "needs you" in text_of(m)] == []


# Where it is said


async def connected_by_olga(office: Office) -> tuple[Member, Member]:
    """Give Ada, and Olga, who connected the account and is asked first: no channel is chosen."""
    ada = await ready(office)
    await settings(office, channel_id="")
    async with office.database.system() as session:
        member = await Members(session).find(await organization_of(office), ACME, OLGA)
        assert member is not None
        await session.exec(update(Account).values(connected_by=member.id))
    return ada, await office.person(OLGA)


@in_full
@pytest.mark.parametrize("how", sampled(["removed", "demoted", "deactivated"], 3))
async def test_the_card_of_somebody_who_leaves_moves_on_and_says_nothing_more_to_them(
    either_office: Office, how: str
) -> None:
    ada, olga = await connected_by_olga(either_office)
    await dies(either_office)
    theirs = await hears(olga, "reconnecting. Until then")

    if how == "deactivated":
        await either_office.slack.deactivate(OLGA)
    else:
        word = {"removed": "org remove {}", "demoted": "org role {} member"}[how]
        await ada.command(word.format(f"<@{OLGA}|olga>"))

    await hears(ada, "reconnecting. Until then")
    await either_office.slack.until(
        lambda: "can't show this card" in text_of(now_there(either_office, theirs)) or None
    )
    await let_pass(either_office, since=now(-ESCALATION.unclaimed_after))
    await disconnect(ada, "Octa Demo")
    await hears(ada, "was disconnected from Acme. Nothing to do.")
    assert text_of(now_there(either_office, theirs)) == "➡️ I can't show this card here any more."
    assert thread(either_office, theirs) == []
    assert len([m for m in olga.direct_messages() if "Octa Demo" in text_of(m)]) == 0


@in_full
async def test_nobody_is_skipped_when_somebody_before_them_has_left(office: Office) -> None:
    await connected_by_olga(office)
    otto = await office.person(OTTO)
    organization_id = await organization_of(office)
    async with office.database.system() as session:
        members = Members(session)
        await members.add(organization_id, realm=ACME, user_id=OTTO, team_id=ACME, role=Role.ADMIN)
    await dies(office)
    await hears(await office.person(OLGA), "reconnecting. Until then")

    await office.slack.deactivate(OLGA)

    await hears(otto, "reconnecting. Until then")


@in_full
async def test_without_a_channel_whoever_connected_it_holds_the_card(office: Office) -> None:
    ada = await ready(office)
    await settings(office, channel_id="")

    await dies(office)

    card = await hears(ada, "reconnecting. Until then")
    assert "sending this directly because" not in text_of(card)
    assert cards(office) == []
    assert (await office.person(OLGA)).direct_messages() == []
    await disconnect(ada, "Octa Demo")
    await hears(ada, "was disconnected from Acme. Nothing to do.")
    assert [m for m in ada.direct_messages() if "reconnecting. Until then" in text_of(m)] == []


@in_full
async def test_a_channel_that_was_archived_is_replaced_by_people_until_it_hears_us_again(
    either_office: Office,
) -> None:
    ada = await ready(either_office)
    channel = either_office.slack.state.channels[SOCIAL]
    channel.is_archived = True

    await dies(either_office)

    card = await hears(ada, "reconnecting. Until then")
    assert f"I can't post in <#{SOCIAL}>: it was archived." in text_of(card)
    said = text_of(await ada.command("alerts", channel_id="C0ACMEGEN"))
    assert f"*I can't post in <#{SOCIAL}>*" in said
    home = await either_office.slack.open_home(ADA)
    assert "it was archived" in text_of(home)
    channel.is_archived = False
    answer = await ada.command("alerts", channel_id="C0ACMEGEN")
    await ada.press(answer, "alerts.test")
    await either_office.slack.until(lambda: cards(either_office) or None)
    assert "I can't post" not in text_of(await ada.command("alerts", channel_id="C0ACMEGEN"))


@in_full
async def test_who_cannot_be_reached_either_is_followed_by_the_next(office: Office) -> None:
    await ready(office)
    olga = await office.person(OLGA)
    await settings(office, channel_id="C0NOWHERE")
    office.slack.state.users[ADA].deleted = True

    await dies(office)

    card = await hears(olga, "reconnecting. Until then")
    assert "it was deleted, or made private without me" in text_of(card)
    await let_pass(office, since=now(timedelta(0)))
    [incident] = await incidents(office)
    assert (incident.card.channel, len(incident.card.recipients_tried)) == (OLGA, 2)


@in_full
async def test_a_demoted_connector_is_not_asked_what_only_admins_can_do(office: Office) -> None:
    ada, olga = await connected_by_olga(office)
    await ada.command(f"org role <@{OLGA}|olga> member")

    await dies(office)

    await hears(ada, "reconnecting. Until then")
    assert [m for m in olga.direct_messages() if "reconnecting. Until then" in text_of(m)] == []


@in_full
async def test_a_card_left_in_a_channel_is_put_right_when_the_channel_hears_us_again(office: Office) -> None:
    ada = await ready(office)
    olga = await office.person(OLGA)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await office.slack.kick(SOCIAL)
    await olga.press(card, "incident.claim")
    await hears(ada, "reconnecting. Until then")

    await office.slack.invite(SOCIAL)
    await ada.press(await ada.command("alerts", channel_id="C0ACMEGEN"), "alerts.test")

    shown = await card_with_ts(office, card, "I can't post here any more, so I sent this card")
    assert buttons(shown) == []


@in_full
async def test_a_card_left_in_a_channel_says_that_it_is_settled(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await office.slack.kick(SOCIAL)
    await ada.press(card, "incident.claim")
    theirs = await hears(ada, "reconnecting. Until then")

    link = links_in(await reply(ada, theirs, "incident.reconnect"))[0]
    await ada.travel(link, Consent(person="4711"))

    shown = await card_with_ts(office, card, "🟢 X: Octa Demo can publish for Acme again.")
    assert buttons(shown) == []


@in_full
async def test_a_card_whose_channel_is_lost_later_goes_on_with_a_person(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    office.slack.state.channels[SOCIAL].members.discard(card.user_id)
    office.slack.state.channels[SOCIAL].is_archived = True

    await let_pass(office, since=now(-ESCALATION.unclaimed_after - timedelta(minutes=1)))

    await hears(ada, "reconnecting. Until then")
    assert len([m for m in ada.direct_messages() if "reconnecting. Until then" in text_of(m)]) == 1


@in_full
async def test_what_nobody_could_be_told_is_told_when_the_app_is_back(office: Office) -> None:
    ada = await ready(office)
    await office.slack.uninstall(ACME, ["app_uninstalled"])
    await dies(office)
    untold = await held(office)

    await ada.install()
    await office.parts.watch.run()

    card = await hears(ada, "reconnecting. Until then")
    assert (untold.card.channel, untold.card.number) == ("", 1)
    assert "I'm not in it any more" in text_of(card)


@in_full
async def test_in_the_night_no_owner_is_woken(office: Office) -> None:
    await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await settings(office, **around(datetime.now(UTC), 2))

    await let_pass(office, since=now(-ESCALATION.unclaimed_after))
    [waiting] = await incidents(office)
    await settings(office, quiet_from="", quiet_to="")
    await let_pass(office, quiet_until=now(timedelta(seconds=-1)))
    await office.parts.watch.run()

    assert waiting.escalated_at is None
    assert waiting.card.quiet_until is not None
    await owner_asked(office)
    assert thread(office, card) == []


# Quiet hours


def around(moment: datetime, hours: int) -> dict[str, str]:
    begins, ends = moment - timedelta(hours=hours), moment + timedelta(hours=hours)
    return {"quiet_from": f"{begins:%H:%M}", "quiet_to": f"{ends:%H:%M}", "timezone": "UTC"}


async def test_in_quiet_hours_a_card_waits_for_their_end(office: Office) -> None:
    await ready(office)
    await settings(office, **around(datetime.now(UTC), 2))

    await dies(office)
    await office.parts.watch.run()
    before = cards(office)
    await settings(office, quiet_from="", quiet_to="")
    await let_pass(office, quiet_until=now(timedelta(seconds=-1)))

    assert before == []
    await card_with(office, "reconnecting. Until then")


@in_full
async def test_in_quiet_hours_the_card_changes_and_the_thread_waits(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "reconnecting. Until then")
    await settings(office, **around(datetime.now(UTC), 2))

    await ada.press(card, "incident.claim")
    card = await card_with(office, "is on it")
    await ada.press(card, "incident.unclaim")
    await office.slack.until(lambda: "Claim" in buttons(cards(office)[0]) or None)
    before = thread(office, card)
    await settings(office, quiet_from="", quiet_to="")
    await let_pass(office, quiet_until=now(timedelta(seconds=-1)))

    assert before == []
    lines = await thread_with(office, card, "released it")
    assert lines == [f"🙋 <@{ADA}> is on it.", f"↩️ <@{ADA}> released it."]


@in_full
async def test_what_ends_before_the_quiet_hours_do_is_said_at_once(office: Office) -> None:
    await ready(office, "linkedin", "ana-ruiz")
    await settings(office, **around(datetime.now(UTC), 2))
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(timedelta(hours=1)), next_reminder_at=now())
        )

    await office.parts.expiry_reminders.run()

    await card_with(office, "for Acme within 1 day.")


@in_full
async def test_what_is_over_before_anybody_was_told_is_not_told(office: Office) -> None:
    ada = await ready(office)
    await settings(office, **around(datetime.now(UTC), 2))
    await dies(office)
    await disconnect(ada, "Octa Demo")
    await settings(office, quiet_from="", quiet_to="")

    await let_pass(office, quiet_until=None)

    assert cards(office) == []
    [incident] = await incidents(office)
    assert incident.resolution == "disconnected"


@in_full
async def test_a_renamed_organization_has_its_new_name_on_open_cards_and_requests(office: Office) -> None:
    ada = await ready(office)
    await dies(office)
    card = await card_with(office, "Acme can't publish there.")
    await ada.press(await answer_to(ada, card, "incident.who"), "incident.send")
    shown = await ada.submit(await ada.modal_with("Who should reconnect"), {"select": OLGA})
    assert not shown.errors
    olga = await office.person(OLGA)
    asked = await hears(olga, "Please reconnect Octa Demo (X) for Acme.")

    await ada.command("org rename Bakery")

    renamed = await card_with(office, "Bakery can't publish there.")
    assert renamed.ts == card.ts
    again = await hears(olga, "Please reconnect Octa Demo (X) for Bakery.")
    assert again.ts == asked.ts
    assert f"<@{ADA}> asked you" in text_of(again)
