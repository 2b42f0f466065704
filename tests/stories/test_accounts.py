"""Account cards, what they say and to whom; disconnecting; and what becomes of the consent at the platform."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select, update

from adapters.base import Capability
from bot.views.accounts import CAN
from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import Member, elements_of, links_in, text_of
from sandbox.slack.state import Message
from sandbox.slack.world import BEA, OTTO
from storage.engine.statements import now
from storage.models import Account, Grant, GrantStatus, Revocation
from tests.application import Office
from tests.counts import in_full
from tests.platforms import PLATFORMS
from tests.storage.world import backdate
from tests.stories.told import (
    answer_to,
    buttons,
    connected,
    disconnect,
    entries,
    grants,
    hears,
    joins,
    said,
    trail,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVERYWHERE = {
    "facebook": "ana",
    "instagram": "ana",
    "x": "4711",
    "tiktok": "octa_demo",
    "reddit": "octa_demo",
    "youtube": "110000000000000000001",
}


def test_every_capability_has_its_words() -> None:
    assert set(Capability) == set(CAN)


# Cards


@in_full
async def test_a_line_per_account_on_all_seven_platforms(either_office: Office) -> None:
    ada = await either_office.installed()
    for platform, person in EVERYWHERE.items():
        said_there = await connected(ada, platform, person, choose=1 if platform == "facebook" else 0)
        assert "Connected to Acme" in said_there
    await connected(ada, "linkedin", "ana-ruiz", app="linkedin")

    words = await said(ada, "accounts")

    assert "🟢 Acme: 7 accounts, all connected." in words
    for name in ("Facebook", "Instagram", "X", "LinkedIn", "TikTok", "Reddit", "YouTube"):
        assert f" · {name} · connected" in words
    assert words.count("🟢") == 8
    assert "🟢 Ana Ruiz · LinkedIn · connected, expires in 60 days" in words
    assert "🟢 Octa Demo · X · connected, renews itself" in words
    assert "· Instagram · connected, next sign-in within 90 days" in words
    assert "· Facebook · connected, renews itself" in words
    assert either_office.slack.state.complaints == []


@in_full
async def test_accounts_of_one_platform_can_be_asked_for_by_any_of_its_names(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")

    assert "🟢 Acme on X: 1 account, all connected." in await said(ada, "accounts twitter")
    assert "Acme has no accounts on Reddit yet." in await said(ada, "accounts reddit")
    words = await said(ada, "accounts redit")
    assert "I don't know a platform called “redit”. Did you mean Reddit?" in words


async def test_a_member_sees_the_accounts_and_an_admin_the_whole_menu(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await joins(ada, await office.person(OTTO))

    for_member = await (await office.person(OTTO)).command("accounts")
    for_admin = await ada.command("accounts")

    assert "Octa Demo" in text_of(for_member)
    assert entries(for_member) == ["Details", "Open on X"]
    assert entries(for_admin) == ["Details", "Open on X", "Reconnect", "Disconnect…"]
    assert buttons(for_member) == buttons(for_admin) == []


@in_full
async def test_a_permission_that_was_not_given_is_said_in_words(office: Office) -> None:
    ada = await office.installed()
    analytics = "https://www.googleapis.com/auth/yt-analytics.readonly"
    said_there = await ada.connect("youtube", Consent(person=EVERYWHERE["youtube"], untick=[analytics]))

    words = await said(ada, "accounts")

    assert "Not granted" in said_there
    assert "permission to show how your channel and its videos are doing" in said_there
    assert analytics not in said_there
    assert "🟡 Octa Channel · YouTube · connected, some permissions missing, renews itself" in words


@in_full
async def test_an_account_that_cannot_publish_says_so(office: Office) -> None:
    ada = await office.installed()
    upload = "https://www.googleapis.com/auth/youtube.upload"
    await ada.connect("youtube", Consent(person=EVERYWHERE["youtube"], untick=[upload]))

    assert "· connected, but it can't publish yet" in await said(ada, "accounts")
    assert "0 of 1 accounts can publish" in await said(ada, "status")


@in_full
async def test_more_accounts_than_a_message_holds_are_turned_like_pages(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "brand", choose=40)
    async with office.database.system(write=False) as session:
        everybody = list(await session.exec(select(Account.name)))
    first = await ada.command("accounts facebook")

    pages = [text_of(first)]
    for _ in range(2):
        await ada.press(await turned(ada, f"Page {len(pages)} of 3"), "account.later")
        pages.append(text_of(await turned(ada, f"Page {len(pages) + 1} of 3")))
    await ada.press(await turned(ada, "Page 3 of 3"), "account.earlier")

    assert "🟢 Acme on Facebook: 40 accounts, all connected." in pages[0]
    assert [sum(f" {name} · " in words for name in everybody) for words in pages] == [15, 15, 10]
    assert text_of(await turned(ada, "Page 2 of 3")) == pages[1]
    assert office.slack.state.complaints == []


async def turned(person: Member, words: str) -> Message:
    """Return the answer that shows a page, as soon as it does."""
    return await person.slack.until(
        lambda: next(
            (
                message
                for message in person.slack.messages(person.channel_id, person.user_id)
                if message.ephemeral_for and words in text_of(message)
            ),
            None,
        ),
    )


# Where it can post


async def test_only_places_where_the_account_may_post_are_offered_as_one_types(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "reddit", "octa_demo")
    cards = await ada.command("accounts reddit")

    await ada.press(cards, "account.places")
    view = await ada.modal_with("account.place")
    every = [o["text"]["text"] for o in await ada.slack.suggest(ada.user_id, view, "account.place", "")]
    found = [
        o["text"]["text"] for o in await ada.slack.suggest(ada.user_id, view, "account.place", "r/octag")
    ]

    assert f"octa_demo can post in {len(every)} subreddits" in text_of(view)
    assert "u/octa_demo" in every
    assert "r/octagrumble" not in every
    assert found == [place for place in every if place.startswith("r/octag")]
    assert found


@in_full
async def test_a_platform_that_does_not_answer_is_named_where_the_places_would_stand(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "reddit", "octa_demo")
    cards = await ada.command("accounts reddit")
    office.world.platforms["reddit"].faults.append(Fault(path="/subreddits", status=503))

    await ada.press(cards, "account.places")

    view = await ada.modal_with("Reddit is busy")
    assert "try again in a few minutes" in text_of(view)


# Disconnecting


async def test_disconnecting_is_confirmed_then_said_and_the_consent_ends_there(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")

    view = await ada.modal_by("disconnect octa demo")
    assert "no longer be connected to Octa Demo on X" in text_of(view)
    assert "Nothing else uses this sign-in, so I'll also end our access at X" in text_of(view)
    await ada.submit(view)
    final = await ada.modal_with("✅", 15)

    assert "X confirmed that our access has ended." in text_of(final)
    assert all(grant.dead for grant in either_office.world.platforms["x"].grants.values())
    assert "Acme has no accounts yet." in await said(ada, "accounts")
    assert "account disconnected" in await trail(either_office)
    assert all(grant.access_sealed is None for grant in await grants(either_office, "x"))


@in_full
async def test_keeping_it_changes_nothing(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")

    await ada.close(await ada.modal_by("disconnect x octa demo"))

    assert "· connected" in await said(ada, "accounts")


@in_full
async def test_a_name_that_two_accounts_have_is_answered_with_the_question_which(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")

    message = await ada.command("disconnect Octa Demo")
    options = [o for b in message.blocks for e in elements_of(b) for o in e.get("options", ())]
    await ada.press(message, "account.disconnect", options[0]["value"])

    assert "Which account should be disconnected?" in text_of(message)
    assert [o["text"]["text"] for o in options] == ["TikTok: Octa Demo", "X: Octa Demo"]
    assert "Octa Demo on TikTok" in text_of(await ada.modal_with("no longer be connected"))


@in_full
async def test_without_a_name_the_one_sign_in_that_needs_it_is_reconnected(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "reddit", "octa_demo")
    await connected(ada, "linkedin", "ana-ruiz", app="linkedin")
    async with office.database.system() as session:
        ends = update(Grant).where(col(Grant.platform) == "linkedin")
        await session.exec(ends.values(access_expires_at=now(timedelta(days=2))))

    message = await ada.command("reconnect")

    assert "Reconnect Ana Ruiz on LinkedIn" in text_of(message)
    assert len(links_in(message)) == 1


@in_full
async def test_accounts_of_one_sign_in_are_one_choice(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "ana", choose=2)
    await connected(ada, "x", "4711")

    message = await ada.command("reconnect")
    options = [o for b in message.blocks for e in elements_of(b) for o in e.get("options", ())]
    async with office.database.system() as session:
        over = update(Grant).where(col(Grant.platform) == "facebook")
        await session.exec(over.values(status=GrantStatus.NEEDS_RECONNECT))
    needed = await ada.command("reconnect")

    assert [o["text"]["text"] for o in options] == [
        "Facebook: Ana Ruiz Studio and Blue Door Bakery",
        "X: Octa Demo",
    ]
    assert "2 accounts on one sign-in" in str(options[0])
    assert "Reconnect Ana Ruiz Studio and Blue Door Bakery on Facebook" in text_of(needed)


@in_full
async def test_a_name_nobody_has_is_answered_with_where_names_stand(office: Office) -> None:
    ada = await office.installed()
    assert "Acme has no accounts yet." in await said(ada, "disconnect whatever")
    await connected(ada, "x", "4711")

    words = await said(ada, "disconnect whatever")

    assert "No account here is called “whatever”. /octapost accounts shows their names." in words


@in_full
async def test_an_account_that_is_gone_already_is_said_to_be(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    cards = await ada.command("accounts")
    view = await ada.modal_by("disconnect x octa demo")
    await disconnect(ada, "octa demo")

    old_modal = text_of(await ada.submit(view)) if ada.slack.modal_of(ada.user_id) else ""
    old_button = await answer_to(ada, cards, "account.disconnect")

    assert "That account isn't there any more." in text_of(old_button)
    assert old_modal == "" or "isn't there any more" in old_modal


@in_full
async def test_a_platform_that_does_not_confirm_is_named_and_asked_again(either_office: Office) -> None:
    ada, x = await either_office.installed(), either_office.world.platforms["x"]
    await connected(ada, "x", "4711")
    x.faults.append(Fault(path="/revoke", status=503))

    words = await disconnect(ada, "octa demo")
    left, alive = await grants(either_office, "x"), [family.dead for family in x.grants.values()]
    x.faults.clear()
    await backdate(either_office.database, Revocation, "due_at", timedelta(seconds=1))
    await either_office.parts.deletions.work()

    assert "✅ Octa Demo is disconnected." in words
    assert "X hasn't confirmed yet that our access has ended. I'll keep trying for 72 hours" in words
    assert "remove Octapost under connected apps in the X settings" in words
    assert (left, alive) == ([], [""])
    assert all(family.dead for family in x.grants.values())
    async with either_office.database.system(write=False) as session:
        assert list(await session.exec(select(Revocation))) == []


async def test_one_of_two_pages_goes_and_the_sign_in_stays(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "ana", choose=2)

    view = await ada.modal_by("disconnect Ana Ruiz Studio")
    asked = text_of(view)
    await ada.submit(view)
    final = text_of(await ada.modal_with("✅", 15))

    assert "Another account uses the same sign-in, so our access at Facebook stays for that one." in asked
    assert "Other accounts use the same Facebook sign-in, so that stays." in final
    assert "Blue Door Bakery" in await said(ada, "accounts")


@in_full
async def test_meta_is_not_told_to_end_what_instagram_still_needs(either_office: Office) -> None:
    ada, meta = await either_office.installed(), either_office.world.platforms["facebook"]
    await connected(ada, "facebook", "ana", choose=1)
    await connected(ada, "instagram", "ana")
    [page] = [
        name
        for name in ("Ana Ruiz Studio", "Blue Door Bakery")
        if f"{name} · Facebook" in await said(ada, "accounts")
    ]

    first = await disconnect(ada, f"facebook {page}")
    assert not meta.calls("/permissions", "DELETE")
    assert "· connected" in await said(ada, "accounts instagram")
    last = await disconnect(ada, "instagram Blue Door Bakery")

    assert "ending this sign-in could disconnect those too" in first
    assert "Instagram confirmed that our access has ended." in last
    assert len(meta.calls("/permissions", "DELETE")) == 1


@in_full
async def test_one_youtube_channel_goes_and_another_of_the_same_person_stays(either_office: Office) -> None:
    ada, google = await either_office.installed(), either_office.world.platforms["youtube"]
    studio = "110000000000000000002"
    await ada.connect("youtube", Consent(person=studio, assets=["UCstudioNine000000000001"]))
    await ada.connect("youtube", Consent(person=studio, assets=["UCstudioNine000000000002"]))

    view = await ada.modal_by("disconnect youtube Studio Nine Shorts")
    asked = text_of(view)
    await ada.submit(view)
    first = text_of(await ada.modal_with("✅", 15))
    await ada.close(await ada.modal_with("✅"))
    assert not google.calls("/revoke")
    assert sum(bool(grant.access) and not grant.dead for grant in google.grants.values()) == 2
    last = await disconnect(ada, "Studio Nine")

    assert "our access at YouTube ends with the last of them" in asked
    assert "our access at YouTube ends with the last of them" in first
    assert "YouTube confirmed that our access has ended." in last
    assert len(google.calls("/revoke")) == 1


@in_full
async def test_channels_of_two_people_end_one_by_one(either_office: Office) -> None:
    ada = await either_office.installed()
    otto = await either_office.person(OTTO)
    await joins(ada, await either_office.person(OTTO), "admin")
    await connected(ada, "youtube", "110000000000000000001")
    await connected(otto, "youtube", "110000000000000000002")

    words = await disconnect(ada, "Octa Channel")

    assert "YouTube confirmed that our access has ended." in words
    assert "· connected" in await said(ada, "accounts youtube")


@in_full
async def test_the_same_persons_channel_in_another_organization_counts_too(either_office: Office) -> None:
    ada = await either_office.installed()
    await ada.connect("youtube", Consent(person="110000000000000000002", assets=["UCstudioNine000000000001"]))
    await ada.command("org create Bakery")
    await ada.command("org switch Bakery")
    await ada.choose(await ada.modal_by("connect youtube"), "Bakery")
    shown = await ada.modal_with("Continue to YouTube")
    [link] = [e["url"] for b in shown.blocks for e in elements_of(b) if e.get("url")]
    await ada.travel(link, Consent(person="110000000000000000002", assets=["UCstudioNine000000000002"]))
    await hears(ada, "Connected to Bakery: Studio Nine Shorts")

    words = await disconnect(ada, "Studio Nine Shorts")

    assert "our access at YouTube ends with the last of them" in words
    assert not either_office.world.platforms["youtube"].calls("/revoke")


@in_full
async def test_disconnecting_needs_an_admin_also_from_an_old_message(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    await joins(ada, await office.person(OTTO), "admin")
    await connected(ada, "x", "4711")
    cards = await otto.command("accounts")
    await ada.command("org role <@U0OTTO|otto> member")

    answer = await answer_to(otto, cards, "account.disconnect")

    assert "This needs an admin of Acme." in text_of(answer)
    assert "· connected" in await said(ada, "accounts")


@in_full
async def test_what_was_disconnected_can_be_connected_again(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    await disconnect(ada, "octa demo")

    words = await connected(ada, "x", "4711")

    assert "✅ Connected to Acme: Octa Demo on " in words
    assert "· connected" in await said(ada, "accounts")


# The same account in two organizations


@in_full
@pytest.mark.parametrize(
    ("platform", "person", "app", "name"),
    [("x", "4711", "", "Octa Demo"), ("linkedin", "ana-ruiz", "linkedin", "Ana Ruiz")],
)
async def test_two_organizations_share_the_one_sign_in_a_platform_allows(
    either_office: Office, platform: str, person: str, app: str, name: str
) -> None:
    ada, bea = await either_office.installed(), await either_office.installed(BEA)
    await connected(ada, platform, person, app=app)

    words = await connected(bea, platform, person, app=app)

    title = PLATFORMS[platform].name
    assert f"✅ Connected to Blue Door: {name} on " in words
    assert f"Another organization here uses the same {title} sign-in" in words
    assert len([g for g in await grants(either_office, platform) if g.status == GrantStatus.HEALTHY]) == 1

    view = await bea.modal_by(f"disconnect {name}")
    assert f"Another account uses the same sign-in, so our access at {title} stays" in text_of(view)
    await bea.submit(view)
    assert f"Other accounts use the same {title} sign-in, so that stays." in text_of(
        await bea.modal_with("✅", 15)
    )

    simulator = either_office.world.platforms[platform]
    assert not simulator.calls("revoke")
    assert "· connected" in await said(ada, "accounts")
    assert not list(simulator.grants.values())[-1].dead
    assert f"{title} confirmed that our access has ended." in await disconnect(ada, name)


# Reconnecting


async def test_reconnect_renews_the_same_account(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    [before] = await grants(either_office, "x")
    cards = await ada.command("accounts")

    link = links_in(await answer_to(ada, cards, "account.reconnect"))[0]
    page = await ada.travel(link, Consent(person="4711"))

    await hears(ada, "✅ Renewed for Acme: Octa Demo on ")
    assert "Renewed" in page.title
    [after] = await grants(either_office, "x")
    assert after.id == before.id
    assert after.generation > before.generation
    assert "account reconnected" in await trail(either_office)
    assert "Acme: 1 account, all connected." in await said(ada, "accounts")


@in_full
async def test_a_reconnect_as_somebody_else_names_both_and_overwrites_nothing(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    cards = await ada.command("accounts")

    link = links_in(await answer_to(ada, cards, "account.reconnect"))[0]
    await ada.travel(link, Consent(person="4712"))

    message = await hears(ada, "You signed in to X as")
    words = text_of(message)
    assert "as Blue Door Bakery, but this account is Octa Demo's. Nothing changed." in words
    assert "or add Blue Door Bakery separately below" in words
    assert "Acme: 1 account, all connected." in await said(ada, "accounts")
    assert "✅ Connected to Acme: Blue Door Bakery on X." in await ada.pick(message, 1)
    assert "Acme: 2 accounts, all connected." in await said(ada, "accounts")


@in_full
async def test_a_google_account_without_a_channel_is_nobody_elses_account(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "youtube", "110000000000000000001")
    [before] = await grants(office, "youtube")
    cards = await ada.command("accounts")

    link = links_in(await answer_to(ada, cards, "account.reconnect"))[0]
    page = await ada.travel(link, Consent(person="110000000000000000003"))

    words = text_of(await hears(ada, "Not renewed: "))
    assert "This sign-in doesn't include it. To keep it connected, press Reconnect and sign in as" in words
    assert "This Google account has no YouTube channel." in words
    assert "but this account is" not in words
    assert "someone else" not in page.title
    assert await grants(office, "youtube") == [before]


@in_full
async def test_another_admin_of_the_same_page_may_renew_it(office: Office) -> None:
    ada, meta = await office.installed(), office.world.platforms["facebook"]
    await connected(ada, "facebook", "ana", choose=3)
    pages = meta.pages  # type: ignore[attr-defined]
    pages["104000000000001"].roles["mia"] = ("CREATE_CONTENT", "MANAGE", "ANALYZE")
    cards = await ada.command("accounts")

    link = links_in(await answer_to(ada, cards, "account.reconnect"))[0]
    await ada.travel(link, Consent(person="mia"))

    words = text_of(await hears(ada, "✅ Renewed for Acme: Blue Door Bakery on "))
    assert "Not renewed: Ana Ruiz Studio and Harbor Market." in words


@in_full
async def test_a_page_that_was_unticked_on_reconnect_is_named(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "ana", choose=3)
    cards = await ada.command("accounts")

    link = links_in(await answer_to(ada, cards, "account.reconnect"))[0]
    await ada.travel(link, Consent(person="ana", assets=["104000000000001"]))

    words = text_of(await hears(ada, "✅ Renewed for Acme: Blue Door Bakery on "))
    assert "Not renewed: Ana Ruiz Studio and Harbor Market." in words
    assert "press Reconnect and tick" in words


@in_full
async def test_two_pages_of_one_name_are_told_apart_wherever_they_stand(office: Office) -> None:
    ada, meta = await office.installed(), office.world.platforms["facebook"]
    pages = meta.pages  # type: ignore[attr-defined]
    ids = [page.id for page in pages.values() if "ana" in page.roles][:2]
    for page_id in ids:
        pages[page_id].name, pages[page_id].username = "Sunrise Cafe", ""

    words = await connected(ada, "facebook", "ana", choose=3)
    status, doctor = await said(ada, "status"), await said(ada, "doctor Sunrise Cafe")

    labels = sorted(line.split(": ")[1] for line in status.splitlines() if "Sunrise Cafe" in line)
    assert labels == sorted(f"Sunrise Cafe (…{page_id[-4:]})" for page_id in ids)
    assert all(label in words for label in labels)
    assert all(label in doctor for label in labels)
    assert labels[0] in await said(ada, f"doctor {labels[0]}")
    assert labels[1] not in await said(ada, f"doctor {labels[0]}")


@in_full
async def test_a_name_copied_from_status_or_typed_in_another_form_is_found(office: Office) -> None:
    ada, meta = await office.installed(), office.world.platforms["facebook"]
    pages = meta.pages  # type: ignore[attr-defined]
    for page in pages.values():
        page.name = f"Cafe\u0301 *{page.name}* @home"
    await connected(ada, "facebook", "ana", choose=3)

    status = await said(ada, "status")
    copied = [line.split(": ")[1] for line in status.splitlines() if "@home" in line]

    assert "\u200b" not in status
    assert len(copied) == 3
    for name in (*copied, copied[0].replace("Cafe\u0301", "CAFÉ")):
        assert "Facebook" in await said(ada, f"doctor {name}")
