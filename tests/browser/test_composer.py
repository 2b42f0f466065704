"""What a publishing app needs of Slack, in Chromium: files, a message's shortcuts, a long form, a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from sandbox.slack.state import new_id
from sandbox.slack.world import ACME, ADA, OTTO
from tests.browser.showcase import Showcase, showcase
from tests.counts import in_full

GENERAL = f"/client/{ACME}/{ADA}/C0ACMEGEN"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763a878ea0200038801cfba4b2a270000000049454e44ae426082"
)
PICTURE: Any = {"name": "loaf.png", "mimeType": "image/png", "buffer": PIXEL}


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[Showcase]:
    async with showcase() as found:
        yield found


async def compose(page: Page, app: Showcase) -> Locator:
    await page.goto(app.slack.url + GENERAL)
    composer = page.get_by_role("combobox", name="Message #general")
    await composer.fill("/octapost compose")
    await composer.press("Enter")
    dialog = page.get_by_role("dialog", name="Publish")
    await expect(dialog).to_be_visible()
    return dialog


@in_full
async def test_a_message_with_a_described_picture_is_published_from_its_menu(
    page: Page, app: Showcase
) -> None:
    await app.slack.invite("C0ACMEGEN")
    await page.goto(app.slack.url + GENERAL)
    await page.get_by_label("Attach files").set_input_files(PICTURE)
    await page.get_by_role("textbox", name="Description of loaf.png").fill("A loaf of bread")
    composer = page.get_by_role("combobox", name="Message #general")
    await composer.fill("Fresh today 🎉 https://bakery.example/?a&b")
    await composer.press("Enter")

    sent = page.get_by_role("article", name="Ada Admin")
    await expect(sent.get_by_role("img", name="A loaf of bread")).to_be_visible()
    await expect(page.get_by_role("list", name="Files to send")).to_be_hidden()
    await sent.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Publish this message").click()

    dialog = page.get_by_role("dialog", name="Publish")
    await expect(dialog.get_by_text("Files: loaf.png.")).to_be_visible()
    picture = dialog.get_by_role("img", name="Chosen picture")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("img => img.decode().then(() => img.naturalWidth)") == 1
    message = next(p["message"] for p in app.got if p.get("type") == "message_action")
    assert message["text"] == "Fresh today :tada: <https://bakery.example/?a&amp;b>"
    assert message["files"][0]["alt_txt"] == "A loaf of bread"


@in_full
async def test_a_file_can_be_taken_back_before_it_is_sent(page: Page, app: Showcase) -> None:
    await page.goto(app.slack.url + GENERAL)
    await page.get_by_label("Attach files").set_input_files([PICTURE, PICTURE | {"name": "b.png"}])
    await page.get_by_role("button", name="Remove b.png").click()

    await page.get_by_role("button", name="Send").click()

    await expect(page.get_by_role("link", name="loaf.png")).to_be_visible()
    await expect(page.get_by_role("link", name="b.png")).to_have_count(0)


@in_full
async def test_a_whole_composer_arrives_as_it_was_filled_in(page: Page, app: Showcase) -> None:
    dialog = await compose(page, app)
    await dialog.get_by_role("textbox", name="Text").fill("Hello")
    await app.slack.until(lambda: app.actions)
    await dialog.get_by_role("combobox", name="Accounts").click()
    for name in ("Page 1", "Page 2"):
        await page.get_by_role("option", name=name, exact=True).click()
    await page.keyboard.press("Escape")
    await dialog.get_by_role("combobox", name="Platforms").click()
    await page.get_by_role("option", name="Orange").click()
    await page.keyboard.press("Escape")
    await dialog.get_by_label("Files").set_input_files([PICTURE, PICTURE | {"name": "b.png"}])
    await expect(dialog.get_by_role("button", name="Remove b.png")).to_be_visible()
    await dialog.get_by_role("checkbox", name="First comment").check()
    await dialog.get_by_role("radio", name="Later").check()
    await dialog.locator("[data-block=at] input").fill("2026-12-24T18:30")
    await dialog.get_by_label("Link").fill("https://bakery.example")
    await dialog.get_by_label("Seconds").fill("30")
    await dialog.get_by_role("button", name="Schedule").click()
    await expect(dialog).to_be_hidden()

    values = app.submissions[0]["view"]["state"]["values"]
    entered = {block: next(iter(of.values())) for block, of in values.items()}
    assert app.actions[-1]["actions"][0]["value"] == "Hello"
    assert [o["value"] for o in entered["accounts"]["selected_options"]] == ["page 1", "page 2"]
    assert [o["value"] for o in entered["colours"]["selected_options"]] == ["orange"]
    assert [f["name"] for f in entered["media"]["files"]] == ["loaf.png", "b.png"]
    assert [o["value"] for o in entered["powers"]["selected_options"]] == ["first_comment"]
    assert entered["kind"]["selected_option"]["value"] == "later"
    assert entered["at"]["selected_date_time"] == 1_798_133_400
    assert (entered["day"]["selected_date"], entered["hour"]["selected_time"]) == ("2026-12-24", "18:30")
    assert (entered["link"]["value"], entered["seconds"]["value"]) == ("https://bakery.example", "30")


@in_full
async def test_slack_itself_objects_to_a_wrong_number_link_or_file(page: Page, app: Showcase) -> None:
    dialog = await compose(page, app)
    await dialog.get_by_label("Link").fill("not a link")
    await dialog.get_by_label("Seconds").fill("91")
    await dialog.get_by_label("Files").set_input_files(PICTURE | {"name": "a.exe"})
    await expect(dialog.get_by_role("button", name="Remove a.exe")).to_be_visible()

    await dialog.get_by_role("button", name="Schedule").click()

    for sentence in (
        "Please enter a valid URL.",
        "Please enter a number of at most 90.",
        "Please upload only these types: png, jpg.",
    ):
        await expect(dialog.get_by_text(sentence)).to_be_visible()
    assert app.submissions == []


@in_full
async def test_a_late_update_is_refused_and_what_was_typed_stays(page: Page, app: Showcase) -> None:
    dialog = await compose(page, app)
    await dialog.get_by_role("textbox", name="Text").fill("Half a sen")

    await dialog.get_by_role("button", name="Stale").click()

    await expect(dialog.get_by_text("Updated.")).to_be_visible()
    await expect(dialog.get_by_role("textbox", name="Text")).to_have_value("Half a sen")
    await expect(dialog.get_by_text("Too late.")).to_have_count(0)


@in_full
async def test_a_closed_composer_tells_the_app_what_was_in_it(page: Page, app: Showcase) -> None:
    dialog = await compose(page, app)
    await dialog.get_by_role("textbox", name="Text").fill("Unfinished")
    await app.slack.until(lambda: app.actions)

    await dialog.get_by_role("button", name="Dismiss").click()
    closed = await app.slack.until(lambda: [p for p in app.got if p.get("type") == "view_closed"])

    assert closed[0]["view"]["state"]["values"]["text"]["text"]["value"] == "Unfinished"
    assert closed[0]["is_cleared"] is True


@in_full
async def test_only_some_see_a_button_of_a_block_that_folds(page: Page, app: Showcase) -> None:
    await app.slack.command(ADA, ACME, "C0ACMEGEN", "progress")
    await page.goto(app.slack.url + GENERAL)

    await page.get_by_role("button", name="Approve").click()
    await app.slack.until(lambda: app.actions)
    await page.get_by_text("@octademo").click()
    await expect(page.get_by_role("button", name="Approve")).to_be_hidden()
    await page.goto(f"{app.slack.url}/client/{ACME}/{OTTO}/C0ACMEGEN")

    await expect(page.get_by_text("Cropped to 4:5.")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


@in_full
async def test_somebody_elses_file_is_not_shown(page: Page, app: Showcase) -> None:
    file = app.slack.upload("U0BO", "secret.png", PIXEL)

    answers = [
        await page.request.get(f"{app.slack.url}{GENERAL}/file/{each}") for each in (file.id, new_id("F"))
    ]

    assert [answer.status for answer in answers] == [404, 404]


@in_full
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_composer_fits_the_screen(page: Page, app: Showcase, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    file = app.slack.upload(OTTO, "a-picture-with-a-rather-long-name-of-the-summer-campaign.png", PIXEL)
    await app.slack.say(OTTO, "C0ACMEGEN", "Look", files=[file.id])
    await app.slack.command(ADA, ACME, "C0ACMEGEN", "progress")
    await page.goto(app.slack.url + GENERAL)
    await page.get_by_label("Attach files").set_input_files(PICTURE)
    await expect(page.get_by_role("textbox", name="Description of loaf.png")).to_be_visible()

    wide = await page.evaluate("document.documentElement.scrollWidth")
    dialog = await compose(page, app)
    form = await dialog.evaluate("it => it.scrollWidth <= it.clientWidth")

    assert (wide, form) == (width, True)
    await expect(page.get_by_role("region", name="Publishing to 4 accounts")).to_contain_text(
        "Too long for X."
    )
