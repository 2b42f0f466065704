"""The sandbox's Slack client in Chromium: what a person does, and what the app then gets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from sandbox.slack.world import ACME, ADA, BLUE, DEL
from tests.browser.showcase import HOSTILE, Showcase, showcase
from tests.counts import in_full

GENERAL = f"/client/{ACME}/{ADA}/C0ACMEGEN"


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[Showcase]:
    async with showcase() as found:
        yield found


async def type_command(page: Page, app: Showcase, text: str) -> None:
    await page.goto(app.slack.url + GENERAL)
    composer = page.get_by_role("combobox", name="Message #general")
    await composer.fill(f"/octapost {text}")
    await composer.press("Enter")


async def modal_of(page: Page, app: Showcase) -> Locator:
    await type_command(page, app, "modal")
    dialog = page.get_by_role("dialog", name="Connect an account")
    await expect(dialog).to_be_visible()
    return dialog


async def fill_required(dialog: Locator) -> None:
    page = dialog.page
    await dialog.get_by_role("textbox", name="Name").fill("Bakery")
    await dialog.get_by_role("combobox", name="Page").click()
    await page.keyboard.type("page 3")
    await page.get_by_role("option", name="Page 33").click()
    await dialog.get_by_role("combobox", name="Colours").click()
    await page.get_by_role("option", name="Orange").click()
    await page.get_by_role("option", name="Blue").click()
    await page.keyboard.press("Escape")
    await dialog.get_by_role("checkbox", name="Publish").check()


@in_full
async def test_an_ordinary_message_appears_and_stays_words(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)

    composer = page.get_by_role("combobox", name="Message #general")
    await composer.fill("<img src=x onerror=alert(1)>")
    await composer.press("Enter")

    await expect(page.get_by_role("article", name="Ada Admin")).to_contain_text(
        "<img src=x onerror=alert(1)>"
    )
    await expect(composer).to_have_value("")


@in_full
async def test_a_slash_offers_the_command_and_tab_completes_it(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)
    composer = page.get_by_role("combobox", name="Message #general")

    await composer.press_sequentially("/oc")
    await expect(page.get_by_role("option", name=re.compile("connect tiktok"))).to_be_visible()
    await composer.press("Tab")
    await composer.press_sequentially("hello")
    await composer.press("Enter")

    await expect(page.get_by_text("You said: hello")).to_be_visible()
    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    assert app.got[-1]["user_id"] == ADA


@in_full
async def test_people_and_channels_are_named_by_a_few_letters(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)
    composer = page.get_by_role("combobox", name="Message #general")

    await composer.fill("/octapost invite ")
    await composer.press_sequentially("@ot")
    await expect(page.get_by_role("option", name=re.compile("Otto Ordinary"))).to_be_visible()
    await composer.press("Enter")
    await composer.press_sequentially("#")
    await composer.press("ArrowDown")
    await composer.press("ArrowDown")
    await composer.press("Tab")
    await composer.press("Enter")
    await app.slack.until(lambda: app.got)

    assert app.got[0]["text"] == "invite <@U0OTTO|otto> <#C0ACMEPRI|leadership>"


@in_full
async def test_a_command_the_app_does_not_answer_says_so(page: Page, app: Showcase) -> None:
    app.slack.settings["ack_timeout_s"] = 0.1
    app.delay_s = 0.4

    await type_command(page, app, "hello")

    await expect(page.get_by_role("article", name="Slackbot")).to_contain_text("operation_timeout")


@in_full
async def test_a_press_the_app_does_not_answer_is_told_in_a_toast(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")
    await expect(page.get_by_role("button", name="Details")).to_be_visible()
    app.slack.settings["ack_timeout_s"] = 0.1
    app.delay_s = 0.4

    await page.get_by_role("button", name="Details").click()

    await expect(page.get_by_role("status")).to_contain_text("did not answer within 3 seconds")
    await expect(page.get_by_role("alert")).to_contain_text("operation_timeout")


@in_full
async def test_names_that_look_like_markup_are_only_letters(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")

    await expect(page.get_by_text(f"Named {HOSTILE}")).to_be_visible()
    await expect(page.locator(".mention-broadcast")).to_have_count(0)
    await expect(page.locator("a[href*='evil']")).to_have_count(0)


@in_full
async def test_a_button_tells_the_app_what_was_pressed_and_in_which_state(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")

    await page.get_by_role("combobox", name="A colour").click()
    await page.get_by_role("option", name="Green").click()
    await app.slack.until(lambda: len(app.actions) == 1)
    await page.get_by_role("button", name="Reconnect").click()
    await app.slack.until(lambda: len(app.actions) == 2)

    chosen, pressed = (p["actions"][0] for p in app.actions)
    assert chosen["selected_option"]["value"] == "green"
    assert (pressed["action_id"], pressed["value"]) == ("reconnect", "g1")
    assert app.actions[1]["state"]["values"]["menus"]["colour"]["selected_option"]["value"] == "green"


@in_full
async def test_a_link_button_opens_a_tab_and_tells_the_app(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")

    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Open page").click()
    await app.slack.until(lambda: app.actions)

    assert (await opened.value).url != page.url
    assert app.actions[0]["actions"][0]["url"] == "https://facebook.example/acme"


@in_full
async def test_a_question_is_asked_first_and_no_means_no(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")
    question = page.get_by_role("dialog", name="Disconnect Acme Bakery?")

    await page.get_by_role("button", name="Disconnect").click()
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_be_hidden()
    await page.get_by_role("button", name="Disconnect").click()
    await question.get_by_role("button", name="Disconnect").click()
    await app.slack.until(lambda: app.actions)

    assert [p["actions"][0]["action_id"] for p in app.actions] == ["disconnect"]


@in_full
async def test_an_overflow_menu_works_by_keyboard(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")
    opener = page.get_by_role("button", name="More options")

    await opener.press("Enter")
    await expect(page.get_by_role("menuitem", name="Check now")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await app.slack.until(lambda: app.actions)

    assert app.actions[0]["actions"][0]["selected_option"]["value"] == "disconnect"
    await expect(opener).to_be_focused()


@in_full
async def test_a_modal_carries_everything_that_was_entered(page: Page, app: Showcase) -> None:
    dialog = await modal_of(page, app)
    await fill_required(dialog)
    await dialog.get_by_role("combobox", name="Who is told").click()
    await page.keyboard.type("olga")
    await page.keyboard.press("Enter")
    await dialog.get_by_role("combobox", name="Where").click()
    await page.get_by_role("option", name="#random").click()
    await page.keyboard.press("Escape")
    await dialog.get_by_role("radio", name="Profile").check()
    await dialog.get_by_label("When").fill("2026-12-24T18:30")
    await dialog.get_by_label("Day").fill("2026-12-25")
    await dialog.get_by_role("textbox", name="Note").fill("two\nlines")
    await dialog.get_by_label("Picture").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG"}
    )
    await expect(dialog.get_by_role("button", name="Remove a.png")).to_be_visible()
    await dialog.get_by_role("button", name="Connect").click()
    await expect(dialog).to_be_hidden()

    values = app.submissions[0]["view"]["state"]["values"]
    entered = {key: {k: v for k, v in of[key].items() if k != "type"} for key, of in values.items()}
    assert entered["name"] == {"value": "Bakery"}
    assert entered["page"]["selected_option"]["value"] == "page 33"
    assert [o["value"] for o in entered["colours"]["selected_options"]] == ["orange", "blue"]
    assert entered["who"] == {"selected_user": "U0OLGA"}
    assert entered["where"] == {"selected_conversations": ["C0ACMERAN"]}
    assert [o["value"] for o in entered["powers"]["selected_options"]] == ["publish"]
    assert entered["kind"]["selected_option"]["value"] == "profile"
    assert entered["when"] == {"selected_date_time": 1_798_133_400}
    assert entered["day"] == {"selected_date": "2026-12-25"}
    assert entered["note"] == {"value": "two\nlines"}
    assert [f["name"] for f in entered["picture"]["files"]] == ["a.png"]


@in_full
async def test_an_empty_required_field_never_reaches_the_app(page: Page, app: Showcase) -> None:
    dialog = await modal_of(page, app)

    await dialog.get_by_role("button", name="Connect").click()

    await expect(dialog.get_by_role("alert").first).to_have_text("Please complete this required field.")
    await expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
    assert app.submissions == []


@in_full
async def test_what_the_app_objects_to_stands_under_the_field_and_nothing_is_lost(
    page: Page, app: Showcase
) -> None:
    dialog = await modal_of(page, app)
    await fill_required(dialog)
    app.on_submit = {"response_action": "errors", "errors": {"name": "Somebody else has that name."}}

    await dialog.get_by_role("button", name="Connect").click()

    await expect(dialog.get_by_text("Somebody else has that name.")).to_be_visible()
    name = dialog.get_by_role("textbox", name="Name")
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(name).to_have_value("Bakery")
    await expect(dialog.get_by_role("combobox", name="Page")).to_have_value("Page 33")
    await expect(dialog.get_by_role("button", name="Remove Orange")).to_be_visible()


@in_full
async def test_a_select_keeps_its_choice_while_the_app_objects_to_it(page: Page, app: Showcase) -> None:
    dialog = await modal_of(page, app)
    await fill_required(dialog)
    app.on_submit = {"response_action": "errors", "errors": {"page": "Somebody else has that page."}}

    await dialog.get_by_role("button", name="Connect").click()

    await expect(dialog.get_by_text("Somebody else has that page.")).to_be_visible()
    await expect(dialog.get_by_role("combobox", name="Page")).to_be_focused()
    await expect(dialog.get_by_role("combobox", name="Page")).to_have_value("Page 33")


@in_full
async def test_an_update_keeps_what_was_typed(page: Page, app: Showcase) -> None:
    dialog = await modal_of(page, app)
    await dialog.get_by_role("textbox", name="Name").fill("Half a na")

    await dialog.get_by_role("button", name="Update").click()

    await expect(dialog.get_by_text("This was updated.")).to_be_visible()
    await expect(dialog.get_by_role("textbox", name="Name")).to_have_value("Half a na")


@in_full
async def test_a_pushed_view_lies_on_top_and_closing_it_shows_the_one_below(
    page: Page, app: Showcase
) -> None:
    dialog = await modal_of(page, app)

    await dialog.get_by_role("button", name="Push").click()
    above = page.get_by_role("dialog", name="One step further")
    await expect(above.get_by_text("On top.")).to_be_visible()
    await above.get_by_role("button", name="Back").click()
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")

    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.slack.modal_of(ADA) is None


@in_full
async def test_a_view_opened_elsewhere_appears_and_goes_without_a_reload(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)

    await app.slack.command(ADA, ACME, "C0ACMEGEN", "modal")
    await expect(page.get_by_role("dialog", name="Connect an account")).to_be_visible()
    app.slack.state.clear_views(ADA)

    await expect(page.get_by_role("dialog")).to_have_count(0)


@in_full
async def test_the_typeahead_says_how_many_letters_it_needs(page: Page, app: Showcase) -> None:
    dialog = await modal_of(page, app)

    await dialog.get_by_role("combobox", name="Page").press_sequentially("p")
    await expect(page.get_by_text("Type at least 2 letters")).to_be_visible()
    await page.keyboard.type("zzz")
    await expect(page.get_by_text("No results")).to_be_visible()

    asked = [p["value"] for p in app.got if p.get("type") == "block_suggestion"]
    assert asked == ["pzzz"]


@in_full
async def test_the_home_tab_is_drawn_when_it_is_opened(page: Page, app: Showcase) -> None:
    await page.goto(f"{app.slack.url}/client/{ACME}/{ADA}/home")

    await expect(page.get_by_role("heading", name="Hello")).to_be_visible()
    await page.get_by_role("button", name="Details").click()
    await app.slack.until(lambda: app.actions)

    assert app.actions[0]["view"]["type"] == "home"


@in_full
async def test_a_global_shortcut_opens_its_modal(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)

    await page.get_by_role("button", name="Shortcuts").click()
    await page.get_by_role("menuitem", name="Connect an account").click()

    await expect(page.get_by_role("dialog", name="Connect an account")).to_be_visible()


@in_full
async def test_a_table_shows_a_page_at_a_time(page: Page, app: Showcase) -> None:
    await type_command(page, app, "wide")
    table = page.get_by_role("table", name="Accounts")

    await expect(table.get_by_role("rowheader", name="Acme 5")).to_be_visible()
    await expect(table.get_by_role("rowheader", name="Acme 6")).to_be_hidden()
    await page.get_by_role("button", name="Next").click()

    await expect(table.get_by_role("rowheader", name="Acme 6")).to_be_visible()
    await expect(page.get_by_text("Rows 6 to 8 of 8")).to_be_visible()


@in_full
async def test_what_arrives_elsewhere_is_marked_unread(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)
    await expect(page.get_by_role("link", name="Octapost")).to_be_visible()

    channel = app.slack.state.dm(ACME, ADA)
    installation = app.slack.state.installation_for(ACME)
    assert installation is not None
    app.slack.post_as_app(installation.bot_user_id, channel.id, "Welcome")

    await expect(page.get_by_role("link", name="Octapost unread")).to_be_visible()


@in_full
async def test_a_messages_tab_that_is_read_only_has_no_composer(page: Page, app: Showcase) -> None:
    assert app.slack.state.app is not None
    app.slack.state.app.messages_read_only = True

    await page.goto(f"{app.slack.url}/client/{ACME}/{ADA}/messages")

    await expect(page.get_by_text("Sending messages to this app has been turned off.")).to_be_visible()
    await expect(page.get_by_role("combobox")).to_have_count(0)


@in_full
async def test_somebody_deactivated_can_only_look(page: Page, app: Showcase) -> None:
    app.slack.state.channels["C0ACMEGEN"].members.add(DEL)

    await page.goto(f"{app.slack.url}/client/{ACME}/{DEL}/C0ACMEGEN")

    await expect(page.get_by_text("account is deactivated")).to_be_visible()
    await expect(page.get_by_role("combobox")).to_have_count(0)


@in_full
async def test_one_can_be_somebody_else(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)

    await page.get_by_label(re.compile("You are Ada Admin")).click()
    await page.get_by_role("link", name=re.compile("Sid Stranger")).click()

    await expect(page.get_by_label(re.compile("You are Sid Stranger"))).to_be_visible()
    await expect(page.get_by_role("navigation", name="Blue Door")).to_be_visible()


@in_full
async def test_where_the_app_is_missing_one_button_adds_it(page: Page, app: Showcase) -> None:
    await page.goto(f"{app.slack.url}/client/{BLUE}")

    assert app.slack.state.app is not None
    await expect(page.get_by_role("link", name="Add Octapost to Blue Door")).to_have_attribute(
        "href", f"{app.slack.state.app.app_url}/slack/install"
    )


@in_full
async def test_a_phone_has_room_for_everything(page: Page, app: Showcase) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await type_command(page, app, "blocks")
    await expect(page.get_by_role("button", name="Reconnect")).to_be_visible()

    widest = await page.evaluate("document.documentElement.scrollWidth")
    await page.get_by_role("button", name="Channels and workspaces").click()
    await page.get_by_role("link", name="launch-shared").click()

    assert widest == 390
    composer = page.get_by_role("combobox", name="Message #launch-shared")
    await expect(composer).to_be_visible()
    assert await composer.evaluate("field => field.scrollHeight <= field.clientHeight")


@in_full
async def test_a_message_keeps_its_choice_while_others_arrive(page: Page, app: Showcase) -> None:
    await type_command(page, app, "blocks")
    await page.get_by_role("combobox", name="A colour").fill("bl")
    await expect(page.get_by_role("option", name="Blue")).to_be_visible()

    app.slack.state.post("C0ACMEGEN", "U0OTTO", "Meanwhile")
    await expect(page.get_by_text("Meanwhile")).to_be_visible()

    await expect(page.get_by_role("combobox", name="A colour")).to_have_value("bl")
    await expect(page.get_by_role("option", name="Blue")).to_be_visible()
