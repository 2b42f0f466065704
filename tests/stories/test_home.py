"""The App Home: the same truth as the commands, to look at and to press."""

from __future__ import annotations

from sqlmodel import update

from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.state import View
from sandbox.slack.world import ADA, GUS, OTTO
from storage.models import Grant, GrantStatus
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import button, buttons, chosen, connected, entries, hears, joins


async def test_an_empty_home_says_how_to_begin(office: Office) -> None:
    await office.installed()

    home = await office.slack.open_home(ADA)

    words = text_of(home)
    assert words.startswith("Acme")
    assert "Acme has no accounts yet." in words
    assert "You're an owner of Acme." in words
    assert home is not None
    assert buttons(home)[:3] == ["Connect an account", "Members", "Refresh"]


@in_full
async def test_the_home_shows_each_account_as_the_command_does(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")

    words = text_of(await either_office.slack.open_home(ADA))
    command = text_of(await ada.command("accounts"))

    assert words.count("2 accounts") == 1
    assert "2 accounts, all connected." in words
    for line in command.split("\n")[1:]:
        assert line in words


@in_full
async def test_a_member_sees_cards_without_the_buttons_of_an_admin(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await joins(ada, await office.person(OTTO))

    home = await office.slack.open_home(OTTO)

    assert home is not None
    assert "Octa Demo" in text_of(home)
    assert buttons(home) == ["New post", "Members", "Refresh"]
    assert entries(home) == ["Details", "Open on X"]


@in_full
async def test_somebody_in_no_organization_and_a_guest_read_what_to_do(office: Office) -> None:
    await office.installed()

    for person, advice in ((OTTO, f"Ask <@{ADA}> to let you in."), (GUS, f"<@{ADA}> can do this for you.")):
        words = text_of(await office.slack.open_home(person))
        assert "Octapost keeps your team's social accounts connected." in words
        assert advice in words


@in_full
async def test_an_account_is_connected_from_the_home(office: Office) -> None:
    ada = await office.installed()
    home = await office.slack.open_home(ADA)
    assert home is not None

    await ada.press(home, "connect.start")
    await ada.press(await ada.modal_with("connect.platform.x"), "connect.platform.x")
    link = str(button(await ada.modal_with("Continue to X"), "Continue to X")["url"])
    await ada.travel(link, Consent(person="4711"))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")

    # Nobody opens it again: it is drawn anew where it stands.
    await office.slack.until(lambda: "· connected" in text_of(office.slack.home_of(ADA)))


async def test_an_open_home_shows_what_was_chosen_in_the_picker_and_what_was_renewed(
    either_office: Office,
) -> None:
    ada = await either_office.installed()
    await either_office.slack.open_home(ADA)

    await connected(ada, "facebook", "ana", choose=2)

    def home_words() -> str:
        return text_of(either_office.slack.home_of(ADA))

    await either_office.slack.until(lambda: "2 accounts, all connected." in home_words())
    async with either_office.database.system() as session:
        await session.exec(
            update(Grant).values(status=GrantStatus.NEEDS_RECONNECT, reason="190_460"),
            execution_options={"synchronize_session": False},
        )
    home = await either_office.slack.open_home(ADA)
    assert home is not None
    assert "2 accounts, 2 need reconnecting." in home_words()
    await ada.press(home, "account.reconnect")
    view = await ada.modal_with("Continue to Facebook")
    await ada.travel(str(button(view, "Continue to Facebook")["url"]), Consent(person="ana"))
    await either_office.slack.until(lambda: "2 accounts, all connected." in home_words())


@in_full
async def test_a_slack_that_does_not_draw_the_home_spoils_no_connection(office: Office) -> None:
    ada = await office.installed()
    office.slack.faults.append(Fault(path="views.publish", status=503, body="no"))

    await connected(ada, "x", "4711")

    assert "· connected" in text_of(await ada.command("accounts"))


@in_full
async def test_an_account_is_disconnected_from_the_home_and_the_home_knows(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    home = await either_office.slack.open_home(ADA)
    assert home is not None

    await ada.press(home, "account.disconnect")
    await ada.submit(await ada.modal_with("no longer be connected"))
    await ada.modal_with("X confirmed that our access has ended.")

    def home_words() -> str:
        return text_of(either_office.slack.home_of(ADA))

    await either_office.slack.until(lambda: "Acme has no accounts yet." in home_words())
    assert "Octa Demo" not in home_words()


async def test_reconnecting_from_the_home_gives_the_private_link_in_a_modal(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    home = await office.slack.open_home(ADA)
    assert home is not None

    await ada.press(home, "account.reconnect")
    view = await ada.modal_with("Continue to X")
    await ada.travel(str(button(view, "Continue to X")["url"]), Consent(person="4711"))

    await hears(ada, "✅ Renewed for Acme: Octa Demo on ")


async def test_the_home_can_show_another_organization(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    await ada.command("org create Bakery")
    home = await either_office.slack.open_home(ADA)
    assert home is not None
    assert text_of(home).startswith(f"Acme\nOwned by <@{ADA}>\n")

    await ada.press(home, "home.switch", chosen(home, "Bakery"))

    shown = either_office.slack.home_of(ADA)
    assert text_of(shown).startswith(f"Bakery\nOwned by <@{ADA}>\n")
    assert "Bakery has no accounts yet." in text_of(shown)


@in_full
async def test_a_home_of_many_pages_is_turned_like_a_book(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "brand", choose=35)
    home = await office.slack.open_home(ADA)
    assert home is not None
    pages, turns = [text_of(home)], [turning(home)]

    for way in ("home.later", "home.later", "home.earlier"):
        await ada.press(home, way)
        pages.append(text_of(home))
        turns.append(turning(home))

    assert "35 accounts, all connected." in pages[0]
    assert turns[:3] == [["Next →"], ["← Previous", "Next →"], ["← Previous"]]
    assert "Page 2 of 3" in pages[1]
    assert [words.count(" · connected") for words in pages] == [15, 15, 5, 15]
    assert pages[3] == pages[1]
    assert office.slack.state.complaints == []


def turning(home: View) -> list[str]:
    return [label for label in buttons(home) if label in {"← Previous", "Next →"}]


async def test_the_members_are_reached_from_the_home(office: Office) -> None:
    ada = await office.installed()
    home = await office.slack.open_home(ADA)
    assert home is not None

    await ada.press(home, "org.members")

    assert f"<@{ADA}>  owner" in text_of(await ada.modal_with("Invite people"))


@in_full
async def test_an_old_home_of_somebody_who_was_removed_does_nothing_and_says_so(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    await joins(ada, await office.person(OTTO), "admin")
    await connected(ada, "x", "4711")
    home = await office.slack.open_home(OTTO)
    assert home is not None
    await ada.command("org remove <@U0OTTO|otto>")

    await otto.press(home, "account.disconnect")

    assert "aren't a member" in text_of(await otto.modal_with("aren't a member"))
