"""The App Home says what goes out when, and lets people act on it where they read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import update

from sandbox.member import text_of
from sandbox.slack.world import ADA, OTTO
from storage.models import Delivery, DeliveryStatus, Grant, GrantStatus
from tests.counts import in_full
from tests.stories.told import buttons, entries, joins

if TYPE_CHECKING:
    from sandbox.member import Member
    from tests.application import Office


async def scheduled(ada: Member, text: str) -> None:
    """Schedule a post to the first account for the same time tomorrow, and return when its message is there."""
    view = await ada.modal_by(f"post {text}")
    found = next(block["element"] for block in view.blocks if block.get("block_id") == "accounts")
    tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    shown = await ada.submit(
        view, {"compose.accounts": [found["options"][0]["value"]], "compose.when": tomorrow}
    )
    assert "It goes out to 1 account" in text_of(shown)
    await ada.slack.until(lambda: any(text in text_of(one) for one in ada.direct_messages()))


async def test_the_home_shows_what_goes_out_tomorrow_and_cancels_it(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    before = text_of(await office.slack.open_home(ADA))
    await scheduled(ada, "Fresh mugs")

    home = await office.slack.open_home(ADA)
    assert home is not None
    planned = text_of(home)
    await ada.press(home, "posts.details")
    details = text_of(await ada.modal_with("goes out"))
    await ada.press(home, "posts.cancel")
    listed = text_of(await ada.modal_with("Nothing is scheduled"))
    await office.slack.until(lambda: "Fresh mugs" not in text_of(office.slack.home_of(ADA)))

    assert buttons(home)[0] == "New post"
    assert "Nothing is scheduled." in before
    assert "Tomorrow" in planned
    assert "Fresh mugs" in planned
    assert "Fresh mugs" in details
    assert "nothing needs you" in listed
    assert office.slack.state.complaints == []


@in_full
async def test_the_home_puts_what_needs_someone_first_and_says_what_is_at_risk(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    await scheduled(ada, "Late mugs")
    async with office.database.system() as session:
        await session.exec(
            update(Delivery).values(status=DeliveryStatus.LATE, work_at=None),
            execution_options={"synchronize_session": False},
        )
    await scheduled(ada, "Fresh mugs")
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(status=GrantStatus.NEEDS_RECONNECT, reason="190_460"),
            execution_options={"synchronize_session": False},
        )

    home = await office.slack.open_home(ADA)
    assert home is not None
    await ada.press(home, "posts.all")
    listed = await ada.modal_with("Late mugs")

    words = text_of(home)
    assert "1 post needs someone" in words
    assert words.index("Late mugs") < words.index("Tomorrow") < words.index("Fresh mugs")
    assert "the sign-in has ended. Reconnect it." in words
    assert "Fresh mugs" in text_of(listed)


async def test_a_draft_is_resumed_from_the_home_and_a_member_decides_nothing(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    otto = await office.person(OTTO)
    await joins(ada, otto)
    await scheduled(ada, "Fresh mugs")
    view = await ada.modal_by("post")
    await ada.press(view, "compose.text", "Half a sentence")
    await ada.close(view)

    home = await office.slack.open_home(ADA)
    assert home is not None
    await ada.press(home, "compose.continue")
    view = await ada.modal_with("compose.accounts")
    theirs = await office.slack.open_home(OTTO)
    assert theirs is not None

    assert "Half a sentence" in str(view.blocks)
    assert "Your drafts" in text_of(home)
    assert "Your drafts" not in text_of(theirs)
    assert "Fresh mugs" in text_of(theirs)
    assert "New post" in buttons(theirs)
    assert "Cancel" not in entries(theirs)
    await otto.press(theirs, "posts.details")
    assert "Don't publish" not in buttons(await otto.modal_with("goes out"))
