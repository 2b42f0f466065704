"""Status and doctor: what is the matter with an account, in words, with the one thing to do about it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, update

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.state import Message
from sandbox.slack.world import ADA, OTTO
from storage.engine.statements import now
from storage.models import Grant, GrantStatus
from storage.tallies import Outcome, Tallies
from tests.application import Office
from tests.counts import in_full
from tests.platforms import PLATFORMS
from tests.stories.told import answer_to, buttons, connected, entries, hears, joins, said

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def becomes(office: Office, platform: str, **values: Any) -> None:
    """Let a platform's grants be as these values say."""
    async with office.database.system() as session:
        await session.exec(
            update(Grant).where(col(Grant.platform) == platform).values(**values),
            execution_options={"synchronize_session": False},
        )


async def counted(office: Office, platform: str, **outcomes: int) -> None:
    """Let a platform's refreshes have ended like this in the last minute."""
    async with office.database.system() as session:
        tallies = Tallies(session)
        minute = int(time.time() // 60)
        await tallies.count(platform, minute, {Outcome(key): n for key, n in outcomes.items()})


def urls(message: Message) -> list[str]:
    return [e["url"] for b in message.blocks for e in b.get("elements", ()) if e.get("url")]


# Status


async def test_status_has_a_line_per_account_and_counts_those_that_can_publish(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")
    await becomes(office, "tiktok", status=GrantStatus.NEEDS_RECONNECT, reason="authorization_removed")

    words = await said(ada, "status")

    assert "Acme: 1 of 2 accounts can publish." in words
    assert "🟢 connected · X: Octa Demo" in words
    assert "🔴 needs reconnecting · TikTok: Octa Demo" in words
    assert "/octapost doctor" in words


@in_full
async def test_what_needs_a_person_stands_first_wherever_accounts_are_listed(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "reddit", "octa_demo")
    await connected(ada, "x", "4711")
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    shown = [text_of(await ada.command(word)) for word in ("status", "accounts")]
    shown.append(text_of(await office.slack.open_home(ADA)))

    for words in shown:
        assert words.index("Octa Demo") < words.index("Reddit")


async def test_status_without_accounts_says_how_to_begin(office: Office) -> None:
    ada = await office.installed()

    assert "Acme has no accounts yet." in await said(ada, "status")


async def test_an_outage_of_a_whole_platform_is_said_once_and_asks_nobody_for_anything(
    either_office: Office,
) -> None:
    ada = await either_office.installed()
    await connected(ada, "tiktok", "octa_demo")
    await connected(ada, "x", "4711")
    await counted(either_office, "tiktok", busy=3)

    for answer in (
        await ada.command("status"),
        await ada.command("accounts"),
        await ada.command("doctor"),
        await either_office.slack.open_home(ADA),
    ):
        words = text_of(answer)
        assert "TikTok is down. Nothing for you to do." in words
        assert "X isn't answering" not in words
        assert "needs reconnecting" not in words
        assert "need a look" not in words
        assert "needs a look" not in words
    assert "2 accounts, all connected." in text_of(await either_office.slack.open_home(ADA))
    assert "Acme: 2 of 2 accounts can publish." in await said(ada, "status")


# Doctor


@in_full
async def test_without_a_name_the_doctor_examines_those_in_trouble(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")
    gone = datetime.now(UTC) - timedelta(hours=3)
    await becomes(
        either_office,
        "tiktok",
        status=GrantStatus.NEEDS_RECONNECT,
        reason="authorization_removed",
        last_outcome="GrantDead",
        last_error_code="authorization_removed",
        checked_at=gone,
        due_at=None,
    )

    message = await ada.command("doctor")

    words = text_of(message)
    assert "TikTok · " in words
    assert "X · " not in words
    assert "🔴 needs reconnecting" in words
    assert "The sign-in has ended: someone removed Octapost in the TikTok app. Press Reconnect" in words
    assert f"<!date^{int(gone.timestamp())}^" in words
    assert "Next check\nwhen someone reconnects it" in words.replace("*", "")
    assert "TikTok last said\nthat the sign-in has ended" in words.replace("*", "")
    assert "Can't do anything until it's reconnected." in words
    assert "code authorization_removed · acc_" in words
    assert buttons(message) == ["Reconnect", "Open TikTok"]


@in_full
async def test_its_button_is_the_way_out(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    message = await ada.command("doctor")
    link = links_in(await answer_to(ada, message, "account.reconnect"))[0]
    await ada.travel(link, Consent(person="4711"))

    await hears(ada, "✅ Renewed for Acme: Octa Demo on X.")
    assert "🟢 All is well with Acme: its account is connected" in await said(ada, "doctor")


@in_full
async def test_a_named_account_is_examined_although_it_is_well(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")

    words = text_of(await ada.command("doctor octa demo"))

    assert "🟢 connected" in words
    assert "X last said\nall is well" in words.replace("*", "")
    assert "X's status\nno known trouble" in words.replace("*", "")
    scopes = PLATFORMS["x"].apps[0].scopes
    assert f"Granted {len(scopes)} of {len(scopes)} permissions." in words
    assert not any(scope.name in words for scope in scopes)
    assert "I don't know" not in words
    assert "No account here is called “nobody”" in await said(ada, "doctor nobody")


@in_full
async def test_what_was_unticked_is_named_with_what_no_longer_works(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("tiktok", Consent(person="octa_demo", untick=["video.list"]))

    words = text_of(await ada.command("doctor"))

    assert "🟡 connected, some permissions missing" in words
    assert "Can't see stats: the permission wasn't granted." in words
    assert "Not granted: to read how your posts did." in words
    assert "video.list" not in words


@in_full
async def test_a_member_reads_the_diagnosis_and_has_no_reconnect_button(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await joins(ada, await office.person(OTTO))
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    otto = await office.person(OTTO)
    message, card = await otto.command("doctor"), await otto.command("accounts")

    assert "🔴 needs reconnecting" in text_of(message)
    assert "Reconnect" not in [*buttons(message), *buttons(card), *entries(card)]
    assert "An admin of the organization can reconnect it." in text_of(message)
    assert "Admins of the organization can reconnect accounts." in text_of(card)
    assert "of the organization" not in text_of(await ada.command("accounts"))


@in_full
async def test_more_patients_than_a_message_holds_are_counted(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "brand", choose=12)
    await becomes(office, "facebook", status=GrantStatus.NEEDS_RECONNECT, reason="190_460")

    words = text_of(await ada.command("doctor"))

    assert words.count("the person changed their Facebook password") == 5
    assert "… and 7 more; /octapost doctor NAME checks any of them." in words
    assert office.slack.state.complaints == []


@in_full
async def test_the_home_the_cards_and_the_doctor_say_the_same(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "linkedin", "ana-ruiz", app="linkedin")
    await becomes(either_office, "linkedin", access_expires_at=now(timedelta(days=6, hours=5)))

    home = text_of(await either_office.slack.open_home(ADA))

    for words in (home, await said(ada, "accounts")):
        assert "🟡 Ana Ruiz · LinkedIn · connected, expires in 6 days" in words
    assert "LinkedIn ends this sign-in in 6 days; then someone has to sign in again." in await said(
        ada, "doctor"
    )
    assert "1 account, 1 needs a look." in home
