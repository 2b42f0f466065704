"""Connecting: from the word typed in Slack to the account, and every way in which it can come out otherwise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import update

from bot.services.tokens.policy import DATE_MISSING
from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import links_in, text_of
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.slack.world import ADA, BEA, OLGA, OTTO
from storage.engine.statements import now
from storage.models import Grant, GrantStatus
from storage.tickets import TICKETS_PER_MINUTE
from tests.application import Office
from tests.counts import in_full, sampled
from tests.platforms import PLATFORMS
from tests.stories.told import (
    answer_to,
    button,
    buttons,
    came_to,
    connected,
    grants,
    hears,
    joins,
    said,
    trail,
)

STUDIO, MARKET = "104000000000002", "104000000000003"
HOUR_S = 3600


# Asking


async def test_a_platform_is_answered_with_a_private_link_and_what_it_is_for(office: Office) -> None:
    ada = await office.installed()

    message = await ada.command("connect tiktok")

    assert message.ephemeral_for == ada.user_id
    assert "to Acme." in text_of(message)
    assert "Only you can use this link. It works once, for 10 minutes" in text_of(message)
    assert buttons(message) == ["Continue to TikTok"]
    assert links_in(message)[0].startswith(f"{office.world.app_url}/connect/")


@in_full
async def test_without_a_platform_there_is_a_button_for_each(office: Office) -> None:
    ada = await office.installed()

    message = await ada.command("connect")

    labels = ", ".join(buttons(message))
    assert "Which account do you want to connect to Acme?" in text_of(message)
    assert (
        labels
        == "Facebook, Instagram, X, LinkedIn: your profile, LinkedIn: company pages, TikTok, Reddit, YouTube"
    )
    assert len(links_in(await answer_to(ada, message, "connect.platform.reddit"))) == 1


@in_full
async def test_a_platform_answers_to_its_other_names(office: Office) -> None:
    ada = await office.installed()

    for typed in (
        "connect twitter",
        "add x",
        "link X",
        "CONNECT x please",
        "connect twitter/x",
        "connect X.com",
    ):
        assert buttons(await ada.command(typed)) == ["Continue to X"]


async def test_an_unknown_platform_is_answered_with_the_nearest_and_all_there_are(office: Office) -> None:
    ada = await office.installed()

    words = await said(ada, "connect tiktock")

    assert "I don't know a platform called “tiktock”. Did you mean TikTok?" in words
    assert "Facebook, Instagram, X, LinkedIn, TikTok, Reddit, YouTube" in words


async def test_a_name_that_means_two_platforms_asks_which_and_a_button_goes_on(office: Office) -> None:
    ada = await office.installed()

    asked = await ada.command("connect meta")

    assert "Did you mean Facebook or Instagram?" in text_of(asked)
    assert buttons(asked) == ["/octapost connect Facebook", "/octapost connect Instagram"]
    went_on = await answer_to(ada, asked, "octapost.instead.1")
    assert buttons(went_on) == ["Continue to Instagram"]


@in_full
async def test_the_name_of_a_connected_account_offers_to_reconnect_it(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")

    asked = await ada.command("connect octa")

    assert "Octa Demo is an account of Acme already. Reconnect?" in text_of(asked)
    assert buttons(await answer_to(ada, asked, "octapost.instead.0")) == ["Continue to X"]
    mistyped = await ada.command("reconnect octa dmo")
    assert "Did you mean Octa Demo?" in text_of(mistyped)
    assert buttons(await answer_to(ada, mistyped, "octapost.instead.0")) == ["Continue to X"]


async def test_linkedin_asks_whether_the_profile_or_company_pages(office: Office) -> None:
    ada = await office.installed()

    message = await ada.command("connect linkedin")

    assert "What do you want to connect to Acme on LinkedIn?" in text_of(message)
    assert len(buttons(message)) == 2


async def test_where_several_organizations_are_possible_a_modal_asks_which(either_office: Office) -> None:
    ada = await either_office.installed()
    await ada.command("org create Bakery")

    view = await ada.modal_by("connect x")
    assert "Which organization will own the account?" in text_of(view)
    assert text_of(view).count(f"Owned by <@{ADA}> · no accounts") == 2
    assert buttons(view) == ["Choose", "Choose"]
    await ada.choose(view, "Bakery")
    shown = await ada.modal_with("Continue to X")
    await ada.travel(str(button(shown, "Continue to X")["url"]), Consent(person="4711"))

    await hears(ada, "✅ Connected to Bakery: Octa Demo on ")
    assert "Acme has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_an_admin_elsewhere_is_asked_and_not_refused_in_a_channel_about_another(office: Office) -> None:
    await office.installed()
    otto = await office.person(OTTO)
    await joins(await office.person(), await office.person(OTTO))
    await otto.command("org create Bakery")

    view = await otto.modal_by("connect x")

    assert "Bakery" in text_of(view)
    assert "Acme" not in text_of(view)


@in_full
async def test_the_global_shortcut_and_the_welcome_lead_the_same_way(office: Office) -> None:
    ada = await office.installed()

    await ada.slack.shortcut(ada.user_id, "octapost_connect")
    by_shortcut = await ada.modal_with("connect.platform.x")
    words = text_of(by_shortcut)
    await ada.close(by_shortcut)
    await ada.press(ada.direct_messages()[0], "connect.start")
    by_welcome = await ada.modal_with("connect.platform.x")

    assert text_of(by_welcome) == words
    await ada.press(by_welcome, "connect.platform.x")
    link = button(await ada.modal_with("Continue to X"), "Continue to X")["url"]
    await ada.travel(link, Consent(person="4711"))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")


async def test_the_shortcut_tells_somebody_in_no_organization_what_to_do(office: Office) -> None:
    await office.installed()
    otto = await office.person(OTTO)

    await otto.slack.shortcut(OTTO, "octapost_connect")

    assert "/octapost org create NAME" in text_of(await otto.modal_with("aren't a member"))


@in_full
async def test_every_platform_can_be_pressed_one_after_the_other_and_the_newest_links_work(
    office: Office,
) -> None:
    ada = await office.installed()
    message = await ada.command("connect")
    keys = [e["action_id"] for block in message.blocks for e in block.get("elements", ()) if "action_id" in e]

    links = [links_in(await answer_to(ada, message, key))[0] for key in keys]
    pages = [await ada.browser.open(link) for link in links]

    assert [page.status for page in pages] == [410] * (len(keys) - 5) + [200] * 5


async def test_who_asks_for_links_without_end_is_told_to_wait(office: Office) -> None:
    ada = await office.installed()

    answers = [await said(ada, "connect x") for _ in range(TICKETS_PER_MINUTE + 1)]

    assert "You've asked for a lot of links in the last minute." in answers[-1]
    assert all("Continue to X" in answer for answer in answers[:-1])


# What comes of it


@pytest.mark.parametrize(
    ("platform", "person", "app", "name"),
    sampled(
        [
            ("x", "4711", "", "Octa Demo"),
            ("tiktok", "octa_demo", "", "Octa Demo"),
            ("reddit", "octa_demo", "", "octa_demo"),
            ("youtube", "110000000000000000001", "", "Octa Channel"),
            ("linkedin", "ana-ruiz", "linkedin", "Ana Ruiz"),
            ("instagram", "ana", "", "Blue Door Bakery"),
        ],
        3,
    ),
)
async def test_the_one_account_is_connected_at_once(
    office: Office, platform: str, person: str, app: str, name: str
) -> None:
    ada = await office.installed()

    page, message = await came_to(ada, platform, Consent(person=person), app)

    assert "Done. Back to Slack." in page.title
    assert f"✅ Connected to Acme: {name} on " in text_of(message)
    assert f"Connected to Acme: {name} on " in page.text
    assert "account connected" in await trail(office)


@in_full
async def test_several_accounts_of_one_platform(office: Office) -> None:
    ada = await office.installed()

    await connected(ada, "x", "4711")
    await connected(ada, "x", "4712")

    words = await said(ada, "accounts x")
    assert "Acme on X: 2 accounts, all connected." in words
    assert "🟢 Octa Demo · X · connected" in words
    assert "🟢 Blue Door Bakery · X · connected" in words


@in_full
async def test_the_chosen_youtube_channel_is_the_one(office: Office) -> None:
    ada = await office.installed()

    _, message = await came_to(
        ada, "youtube", Consent(person="110000000000000000002", assets=["UCstudioNine000000000003"])
    )

    assert "✅ Connected to Acme: Backstage at Nine on " in text_of(message)


@in_full
async def test_an_empty_catch_says_which_kind_of_account_it_needs_and_how_to_get_one(office: Office) -> None:
    ada = await office.installed()
    catches = [
        ("youtube", Consent(person="110000000000000000003"), "This Google account has no YouTube channel."),
        ("facebook", Consent(person="mia"), "Facebook gave us no Pages."),
        ("facebook", Consent(person="ana", assets=[]), "tick the Pages you want in Facebook's dialog"),
        ("instagram", Consent(person="mia"), "connect again"),
        (
            "instagram",
            Consent(person="ana", assets=[STUDIO]),
            "Ana Ruiz Studio: its Instagram account is personal. In the Instagram app, switch it",
        ),
        (
            "instagram",
            Consent(person="ana", assets=[MARKET]),
            "Harbor Market: no Instagram account is linked to this Page. Link a professional",
        ),
    ]

    for platform, consent, words in catches:
        page, message = await came_to(ada, platform, consent)
        assert words in text_of(message)
        assert "didn't give us an account we can use. It has to be" in text_of(message)
        assert "Nothing was connected" in page.title
        assert "Choose accounts" not in text_of(message)
        assert [g for g in await grants(office, platform) if g.access_sealed is not None] == []

    assert "Acme has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_a_profile_without_company_pages_says_whom_to_ask(office: Office) -> None:
    ada = await office.installed()

    _, message = await came_to(ada, "linkedin", Consent(person="ben-okafor"), "linkedin_page")

    assert "You don't administer a LinkedIn company page. Ask a super admin" in text_of(message)


async def test_no_is_an_answer_and_says_how_to_go_on(office: Office) -> None:
    ada = await office.installed()

    page, message = await came_to(ada, "x", Consent(person="4711", approve=False))

    assert "You cancelled at X. Nothing changed." in text_of(message)
    assert "press Try X again in the message I sent you in Slack, or type\n/octapost connect x" in page.text
    link = links_in(await answer_to(ada, message, "connect.platform.x"))[0]
    await ada.travel(link, Consent(person="4711"))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")


@in_full
async def test_an_app_that_facebook_has_switched_off_is_the_operators_fault(office: Office) -> None:
    ada = await office.installed()
    office.world.platforms["facebook"].settings["app_active"] = False

    page, message = await came_to(ada, "facebook", Consent(person="ana"))

    assert page.title.startswith("That's on us")
    assert "Facebook lets no one sign in with this installation's app (code 1349126)." in text_of(message)
    assert buttons(message) == ["Try Facebook again"]


@in_full
async def test_an_app_without_the_product_is_the_operators_fault_and_named(office: Office) -> None:
    ada, linkedin = await office.installed(), office.world.platforms["linkedin"]
    known = linkedin.apps["86li0pages"]
    linkedin.register(known.client_id, known.client_secret, known.redirect_uris, ["r_basicprofile"])

    _, message = await came_to(ada, "linkedin", Consent(person="ana-ruiz"), "linkedin_page")

    assert "That's on us, not on you" in text_of(message)
    assert "Community Management" in text_of(message)


@in_full
async def test_a_date_that_the_platform_did_not_name_at_the_consent_is_asked_for_at_once(
    office: Office,
) -> None:
    ada = await office.installed()
    facebook = office.world.platforms["instagram"]
    facebook.faults.append(Fault(path="/debug_token", status=500, body="{}", times=1))
    await connected(ada, "instagram", "ana")
    before = await said(ada, "accounts")
    [grant] = await grants(office, "instagram")
    assert grant.due_at is not None
    in_s = (grant.due_at - datetime.now(UTC)).total_seconds()

    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(due_at=now()), execution_options={"synchronize_session": False}
        )
    await office.parts.refresher.run()

    assert "connected, renews itself" in before
    assert in_s <= DATE_MISSING.total_seconds()
    assert "connected, next sign-in within 90 days" in await said(ada, "accounts")


# The picker


async def test_pages_are_chosen_in_slack_and_each_greyed_one_has_its_reason_and_fix(
    either_office: Office,
) -> None:
    ada = await either_office.installed()

    page, message = await came_to(ada, "facebook", Consent(person="ben"))
    await ada.press(message, "connect.choose")
    view = await ada.modal_with("connect.search")

    assert "Almost done: choose in Slack" in page.title
    assert "I found 2 accounts on Facebook that you can connect to Acme." in text_of(message)
    words = text_of(view)
    assert "Okafor Cycling Club: your role on this Page can't create content. Ask a Page admin" in words
    assert "Lagos Run Crew: Facebook lets you see this Page but not act as it. Ask a Page admin" in words
    offered = [o["text"]["text"] for o in await ada.slack.suggest(ada.user_id, view, "connect.search", "")]
    assert sorted(offered) == ["Fjord Coffee", "Northwind Outdoor"]


@in_full
async def test_a_greyed_page_can_be_found_but_not_taken(office: Office) -> None:
    ada = await office.installed()
    _, message = await came_to(ada, "facebook", Consent(person="ben"))
    await ada.press(message, "connect.choose")
    view = await ada.modal_with("connect.search")
    [greyed] = await ada.slack.suggest(ada.user_id, view, "connect.search", "okafor")
    [usable] = await ada.slack.suggest(ada.user_id, view, "connect.search", "fjord")

    shown = await ada.submit(view, {"connect.search": [greyed["value"], usable["value"]]})

    assert greyed["text"]["text"] == "⊘ Okafor Cycling Club"
    assert "your role on this Page can't create content" in greyed["description"]["text"]
    assert "Okafor Cycling Club: your role on this Page can't create content." in shown.errors["picked"]
    assert "Acme has no accounts yet." in await said(ada, "accounts")
    final = await ada.submit(view, {"connect.search": [usable["value"]]})
    assert "✅ Connected to Acme: Fjord Coffee on " in text_of(final)


@in_full
async def test_pages_of_a_portfolio_stay_hidden_without_their_permission_and_that_is_said(
    office: Office,
) -> None:
    ada = await office.installed()

    _, message = await came_to(ada, "facebook", Consent(person="ben", untick=["business_management"]))

    assert "Pages in a business portfolio stay hidden" in text_of(message)
    assert "Fjord Coffee" not in text_of(message)


@in_full
async def test_an_unticked_page_is_greyed_with_what_to_do(office: Office) -> None:
    ada = await office.installed()

    _, message = await came_to(
        ada, "facebook", Consent(person="ben", assets=["105000000000001", "105000000000003"])
    )

    assert (
        "Fjord Coffee: you didn't tick it in Facebook's dialog. Connect again and choose “Edit settings”"
        in text_of(message)
    )


@in_full
async def test_what_is_connected_here_already_is_greyed(office: Office) -> None:
    ada = await office.installed()
    first = await connected(ada, "facebook", "ana", choose=1)

    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    await ada.press(message, "connect.choose")
    view = await ada.modal_with("connect.search")

    assert "✅ Renewed for Acme" in text_of(message)
    assert "I found 2 more accounts on Facebook that you can connect to Acme." in text_of(message)
    name = first.split("Connected to Acme: ")[1].split(" on ")[0]
    assert f"{name}: already connected here" in text_of(view)


@in_full
async def test_a_choice_can_wait_and_be_made_in_two_goes(either_office: Office) -> None:
    ada = await either_office.installed()
    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    await ada.press(message, "connect.choose")
    await ada.close(await ada.modal_with("connect.search"))

    first = await ada.pick(message, 1)
    name = first.split("Connected to Acme: ")[1].split(" on ")[0]
    left = await hears(ada, "I found 2 more accounts on Facebook that you can connect to Acme.")
    await ada.press(left, "connect.choose")
    view = await ada.modal_with("connect.search")
    offered = await ada.slack.suggest(ada.user_id, view, "connect.search", "")
    second = await ada.submit(view, {"connect.search": [o["value"] for o in offered]})

    assert left.ts == message.ts
    assert f"✅ Connected to Acme: {name} on Facebook." in text_of(left)
    assert f"Chosen by <@{ADA}>." in text_of(left)
    assert len(offered) == 2
    assert name not in str(offered)
    assert "✅ Connected to Acme" in text_of(second)
    done = await ada.slack.until(
        lambda: next(
            (m for m in ada.direct_messages() if m.ts == message.ts and "more" not in text_of(m)), None
        )
    )
    assert buttons(done) == []
    assert "Acme: 3 accounts, all connected." in await said(ada, "accounts")


@in_full
async def test_new_names_reach_a_choice_that_is_still_open(office: Office) -> None:
    ada = await office.installed()
    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    first = await ada.pick(message, 1)
    name = first.split("Connected to Acme: ")[1].split(" on ")[0]
    left = await hears(ada, "I found 2 more accounts on Facebook that you can connect to Acme.")
    facebook = office.world.platforms["facebook"]
    assert isinstance(facebook, MetaSimulator)
    for page in facebook.pages.values():
        page.name = f"New {page.name}"
    async with office.database.system() as session:
        due = update(Grant).values(look_at=now(-timedelta(seconds=1)))
        await session.exec(due, execution_options={"synchronize_session": False})

    await office.parts.looking.run()
    shown = await hears(ada, f"✅ Connected to Acme: New {name} on Facebook.")
    await ada.command("org rename Bakery")
    renamed = await hears(ada, f"✅ Connected to Bakery: New {name} on Facebook.")
    await ada.press(renamed, "connect.choose")
    view = await ada.modal_with("connect.search")
    offered = await ada.slack.suggest(ada.user_id, view, "connect.search", "new")

    assert left.ts == shown.ts == renamed.ts
    assert f"Chosen by <@{ADA}>." in text_of(renamed)
    assert [one["text"]["text"][:4] for one in offered] == ["New ", "New "]


@in_full
async def test_a_few_accounts_are_chosen_already_when_the_picker_opens(office: Office) -> None:
    ada = await office.installed()
    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    await ada.press(message, "connect.choose")

    view = await ada.modal_with("connect.search")
    shown = await ada.submit(view)

    assert "✅ Connected to Acme: " in text_of(shown)
    assert "Acme: 3 accounts, all connected." in await said(ada, "accounts")


@in_full
async def test_choosing_nothing_is_answered_under_the_field(office: Office) -> None:
    ada = await office.installed()
    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    await ada.press(message, "connect.choose")

    shown = await ada.submit(await ada.modal_with("connect.search"), {"connect.search": []})

    assert shown.errors["picked"]


@in_full
async def test_a_thousand_pages_can_be_searched_and_chosen_from(either_office: Office) -> None:
    ada = await either_office.installed()

    _, message = await came_to(ada, "facebook", Consent(person="brand"))
    await ada.press(message, "connect.choose")
    view = await ada.modal_with("Type to search 1000")
    everything = await ada.slack.suggest(ada.user_id, view, "connect.search", "")
    exact = await ada.slack.suggest(ada.user_id, view, "connect.search", "store 0777")
    shown = await ada.submit(view, {"connect.search": [o["value"] for o in exact]})

    assert "I found 1000 accounts on Facebook that you can connect to Acme." in text_of(message)
    assert len(everything) == 100
    assert [o["text"]["text"] for o in exact] == ["Big Brand Store 0777"]
    assert "✅ Connected to Acme: Big Brand Store 0777 on " in text_of(shown)
    assert either_office.slack.state.complaints == []


@in_full
async def test_company_pages_are_chosen_and_one_without_the_role_says_so(office: Office) -> None:
    ada = await office.installed()

    _, message = await came_to(ada, "linkedin", Consent(person="ana-ruiz"), "linkedin_page")

    assert "Harbour Lights: your role on this company page can't post." in text_of(message)
    assert "✅ Connected to Acme: Blue Door and Octa Mugs on LinkedIn." in await ada.pick(message, 2)


@in_full
async def test_a_picker_is_for_the_person_who_consented(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, await office.person(OTTO), "admin")
    _, message = await came_to(ada, "facebook", Consent(person="ana"))
    value = button(message, "Choose accounts")["value"]
    otto = await office.person(OTTO)
    welcome = await otto.next_message(0)
    welcome.blocks.append(
        {
            "type": "actions",
            "block_id": "forged",
            "elements": [
                {
                    "type": "button",
                    "text": {"type": "plain_text", "text": "!"},
                    "action_id": "connect.choose",
                    "value": value,
                }
            ],
        }
    )

    seen = len(otto.direct_messages())
    await otto.press(welcome, "connect.choose")
    answer = (await office.slack.until(lambda: otto.direct_messages()[seen:]))[-1]

    assert "That list of accounts isn't there any more." in text_of(answer)


# Who hears of it


@in_full
async def test_the_other_admins_hear_of_a_connection_and_members_do_not(either_office: Office) -> None:
    ada = await either_office.installed()
    await joins(ada, await either_office.person(OLGA), "admin")
    await joins(ada, await either_office.person(OTTO))
    olga, otto = await either_office.person(OLGA), await either_office.person(OTTO)

    await connected(ada, "x", "4711")
    await connected(ada, "facebook", "ana", choose=2)

    words = text_of(await hears(olga, "New in Acme: Octa Demo on X."))
    assert "Didn't expect this? The menu in /octapost accounts" in words
    await hears(olga, "on Facebook.")
    assert not [m for m in otto.direct_messages() if "New in" in text_of(m)]
    assert not [m for m in ada.direct_messages() if "New in" in text_of(m)]


# A platform that falls silent half-way


@in_full
async def test_a_consent_whose_discovery_failed_is_finished_later(either_office: Office) -> None:
    ada, tiktok = await either_office.installed(), either_office.world.platforms["tiktok"]
    tiktok.faults.append(Fault(path="/v2/user/info", status=503))

    page, message = await came_to(ada, "tiktok", Consent(person="octa_demo"))
    assert "TikTok isn't answering yet" in page.title
    assert "I have your consent for TikTok, but couldn't read your accounts yet." in text_of(message)
    [grant] = await grants(either_office, "tiktok")
    assert grant.status == GrantStatus.PENDING
    tiktok.faults.clear()
    await ada.press(message, "connect.resume")

    await hears(ada, "✅ Connected to Acme: Octa Demo on ")
    assert len(tiktok.calls("/v2/oauth/token", "POST")) == 1
    assert "· connected" in await said(ada, "accounts")


async def test_a_consent_is_finished_hours_later_with_one_renewal_however_often_the_button_is_pressed(
    either_office: Office,
) -> None:
    ada, tiktok = await either_office.installed(), either_office.world.platforms["tiktok"]
    tiktok.faults.append(Fault(path="/v2/user/info", status=503))
    _, message = await came_to(ada, "tiktok", Consent(person="octa_demo"))
    tiktok.faults.clear()
    tiktok.clock.offset_s += 3 * HOUR_S  # its access tokens live two hours

    await asyncio.gather(*(ada.press(message, "connect.resume") for _ in range(3)))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")

    renewals = [call for call in tiktok.calls("/v2/oauth/token", "POST") if "refresh_token=" in call.body]
    assert len(renewals) == 1
    [grant] = await grants(either_office, "tiktok")
    assert (grant.status, grant.generation) == (GrantStatus.HEALTHY, 2)
    assert len([m for m in ada.direct_messages() if "✅ Connected" in text_of(m)]) == 1


@in_full
async def test_a_sign_in_whose_life_was_not_named_is_given_the_one_its_platform_documents(
    office: Office,
) -> None:
    ada, linkedin = await office.installed(), office.world.platforms["linkedin"]
    nameless = '{"access_token": "AQX", "scope": "openid,profile,w_member_social"}'
    linkedin.faults.append(Fault(path="/oauth/v2/accessToken", status=200, body=nameless))

    await came_to(ada, "linkedin", Consent(person="ana-ruiz"), app="linkedin")

    [grant] = await grants(office, "linkedin")
    assert grant.access_expires_at is not None
    assert grant.access_expires_at - grant.renewed_at == PLATFORMS["linkedin"].access_lifetime


@in_full
async def test_finishing_twice_connects_once(office: Office) -> None:
    ada, tiktok = await office.installed(), office.world.platforms["tiktok"]
    tiktok.faults.append(Fault(path="/v2/user/info", status=503, times=1))
    seen = len(ada.direct_messages())
    await ada.travel(await ada.link("tiktok"), Consent(person="octa_demo"))
    message = await ada.next_message(seen)

    await ada.press(message, "connect.resume")
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")

    assert "Acme: 1 account, all connected." in await said(ada, "accounts")
    assert len([m for m in ada.direct_messages() if "✅ Connected" in text_of(m)]) == 1


async def test_an_exchange_that_failed_stores_nothing_and_says_what_to_do(office: Office) -> None:
    ada, x = await office.installed(), office.world.platforms["x"]
    x.faults.append(Fault(path="/2/oauth2/token", status=503))

    page, message = await came_to(ada, "x", Consent(person="4711"))

    assert "That didn't work" in page.title
    assert "X " in text_of(message)
    assert buttons(message) == ["Try X again"]
    assert await grants(office, "x") == []


@in_full
async def test_a_suspended_account_is_greyed_with_what_to_do(office: Office) -> None:
    ada = await office.installed()

    page, message = await came_to(ada, "x", Consent(person="4713"))

    assert "Done" not in page.title
    assert "Sign in at help.x.com/forms/account-access/appeals" in text_of(message)
    assert "Acme has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_somebody_who_lost_the_role_on_the_way_connects_nothing(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    await joins(ada, await office.person(OTTO), "admin")
    link = await otto.link("x")
    await ada.command("org role <@U0OTTO|otto> member")

    page = await otto.travel(link, Consent(person="4711"))

    assert "This needs an admin of Acme." in page.text
    assert await grants(office, "x") == []


@in_full
async def test_each_workspaces_members_connect_to_their_own_organization(office: Office) -> None:
    ada, bea = await office.installed(), await office.installed(BEA)

    assert "Connected to Acme: Octa Demo on " in await connected(ada, "tiktok", "octa_demo")
    assert "Connected to Blue Door: Octa Demo on " in await connected(bea, "tiktok", "octa_demo")
